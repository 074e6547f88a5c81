"""Parallel inference: blocks of rows in one thread each, with a single-threaded BLAS.

The matrix products of inference are small. Spreading one of them over threads saves little on an idle machine, and on a
busy machine BLAS waits for its threads (measured: 7 ms instead of 50 µs). Blocks of rows are independent of each other.
"""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from typing import TypeVar

import numpy as np

Block = TypeVar("Block")
Result = TypeVar("Result")

_lock = threading.Lock()
_nesting = 0
_saved_threads = 1


def cores() -> int:
    """Return the number of cores that this process may use, at most `OMP_NUM_THREADS` if that is set."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    limit = os.environ.get("OMP_NUM_THREADS", "")
    return min(allowed, int(limit)) if limit.isdecimal() and int(limit) else allowed


def parallel_map(
    function: Callable[[Block, threading.Event], Result], blocks: Sequence[Block], *, threads: bool = True
) -> list[Result]:
    """Return the result of a function for each block, in order; computed in parallel if there are cores to spare.

    Args:
        function: takes a block, and an event that is set if the results are no longer needed.
        blocks: the arguments of the calls.
        threads: whether the function can be called from several threads.
    """
    cancelled = threading.Event()
    workers = min(cores(), len(blocks)) if threads else 1
    with single_threaded_blas():
        if workers <= 1:
            return [function(block, cancelled) for block in blocks]
        from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait

        with ThreadPoolExecutor(workers) as pool:
            futures = [pool.submit(function, block, cancelled) for block in blocks]
            try:
                for future in wait(futures, return_when=FIRST_EXCEPTION).done:
                    future.result()
                return [future.result() for future in futures]
            except BaseException:  # a failure in a thread, or a signal in this one
                cancelled.set()
                pool.shutdown(wait=False, cancel_futures=True)
                raise


@contextmanager
def single_threaded_blas() -> Iterator[None]:
    """Limit the BLAS of NumPy to one thread, if it is OpenBLAS."""
    global _nesting, _saved_threads
    functions = _openblas()
    if functions is None:
        yield
        return
    get_threads, set_threads = functions
    with _lock:
        _nesting += 1
        if _nesting == 1:
            _saved_threads = get_threads()
            set_threads(1)
    try:
        yield
    finally:
        with _lock:
            _nesting -= 1
            if not _nesting:
                set_threads(_saved_threads)


@cache
def _openblas() -> tuple[Callable[[], int], Callable[[int], None]] | None:
    """Return OpenBLAS's functions that get and set the number of threads, under the names that its builds give them."""
    with suppress(OSError, AttributeError):
        library = ctypes.CDLL(np.linalg._umath_linalg.__file__)  # it is linked to OpenBLAS
        for name in ("scipy_openblas_%s_num_threads64_", "openblas_%s_num_threads64_", "openblas_%s_num_threads"):
            with suppress(AttributeError):
                return getattr(library, name % "get"), getattr(library, name % "set")
    return None
