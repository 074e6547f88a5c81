"""Inference of the built-in components in NumPy, without importing torch."""
