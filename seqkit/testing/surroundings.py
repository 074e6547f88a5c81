"""What a component is tried in, and must leave as it was: random state, settings, the environment of the process."""

from __future__ import annotations

import csv
import os
import random
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from seqkit.device import borrowed_torch, seed_everything


@contextmanager
def conditions() -> Iterator[None]:
    """Seeds every generator and computes in float64, so that what differs is wrong and not rounding; then undoes it."""
    before, grad, errors = torch.get_default_dtype(), torch.is_grad_enabled(), np.geterr()
    folder = os.getcwd()  # noqa: PTH109 - a component may have left this folder, and a Path would not say so
    with borrowed_torch(0):
        try:
            torch.set_default_dtype(torch.float64)
            torch.set_grad_enabled(True)
            yield
        finally:
            torch.set_default_dtype(before)
            torch.set_grad_enabled(grad)
            np.seterr(**errors)
            os.chdir(folder)


def random_state() -> dict[str, Any]:
    """Returns the state of each global generator, fit to be compared."""
    _, numbers, place, *rest = np.random.get_state()
    return {
        "torch's": torch.get_rng_state().numpy().tobytes(),
        "numpy's": (np.asarray(numbers).tobytes(), place, rest),
        "Python's": random.getstate(),
    }


def settings() -> dict[str, Any]:
    """Returns what the whole process shares, by the call that changes it."""
    return {
        "torch.set_default_dtype": torch.get_default_dtype(),
        "torch.set_num_threads": torch.get_num_threads(),
        "torch.set_grad_enabled": torch.is_grad_enabled(),
        "torch.use_deterministic_algorithms": torch.are_deterministic_algorithms_enabled(),
        "numpy.seterr": np.geterr(),
        "csv.field_size_limit": csv.field_size_limit(),
        "sys.setrecursionlimit": sys.getrecursionlimit(),
        "os.chdir": os.getcwd(),  # noqa: PTH109
        "os.environ": dict(os.environ),
    }


def drawn_from(use: Callable[[], Any]) -> list[str]:
    """Runs `use`; returns whose global generator it drew from."""
    before = random_state()
    use()
    after = random_state()
    return [whose for whose in before if before[whose] != after[whose]]


def seeded_by(build: Callable[[], Any]) -> list[str]:
    """Runs `build` after two seeds; returns whose global generator it left in one and the same state."""
    states = []
    for seed in (1, 2):
        seed_everything(seed)
        build()
        states.append(random_state())
    return [whose for whose in states[0] if states[0][whose] == states[1][whose]]


def changed_by(use: Callable[[], Any]) -> list[str]:
    """Runs `use`; returns the calls that would have changed what it changed of the whole process."""
    before = settings()
    use()
    after = settings()
    return [call for call in before if before[call] != after[call]]
