"""Optimizers and layers of torch without torch's compiler, where a recipe is checked and where it is trained."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def meta_device() -> Iterator[None]:
    """Create tensors on torch's meta device, which allocates no memory for their values.

    `normal_`, with which torch.nn.Embedding initializes its weights, would import torch's compiler there, so it returns
    the tensor as it is. Another mode hides the method behind the function of `torch.nn.init`.
    """
    import torch
    from torch.overrides import TorchFunctionMode

    class Unsampled(TorchFunctionMode):
        def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            kwargs = kwargs or {}
            if func in (torch.Tensor.normal_, torch.nn.init.normal_):
                tensor = args[0] if args else kwargs["tensor"]
                if tensor.is_meta:
                    return tensor
            return func(*args, **kwargs)

    with torch.device("meta"), Unsampled():
        yield


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
