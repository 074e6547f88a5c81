"""Tests of the error messages of the head `forecast`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from seqkit_forecast.forecast import Forecast

from seqkit.contracts import Example
from seqkit.errors import DataError, NotFiniteError
from seqkit.tokenizers.char import Char

SERIES = 50 + np.array([1.0, 10, 100]) * np.random.default_rng(0).standard_normal((60, 3)).cumsum(axis=0)


def fitted_head(series: np.ndarray, **parameters: Any) -> Forecast:
    head = Forecast(**{"input_length": 6, "horizon": 3, "season": 2, **parameters})
    head.fit([Example(series, feature_names=("a", "b", "c"))], None)
    return head


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"targets": []}, "targets must list at least one column, and none twice"),
        ({"targets": ["a", "a"]}, "targets must list at least one column, and none twice"),
        ({"quantiles": [0.1, 0.9]}, "quantiles must be in increasing order and include 0.5, the point forecast"),
        ({"quantiles": [0.5, 0.1]}, "quantiles must be in increasing order"),
        ({"season": 9}, "season must be at most input_length, 6: a window must contain a season"),
        ({"targets": ["load"]}, "targets contains 'load', which is not a column; the columns are a, b, c"),
        (
            {"targets": ["ａ"]},
            r"targets contains 'ａ', which is not a column; .*; 'ａ' has 'ａ' \(U\+FF41\): write 'a'",
        ),
        ({"targets": [3]}, "targets must contain column names, or indices from 0 to 2, not 3"),
        (
            {"horizon": 55},
            r"input_length is too large: a window has 61 time steps \(input_length \+ horizon\), but the "
            "training split has 60: reduce input_length or horizon",
        ),
    ],
)
def test_invalid_parameters_are_rejected(parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}"):
        fitted_head(SERIES, **parameters)


def test_target_names_need_column_names() -> None:
    with pytest.raises(ValueError, match="^targets contains 'a', which is not a column: the columns have no names"):
        Forecast(input_length=2, horizon=1, targets=["a"]).fit([Example(SERIES)], None)


@pytest.mark.parametrize(
    ("example", "message"),
    [
        (
            Example(SERIES, feature_names=("b", "a", "c")),
            "the columns are b, a, c, but the model was trained on a, b, c: list them in this order",
        ),
        (
            Example(SERIES[:, :2], feature_names=("a", "load")),
            "no column 'b', 'c', which the model was trained on; the columns are a, load: add it, or rename one of",
        ),
        (Example(SERIES[:, :2]), "2 columns, but the model was trained on 3"),
        (Example(SERIES[:8]), "a window has 9 time steps .*, but the series has 8: use a longer series"),
    ],
)
def test_unsuitable_series_are_rejected(example: Example, message: str) -> None:
    with pytest.raises(DataError, match=f"^{message}"):
        list(fitted_head(SERIES).rows(example, example.input))


def test_value_that_is_too_far_is_named_by_its_time_step_in_the_series() -> None:
    series = SERIES.copy()
    series[-1, 0] = 1e60
    with pytest.raises(DataError, match=r"^'a' is 1e\+60 at time step 60, too far from the values of the training"):
        fitted_head(SERIES).predict_input(series)


def test_log_requires_positive_values() -> None:
    message = "which has no logarithm: train with `log: false`, or add a constant to make all values positive$"
    negative = SERIES - SERIES.min()
    step, column = np.unravel_index(SERIES.argmin(), SERIES.shape)
    with pytest.raises(DataError, match=f"^s.csv:2: '{column}' is 0 at time step {step + 1}, {message}"):
        Forecast(input_length=2, horizon=1, log=True).fit([Example(negative, location="s.csv:2")], None)
    head = fitted_head(np.exp(SERIES / 100), log=True)
    with pytest.raises(DataError, match=message):
        list(head.rows(Example(negative), negative))
    with pytest.raises(DataError, match=f"^'a' is -1 at time step 4, {message}"):
        head.predict_input(-np.ones((9, 3)))


@pytest.mark.parametrize(("locations", "place"), [(("row 1", "row 2"), "row 2"), (("", ""), "series 2")])
def test_the_series_of_several_is_named(locations: tuple[str, str], place: str) -> None:
    def fit(*series: np.ndarray) -> None:
        examples = [Example(values, location=location) for values, location in zip(series, locations, strict=True)]
        Forecast(input_length=2, horizon=1, log=True).fit(examples, None)

    positive = np.exp(SERIES / 100)
    for wrong, problem in ((-positive, "which has no logarithm"), (positive * 1e200, "but numbers must be at most")):
        with pytest.raises(DataError, match=f"^{place}: '0' is .* at time step 1, {problem}"):
            fit(positive, wrong)
    with pytest.raises(DataError, match="^all series: '0' has a standard deviation of .*: rescale the column$"):
        fit(positive * 1e-200, positive * 1e-200)


def test_forecast_that_overflows_is_named() -> None:
    variables = fitted_head(np.exp(SERIES / 100), log=True).variables
    standardized = torch.zeros(2, 3, 3)
    standardized[1, 2, 0] = 1e6
    with pytest.raises(NotFiniteError, match="^the forecast of 'a' at time step 3 after the window is not finite: "):
        variables.to_data_units(standardized)


def test_text_is_rejected() -> None:
    with pytest.raises(
        ValueError, match="^forecasts require numbers, but the reader yields text: use the reader 'series'$"
    ):
        Forecast(input_length=2, horizon=1).check_tokenizer(Char())
