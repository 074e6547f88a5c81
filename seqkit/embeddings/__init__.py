"""Ids into vectors."""
