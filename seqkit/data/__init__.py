"""Data: examples read, split, encoded and batched."""
