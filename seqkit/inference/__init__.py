"""Inference: load a run, generate and predict."""
