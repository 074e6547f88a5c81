"""Tests of instance normalization, shared linear maps, the moving average and losses of the head `forecast`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from seqkit_forecast.baselines import column_windows, fit_ridge
from seqkit_forecast.forecast import Forecast
from seqkit_forecast.normalization import EPSILON, Normalized, level_and_scale
from seqkit_forecast.windows import SlidingWindows
from sklearn.linear_model import Ridge
from torch import nn

from seqkit.contracts import Batch, Encoded, Encoder, Example
from seqkit.data.batching import collate

LENGTH, HORIZON, COLUMNS = 7, 3, 2
SERIES = 50 + np.array([1.0, 10]) * np.random.default_rng(0).standard_normal((60, COLUMNS)).cumsum(axis=0)
CALENDAR = np.column_stack([SERIES, np.sin(np.arange(60)), np.cos(np.arange(60))])
NAMES = ("a", "b", "calendar:hour:sin", "calendar:hour:cos")


@pytest.fixture(autouse=True)
def _float64_and_seed() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    yield
    torch.set_default_dtype(torch.float32)


def fitted_head(series: np.ndarray = SERIES, names: tuple[str, ...] = (), **parameters: Any) -> Forecast:
    """Return a head that is fitted and has random weights."""
    head = Forecast(**{"input_length": LENGTH, "horizon": HORIZON, **parameters})
    head.fit([Example(series, feature_names=names)], None)
    head.build(5, 5)
    for weight in head.parameters():
        torch.nn.init.normal_(weight, std=0.3)
    return head.eval()


def batch_of(head: Forecast, series: np.ndarray = SERIES) -> Batch:
    return collate(list(head.rows(Example(series), series)))


def vectors(rows: int) -> Encoded:
    final = torch.randn(rows, 5, generator=torch.Generator().manual_seed(1))
    return Encoded(final[:, None], final)


def forecasts(head: Forecast, series: np.ndarray = SERIES) -> np.ndarray:
    batch = batch_of(head, series)
    return np.array([each["forecast"] for each in head.predict(vectors(len(batch.inputs)), batch)])


@pytest.mark.parametrize("normalize", ["last", "mean", "standard"])
@pytest.mark.parametrize("share_linear", [False, True])
@pytest.mark.parametrize("trend", [None, 3])
def test_forecast_equals_loops(normalize: Any, share_linear: bool, trend: int | None) -> None:
    head = fitted_head(CALENDAR, NAMES, normalize=normalize, share_linear=share_linear, trend=trend)
    weights = {name: part.detach().numpy() for name, part in head.named_parameters()}
    final = vectors(60 - LENGTH - HORIZON + 1).final.numpy()
    scaled = (SERIES - SERIES.mean(axis=0)) / SERIES.std(axis=0)
    expected = np.empty((len(final), HORIZON, COLUMNS))
    for row, column in np.ndindex(len(final), COLUMNS):
        window = scaled[row : row + LENGTH, column]
        level = window[-1] if normalize == "last" else window.mean()
        scale = np.sqrt(window.var() + EPSILON) if normalize == "standard" else 1.0
        relative = (window - level) / scale
        number = 0 if share_linear else column
        padded = [relative[0], *relative, relative[-1]]
        for step in range(HORIZON):
            output = step * COLUMNS + column
            value = weights["output.weight"][output] @ final[row] + weights["output.bias"][output]
            value += weights["bias"][step, number]
            value += weights["weight"][number, step] @ np.append(relative, CALENDAR[row + LENGTH - 1, 2:])
            if trend:
                average = [sum(padded[place : place + 3]) / 3 for place in range(LENGTH)]
                value += weights["trend_weight"][number, step] @ average
            expected[row, step, column] = level + scale * value
    np.testing.assert_allclose(
        forecasts(head, CALENDAR), expected * SERIES.std(axis=0) + SERIES.mean(axis=0), rtol=1e-10
    )


@pytest.mark.parametrize("normalize", ["mean", "standard"])
def test_a_level_far_from_the_training_split_loses_no_digits(normalize: Any) -> None:
    torch.set_default_dtype(torch.float32)
    head = fitted_head(normalize=normalize, linear="learned")
    shifted = forecasts(head, SERIES + 1e9) - 1e9
    np.testing.assert_allclose(shifted, forecasts(head), rtol=0, atol=1e-4)


def test_scaling_a_series_scales_its_forecast() -> None:
    head = fitted_head(normalize="standard")
    level = SERIES.mean(axis=0)
    scaled = forecasts(head, level + 1000 * (SERIES - level))
    np.testing.assert_allclose((scaled - level) / 1000, forecasts(head) - level, rtol=1e-3, atol=0.02)


@pytest.mark.parametrize("normalize", ["mean", "standard"])
def test_constant_windows_have_finite_forecasts_and_gradients(normalize: Any) -> None:
    head = fitted_head(normalize=normalize)
    constant = np.full((20, COLUMNS), 1e7)
    batch = batch_of(head, constant)
    head.loss(vectors(len(batch.inputs)), batch).total.backward()
    assert all(weight.grad is None or weight.grad.isfinite().all() for weight in head.parameters())
    if normalize == "standard":
        assert np.abs(forecasts(head, constant) - 1e7).max() < 1


@pytest.mark.parametrize("normalize", ["last", "mean", "standard"])
def test_quantiles_are_normalized_and_never_cross(normalize: Any) -> None:
    levels = [0.1, 0.4, 0.5, 0.9]
    head = fitted_head(quantiles=levels, normalize=normalize, share_linear=True)
    batch = batch_of(head)
    predictions = head.predict(vectors(len(batch.inputs)), batch)
    quantiles = np.array([[each["quantiles"][str(level)] for level in levels] for each in predictions])
    assert (np.diff(quantiles, axis=1) >= 0).all()
    np.testing.assert_array_equal(quantiles[:, 2], [each["forecast"] for each in predictions])


def test_normalized_ridge_is_a_weighted_ridge() -> None:
    """Errors count in the units of the windows: those of a window with a small scale count little."""
    scaled = (SERIES - SERIES.mean(axis=0)) / SERIES.std(axis=0)
    windows = SlidingWindows(LENGTH, HORIZON, 1).cut(scaled)
    others = np.random.default_rng(1).standard_normal((len(windows[0]), 2))
    weights, intercept, alpha = fit_ridge(column_windows([windows], 1), normalize="standard", others=[others])
    inputs, targets = windows[0][:, :, 1], windows[1][:, :, 1]
    level, scale = inputs.mean(axis=1, keepdims=True), np.sqrt(inputs.var(axis=1, keepdims=True) + EPSILON)
    table = np.concatenate([(inputs - level) / scale, others], axis=1)
    expected = Ridge(alpha=alpha).fit(table, (targets - level) / scale, sample_weight=scale[:, 0] ** 2)
    np.testing.assert_allclose(weights.T, expected.coef_, rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(intercept, expected.intercept_, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("normalize", ["last", "mean", "standard"])
def test_untrained_head_is_a_shared_ridge(normalize: Any) -> None:
    head = Forecast(
        input_length=LENGTH,
        horizon=HORIZON,
        linear="ridge",
        share_linear=True,
        normalize=normalize,
        metric_units="scaled",
    )
    head.fit([Example(CALENDAR, feature_names=NAMES)], None)
    head.build(5, 5)
    scaled = (SERIES - SERIES.mean(axis=0)) / SERIES.std(axis=0)
    windows = SlidingWindows(LENGTH, HORIZON, 1).cut(scaled)
    calendar = CALENDAR[LENGTH - 1 : LENGTH - 1 + len(windows[0]), 2:]
    both = [each for column in (0, 1) for each in column_windows([windows], column)]
    weights, intercept, _ = fit_ridge(both, normalize=normalize, others=[calendar, calendar])
    batch = batch_of(head, CALENDAR)
    actual = head.variables.standardize(
        np.array([each["forecast"] for each in head.predict(vectors(len(batch.inputs)), batch)])
    )
    level, scale = level_and_scale(
        torch.tensor(windows[0].copy()), torch.ones(windows[0].shape[:2], dtype=torch.bool), normalize
    )
    for column in (0, 1):
        relative = (windows[0] - level.numpy()) / scale.numpy()
        expected = np.concatenate([relative[:, :, column], calendar], axis=1) @ weights + intercept
        expected = expected * scale.numpy()[:, :, column] + level.numpy()[:, :, column]
        np.testing.assert_allclose(actual[:, :, column], expected, atol=1e-9)


def test_calendar_columns_are_not_forecast() -> None:
    head = fitted_head(CALENDAR, NAMES, linear="ridge")
    assert head.variables.names == ["a", "b"]
    restored = Forecast(input_length=LENGTH, horizon=HORIZON, linear="ridge")
    restored.restore(head.state())
    restored.build(5, 5)
    restored.load_state_dict(head.state_dict())
    np.testing.assert_array_equal(forecasts(restored.eval(), CALENDAR), forecasts(head, CALENDAR))


def test_huber_loss_is_squared_up_to_a_standard_deviation() -> None:
    head = fitted_head(loss="huber")
    batch = batch_of(head)
    final = vectors(len(batch.inputs))
    error = np.abs(head.variables.standardize(forecasts(head)) - batch.targets.numpy())  # type: ignore[union-attr]
    assert error.min() < 1 < error.max()
    expected = np.where(error <= 1, error**2 / 2, error - 0.5).sum()
    assert head.loss(final, batch).total.item() == pytest.approx(expected, rel=1e-9)


class Recording(nn.Module, Encoder):
    """An encoder that returns its input."""

    causal = True

    def __init__(self, input_size: int) -> None:
        super().__init__()
        self.output_size = self.final_size = input_size

    def forward(self, inputs: torch.Tensor, lengths: torch.Tensor, state: Any = None) -> Encoded:
        return Encoded(inputs, inputs[:, 0])


@pytest.mark.parametrize("by", ["last", "mean", "standard"])
def test_normalized_encoder_normalizes_each_row_without_its_padding(by: Any) -> None:
    encoder = Normalized(COLUMNS, by=by, encoder=Recording)
    inputs, lengths = torch.randn(3, 5, COLUMNS), torch.tensor([5, 2, 1])
    outputs = encoder(inputs, lengths).outputs
    for row, length in enumerate(lengths.tolist()):
        real = inputs[row, :length].numpy()
        level = real[-1] if by == "last" else real.mean(axis=0)
        scale = np.sqrt(real.var(axis=0) + EPSILON) if by == "standard" else 1.0
        np.testing.assert_allclose(outputs[row, :length], (real - level) / scale, atol=1e-12)
        assert not outputs[row, length:].any()


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        (
            {"share_linear": True, "linear": "none"},
            "share_linear requires a linear map: set `linear` to ridge or learned",
        ),
        ({"trend": 3, "linear": "ridge"}, "trend requires `linear: learned`: a ridge of the window can compute the"),
        ({"trend": 4}, "trend must be an odd number of at most input_length, 7"),
        ({"trend": 9}, "trend must be an odd number of at most input_length, 7"),
    ],
)
def test_invalid_parameters_are_rejected(parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}"):
        fitted_head(**parameters)
