"""Keep freed memory in the process while a model trains.

A training step frees all the memory that it allocated, and the next step allocates as much again. In between, glibc's
malloc returns large blocks to the operating system, which fills each page with zeros when it is touched again.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache

_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD = -1, -2, -3  # mallopt(3)
_MEBIBYTE = 2**20


@contextmanager
def retain_freed_memory() -> Iterator[None]:
    """Retain freed memory until the end of the block, and return it then. Does nothing without glibc's malloc."""
    functions = _malloc()
    if functions is None:
        yield
        return
    mallopt, malloc_trim = functions
    if not mallopt(_MMAP_THRESHOLD, 1024 * _MEBIBYTE):  # blocks above this size are returned anyway
        mallopt(_MMAP_THRESHOLD, 32 * _MEBIBYTE)  # the largest value that an older glibc accepts
    mallopt(_TRIM_THRESHOLD, 2**31 - 1)
    mallopt(_TOP_PAD, 64 * _MEBIBYTE)  # the heap of another thread shrinks only if more than this is free
    try:
        yield
    finally:
        # What malloc would have set itself once a block of 32 MiB had been freed, the largest threshold it chooses.
        mallopt(_MMAP_THRESHOLD, 32 * _MEBIBYTE)
        mallopt(_TRIM_THRESHOLD, 64 * _MEBIBYTE)
        mallopt(_TOP_PAD, 2**17)
        malloc_trim(0)


@cache
def _malloc() -> tuple[Callable[[int, int], int], Callable[[int], int]] | None:
    """Return glibc's `mallopt` and `malloc_trim`, or None without them."""
    with suppress(OSError, AttributeError, TypeError):  # TypeError: Windows needs the name of a library
        library = ctypes.CDLL(None)
        return library.mallopt, library.malloc_trim
    return None
