"""Run directories: the names of their files, and reading and writing them."""
