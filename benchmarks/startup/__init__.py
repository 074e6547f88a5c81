"""Whole commands, including the time to start Python and import libraries."""
