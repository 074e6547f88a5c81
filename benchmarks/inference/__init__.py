"""Inference speed: text generation."""
