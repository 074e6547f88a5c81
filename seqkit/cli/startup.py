"""Faster start and exit: exclude imported modules from garbage collection."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def frozen_imports() -> Iterator[None]:
    """Exclude the modules imported in this block from garbage collection, which would find nothing to free there.

    Traversing the hundreds of thousands of objects that torch creates was measured to take 0.15 s during the import and
    0.6 s at exit.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_enabled:
            gc.enable()
