"""The checks of the built-in components, one module per kind. The `checks` functions of a plugin look like these."""
