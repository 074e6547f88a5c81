"""Tokenizers: convert text to token ids. They do not import torch, so that a trained run can predict without it."""
