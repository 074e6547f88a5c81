"""The machine's cores: independent blocks of work on a thread each, and a BLAS that keeps to its caller's thread.

The products of inference are small. A BLAS that spreads one of them over threads gains little on a quiet machine, and
on a busy one waits for its threads: some 50 µs became 7 ms. Whole blocks of rows have nothing to wait for.
"""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from typing import Any, TypeVar

import numpy as np

Block = TypeVar("Block")
Answer = TypeVar("Answer")

_lock = threading.Lock()
_inside = 0
_before = 1


def cores() -> int:
    """Returns how many cores this process may use; `OMP_NUM_THREADS` may ask for fewer."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    asked = os.environ.get("OMP_NUM_THREADS", "")
    return min(allowed, int(asked)) if asked.isdecimal() and int(asked) else allowed


def spread(
    work: Callable[[Block, threading.Event], Answer], blocks: Sequence[Block], *, threads: bool = True
) -> list[Answer]:
    """Returns what `work` makes of each block, in order; blocks are worked on at the same time where cores allow.

    Args:
        work: gets a block, and an event that is set when the answer is no longer wanted.
        threads: whether `work` may be called from several threads.
    """
    ended = threading.Event()
    workers = min(cores(), len(blocks)) if threads else 1
    with one_thread():
        if workers <= 1:
            return [work(block, ended) for block in blocks]
        from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait

        with ThreadPoolExecutor(workers) as pool:
            answers = [pool.submit(work, block, ended) for block in blocks]
            try:
                for answer in wait(answers, return_when=FIRST_EXCEPTION).done:
                    answer.result()
                return [answer.result() for answer in answers]
            except BaseException:  # a failure, or who asked has gone
                ended.set()
                pool.shutdown(wait=False, cancel_futures=True)
                raise


@contextmanager
def one_thread() -> Iterator[None]:
    """Keeps the BLAS of NumPy, where it is OpenBLAS, to one thread."""
    global _inside, _before
    functions = _openblas()
    if functions is None:
        yield
        return
    get, set_to = functions
    with _lock:
        _inside += 1
        if _inside == 1:
            _before = get()
            set_to(1)
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if not _inside:
                set_to(_before)


@cache
def _openblas() -> tuple[Any, Any] | None:
    """Returns OpenBLAS's functions that tell and set the number of threads, by the names that builds give them."""
    with suppress(OSError, AttributeError):
        library = ctypes.CDLL(np.linalg._umath_linalg.__file__)  # which is linked to it
        for name in ("scipy_openblas_%s_num_threads64_", "openblas_%s_num_threads64_", "openblas_%s_num_threads"):
            with suppress(AttributeError):
                return getattr(library, name % "get"), getattr(library, name % "set")
    return None
