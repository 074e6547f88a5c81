"""Shared by the benchmarks: processes, timing, comparisons and their records."""
