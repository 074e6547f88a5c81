"""States into a loss and into answers."""
