"""What the report shows of forecasts: some beside what came true."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from seqkit.contracts import Line, Series
from seqkit.messages import message

VARIABLES = 3
"""The maximum number of variables whose forecasts are shown."""


def forecast_exhibits(
    predictions: Sequence[Mapping[str, Any]],
    history: Sequence[np.ndarray],
    target: np.ndarray,
    names: Sequence[str],
    unit: np.ndarray,
) -> Iterator[Series]:
    """Yield charts of the forecasts with the median and the largest error, and of the last one.

    Args:
        predictions: with `forecast` and, optionally, `quantiles`, one per window.
        history: what each window reads, (input_length, variables).
        target: what came true, (windows, horizon, variables).
        names: the names of the variables.
        unit: the unit of errors of each variable, (variables,).
    """
    forecast = np.array([each["forecast"] for each in predictions])
    errors = np.abs((forecast - target) / unit).mean(axis=(1, 2))
    order = np.argsort(errors, kind="stable")
    chosen = (len(errors) - 1, int(order[len(order) // 2]), int(order[-1]))
    horizon = target.shape[1]
    shown = min(len(history[0]), 3 * horizon)
    for number, window in enumerate(chosen):
        for variable, name in enumerate(names[:VARIABLES]):
            titles = (
                message("{name}: the last window", name=name),
                message("{name}: median error", name=name),
                message("{name}: largest error", name=name),
            )
            past = history[window][-shown:, variable]
            truth = [*past.tolist(), *target[window, :, variable].tolist()]
            ahead = tuple(range(1, horizon + 1))
            yield Series(
                titles[number],
                (
                    Line(message("truth"), tuple(range(1 - shown, horizon + 1)), tuple(truth)),
                    Line(
                        message("forecast"),
                        ahead,
                        tuple(forecast[window, :, variable].tolist()),
                        *_band(predictions[window], variable),
                    ),
                ),
                x_title=message("time steps from the last known value"),
                y_title=name,
                note=message("Window {window:,} of {count:,}.", window=window + 1, count=len(errors)),
            )


def _band(prediction: Mapping[str, Any], variable: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return the lowest and the highest quantile of a variable at each time step; nothing without two quantiles."""
    quantiles = prediction.get("quantiles", {})
    if len(quantiles) < 2:
        return (), ()
    levels = sorted(quantiles, key=float)
    low, high = (tuple(row[variable] for row in quantiles[level]) for level in (levels[0], levels[-1]))
    return low, high
