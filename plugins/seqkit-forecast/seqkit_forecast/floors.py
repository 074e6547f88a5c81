"""Simple forecasts that a model has to be better than, made from the same windows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from seqkit_forecast.ridge import Ridge
from seqkit_forecast.variables import Variables
from seqkit_forecast.windows import Cut

ALPHAS = (0.1, 1.0, 10.0, 100.0, 1000.0)
CHUNK = 1024
"""So many windows at a time are laid out as a table."""

WIDEST = 2_000
"""No ridge reads more numbers than this: its time grows with their cube."""

Windows = tuple[np.ndarray, np.ndarray]
"""Of one series: what is read, (windows, input_length, columns), and what comes, (windows, horizon, columns)."""


def last_value(inputs: np.ndarray, horizon: int) -> np.ndarray:
    """inputs (windows, input_length, variables) -> (windows, horizon, variables): the last step, held."""
    return np.repeat(inputs[:, -1:], horizon, axis=1)


def seasonal_naive(inputs: np.ndarray, horizon: int, season: int) -> np.ndarray:
    """inputs (windows, input_length, variables) -> (windows, horizon, variables): the last season, repeated."""
    return inputs[:, np.arange(horizon) % season - season]


def fit_ridge(series: Sequence[Windows], chosen: list[int] | None = None) -> tuple[np.ndarray, np.ndarray, float]:
    """Fits a ridge from windows, laid flat, to what comes after them, both less the window's last step.

    Its penalty is the one of `ALPHAS` with the least squared error on the last fifth of each series' windows when
    fitted to those before; it is then fitted to all.

    Args:
        chosen: the columns that are told; None for all.

    Returns:
        Weights (inputs, outputs), intercept (outputs,), and the penalty.
    """
    inputs, targets = series[0]
    columns = inputs.shape[2]
    ridge = Ridge(inputs.shape[1] * columns, targets.shape[1] * (columns if chosen is None else len(chosen)))
    for read, come in _tables(series, chosen, held_out=False):
        ridge.add(read, come)
    candidates = ridge.solve(ALPHAS)
    errors, judged = np.zeros(len(ALPHAS)), False
    for read, come in _tables(series, chosen, held_out=True):
        errors += [((read @ weights + intercept - come) ** 2).sum() for weights, intercept in candidates]
        ridge.add(read, come)
        judged = True
    alpha = ALPHAS[int(errors.argmin())] if judged else 1.0
    return *ridge.solve((alpha,))[0], alpha


def _tables(series: Sequence[Windows], chosen: list[int] | None, held_out: bool) -> Iterator[Windows]:
    """Yields the last fifth of each series' windows, or those before, as tables (rows, numbers) of a bounded size."""
    for inputs, targets in series:
        end = len(inputs) - len(inputs) // 5
        start, stop = (end, len(inputs)) if held_out else (0, end)
        for place in range(start, stop, CHUNK):
            here = slice(place, min(place + CHUNK, stop))
            last = inputs[here, -1:]
            read, come = inputs[here] - last, targets[here] - last
            come = come if chosen is None else come[:, :, chosen]
            yield read.reshape(len(read), -1), come.reshape(len(come), -1)


def floors(
    train: Sequence[np.ndarray], test: Sequence[np.ndarray], variables: Variables, cut: Cut, season: int | None
) -> Iterator[tuple[str, np.ndarray]]:
    """Yields the name of each simple forecast, and what it tells of the windows of `test`.

    The ridges read each variable's own steps, by a map of its own or by one map for all; or those of all columns. Where
    logarithms are learned, one of them reads these.

    Args:
        train, test: series (time, columns), as they are.
        variables: what is told.
        cut: how series are cut into windows.

    Yields:
        Forecasts, (windows, horizon, variables), in the data's units.
    """
    inputs = np.concatenate([cut(series)[0] for series in test])  # (windows, input_length, columns)
    chosen = variables.of(inputs)
    yield "last value", last_value(chosen, cut.horizon)
    if season is not None:
        yield f"seasonal naive (season {season})", seasonal_naive(chosen, cut.horizon, season)

    steps = f"ridge on {cut.input_length} steps"
    own = _Ridges([variables.of(series) for series in train], chosen, cut)
    if len(variables.chosen) == 1:
        yield own.of_each(steps)
    else:
        yield own.of_each(f"{steps} of each variable")
        yield own.of_any(f"{steps}, one map for all variables")
    if variables.log:
        logarithms = _Ridges([np.log(variables.of(series)) for series in train], np.log(chosen), cut)
        name, told = logarithms.of_each(f"{steps} of logarithms")
        yield name, np.exp(told)
    if 1 < variables.columns <= WIDEST / cut.input_length:
        yield _Ridges(train, inputs, cut).of_all(f"{steps} of all columns", variables.chosen)


class _Ridges:
    """Ridges that tell the difference from a window's last step, in units of each column's standard deviation.

    Args:
        train: series (time, columns).
        inputs: (windows, input_length, columns), of what is to be told.
    """

    def __init__(self, train: Sequence[np.ndarray], inputs: np.ndarray, cut: Cut) -> None:
        values = np.concatenate(train)
        spread = values.std(axis=0)
        self.shift, self.scale = values.mean(axis=0), np.where(spread > 0, spread, 1.0)
        self.columns = range(len(self.shift))
        self.windows = [cut((series - self.shift) / self.scale) for series in train]
        scaled = (inputs - self.shift) / self.scale
        self.last = scaled[:, -1:]
        self.inputs = scaled - self.last

    def of_each(self, name: str) -> tuple[str, np.ndarray]:
        """Each column from its own steps, by a map of its own."""
        maps = [fit_ridge(of_column(self.windows, column)) for column in self.columns]
        told = [self.inputs[:, :, column] @ maps[column][0] + maps[column][1] for column in self.columns]
        alphas = ", ".join(f"{alpha:g}" for alpha in sorted({alpha for _, _, alpha in maps}))
        return f"{name} (alpha {alphas})", self._in_data_units(np.stack(told, axis=2), list(self.columns))

    def of_any(self, name: str) -> tuple[str, np.ndarray]:
        """Each column from its own steps, by the same map."""
        each = [windows for column in self.columns for windows in of_column(self.windows, column)]
        weights, intercept, alpha = fit_ridge(each)
        told = self.inputs.transpose(0, 2, 1) @ weights + intercept
        return f"{name} (alpha {alpha:g})", self._in_data_units(told.transpose(0, 2, 1), list(self.columns))

    def of_all(self, name: str, chosen: list[int]) -> tuple[str, np.ndarray]:
        """The chosen columns from the steps of all."""
        weights, intercept, alpha = fit_ridge(self.windows, chosen)
        told = self.inputs.reshape(len(self.inputs), -1) @ weights + intercept
        told = told.reshape(len(told), -1, len(chosen))
        return f"{name} (alpha {alpha:g})", self._in_data_units(told, chosen)

    def _in_data_units(self, told: np.ndarray, chosen: list[int]) -> np.ndarray:
        return (told + self.last[:, :, chosen]) * self.scale[chosen] + self.shift[chosen]


def of_column(windows: Sequence[Windows], column: int) -> list[Windows]:
    """Returns windows with one of their columns."""
    one = slice(column, column + 1)
    return [(inputs[:, :, one], targets[:, :, one]) for inputs, targets in windows]
