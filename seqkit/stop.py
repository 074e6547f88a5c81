"""Stop requests: the type of a function that long operations call to check whether a signal requested a stop."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

StopCheck: TypeAlias = Callable[[], int]
"""Returns the number of the signal that requested a stop, or 0. Called between steps and while data are read."""


def NO_STOP() -> int:  # noqa: N802 - a constant of the type StopCheck
    """Never request a stop."""
    return 0
