"""Embeddings: map token ids to vectors."""
