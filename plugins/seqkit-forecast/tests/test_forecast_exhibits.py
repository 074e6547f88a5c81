"""Tests of what the head `forecast` shows in the report."""

from __future__ import annotations

import numpy as np
from seqkit_forecast.exhibits import forecast_exhibits


def test_forecasts_are_shown_beside_what_came_true() -> None:
    values = np.arange(20.0)[:, None]
    history = [values[start : start + 8] for start in range(3)]
    target = np.stack([values[start + 8 : start + 10] for start in range(3)])
    errors = [0.5, 3.0, 1.0]
    predictions = [
        {
            "forecast": (each + error).tolist(),
            "quantiles": {"0.9": (each + 5).tolist(), "0.1": (each - 5).tolist(), "0.5": each.tolist()},
        }
        for each, error in zip(target, errors, strict=True)
    ]
    last, median, largest = forecast_exhibits(predictions, history, target, ["visits"], np.ones(1))
    assert [each.title for each in (last, median, largest)] == [
        "visits: the last window",
        "visits: median error",
        "visits: largest error",
    ]
    assert [each.note for each in (last, median, largest)] == [f"Window {number} of 3." for number in (3, 3, 2)]
    truth, forecast = largest.lines
    assert truth.x == tuple(range(-5, 3))  # three horizons of the past, then the horizon
    assert truth.y == tuple(float(value) for value in range(3, 11))
    assert (forecast.x, forecast.y) == ((1, 2), (12.0, 13.0))
    assert (forecast.low, forecast.high) == ((4.0, 5.0), (14.0, 15.0))
