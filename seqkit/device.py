"""Where the arithmetic happens: device, threads, and the state of torch that a run borrows and gives back."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import numpy as np
import torch

from seqkit.errors import UsageError

THREADED_WEIGHTS = 300_000
"""From about so many weights on, a second thread gains more than handing work to it costs."""


def choose_device(setting: str) -> torch.device:
    """Returns the device of `train.device`.

    Raises:
        UsageError: it was named and is not there.
    """
    if setting == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    device = torch.device(setting)
    absent = (device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count()) or (
        device.type == "mps" and not torch.backends.mps.is_available()
    )
    if absent:
        raise UsageError(f"train.device: there is no {setting} on this machine; `auto` takes what there is")
    return device


def choose_threads(setting: int | Literal["auto"], weights: int) -> int:
    """Returns the number of CPU threads.

    `auto` depends on the model's size and the machine alone, never on a timing, so that a second run adds up in the
    same order and gives the same numbers.
    """
    if setting != "auto":
        return setting
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return 1 if weights < THREADED_WEIGHTS else min(cores, 4)


@contextmanager
def borrowed_torch(seed: int) -> Iterator[None]:
    """Seeds every random generator and flushes denormals, and leaves all of it afterwards as it was before.

    Denormal numbers slow an LSTM's training by an order of magnitude and change nothing that can be seen.
    """
    threads = torch.get_num_threads()
    python_state, numpy_state = random.getstate(), np.random.get_state()
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
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
    torch.manual_seed(seed)
    random.seed(seed)
    np.random.seed(seed)
