"""Tests of sliding windows: complete, never across splits, and views of the series."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seqkit_forecast.forecast import Forecast
from seqkit_forecast.windows import SlidingWindows

from seqkit.contracts import Example
from seqkit.data.splits import by_order
from seqkit.errors import DataError

SIZES = {"input_length": st.integers(1, 7), "horizon": st.integers(1, 5), "stride": st.integers(1, 4)}
many_examples = settings(max_examples=80, deadline=None, derandomize=True, database=None)


def loop_windows(values: np.ndarray, input_length: int, horizon: int, stride: int) -> list[tuple[list, list]]:
    windows = []
    for start in range(0, len(values), stride):
        if start + input_length + horizon <= len(values):
            end_of_input = start + input_length
            windows.append(
                (values[start:end_of_input].tolist(), values[end_of_input : end_of_input + horizon].tolist())
            )
    return windows


@many_examples
@given(steps=st.integers(0, 30), columns=st.integers(1, 3), **SIZES)
def test_cut_returns_all_windows(steps: int, columns: int, input_length: int, horizon: int, stride: int) -> None:
    values = np.arange(steps * columns, dtype=float).reshape(steps, columns)
    inputs, targets = SlidingWindows(input_length, horizon, stride).cut(values)
    assert inputs.shape[1:] == (input_length, columns)
    assert targets.shape[1:] == (horizon, columns)
    expected = loop_windows(values, input_length, horizon, stride)
    assert list(zip(inputs.tolist(), targets.tolist(), strict=True)) == expected


@many_examples
@given(steps=st.integers(40, 90), valid=st.floats(0.2, 0.3), test=st.floats(0.2, 0.3), **SIZES)
def test_windows_do_not_cross_splits(
    steps: int, valid: float, test: float, input_length: int, horizon: int, stride: int
) -> None:
    series = np.arange(steps, dtype=float)[:, None]  # the value at each time step is its number
    splits = by_order(steps, valid, test)
    head = Forecast(input_length=input_length, horizon=horizon, stride=stride)
    start, end = splits["train"]
    if end - start < input_length + horizon:
        return
    head.fit([Example(series[start:end])], None)
    values_by_split: dict[str, set[float]] = {}
    for split, (start, end) in splits.items():
        part = series[start:end]
        if len(part) < input_length + horizon:
            with pytest.raises(DataError, match=rf"^a window has .*, but the series has {len(part)}: "):
                list(head.rows(Example(part), part))
            continue
        rows = list(head.rows(Example(part), part))
        assert len(rows) == 1 + (len(part) - input_length - horizon) // stride
        values = set()
        for row in rows:
            target = row.target * head.variables.scale + head.variables.shift
            steps_of_row = np.concatenate([row.input, target])[:, 0].round(6)
            assert (np.diff(steps_of_row) == 1).all()
            values |= set(steps_of_row)
        assert values <= set(range(start, end))
        values_by_split[split] = values
    assert not set.intersection(*values_by_split.values()) if len(values_by_split) > 1 else True


def test_inputs_are_views() -> None:
    series = np.random.default_rng(0).standard_normal((50, 3))
    head = Forecast(input_length=8, horizon=4, targets=[2])
    head.fit([Example(series)], None)
    rows = list(head.rows(Example(series), series))
    assert all(np.shares_memory(row.input, series) for row in rows)
    standardized = (series[:, 2:] - series[:, 2:].mean()) / series[:, 2:].std()
    np.testing.assert_allclose(rows[5].target, standardized[13:17], rtol=1e-12)


def test_forecast_reads_the_last_window() -> None:
    series = np.random.default_rng(0).standard_normal((50, 2))
    head = Forecast(input_length=8, horizon=4)
    head.fit([Example(series)], None)
    assert np.array_equal(head.predict_input(series), series[-8:])
    with pytest.raises(
        DataError, match=r"^a forecast needs 8 time steps \(input_length\), but the series has 7: use a longer series$"
    ):
        head.predict_input(series[:7])
