"""The checks of the built-in schedules, named by their registrations."""

from __future__ import annotations

from typing import Any

from seqkit.schedules.decay import Constant, Cosine, Linear, Step
from seqkit.schedules.one_cycle import OneCycle
from seqkit.schedules.plateau import Plateau
from seqkit.testing.checks import Check, variants
from seqkit.testing.schedule import checks_for_schedule


def _schedule(cls: Any, **settings: Any) -> list[Check]:
    """Return the checks of a schedule with its defaults, and with other settings."""
    return variants({"defaults": checks_for_schedule(cls), "settings": checks_for_schedule(lambda: cls(**settings))})


def constant() -> list[Check]:
    return _schedule(Constant, warmup=3)


def step() -> list[Check]:
    return _schedule(Step, warmup=3, every=2, gamma=0.1)


def linear() -> list[Check]:
    return _schedule(Linear, warmup=3, final=0.1)


def cosine() -> list[Check]:
    return _schedule(Cosine, warmup=3, final=0.1)


def one_cycle() -> list[Check]:
    return _schedule(OneCycle, rise=0.6, initial=0.5, final=0.0)


def plateau() -> list[Check]:
    return _schedule(Plateau, warmup=3, patience=1, gamma=0.3, final=0.01)
