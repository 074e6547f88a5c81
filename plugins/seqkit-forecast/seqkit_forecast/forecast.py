"""The head `forecast`: the next time steps of a series."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal

import numpy as np
import torch
from annotated_types import Gt, Lt
from torch import Tensor, nn

from seqkit.contracts import Batch, Encoded, Example, Fraction, Head, Loss, PositiveInt, Row, Tokenizer
from seqkit.errors import DataError
from seqkit_forecast.baselines import baseline_forecasts, column_windows, fit_ridge
from seqkit_forecast.metrics import detailed_metrics, forecast_metrics
from seqkit_forecast.targets import TargetVariables
from seqkit_forecast.windows import SlidingWindows

QuantileLevel = Annotated[float, Gt(0), Lt(1)]


class Forecast(nn.Module, Head):
    """Forecast the next time steps of a series, all at once, from a window of the previous ones.

    A series is cut into all windows of `input_length` time steps to read and `horizon` time steps to forecast, within
    each split. The forecast is the sum of three parts: the last value of the window (NLinear: Zeng et al., 2023), a
    linear map of each variable's own window, relative to that value (the autoregressive part of LSTNet: Lai et al.,
    2018), and a linear map of the encoder's final vector, which gives all time steps and variables together. Training
    uses standardized values (the mean and standard deviation of each variable in the training split); predictions are
    in the data's units.

    With `quantiles`, the loss is the pinball loss and the point forecast is the median. Quantiles never cross: each
    differs from the next one nearer to the median by a softplus.

    Args:
        input_length: the number of time steps to read.
        horizon: the number of time steps to forecast.
        targets: the columns to forecast, by name or by index from 0; all by default.
        quantiles: the quantiles to forecast, in increasing order; must include 0.5, the median.
        loss: the training loss without quantiles, squared or absolute error. Baselines are sorted by the same error.
        linear: the linear map: `ridge` is fitted to the training windows before training and then fixed; `learned` is
            trained with the other layers; `none` omits it.
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

    def __init__(
        self,
        *,
        input_length: PositiveInt,
        horizon: PositiveInt,
        targets: list[str | int] | None = None,
        quantiles: list[QuantileLevel] | None = None,
        loss: Literal["mse", "mae"] = "mse",
        linear: Literal["ridge", "learned", "none"] = "learned",
        shared: bool = False,
        log: bool = False,
        stride: PositiveInt = 1,
        season: PositiveInt | None = None,
        metric_units: Literal["scaled", "data"] = "data",
        dropout: Fraction = 0.0,
    ) -> None:
        super().__init__()
        if targets is not None and (not targets or len(set(targets)) < len(targets)):
            raise ValueError("targets must list at least one column, and none twice")
        if quantiles is not None and (0.5 not in quantiles or sorted(set(quantiles)) != quantiles):
            raise ValueError("quantiles must be in increasing order and include 0.5, the point forecast")
        if season is not None and season > input_length:
            raise ValueError(f"season must be at most input_length, {input_length}: a window must contain a season")
        self.windows = SlidingWindows(input_length, horizon, stride)
        self.targets = targets
        self.quantiles = quantiles or []
        self.error = loss
        self.linear = linear
        self.shared = shared
        self.log = log
        self.season = season
        self.metric_units = metric_units
        self.dropout = nn.Dropout(dropout)
        self._fitted_ridge: tuple[np.ndarray, np.ndarray] | None = None

    def fit(self, examples: Sequence[Example], tokenizer: Tokenizer | None) -> None:
        if tokenizer is not None:
            raise DataError("forecasts require numbers, but the reader yields text: use the reader 'series'")
        series = _series(examples)
        longest = max(map(len, series))
        if longest < self.windows.length:
            raise ValueError(
                f"input_length is too large: a window has {self.windows.length:,} time steps (input_length + horizon), "
                f"but the training split has {longest:,}: reduce input_length or horizon, or use more data"
            )
        try:
            self.variables = TargetVariables.fit(
                series, examples[0].feature_names, self.targets, self.log, self.season or 1
            )
        except DataError as error:
            raise DataError(f"{examples[0].location}: {error}" if len(examples) == 1 else str(error)) from None
        if self.linear == "ridge":
            self._fitted_ridge = self._fit_ridges(series)

    def _fit_ridges(self, series: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Fit a ridge per variable.

        Returns:
            The weights (variables, horizon, input_length) and the bias (horizon, variables).
        """
        scaled = [self.variables.standardize(self.variables.select(values)) for values in series]
        windows = [self.windows.cut(values) for values in scaled]
        weights, bias = [], []
        for number in range(len(self.variables.columns)):
            weight, intercept, _ = fit_ridge(column_windows(windows, number))
            weights.append(weight.T)
            bias.append(intercept)
        return np.stack(weights), np.stack(bias, axis=1)

    def state(self) -> dict[str, Any]:
        return self.variables.state()

    def restore(self, state: Mapping[str, Any]) -> None:
        self.variables = TargetVariables.from_state(state, self.targets, self.log)

    def rows(self, example: Example, encoded_input: np.ndarray) -> Iterator[Row]:
        self.variables.check(encoded_input, example.feature_names)
        inputs, _ = self.windows.cut(encoded_input)
        if not len(inputs):
            raise DataError(
                f"a window has {self.windows.length:,} time steps (input_length + horizon), but the series has "
                f"{len(encoded_input):,}: reduce input_length or horizon, or enlarge this split"
            )
        # In float64: in a batch, targets are float32.
        standardized = self.variables.standardize(self.variables.select(encoded_input))
        yield from map(Row, inputs, self.windows.cut(standardized)[1])

    def predict_input(self, encoded_input: np.ndarray, *, feature_names: Sequence[str] = ()) -> np.ndarray:
        length = self.windows.input_length
        if len(encoded_input) < length:
            raise DataError(
                f"a forecast needs {length:,} time steps (input_length), but the series has {len(encoded_input):,}"
            )
        window = encoded_input[-length:]
        self.variables.check(window, feature_names)
        return window

    def build(self, output_size: int, final_size: int) -> None:
        variables, columns = len(self.variables.columns), self.variables.column_count
        horizon, input_length = self.windows.horizon, self.windows.input_length
        if self.shared and final_size % columns:
            raise ValueError(
                f"shared requires an encoder whose final vector concatenates one vector for each of the {columns} "
                f"columns, such as segments; the final vector of this encoder has {final_size} elements"
            )
        width, outputs = (final_size // columns, 1) if self.shared else (final_size, variables)
        self.output = nn.Linear(width, outputs * horizon)
        # Training starts from the forecast of the linear map alone.
        nn.init.zeros_(self.output.weight)
        nn.init.zeros_(self.output.bias)
        if len(self.quantiles) > 1:
            self.spread = nn.Linear(width, outputs * horizon * (len(self.quantiles) - 1))
        if self.linear != "none":
            learned = self.linear == "learned"
            self.weight = nn.Parameter(torch.zeros(variables, horizon, input_length), learned)
            self.bias = nn.Parameter(torch.zeros(horizon, variables), learned)
            if self._fitted_ridge is not None:
                with torch.no_grad():
                    self.weight.copy_(torch.from_numpy(self._fitted_ridge[0]))
                    self.bias.copy_(torch.from_numpy(self._fitted_ridge[1]))

    def loss(self, encoded: Encoded, batch: Batch) -> Loss:
        assert batch.targets is not None
        final = self.dropout(encoded.final)
        target = batch.targets  # (batch, horizon, variables), standardized
        if self.quantiles:
            # (batch, horizon, variables, quantiles)
            error = target[..., None] - self._quantile_forecasts(final, batch)
            levels = error.new_tensor(self.quantiles)
            total = torch.maximum(levels * error, (levels - 1) * error).sum() / len(self.quantiles)
        else:
            error = target - self._point_forecast(final, batch)
            total = (error.square() if self.error == "mse" else error.abs()).sum()
        return Loss(total, target.numel())

    def _point_forecast(self, final: Tensor, batch: Batch) -> Tensor:
        """Return the forecast, or the median of the quantiles, in standardized units: (batch, horizon, variables)."""
        window = batch.inputs[:, :, self.variables.columns]  # (batch, input_length, variables)
        window = self.variables.standardize_tensor(window).to(final.dtype)
        last = window[:, -1:]
        forecast = last + self._project(self.output, final)[..., 0]
        if self.linear != "none":
            forecast = forecast + torch.einsum("btv,vht->bhv", window - last, self.weight) + self.bias
        return forecast

    def _quantile_forecasts(self, final: Tensor, batch: Batch) -> Tensor:
        """Return the quantiles in standardized units: (batch, horizon, variables, quantiles)."""
        middle = self.quantiles.index(0.5)
        median = self._point_forecast(final, batch)[..., None]
        if len(self.quantiles) == 1:
            return median
        gaps = nn.functional.softplus(self._project(self.spread, final))
        lower = median - gaps[..., :middle].flip(-1).cumsum(-1).flip(-1)
        return torch.cat([lower, median, median + gaps[..., middle:].cumsum(-1)], dim=-1)

    def _project(self, layer: nn.Linear, final: Tensor) -> Tensor:
        """Map final vectors (batch, final_size) with an output layer.

        Returns:
            (batch, horizon, variables, outputs), where outputs is the number of values per variable and time step.
        """
        if not self.shared:
            return layer(final).unflatten(1, (self.windows.horizon, len(self.variables.columns), -1))
        vectors = final.unflatten(1, (self.variables.column_count, -1))  # (batch, columns, width)
        vectors = vectors[:, self.variables.columns]
        return layer(vectors).unflatten(2, (self.windows.horizon, -1)).transpose(1, 2)

    def predict(self, encoded: Encoded, batch: Batch) -> list[dict[str, Any]]:
        final = self.dropout(encoded.final)
        forecasts = self.variables.to_data_units(self._point_forecast(final, batch))
        predictions: list[dict[str, Any]] = [{"forecast": forecast} for forecast in forecasts.tolist()]
        if self.quantiles:
            quantiles = self._quantile_forecasts(final, batch)
            for number, level in enumerate(self.quantiles):
                values = self.variables.to_data_units(quantiles[..., number]).tolist()
                for prediction, quantile in zip(predictions, values, strict=True):
                    prediction.setdefault("quantiles", {})[str(level)] = quantile
        return predictions

    def format_prediction(self, prediction: Mapping[str, Any], value: Any) -> dict[str, Any]:
        if not self.variables.column_names:
            return dict(prediction)
        formatted: dict[str, Any] = {"forecast": self._by_name(prediction["forecast"])}
        if self.quantiles:
            formatted["quantiles"] = {level: self._by_name(values) for level, values in prediction["quantiles"].items()}
        return formatted

    def _by_name(self, values: Sequence[Sequence[float]]) -> dict[str, list[float]]:
        """Return the time steps of each variable."""
        return {
            name: list(column) for name, column in zip(self.variables.names, zip(*values, strict=True), strict=True)
        }

    def metrics(
        self, loss: float, predictions: Sequence[Mapping[str, Any]], examples: Sequence[Example]
    ) -> dict[str, Any]:
        target = self._targets(examples)
        forecast = np.array([item["forecast"] for item in predictions])
        metrics: dict[str, Any] = forecast_metrics(forecast, target, self._unit, self.variables.seasonal_error)
        metrics |= detailed_metrics(forecast, target, self._unit, self.variables.seasonal_error, self.variables.names)
        units = "standard deviations of the training split" if self.metric_units == "scaled" else "the data's units"
        metrics["scored"] = f"{len(target):,} windows of {self.windows.horizon} time steps, in {units}"
        if self.quantiles:
            metrics["coverage"] = {
                str(level): float((target <= np.array([item["quantiles"][str(level)] for item in predictions])).mean())
                for level in self.quantiles
            }
        return metrics

    @property
    def _unit(self) -> np.ndarray:
        """The unit of MSE and MAE, in the data's units: (variables,)."""
        return self.variables.deviation if self.metric_units == "scaled" else np.ones(len(self.variables.columns))

    def _targets(self, examples: Sequence[Example]) -> np.ndarray:
        """Return the targets of all windows in the order of `rows`: (windows, horizon, variables)."""
        return np.concatenate([self.windows.cut(self.variables.select(values))[1] for values in _series(examples)])

    def baseline(self, train: Sequence[Example], test: Sequence[Example], tokenizer: Tokenizer | None) -> dict | None:
        forecasts = baseline_forecasts(_series(train), _series(test), self.variables, self.windows, self.season)
        target = self._targets(test)
        baselines = [
            {"name": name} | forecast_metrics(forecast, target, self._unit, self.variables.seasonal_error)
            for name, forecast in forecasts
        ]
        baselines.sort(key=lambda baseline: baseline["mae" if self.quantiles or self.error == "mae" else "mse"])
        return baselines[0] | {"others": baselines[1:]}


def _series(examples: Sequence[Example]) -> list[np.ndarray]:
    """Return the features of each example, float64 (time, columns)."""
    return [np.asarray(example.input, dtype=np.float64) for example in examples]
