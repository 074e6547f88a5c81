"""Readers: read examples from a source."""
