"""The device of a run, and the global state of torch that a run changes and restores."""

from __future__ import annotations

import os
import random
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

from seqkit.errors import UsageError
from seqkit.messages import message
from seqkit.modeling.malloc import retain_freed_memory
from seqkit.recipe.no_compiler import no_compiler_for_optimizers


def choose_device(setting: str) -> torch.device:
    """Return the device that `train.device` names. Each local process of a distributed run uses a different GPU.

    Raises:
        UsageError: this machine does not have it.
    """
    if setting == "auto":
        setting = "cuda" if torch.cuda.is_available() else "cpu"
    if setting == "cuda" and "LOCAL_RANK" in os.environ:
        setting = f"cuda:{os.environ['LOCAL_RANK']}"
    device = torch.device(setting)
    missing = (device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count()) or (
        device.type == "mps" and not torch.backends.mps.is_available()
    )
    if missing:
        raise UsageError(
            message(
                "train.device: this machine has no {device}: set it to `auto` to use what is available", device=setting
            )
        )
    return device


@contextmanager
def isolated_torch_state(seed: int) -> Iterator[None]:
    """Seed all random generators, flush denormals and retain freed memory; restore everything afterwards.

    Denormal numbers slow an LSTM's training by an order of magnitude and have no visible effect.
    """
    threads = torch.get_num_threads()
    python_state, numpy_state = random.getstate(), np.random.get_state()
    with (
        retain_freed_memory(),
        no_compiler_for_optimizers(),
        warnings.catch_warnings(),
        torch.random.fork_rng(devices=range(torch.cuda.device_count())),
    ):
        # NumPy before 2.4 warns when it notices that denormals are flushed.
        warnings.filterwarnings("ignore", "The value of the smallest subnormal", UserWarning)
        try:
            seed_everything(seed)
            torch.set_flush_denormal(True)
            yield
        finally:
            torch.set_flush_denormal(False)
            torch.set_num_threads(threads)
            random.setstate(python_state)
            np.random.set_state(numpy_state)


def seed_everything(seed: int) -> None:
    """Seed the random generators of torch, Python and NumPy."""
    torch.manual_seed(seed)
    random.seed(seed)
    np.random.seed(seed)
