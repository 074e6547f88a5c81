"""Simple forecasts of the same windows: last value, seasonal naive and ridge regression."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch

from seqkit.messages import listed, message
from seqkit_forecast.normalization import Normalization, level_and_scale
from seqkit_forecast.ridge import Ridge
from seqkit_forecast.scales import mean_and_deviation
from seqkit_forecast.targets import TargetVariables
from seqkit_forecast.windows import SlidingWindows

ALPHAS = (0.1, 1.0, 10.0, 100.0, 1000.0)
"""The penalties that `fit_ridge` chooses from."""

CHUNK = 1024
"""The number of windows that are copied into a table at a time."""

MAX_RIDGE_INPUTS = 2_000
"""The largest number of inputs of a ridge on all columns: its time grows with the cube of that number."""


Windows = tuple[np.ndarray, np.ndarray]
"""The windows of one series: inputs (windows, input_length, columns) and targets (windows, horizon, columns)."""


def last_value(inputs: np.ndarray, horizon: int) -> np.ndarray:
    """Repeat the last time step: (windows, input_length, variables) to (windows, horizon, variables)."""
    return np.repeat(inputs[:, -1:], horizon, axis=1)


def seasonal_naive(inputs: np.ndarray, horizon: int, season: int) -> np.ndarray:
    """Repeat the last season: (windows, input_length, variables) to (windows, horizon, variables)."""
    return inputs[:, np.arange(horizon) % season - season]


def fit_ridge(
    series: Sequence[Windows],
    columns: list[int] | None = None,
    normalize: Normalization = "last",
    others: Sequence[np.ndarray] | None = None,
) -> tuple[np.ndarray, np.ndarray, float]:
    """Fit a ridge from the inputs of windows to their targets, both relative to the level and scale of the inputs.

    The penalty is the one of `ALPHAS` with the smallest squared error on the last fifth of the windows of each series,
    when fitted to the windows before; the ridge is then fitted to all windows. Errors are weighted such that they count
    in the units of the windows, not relative to the scale of each.

    Args:
        series: the inputs (windows, input_length, columns) and targets (windows, horizon, columns) of each series.
        columns: the columns to forecast; None for all.
        normalize: the level and the scale. If it is `standard`, windows have one column.
        others: further inputs for each series, (windows, others).

    Returns:
        The weights (inputs, outputs), the intercept (outputs,) and the penalty.
    """
    inputs, targets = series[0]
    width = inputs.shape[2]
    others = [np.empty((len(inputs), 0)) for inputs, _ in series] if others is None else others
    ridge = Ridge(
        inputs.shape[1] * width + others[0].shape[1],
        targets.shape[1] * (width if columns is None else len(columns)),
    )
    for table in _tables(series, columns, normalize, others, held_out=False):
        ridge.add(*table)
    candidates = ridge.solve(ALPHAS)
    errors, has_held_out = np.zeros(len(ALPHAS)), False
    for table_inputs, table_targets, table_weights in _tables(series, columns, normalize, others, held_out=True):
        row_weights = 1 if table_weights is None else table_weights[:, None]
        errors += [
            (row_weights * (table_inputs @ weights + intercept - table_targets) ** 2).sum()
            for weights, intercept in candidates
        ]
        ridge.add(table_inputs, table_targets, table_weights)
        has_held_out = True
    alpha = ALPHAS[int(errors.argmin())] if has_held_out else 1.0
    return *ridge.solve((alpha,))[0], alpha


def _tables(
    series: Sequence[Windows],
    columns: list[int] | None,
    normalize: Normalization,
    others: Sequence[np.ndarray],
    held_out: bool,
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray | None]]:
    """Yield the last fifth of the windows of each series, or those before, as tables (windows, numbers) and weights.

    Tables have at most `CHUNK` rows. A weight is the square of the scale of the window.
    """
    for (inputs, targets), further in zip(series, others, strict=True):
        split = len(inputs) - len(inputs) // 5
        start, stop = (split, len(inputs)) if held_out else (0, split)
        for first in range(start, stop, CHUNK):
            chunk = slice(first, min(first + CHUNK, stop))
            window = torch.from_numpy(np.array(inputs[chunk]))
            mask = torch.ones(window.shape[:2], dtype=torch.bool)
            level, scale = (part.numpy() for part in level_and_scale(window, mask, normalize))
            relative, ahead = (inputs[chunk] - level) / scale, (targets[chunk] - level) / scale
            ahead = ahead if columns is None else ahead[:, :, columns]
            table = np.concatenate([relative.reshape(len(level), -1), further[chunk]], axis=1)
            yield table, ahead.reshape(len(level), -1), scale[:, 0, 0] ** 2 if normalize == "standard" else None


def column_windows(series: Sequence[Windows], column: int) -> list[Windows]:
    """Return the windows with one of their columns."""
    only = slice(column, column + 1)
    return [(inputs[:, :, only], targets[:, :, only]) for inputs, targets in series]


def baseline_forecasts(
    train: Sequence[np.ndarray],
    test: Sequence[np.ndarray],
    variables: TargetVariables,
    windows: SlidingWindows,
    season: int | None,
) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the name of each baseline and its forecasts of the windows of `test`.

    There are a ridge per variable, which reads that variable alone, a ridge that is shared by all variables, and a
    ridge that reads all columns. If the head forecasts logarithms, there is a ridge on logarithms too.

    Args:
        train: series (time, columns), in the data's units.
        test: the same.
        variables: the variables to forecast.
        windows: the shape of the windows.
        season: the length of a season, in time steps; None for no seasonal baseline.

    Yields:
        A name and forecasts (windows, horizon, variables), in the data's units.
    """
    inputs = np.concatenate([windows.cut(series)[0] for series in test])  # (windows, input_length, columns)
    selected = variables.select(inputs)
    yield message("last value"), last_value(selected, windows.horizon)
    if season is not None:
        yield (
            message("seasonal naive (season {season})", season=season),
            seasonal_naive(selected, windows.horizon, season),
        )

    name = message("ridge on {count} time steps", count=windows.input_length)
    ridges = _RidgeForecasts([variables.select(series) for series in train], selected, windows)
    if len(variables.columns) == 1:
        yield ridges.per_variable(name)
    else:
        yield ridges.per_variable(message("{name} of each variable", name=name))
        yield ridges.shared(message("{name}, one model for all variables", name=name))
    if variables.log:
        logarithms = [np.log(variables.select(series)) for series in train]
        log_ridges = _RidgeForecasts(logarithms, np.log(selected), windows)
        log_name, forecast = log_ridges.per_variable(message("{name} of logarithms", name=name))
        yield log_name, np.exp(forecast)
    if 1 < variables.column_count <= MAX_RIDGE_INPUTS / windows.input_length:
        yield _RidgeForecasts(train, inputs, windows).all_columns(
            message("{name} of all columns", name=name), variables.columns
        )


class _RidgeForecasts:
    """Forecasts by ridges, fitted in units of the standard deviation of each column.

    Args:
        train: series (time, columns).
        inputs: (windows, input_length, columns), the windows to forecast from.
        windows: the shape of the windows.
    """

    def __init__(self, train: Sequence[np.ndarray], inputs: np.ndarray, windows: SlidingWindows) -> None:
        self.shift, deviation = mean_and_deviation(np.concatenate(train))
        self.scale = np.where(deviation == 0, 1.0, deviation)
        self.columns = list(range(len(self.shift)))
        self.train = [windows.cut((series - self.shift) / self.scale) for series in train]
        scaled = (inputs - self.shift) / self.scale
        self.last = scaled[:, -1:]
        self.inputs = scaled - self.last

    def per_variable(self, name: str) -> tuple[str, np.ndarray]:
        """Forecast each column from its own time steps, with a ridge per column."""
        ridges = [fit_ridge(column_windows(self.train, column)) for column in self.columns]
        forecasts = [self.inputs[:, :, column] @ ridges[column][0] + ridges[column][1] for column in self.columns]
        alphas = listed(f"{alpha:g}" for alpha in sorted({alpha for _, _, alpha in ridges}))
        label = message("{name} (alpha {alphas})", name=name, alphas=alphas)
        return label, self._to_data_units(np.stack(forecasts, axis=2), self.columns)

    def shared(self, name: str) -> tuple[str, np.ndarray]:
        """Forecast each column from its own time steps, with the same ridge."""
        series = [windows for column in self.columns for windows in column_windows(self.train, column)]
        weights, intercept, alpha = fit_ridge(series)
        forecast = self.inputs.transpose(0, 2, 1) @ weights + intercept
        label = message("{name} (alpha {alphas})", name=name, alphas=f"{alpha:g}")
        return label, self._to_data_units(forecast.transpose(0, 2, 1), self.columns)

    def all_columns(self, name: str, columns: list[int]) -> tuple[str, np.ndarray]:
        """Forecast the given columns from the time steps of all columns."""
        weights, intercept, alpha = fit_ridge(self.train, columns)
        forecast = self.inputs.reshape(len(self.inputs), -1) @ weights + intercept
        forecast = forecast.reshape(len(forecast), -1, len(columns))
        label = message("{name} (alpha {alphas})", name=name, alphas=f"{alpha:g}")
        return label, self._to_data_units(forecast, columns)

    def _to_data_units(self, forecast: np.ndarray, columns: list[int]) -> np.ndarray:
        return (forecast + self.last[:, :, columns]) * self.scale[columns] + self.shift[columns]
