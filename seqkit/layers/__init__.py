"""Building blocks for encoders and heads, public for plugins."""
