"""Windows: each one there is, none across a split, and views of the series."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seqkit_forecast.forecast import Forecast
from seqkit_forecast.windows import Cut

from seqkit.contracts import Example
from seqkit.data import by_order
from seqkit.errors import DataError

SIZES = {"input_length": st.integers(1, 7), "horizon": st.integers(1, 5), "stride": st.integers(1, 4)}
known = settings(max_examples=80, deadline=None, derandomize=True, database=None)


def brute_force(values: np.ndarray, input_length: int, horizon: int, stride: int) -> list[tuple[list, list]]:
    windows = []
    for start in range(0, len(values), stride):
        if start + input_length + horizon <= len(values):
            middle = start + input_length
            windows.append((values[start:middle].tolist(), values[middle : middle + horizon].tolist()))
    return windows


@known
@given(steps=st.integers(0, 30), columns=st.integers(1, 3), **SIZES)
def test_a_cut_makes_every_window_there_is(
    steps: int, columns: int, input_length: int, horizon: int, stride: int
) -> None:
    values = np.arange(steps * columns, dtype=float).reshape(steps, columns)
    inputs, targets = Cut(input_length, horizon, stride)(values)
    assert inputs.shape[1:] == (input_length, columns)
    assert targets.shape[1:] == (horizon, columns)
    wanted = brute_force(values, input_length, horizon, stride)
    assert list(zip(inputs.tolist(), targets.tolist(), strict=True)) == wanted


@known
@given(steps=st.integers(40, 90), valid=st.floats(0.2, 0.3), test=st.floats(0.2, 0.3), **SIZES)
def test_no_window_reaches_over_from_one_split_into_another(
    steps: int, valid: float, test: float, input_length: int, horizon: int, stride: int
) -> None:
    series = np.arange(steps, dtype=float)[:, None]  # each value is its own place
    parts = by_order(steps, valid, test)
    head = Forecast(input_length=input_length, horizon=horizon, stride=stride)
    start, end = parts["train"]
    if end - start < input_length + horizon:
        return
    head.fit([Example(series[start:end])], None)
    told: dict[str, set[float]] = {}
    for side, (start, end) in parts.items():
        piece = series[start:end]
        if len(piece) < input_length + horizon:
            with pytest.raises(DataError, match=f"^{len(piece)} steps, where input_length and horizon take"):
                list(head.rows(Example(piece), piece))
            continue
        rows = list(head.rows(Example(piece), piece))
        assert len(rows) == 1 + (len(piece) - input_length - horizon) // stride
        seen = {value for row in rows for part in row for value in part.ravel()}
        assert seen <= set(range(start, end))
        for row in rows:
            both = np.concatenate([row.input, row.target])[:, 0]
            assert (np.diff(both) == 1).all()
        told[side] = seen
    assert not set.intersection(*told.values()) if len(told) > 1 else True


def test_inputs_are_views() -> None:
    series = np.random.default_rng(0).standard_normal((50, 3))
    head = Forecast(input_length=8, horizon=4, targets=[2])
    head.fit([Example(series)], None)
    rows = list(head.rows(Example(series), series))
    assert all(np.shares_memory(row.input, series) for row in rows)
    assert np.array_equal(rows[5].target, series[13:17, 2:])


def test_the_last_window_is_what_a_forecast_is_made_from() -> None:
    series = np.random.default_rng(0).standard_normal((50, 2))
    head = Forecast(input_length=8, horizon=4)
    head.fit([Example(series)], None)
    assert np.array_equal(head.predict_input(series), series[-8:])
    with pytest.raises(DataError, match="^7 steps, where a forecast is made from 8$"):
        head.predict_input(series[:7])
