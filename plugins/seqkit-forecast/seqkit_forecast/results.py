"""The results of the head `forecast` on a split: metrics, exhibits, judgments, outcomes and baseline."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import numpy as np

from seqkit.contracts import Example, Head, Judgment, Outcomes, Series, Tokenizer
from seqkit.messages import message
from seqkit_forecast.baselines import baseline_forecasts
from seqkit_forecast.exhibits import forecast_exhibits
from seqkit_forecast.metrics import detailed_metrics, forecast_metrics
from seqkit_forecast.targets import TargetVariables
from seqkit_forecast.windows import SlidingWindows


class ForecastResults(Head):
    """Base class of `Forecast`, which compares forecasts with the values that came true.

    Attributes:
        windows: cuts a series into windows.
        variables: the targets.
        quantiles: the quantiles that are forecast.
        error: the training loss without quantiles; baselines are sorted by it.
        season: the length of a season in time steps; None for none.
        metric_units: the units of MSE and MAE.
    """

    windows: SlidingWindows
    variables: TargetVariables
    quantiles: Sequence[float]
    error: Literal["mse", "mae", "huber"]
    season: int | None
    metric_units: Literal["scaled", "data"]

    def metrics(
        self, loss: float, predictions: Sequence[Mapping[str, Any]], examples: Sequence[Example]
    ) -> dict[str, Any]:
        target = self.targets_of(examples)
        forecast = np.array([item["forecast"] for item in predictions])
        metrics: dict[str, Any] = forecast_metrics(forecast, target, self._unit, self.variables.seasonal_error)
        metrics |= detailed_metrics(forecast, target, self._unit, self.variables.seasonal_error, self.variables.names)
        metrics["scored"] = self._scored(len(target))
        if self.quantiles:
            metrics["coverage"] = {
                str(level): float((target <= np.array([item["quantiles"][str(level)] for item in predictions])).mean())
                for level in self.quantiles
            }
        return metrics

    def _scored(self, count: int) -> str:
        """Return what the metrics are computed on."""
        facts = {"count": count, "horizon": self.windows.horizon}
        if self.metric_units == "scaled":
            text = message(
                "{count:,} windows of {horizon} time steps, in standard deviations of the training split", **facts
            )
        else:
            text = message("{count:,} windows of {horizon} time steps, in the data's units", **facts)
        if self.lookback:
            text = message("{text}, each from {lookback:,} time steps", text=text, lookback=self.lookback)
        return text

    def judge(
        self, predictions: Sequence[Mapping[str, Any]], examples: Sequence[Example], *, tokenizer: Tokenizer | None
    ) -> Iterator[Judgment]:
        """Yield a judgment per window, in the order of its MAE. `time_step` is that of its first forecast, from 1."""
        remaining = iter(predictions)
        for number, values in enumerate(series_of(examples)):
            targets = self.windows.cut(self.variables.select(values))[1]
            for window, target in enumerate(targets):
                forecast = np.array(next(remaining)["forecast"])
                mae = float((np.abs(forecast - target) / self._unit).mean())
                yield Judgment(
                    example=number,
                    truth=self._shown(target.tolist()),
                    prediction=self._shown(forecast.tolist()),
                    is_error=mae > 0,
                    order=mae,
                    facts={"time_step": window * self.windows.stride + self.windows.input_length + 1, "mae": mae},
                )

    def _shown(self, values: list[list[float]]) -> Any:
        """Return the time steps of each variable, by its name if the columns have names."""
        return self.by_name(values) if self.variables.column_names else values

    def exhibits(self, predictions: Sequence[Mapping[str, Any]], examples: Sequence[Example]) -> list[Series]:
        """Return some forecasts beside what came true, of the first variables."""
        series = [self.variables.select(values) for values in series_of(examples)]
        history = [window for values in series for window in self.windows.cut(values)[0]]  # views
        return list(
            forecast_exhibits(predictions, history, self.targets_of(examples), self.variables.names, self._unit)
        )

    def outcomes(
        self, predictions: Sequence[Mapping[str, Any]], examples: Sequence[Example], *, tokenizer: Tokenizer | None
    ) -> Outcomes:
        """Return the values of each window, float (windows, horizon, variables), in units of MSE."""
        forecast = np.array([item["forecast"] for item in predictions])
        return Outcomes(self.targets_of(examples) / self._unit, forecast / self._unit)

    @property
    def _unit(self) -> np.ndarray:
        """The unit of MSE and MAE, in the data's units: (variables,)."""
        return self.variables.deviation if self.metric_units == "scaled" else np.ones(len(self.variables.columns))

    def targets_of(self, examples: Sequence[Example]) -> np.ndarray:
        """Return the targets of all windows in the order of `rows`: (windows, horizon, variables)."""
        return np.concatenate([self.windows.cut(self.variables.select(values))[1] for values in series_of(examples)])

    def baseline(self, train: Sequence[Example], test: Sequence[Example], tokenizer: Tokenizer | None) -> dict | None:
        forecasts = baseline_forecasts(series_of(train), series_of(test), self.variables, self.windows, self.season)
        target = self.targets_of(test)
        baselines = [
            {"name": name} | forecast_metrics(forecast, target, self._unit, self.variables.seasonal_error)
            for name, forecast in forecasts
        ]
        baselines.sort(key=lambda baseline: baseline["mae" if self.quantiles or self.error == "mae" else "mse"])
        return baselines[0] | {"others": baselines[1:]}

    def by_name(self, values: Sequence[Sequence[float]]) -> dict[str, list[float]]:
        """Return the time steps of each variable."""
        return {
            name: list(column) for name, column in zip(self.variables.names, zip(*values, strict=True), strict=True)
        }


def series_of(examples: Sequence[Example]) -> list[np.ndarray]:
    """Return the features of each example, float64 (time, columns)."""
    return [np.asarray(example.input, dtype=np.float64) for example in examples]
