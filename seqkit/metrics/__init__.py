"""Metrics that a recipe can add to those of its head."""
