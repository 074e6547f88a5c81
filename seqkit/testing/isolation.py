"""The process-wide state in which checks run, and which components must not change: random generators and settings."""

from __future__ import annotations

import csv
import os
import random
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import torch

from seqkit.contracts import DataNote
from seqkit.modeling.device import isolated_torch_state, seed_everything


@contextmanager
def isolated() -> Iterator[None]:
    """Run a check with seeded random generators, in float64, and restore the process-wide state afterwards.

    In float64 rounding errors are far smaller than the effect of any mistake.
    """
    dtype, grad_enabled, numpy_errors = torch.get_default_dtype(), torch.is_grad_enabled(), np.geterr()
    folder = os.getcwd()  # noqa: PTH109 - a component may have changed the working directory
    with isolated_torch_state(0):
        try:
            warnings.simplefilter("ignore", DataNote)  # restored by isolated_torch_state
            torch.set_default_dtype(torch.float64)
            torch.set_grad_enabled(True)
            yield
        finally:
            torch.set_default_dtype(dtype)
            torch.set_grad_enabled(grad_enabled)
            np.seterr(**numpy_errors)
            os.chdir(folder)


def rng_states() -> dict[str, object]:
    """Return the state of each global random generator, by the name of its library, in a form that can be compared."""
    _, numbers, position, *rest = np.random.get_state()
    return {
        "torch": torch.get_rng_state().numpy().tobytes(),
        "numpy": (np.asarray(numbers).tobytes(), position, rest),
        "random": random.getstate(),
    }


def global_settings() -> dict[str, object]:
    """Return the process-wide settings, each by the name of the function or variable that changes it."""
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


def rngs_used(function: Callable[[], object]) -> list[str]:
    """Return the libraries whose global random generator a function uses."""
    before = rng_states()
    function()
    after = rng_states()
    return [library for library in before if before[library] != after[library]]


def rngs_seeded(function: Callable[[], object]) -> list[str]:
    """Return the libraries whose global random generator a function seeds: the state after it never changes."""
    states = []
    for seed in (1, 2):
        seed_everything(seed)
        function()
        states.append(rng_states())
    return [library for library in states[0] if states[0][library] == states[1][library]]


def settings_changed(function: Callable[[], object]) -> list[str]:
    """Return the process-wide settings that a function changes."""
    before = global_settings()
    function()
    after = global_settings()
    return [name for name in before if before[name] != after[name]]
