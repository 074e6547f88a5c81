"""Encoders: map a sequence of vectors to a sequence of outputs."""
