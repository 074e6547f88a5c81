"""Building blocks for encoders and heads, public for plugins.

`parallel`: jobs on CPU threads, with gradients. `dropout`: variational dropout. `pooling`: final, mean, max, additive
attention and their concatenation. `ngrams`: a linear model of n-grams. `cross_entropy`: label smoothing and
class weights. `penalties`: of activations. `renewal`: noise, masks and crops of rows.
"""
