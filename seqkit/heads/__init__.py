"""Heads: compute a loss and predictions from encoder outputs."""
