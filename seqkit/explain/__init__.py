"""Explanations of single predictions: what each token adds to a score, and what the model knows while it reads."""
