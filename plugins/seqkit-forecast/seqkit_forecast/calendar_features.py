"""Columns that give the position of each time step in the day, the week and the year."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Literal, TypeAlias

import numpy as np

CalendarCycle: TypeAlias = Literal["hour", "weekday", "month"]

POSITIONS: dict[CalendarCycle, Callable[[datetime], float]] = {
    "hour": lambda date: (date.hour + date.minute / 60) / 24,
    "weekday": lambda date: date.weekday() / 7,
    "month": lambda date: (date.month - 1) / 12,
}
"""The position of a date in each cycle, as a fraction of the cycle."""

CALENDAR_COLUMNS = frozenset(f"calendar:{cycle}:{part}" for cycle in POSITIONS for part in ("sin", "cos"))
"""The names of all columns that `calendar_columns` returns."""


def calendar_columns(dates: Sequence[datetime], cycles: Sequence[CalendarCycle]) -> tuple[np.ndarray, list[str]]:
    """Return the sine and the cosine of each date's position in each cycle.

    Args:
        dates: the date of each time step.
        cycles: the cycles.

    Returns:
        The values, (time, 2 * cycles), and the names of the columns.
    """
    values, names = [], []
    for cycle in cycles:
        angles = 2 * math.pi * np.array([POSITIONS[cycle](date) for date in dates])
        values += [np.sin(angles), np.cos(angles)]
        names += [f"calendar:{cycle}:sin", f"calendar:{cycle}:cos"]
    return np.stack(values, axis=1), names
