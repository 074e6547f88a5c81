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
    train: Sequence[np.ndarray], test: Sequence[np.ndarray], variables: Variables, cut: Cut, season: int | None
) -> Iterator[tuple[str, np.ndarray]]:
    """Yields the name of each simple forecast, and what it tells of the windows of `test`.

    The ridges read a window in units of each column's standard deviation in `train`: each variable's own steps, by a
    map of its own or by one map for all; or those of all columns. Where logarithms are learned, one reads these.

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

    steps, several = f"ridge on {cut.input_length} steps", len(variables.chosen) > 1
    told = [variables.of(series) for series in train]
    yield _each(f"{steps} of each variable" if several else steps, told, chosen, cut)
    if variables.log:
        name, forecast = _each(f"{steps} of logarithms", [np.log(series) for series in told], np.log(chosen), cut)
        yield name, np.exp(forecast)
    if several:
        yield _shared(f"{steps}, one map for all variables", told, chosen, cut)
    if 1 < variables.columns <= WIDEST / cut.input_length:
        yield _all(f"{steps} of all columns", train, inputs, variables, cut)


def _each(name: str, train: Sequence[np.ndarray], inputs: np.ndarray, cut: Cut) -> tuple[str, np.ndarray]:
    """Tells each variable from its own steps, by a map of its own."""
    shift, scale = _standard(train)
    windows, scaled = [differences(*cut((series - shift) / scale)) for series in train], (inputs - shift) / scale
    last = scaled[:, -1:]
    told, alphas = [], set()
    for number in range(inputs.shape[2]):
        weights, intercept, alpha = fit_ridge([(x[:, :, number], y[:, :, number]) for x, y in windows])
        told.append((scaled - last)[:, :, number] @ weights + intercept)
        alphas.add(alpha)
    listed = ", ".join(f"{alpha:g}" for alpha in sorted(alphas))
    return f"{name} (alpha {listed})", (np.stack(told, axis=2) + last) * scale + shift


def _shared(name: str, train: Sequence[np.ndarray], inputs: np.ndarray, cut: Cut) -> tuple[str, np.ndarray]:
    """Tells each variable from its own steps, by the same map."""
    shift, scale = _standard(train)
    windows, scaled = [differences(*cut((series - shift) / scale)) for series in train], (inputs - shift) / scale
    last = scaled[:, -1:]
    weights, intercept, alpha = fit_ridge(
        [(x[:, :, number], y[:, :, number]) for x, y in windows for number in range(inputs.shape[2])]
    )
    told = (scaled - last).transpose(0, 2, 1) @ weights + intercept
    return f"{name} (alpha {alpha:g})", (told.transpose(0, 2, 1) + last) * scale + shift


def _all(
    name: str, train: Sequence[np.ndarray], inputs: np.ndarray, variables: Variables, cut: Cut
) -> tuple[str, np.ndarray]:
    """Tells each variable from the steps of all columns."""
    shift, scale = _standard(train)
    windows, scaled = [differences(*cut((series - shift) / scale)) for series in train], (inputs - shift) / scale
    last = scaled[:, -1:]
    weights, intercept, alpha = fit_ridge([(x, variables.of(y)) for x, y in windows])
    told = (scaled - last).reshape(len(inputs), -1) @ weights + intercept
    told = told.reshape(len(inputs), cut.horizon, -1) + variables.of(last)
    return f"{name} (alpha {alpha:g})", told * variables.of(scale) + variables.of(shift)


def differences(inputs: np.ndarray, targets: np.ndarray) -> Windows:
    """Returns both less the last step of the inputs: (windows, input_length, columns), (windows, horizon, columns)."""
    last = inputs[:, -1:]
    return inputs - last, targets - last


def _standard(train: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Returns the mean and the standard deviation of each column."""
    values = np.concatenate(train)
    spread = values.std(axis=0)
    return values.mean(axis=0), np.where(spread > 0, spread, 1.0)
