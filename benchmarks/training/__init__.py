"""Training speed: whole models, single encoders, and the kernels of a layer."""
