"""Data preparation: time and memory to read and encode long texts."""
