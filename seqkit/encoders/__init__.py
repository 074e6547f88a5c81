"""Vectors into states."""
