"""Error measures of forecasts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np


def seasonal_naive_errors(series: Iterable[np.ndarray], season: int) -> np.ndarray:
    """Return the mean absolute error of forecasting each time step by the value one season earlier, (variables,).

    Args:
        series: arrays (time, variables), at least one of them longer than a season.
        season: the length of a season, in time steps.
    """
    errors = [np.abs(values[season:] - values[:-season]) for values in series if len(values) > season]
    return np.concatenate(errors).mean(axis=0)


def forecast_metrics(
    forecast: np.ndarray, target: np.ndarray, unit: np.ndarray, seasonal_error: np.ndarray
) -> dict[str, float]:
    """Return MSE and MAE in the given unit, sMAPE in percent, and MASE.

    sMAPE is 200 |y - f| / (|y| + |f|) in the data's own units, 0 where both are 0 (Makridakis, 1993). MASE divides the
    absolute errors of each variable by its seasonal-naive error in the training split (Hyndman and Koehler, 2006).
    Variables whose seasonal-naive error is 0 are excluded; if that excludes all of them, there is no `mase`.

    Args:
        forecast: (windows, horizon, variables), in the data's units.
        target: the same shape and units.
        unit: (variables,), the unit of MSE and MAE, in the data's units.
        seasonal_error: (variables,), as `seasonal_naive_errors` returns it.
    """
    error = np.abs(forecast - target)
    size = np.abs(forecast) + np.abs(target)
    metrics = {
        "mse": float(((error / unit) ** 2).mean()),
        "mae": float((error / unit).mean()),
        "smape": float(200 * np.divide(error, size, out=np.zeros_like(error), where=size > 0).mean()),
    }
    usable = seasonal_error > 0
    if usable.any():
        metrics["mase"] = float((error[:, :, usable] / seasonal_error[usable]).mean())
    return metrics


def detailed_metrics(
    forecast: np.ndarray, target: np.ndarray, unit: np.ndarray, seasonal_error: np.ndarray, names: Sequence[str]
) -> dict[str, Any]:
    """Return the errors per time step ahead and, if there are several variables, the metrics of each.

    Args:
        names: the names of the variables; the other arguments are those of `forecast_metrics`.
    """
    error = np.abs(forecast - target) / unit
    per_step = {"mse": (error**2).mean(axis=(0, 2)).tolist(), "mae": error.mean(axis=(0, 2)).tolist()}
    if len(names) == 1:
        return {"per_step": per_step}
    columns = [slice(number, number + 1) for number in range(len(names))]
    per_variable = {
        name: forecast_metrics(forecast[:, :, column], target[:, :, column], unit[column], seasonal_error[column])
        for name, column in zip(names, columns, strict=True)
    }
    return {"per_step": per_step, "per_variable": per_variable}
