"""Simple forecasts that a model has to be better than, made from the same windows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from seqkit_forecast.ridge import Ridge
from seqkit_forecast.windows import Cut

ALPHAS = (0.1, 1.0, 10.0, 100.0, 1000.0)
CHUNK = 1024
"""So many windows at a time are laid out as a table."""

WIDEST = 2_000
"""No ridge reads more numbers than this: its time grows with their cube."""

Windows = tuple[np.ndarray, np.ndarray]
"""Of one series: what is read, (windows, …), and what comes after it, (windows, …)."""


def last_value(inputs: np.ndarray, horizon: int) -> np.ndarray:
    """inputs (windows, input_length, variables) -> (windows, horizon, variables): the last step, held."""
    return np.repeat(inputs[:, -1:], horizon, axis=1)


def seasonal_naive(inputs: np.ndarray, horizon: int, season: int) -> np.ndarray:
    """inputs (windows, input_length, variables) -> (windows, horizon, variables): the last season, repeated."""
    return inputs[:, np.arange(horizon) % season - season]


def fit_ridge(series: Sequence[Windows]) -> tuple[np.ndarray, np.ndarray, float]:
    """Fits a ridge from windows, laid flat, to what comes after them.

    Its penalty is the one of `ALPHAS` with the least squared error on the last fifth of the windows when fitted to
    those before; it is then fitted to all.

    Returns:
        Weights (inputs, outputs), intercept (outputs,), and the penalty.
    """
    count = sum(len(inputs) for inputs, _ in series)
    held_out = count // 5
    ridge = Ridge(int(np.prod(series[0][0].shape[1:])), int(np.prod(series[0][1].shape[1:])))
    for inputs, outputs in _tables(series, 0, count - held_out):
        ridge.add(inputs, outputs)
    candidates = ridge.solve(ALPHAS)
    errors = np.zeros(len(ALPHAS))
    for inputs, outputs in _tables(series, count - held_out, count):
        errors += [((inputs @ weights + intercept - outputs) ** 2).sum() for weights, intercept in candidates]
        ridge.add(inputs, outputs)
    alpha = ALPHAS[int(errors.argmin())] if held_out else 1.0
    return *ridge.solve((alpha,))[0], alpha


def _tables(series: Sequence[Windows], first: int, end: int) -> Iterator[Windows]:
    """Yields the windows from `first` to `end`, counted over all series, as tables of a bounded size."""
    before = 0
    for inputs, outputs in series:
        start, stop = max(first - before, 0), min(end - before, len(inputs))
        for place in range(start, stop, CHUNK):
            here = slice(place, min(place + CHUNK, stop))
            yield inputs[here].reshape(len(inputs[here]), -1), outputs[here].reshape(len(outputs[here]), -1)
        before += len(inputs)


def floors(
    train: Sequence[np.ndarray], test: Sequence[np.ndarray], targets: Sequence[int], cut: Cut, season: int | None
) -> Iterator[tuple[str, np.ndarray]]:
    """Yields the name of each simple forecast, and what it tells of the windows of `test`.

    The ridges read a window in units of each column's standard deviation in `train`: each target's own steps, by a map
    of its own or by one map for all targets; or all columns for each target.

    Args:
        train, test: series (time, columns), as they are.
        targets: the columns that are told.
        cut: how series are cut into windows.

    Yields:
        Forecasts, (windows, horizon, variables), in the data's units.
    """
    values = np.concatenate(train)
    shift, spread = values.mean(axis=0), values.std(axis=0)
    scale = np.where(spread > 0, spread, 1.0)
    fitted = [cut((series - shift) / scale) for series in train]
    inputs = np.concatenate([cut(series)[0] for series in test])  # (windows, input_length, columns)
    chosen = inputs[:, :, targets]
    yield "last value", last_value(chosen, cut.horizon)
    if season is not None:
        yield f"seasonal naive (season {season})", seasonal_naive(chosen, cut.horizon, season)

    def in_data_units(told: np.ndarray) -> np.ndarray:
        return told * scale[targets] + shift[targets]

    scaled = (chosen - shift[targets]) / scale[targets]
    maps = [fit_ridge([(x[:, :, number], y[:, :, number]) for x, y in fitted]) for number in targets]
    alphas = ", ".join(f"{alpha:g}" for alpha in sorted({alpha for _, _, alpha in maps}))
    told = [scaled[:, :, place] @ weights + intercept for place, (weights, intercept, _) in enumerate(maps)]
    yield f"ridge on {cut.input_length} steps of each variable (alpha {alphas})", in_data_units(np.stack(told, axis=2))
    if len(targets) > 1:
        pairs = [(x[:, :, number], y[:, :, number]) for x, y in fitted for number in targets]
        weights, intercept, alpha = fit_ridge(pairs)
        told = scaled.transpose(0, 2, 1) @ weights + intercept
        name = f"ridge on {cut.input_length} steps, one map for all variables (alpha {alpha:g})"
        yield name, in_data_units(told.transpose(0, 2, 1))
    if 1 < inputs.shape[2] <= WIDEST / cut.input_length:
        weights, intercept, alpha = fit_ridge([(x, y[:, :, targets]) for x, y in fitted])
        every = ((inputs - shift) / scale).reshape(len(inputs), -1)
        name = f"ridge on {cut.input_length} steps of all columns (alpha {alpha:g})"
        yield name, in_data_units((every @ weights + intercept).reshape(chosen.shape[0], cut.horizon, -1))
