"""Sources into examples."""
