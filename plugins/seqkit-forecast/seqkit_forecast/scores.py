"""How far forecasts are from what came, in the field's measures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np


def seasonal_errors(series: Iterable[np.ndarray], season: int) -> np.ndarray:
    """Returns the mean absolute error (variables,) of forecasting each step by the one a season before it.

    Args:
        series: arrays (time, variables), one of them at least longer than a season.
    """
    errors = [np.abs(values[season:] - values[:-season]) for values in series if len(values) > season]
    return np.concatenate(errors).mean(axis=0)


def scores(forecast: np.ndarray, target: np.ndarray, unit: np.ndarray, seasonal_error: np.ndarray) -> dict[str, float]:
    """Returns MSE and MAE in the given unit, sMAPE in percent and MASE.

    sMAPE is 200 |y - f| / (|y| + |f|) in the data's own units, 0 where both are 0 (Makridakis, 1993). MASE divides each
    variable's absolute errors by its seasonal-naive error within the training data (Hyndman and Koehler, 2006);
    variables where that is 0 have no part in it, and there is none where all are so.

    Args:
        forecast, target: (windows, horizon, variables), in the data's units.
        unit: (variables,), in data's units.
        seasonal_error: (variables,), as `seasonal_errors` returns it.
    """
    error = np.abs(forecast - target)
    size = np.abs(forecast) + np.abs(target)
    measured = {
        "mse": float(((error / unit) ** 2).mean()),
        "mae": float((error / unit).mean()),
        "smape": float(200 * np.divide(error, size, out=np.zeros_like(error), where=size > 0).mean()),
    }
    usable = seasonal_error > 0
    if usable.any():
        measured["mase"] = float((error[:, :, usable] / seasonal_error[usable]).mean())
    return measured


def details(
    forecast: np.ndarray, target: np.ndarray, unit: np.ndarray, seasonal_error: np.ndarray, names: Sequence[str]
) -> dict[str, Any]:
    """Returns the errors by step ahead, and, of several variables, the scores of each."""
    error = np.abs(forecast - target) / unit
    by_step = {"mse": (error**2).mean(axis=(0, 2)).tolist(), "mae": error.mean(axis=(0, 2)).tolist()}
    if len(names) == 1:
        return {"per_step": by_step}
    each = [slice(number, number + 1) for number in range(len(names))]
    by_variable = {
        name: scores(forecast[:, :, one], target[:, :, one], unit[one], seasonal_error[one])
        for name, one in zip(names, each, strict=True)
    }
    return {"per_step": by_step, "per_variable": by_variable}
