"""Benchmarks of seqkit. Each runs as a module from the top of the repository: `python -m benchmarks.data.corpus`."""
