"""Optimizers of torch without torch's compiler, where a recipe is checked and where it is trained."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def no_compiler_for_optimizers() -> Iterator[None]:
    """Keep torch.optim from importing torch's compiler, which takes as long as importing torch itself.

    On its first call, an optimizer requests from the compiler a version of each method that is never compiled, and
    caches it in an attribute. seqkit compiles nothing, so each method is stored in its own attribute meanwhile.
    """
    import torch

    methods = [
        method.__wrapped__
        for method in vars(torch.optim.Optimizer).values()
        if getattr(getattr(method, "__code__", None), "co_name", "") == "inner" and hasattr(method, "__wrapped__")
    ]
    untouched = [method for method in methods if not hasattr(method, "__dynamo_disable")]
    for method in untouched:
        setattr(method, "__dynamo_disable", method)  # noqa: B010 - in a class, Python would mangle the plain form
    try:
        yield
    finally:
        for method in untouched:
            delattr(method, "__dynamo_disable")
