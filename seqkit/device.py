"""Where the arithmetic happens, and the state of torch that a run borrows and gives back."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

from seqkit.errors import UsageError
from seqkit.memory import kept_memory


def choose_device(setting: str) -> torch.device:
    """Returns the device of `train.device`; of several processes on a machine, each takes a GPU of its own.

    Raises:
        UsageError: it was named and is not there.
    """
    if setting == "auto":
        setting = "cuda" if torch.cuda.is_available() else "cpu"
    if setting == "cuda" and "LOCAL_RANK" in os.environ:
        setting = f"cuda:{os.environ['LOCAL_RANK']}"
    device = torch.device(setting)
    absent = (device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count()) or (
        device.type == "mps" and not torch.backends.mps.is_available()
    )
    if absent:
        raise UsageError(f"train.device: there is no {setting} on this machine; `auto` takes what there is")
    return device


@contextmanager
def borrowed_torch(seed: int) -> Iterator[None]:
    """Seeds every random generator, flushes denormals and keeps memory, and leaves all of it afterwards as before.

    Denormal numbers slow an LSTM's training by an order of magnitude and change nothing that can be seen.
    """
    threads = torch.get_num_threads()
    python_state, numpy_state = random.getstate(), np.random.get_state()
    with kept_memory(), _no_compiler_for_optimizers(), torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        try:
            seed_everything(seed)
            torch.set_flush_denormal(True)
            yield
        finally:
            torch.set_flush_denormal(False)
            torch.set_num_threads(threads)
            random.setstate(python_state)
            np.random.set_state(numpy_state)


@contextmanager
def _no_compiler_for_optimizers() -> Iterator[None]:
    """Keeps torch.optim from importing torch's compiler, which takes as long as importing torch itself.

    On its first call an optimizer asks the compiler for a version of its methods that is never compiled, and keeps it
    in an attribute. Nothing here compiles, so for the time being the methods themselves are put there.
    """
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


def seed_everything(seed: int) -> None:
    torch.manual_seed(seed)
    random.seed(seed)
    np.random.seed(seed)
