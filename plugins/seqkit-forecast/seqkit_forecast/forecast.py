"""The head `forecast`: the next time steps of a series."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal

import numpy as np
import torch
from annotated_types import Gt, Lt

from seqkit.contracts import (
    Batch,
    Encoded,
    Example,
    Fraction,
    Loss,
    PositiveInt,
    Row,
    Tokenizer,
)
from seqkit.errors import DataError
from seqkit.messages import message
from seqkit_forecast.layers import ForecastLayers
from seqkit_forecast.losses import forecast_loss
from seqkit_forecast.normalization import Normalization
from seqkit_forecast.results import ForecastResults, series_of
from seqkit_forecast.targets import TargetVariables
from seqkit_forecast.windows import SlidingWindows

QuantileLevel = Annotated[float, Gt(0), Lt(1)]


class Forecast(ForecastLayers, ForecastResults):
    """Forecast the next time steps of a series, all at once, from a window of the previous ones.

    A series is cut into all windows of `input_length` time steps to read and `horizon` time steps to forecast. The
    forecast is the sum of three parts: the last value of the window (NLinear: Zeng et al., 2023), a linear map of each
    variable's own window, relative to that value (the autoregressive part of LSTNet: Lai et al., 2018), and a linear
    map of the encoder's final vector, which gives all time steps and variables together. Training uses standardized
    values (the mean and standard deviation of each variable in the training split); predictions are in the data's
    units. Calendar columns of the reader are not forecast; the linear map reads those of the last time step of the
    window.

    With `quantiles`, the loss is the pinball loss and the point forecast is the median. Quantiles never cross: each
    differs from the next one nearer to the median by a softplus.

    Args:
        input_length: the number of time steps to read.
        horizon: the number of time steps to forecast.
        windows: `within` cuts windows within each split. `published` lets the inputs of the first windows of a held-out
            split begin in the split before it, so that its first forecast is that of its first time step: the windows
            of Informer (Zhou et al., 2021) and of the papers that compare with it. Requires one series with
            `split: {by: order}` and a stride of 1; set `metric_units: scaled` for errors as published.
        targets: the columns to forecast, by name or by index from 0; all by default.
        quantiles: the quantiles to forecast, in increasing order; must include 0.5, the median.
        loss: the training loss without quantiles: squared error, absolute error, or `huber`, which is squared up to one
            standard deviation and absolute beyond. Baselines are sorted by the same error, for `huber` by MSE.
        linear: the linear map: `ridge` is fitted to the training windows before training and then fixed; `learned` is
            trained with the other layers; `none` omits it.
        share_linear: use the same linear map for all variables (DLinear and NLinear: Zeng et al., 2023).
        trend: the length of a moving average of the window, an odd number, that a learned linear map reads beside the
            window: the trend of DLinear, where it is 25.
        normalize: what the window and the forecast are relative to: `last`, the last value of the window; `mean`, its
            mean; `standard`, its mean and its standard deviation (reversible instance normalization: Kim et al., 2022).
            The encoder `normalized` normalizes its input in the same way.
        shared: use the same output layer for all variables. Requires an encoder whose final vector concatenates one
            vector per column (`segments`).
        log: forecast the logarithms of the targets: for positive values that grow exponentially.
        stride: the number of time steps between the starts of consecutive windows, in all splits.
        season: the length of a season in time steps, for the seasonal-naive baseline and for MASE. By default there is
            no such baseline, and MASE compares with the last value.
        metric_units: the units of MSE and MAE: `scaled` for standard deviations of the training split, or `data`.
        dropout: the dropout probability of the encoder's final vector.
    """

    needs = frozenset({"final"})
    metric_names = ("mse", "mae", "smape", "mase")
    time_step_fields = frozenset({"date", "time_step", "forecast", "quantiles"})
    provides = frozenset({"values"})

    def __init__(
        self,
        *,
        input_length: PositiveInt,
        horizon: PositiveInt,
        windows: Literal["within", "published"] = "within",
        targets: list[str | int] | None = None,
        quantiles: list[QuantileLevel] | None = None,
        loss: Literal["mse", "mae", "huber"] = "mse",
        linear: Literal["ridge", "learned", "none"] = "learned",
        share_linear: bool = False,
        trend: PositiveInt | None = None,
        normalize: Normalization = "last",
        shared: bool = False,
        log: bool = False,
        stride: PositiveInt = 1,
        season: PositiveInt | None = None,
        metric_units: Literal["scaled", "data"] = "data",
        dropout: Fraction = 0.0,
    ) -> None:
        super().__init__(
            SlidingWindows(input_length, horizon, stride),
            quantiles or [],
            linear,
            share_linear,
            trend,
            normalize,
            shared,
            dropout,
        )
        if targets is not None and (not targets or len(set(targets)) < len(targets)):
            raise ValueError(message("targets must list at least one column, and none twice"))
        if quantiles is not None and (0.5 not in quantiles or sorted(set(quantiles)) != quantiles):
            raise ValueError(message("quantiles must be in increasing order and include 0.5, the point forecast"))
        if season is not None and season > input_length:
            raise ValueError(
                message(
                    "season must be at most input_length, {input_length}: a window must contain a season",
                    input_length=input_length,
                )
            )
        if windows == "published" and stride != 1:
            raise ValueError(
                message("stride must be 1 with `windows: published`: published errors are means over all windows")
            )
        if share_linear and linear == "none":
            raise ValueError(message("share_linear requires a linear map: set `linear` to ridge or learned"))
        if trend is not None and linear != "learned":
            raise ValueError(
                message("trend requires `linear: learned`: a ridge of the window can compute the moving average")
            )
        if trend is not None and (trend % 2 == 0 or trend > input_length):
            raise ValueError(
                message(
                    "trend must be an odd number of at most input_length, {input_length}", input_length=input_length
                )
            )
        self.lookback = input_length if windows == "published" else 0
        self.targets = targets
        self.error = loss
        self.log = log
        self.season = season
        self.metric_units = metric_units

    def check_tokenizer(self, tokenizer: Tokenizer | None) -> None:
        if tokenizer is not None:
            raise ValueError(message("forecasts require numbers, but the reader yields text: use the reader 'series'"))

    def fit(self, examples: Sequence[Example], tokenizer: Tokenizer | None) -> None:
        series = series_of(examples)
        longest = max(map(len, series))
        if longest < self.windows.length:
            raise ValueError(
                message(
                    "input_length is too large: a window has {length:,} time steps (input_length + horizon), but "
                    "the training split has {longest:,}: reduce input_length or horizon, or use more data",
                    length=self.windows.length,
                    longest=longest,
                )
            )
        locations = [
            example.location or message("series {number}", number=number)
            for number, example in enumerate(examples, start=1)
        ]
        self.variables = TargetVariables.fit(
            series, locations, examples[0].feature_names, self.targets, self.log, self.season or 1
        )
        if self.linear == "ridge":
            self.fit_ridges(series)

    def state(self) -> dict[str, Any]:
        return self.variables.state()

    def restore(self, state: Mapping[str, Any]) -> None:
        self.variables = TargetVariables.from_state(state, self.targets, self.log)

    def rows(self, example: Example, encoded_input: np.ndarray) -> Iterator[Row]:
        self.variables.check(encoded_input, example.feature_names)
        inputs, _ = self.windows.cut(encoded_input)
        if not len(inputs):
            raise DataError(
                message(
                    "a window has {length:,} time steps (input_length + horizon), but the series has {steps:,}: "
                    "use a longer series or split, or train with a smaller input_length or horizon",
                    length=self.windows.length,
                    steps=len(encoded_input),
                )
            )
        # In float64: in a batch, targets are float32.
        standardized = self.variables.standardize(self.variables.select(encoded_input))
        yield from map(Row, inputs, self.windows.cut(standardized)[1])

    def numbers_of(self, example: Example) -> np.ndarray:
        return self.variables.select(np.asarray(example.input, dtype=float))

    def predict_input(self, encoded_input: np.ndarray, *, feature_names: Sequence[str] = ()) -> np.ndarray:
        length = self.windows.input_length
        if len(encoded_input) < length:
            raise DataError(
                message(
                    "a forecast needs {length:,} time steps (input_length), but the series has {steps:,}: use a longer "
                    "series",
                    length=length,
                    steps=len(encoded_input),
                )
            )
        window = encoded_input[-length:]
        self.variables.check(window, feature_names, len(encoded_input) - length)
        return window

    def loss(self, encoded: Encoded, batch: Batch) -> Loss:
        assert batch.targets is not None
        final = self.dropout(encoded.final)
        forecast = self.quantile_forecasts(final, batch) if self.quantiles else self.point_forecast(final, batch)
        return forecast_loss(forecast, batch.targets, self.error, self.quantiles)

    def predict(self, encoded: Encoded, batch: Batch) -> list[dict[str, Any]]:
        final = self.dropout(encoded.final)
        forecasts = self.variables.to_data_units(self.point_forecast(final, batch))
        predictions: list[dict[str, Any]] = [{"forecast": forecast} for forecast in forecasts.tolist()]
        if self.quantiles:
            quantiles = self.quantile_forecasts(final, batch)
            for number, level in enumerate(self.quantiles):
                values = self.variables.to_data_units(quantiles[..., number]).tolist()
                for prediction, quantile in zip(predictions, values, strict=True):
                    prediction.setdefault("quantiles", {})[str(level)] = quantile
        return predictions

    def format_prediction(
        self, prediction: Mapping[str, Any], value: Any, *, next_dates: Callable[[int], Sequence[str]] | None = None
    ) -> dict[str, Any]:
        horizon = len(prediction["forecast"])
        formatted: dict[str, Any] = (
            {"time_step": list(range(1, horizon + 1))} if next_dates is None else {"date": list(next_dates(horizon))}
        )
        if not self.variables.column_names:
            return formatted | dict(prediction)
        formatted["forecast"] = self.by_name(prediction["forecast"])
        if self.quantiles:
            formatted["quantiles"] = {level: self.by_name(values) for level, values in prediction["quantiles"].items()}
        return formatted

    def task(self) -> dict[str, Any]:
        """Return what the members of an ensemble must share: the columns, the windows and the units of errors."""
        state = self.variables.state()
        windows = {"windows": [self.windows.input_length, self.windows.horizon, self.windows.stride, self.lookback]}
        names = ("columns", "names", "targets", "deviation", "seasonal_error")
        return {name: state[name] for name in names} | windows | {"quantiles": list(self.quantiles)}

    def combine(self, predictions: Sequence[Sequence[Mapping[str, Any]]]) -> list[dict[str, Any]]:
        """Return the mean of the members' forecasts, and of each quantile: their order and the median are preserved.

        Args:
            predictions: for each member, what its `predict` returned for the same rows.
        """
        combined: list[dict[str, Any]] = []
        for members in zip(*predictions, strict=True):
            row: dict[str, Any] = {"forecast": np.mean([each["forecast"] for each in members], axis=0).tolist()}
            if self.quantiles:
                levels = [str(level) for level in self.quantiles]
                row["quantiles"] = {
                    level: np.mean([each["quantiles"][level] for each in members], axis=0).tolist() for level in levels
                }
            combined.append(row)
        return combined

    def loss_of_predictions(self, predictions: Sequence[Mapping[str, Any]], examples: Sequence[Example]) -> Loss:
        """Return the loss of combined predictions.

        Args:
            predictions: one per row, in the order of the examples.
            examples: the examples.
        """
        standardize = self.variables.standardize
        if self.quantiles:
            levels = [str(level) for level in self.quantiles]
            forecasts = [standardize(np.array([each["quantiles"][level] for each in predictions])) for level in levels]
            forecast = np.stack(forecasts, axis=-1)
        else:
            forecast = standardize(np.array([each["forecast"] for each in predictions]))
        target = torch.from_numpy(standardize(self.targets_of(examples)))
        return forecast_loss(torch.from_numpy(forecast), target, self.error, self.quantiles)
