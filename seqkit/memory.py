"""Whether memory that is freed stays with the process.

A training step frees all that it has taken, and the next one takes as much again. glibc's malloc hands large pieces
back to the system in between, and the system fills each page anew with zeros at the first touch.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from typing import Any

_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD = -1, -2, -3  # mallopt(3)
_MEBIBYTE = 2**20


@contextmanager
def kept_memory() -> Iterator[None]:
    """Keeps what is freed until the end of the block, and then gives it back. Does nothing without glibc's malloc."""
    mallopt, malloc_trim = _malloc()
    if mallopt is None:
        yield
        return
    if not mallopt(_MMAP_THRESHOLD, 1024 * _MEBIBYTE):  # pieces from this size on are given back all the same
        mallopt(_MMAP_THRESHOLD, 32 * _MEBIBYTE)  # the most that an older glibc takes
    mallopt(_TRIM_THRESHOLD, 2**31 - 1)
    mallopt(_TOP_PAD, 64 * _MEBIBYTE)  # a heap of another thread is given back only where this much more is free
    try:
        yield
    finally:
        # Where malloc would be by itself once a piece of 32 MiB had been freed: it never goes higher.
        mallopt(_MMAP_THRESHOLD, 32 * _MEBIBYTE)
        mallopt(_TRIM_THRESHOLD, 64 * _MEBIBYTE)
        mallopt(_TOP_PAD, 2**17)
        malloc_trim(0)


@cache
def _malloc() -> tuple[Any, Any]:
    """Returns glibc's `mallopt` and `malloc_trim`, or None twice."""
    with suppress(OSError, AttributeError, TypeError):  # TypeError: on Windows a process has no name
        library = ctypes.CDLL(None)
        return library.mallopt, library.malloc_trim
    return None, None
