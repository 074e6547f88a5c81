"""Recipes: read from YAML, checked, and resolved into a plan."""
