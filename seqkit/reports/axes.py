"""Axes of charts: round ticks on a linear or a logarithmic scale, and their labels."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

LARGEST = 1e250
"""The largest size of a value that an axis shows: the range of larger ones is not a float."""

_LOG_RATIO = 50
"""Positive values whose largest is this many times the smallest are shown on a logarithmic scale."""


def is_drawable(value: float | None) -> bool:
    """Return whether an axis can show a value; None is a gap, which it can."""
    return value is None or abs(value) <= LARGEST


@dataclass(frozen=True)
class Axis:
    """A scale from values to pixels.

    Attributes:
        low: the value at the beginning.
        high: the value at the end, above `low`.
        start: the pixel at the beginning.
        end: the pixel at the end. That of a vertical axis is above, so it is smaller.
        logarithmic: whether the scale is logarithmic.
        ticks: the values that are marked.
    """

    low: float
    high: float
    start: float
    end: float
    logarithmic: bool
    ticks: tuple[float, ...]

    @classmethod
    def fit(
        cls,
        values: Iterable[float],
        start: float,
        end: float,
        *,
        count: int = 5,
        may_be_logarithmic: bool = False,
        integers: bool = False,
        margin: bool = True,
    ) -> Axis:
        """Choose the range and the ticks for some values.

        Args:
            values: the finite values to show, at least one.
            start: the pixel at the beginning.
            end: the pixel at the end.
            count: the approximate number of ticks.
            may_be_logarithmic: whether values that span orders of magnitude are shown on a logarithmic scale.
            integers: whether the values are integers, so that ticks are too.
            margin: whether the axis extends to the ticks around the values.
        """
        shown = [*values]
        low, high = min(shown), max(shown)
        if may_be_logarithmic and low > 1 / LARGEST and high / low >= _LOG_RATIO:
            first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
            every = max(1, math.ceil((last - first) / count))
            powers = tuple(10.0**exponent for exponent in range(first, last + 1, every))
            return cls(10.0**first, 10.0**last, start, end, True, powers)
        is_one_value = high - low <= max(abs(low), abs(high)) * 1e-9
        if is_one_value and not margin:
            return cls(low - (abs(low) * 0.1 or 1), high + (abs(high) * 0.1 or 1), start, end, False, (low,))
        if is_one_value:
            low, high = low - (abs(low) * 0.1 or 1), high + (abs(high) * 0.1 or 1)
            integers = False
        step = _round_step((high - low) / count)
        if integers:
            step = max(1.0, step)
        first, last = (
            (math.floor(low / step), math.ceil(high / step))
            if margin
            else (
                math.ceil(low / step - 1e-9),
                math.floor(high / step + 1e-9),
            )
        )
        ticks = tuple(number * step for number in range(first, last + 1))
        return cls(ticks[0] if margin else low, ticks[-1] if margin else high, start, end, False, ticks)

    def place(self, value: float) -> float:
        """Return the pixel of a value."""
        if self.logarithmic:
            share = math.log10(max(value, self.low) / self.low) / math.log10(self.high / self.low)
        else:
            share = (value - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)


def tick_label(value: float) -> str:
    """Return a short label: 0.05, 2k, 1.5M, 1e-6."""
    size = abs(value)
    if value == 0:
        return "0"
    if size < 1e-3 or size >= 1e12:
        return f"{value:.3g}".replace("e-0", "e-").replace("e+0", "e").replace("e+", "e")
    for unit, suffix in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if size >= unit:
            return f"{value / (1e3 if suffix == 'k' else unit):.4g}{suffix}"
    return f"{round(value, 10):.6g}"


def _round_step(raw: float) -> float:
    """Return the smallest of 1, 2, 2.5, 5 or 10 times a power of ten that is at least `raw`."""
    power = 10.0 ** math.floor(math.log10(raw))
    return next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= raw * 0.999999)
