"""The next steps of a series."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal

import numpy as np
import torch
from annotated_types import Gt, Lt
from torch import Tensor, nn

from seqkit.contracts import Batch, Encoded, Example, Fraction, Head, Loss, PositiveInt, Row, Tokenizer
from seqkit.errors import DataError
from seqkit_forecast.floors import fit_ridge, floors, of_column
from seqkit_forecast.scores import details, scores
from seqkit_forecast.variables import Variables
from seqkit_forecast.windows import Cut

Probability = Annotated[float, Gt(0), Lt(1)]


class Forecast(nn.Module, Head):
    """The next steps of a series, all at once, from a window of the steps before them.

    The series that a reader yields is cut into every window of `input_length` steps and the `horizon` steps after them,
    within each split, so that no window reaches over from one into another. The encoder's final vector is mapped to all
    steps and variables together. To that is added the window's last value, from which what is learned is only the
    difference (NLinear: Zeng et al., 2023), and a linear map of each variable's own window (the autoregressive part of
    LSTNet: Lai et al., 2018). It learns in units of each variable's standard deviation in the training split, and
    answers in the data's units.

    With `quantiles` the loss is the pinball loss, the point forecast is the median, and quantiles never cross: each is
    the one next to it on the median's side plus, or minus, a softplus.

    Args:
        input_length: how many steps a forecast is made from.
        horizon: how many steps it tells.
        targets: which columns it tells, by name or, from 0, by number; all when not given.
        quantiles: which quantiles it tells besides; 0.5, the median, among them.
        loss: what is minimised where there are no quantiles, and what ranks the floors: the squared or absolute error.
        linear: the linear map: `ridge`, fitted to the training windows before the rest is trained, which then learns
            what it leaves; `learned` with the rest; or `none`.
        shared: one output map for all variables, of an encoder whose final vector is that of each column, one after
            another (`segments`).
        log: learn of the logarithms of the targets, for numbers above 0 that grow by a share of themselves.
        stride: the steps from the start of one window to that of the next, in every split.
        season: the steps of a season, for the seasonal-naive floor and for MASE; without it MASE compares to the last
            value.
        metric_units: of MSE and MAE: `scaled`, in standard deviations of the training split, or the data's own.
        dropout: the share of the final vector dropped in training.
    """

    needs = frozenset({"final"})
    metric_names = ("mse", "mae", "smape", "mase")

    def __init__(
        self,
        *,
        input_length: PositiveInt,
        horizon: PositiveInt,
        targets: list[str | int] | None = None,
        quantiles: list[Probability] | None = None,
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
            raise ValueError("targets must be one or more, each once")
        if quantiles is not None and (0.5 not in quantiles or sorted(set(quantiles)) != quantiles):
            raise ValueError("quantiles must rise, and hold 0.5, the point forecast")
        if season is not None and season > input_length:
            raise ValueError(f"season must be at most input_length, {input_length}, to be seen in a window")
        self.cut = Cut(input_length, horizon, stride)
        self.targets = targets
        self.quantiles = quantiles or []
        self.measure = loss
        self.linear = linear
        self.shared = shared
        self.log = log
        self.season = season
        self.metric_units = metric_units
        self.dropout = nn.Dropout(dropout)
        self._fitted_map: tuple[np.ndarray, np.ndarray] | None = None

    # What is learned from the training split

    def fit(self, examples: Sequence[Example], tokenizer: Tokenizer | None) -> None:
        if tokenizer is not None:
            raise DataError("there are no numbers to forecast: this reader yields text")
        series = _series(examples)
        longest = max(map(len, series))
        if longest < self.cut.length:
            raise ValueError(
                f"input_length and horizon take {self.cut.length:,} steps together, and the training part has "
                f"{longest:,}: shorten them, or give more data"
            )
        try:
            self.variables = Variables.fitted(series, examples[0].names, self.targets, self.log, self.season or 1)
        except DataError as error:
            raise DataError(f"{examples[0].where}: {error}" if len(examples) == 1 else str(error)) from None
        if self.linear == "ridge":
            self._fitted_map = self._ridge_of_each(series)

    def _ridge_of_each(self, series: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Returns weights (variables, horizon, input_length) and bias (horizon, variables) of a ridge a variable."""
        scaled = [self.variables.scaled_array(self.variables.of(values)) for values in series]
        windows = [self.cut(values) for values in scaled]
        weights, bias = [], []
        for number in range(len(self.variables.chosen)):
            weight, intercept, _ = fit_ridge(of_column(windows, number))
            weights.append(weight.T)
            bias.append(intercept)
        return np.stack(weights), np.stack(bias, axis=1)

    def state(self) -> dict[str, Any]:
        return self.variables.state()

    def restore(self, state: Mapping[str, Any]) -> None:
        self.variables = Variables.restored(state, self.log)

    # Windows

    def rows(self, example: Example, encoded_input: np.ndarray) -> Iterator[Row]:
        self.variables.check(encoded_input, example.names)
        inputs, targets = self.cut(encoded_input)
        if not len(inputs):
            raise DataError(
                f"{len(encoded_input):,} steps, where input_length and horizon take {self.cut.length:,} together: "
                "shorten them, or give this part more"
            )
        yield from map(Row, inputs, self.variables.of(targets))

    def predict_input(self, encoded_input: np.ndarray) -> np.ndarray:
        if len(encoded_input) < self.cut.input_length:
            raise DataError(f"{len(encoded_input):,} steps, where a forecast is made from {self.cut.input_length:,}")
        window = encoded_input[-self.cut.input_length :]
        self.variables.check(window)
        return window

    # The layers

    def build(self, output_size: int, final_size: int) -> None:
        variables, columns = len(self.variables.chosen), self.variables.columns
        if self.shared and final_size % columns:
            raise ValueError(
                f"shared needs an encoder whose final vector holds a part for each of the {columns} columns, such as "
                f"segments; this one's is {final_size} wide"
            )
        width, numbers = (final_size // columns, 1) if self.shared else (final_size, variables)
        self.output = nn.Linear(width, numbers * self.cut.horizon)
        # What is not yet learned adds nothing to the linear map.
        nn.init.zeros_(self.output.weight)
        nn.init.zeros_(self.output.bias)
        if len(self.quantiles) > 1:
            self.spread = nn.Linear(width, numbers * self.cut.horizon * (len(self.quantiles) - 1))
        if self.linear != "none":
            learned = self.linear == "learned"
            self.weight = nn.Parameter(torch.zeros(variables, self.cut.horizon, self.cut.input_length), learned)
            self.bias = nn.Parameter(torch.zeros(self.cut.horizon, variables), learned)
            if self._fitted_map is not None:
                with torch.no_grad():
                    self.weight.copy_(torch.from_numpy(self._fitted_map[0]))
                    self.bias.copy_(torch.from_numpy(self._fitted_map[1]))

    def loss(self, encoded: Encoded, batch: Batch) -> Loss:
        assert batch.targets is not None
        final = self.dropout(encoded.final)
        target = self.variables.scaled(batch.targets)  # (batch, horizon, variables)
        if self.quantiles:
            below = target[..., None] - self._fan(final, batch)  # (batch, horizon, variables, quantiles)
            levels = below.new_tensor(self.quantiles)
            total = torch.maximum(levels * below, (levels - 1) * below).sum() / len(self.quantiles)
        else:
            error = target - self._point(final, batch)
            total = (error.square() if self.measure == "mse" else error.abs()).sum()
        return Loss(total, target.numel())

    def _point(self, final: Tensor, batch: Batch) -> Tensor:
        """Returns the forecast, or its median, in scaled units: (batch, horizon, variables)."""
        window = self.variables.scaled(batch.inputs[:, :, self.variables.chosen])  # (batch, input_length, variables)
        last = window[:, -1:]
        told = last + self._mapped(self.output, final)[..., 0]
        if self.linear != "none":
            told = told + torch.einsum("btv,vht->bhv", window - last, self.weight) + self.bias
        return told

    def _fan(self, final: Tensor, batch: Batch) -> Tensor:
        """Returns the quantiles in scaled units: (batch, horizon, variables, quantiles)."""
        middle = self.quantiles.index(0.5)
        median = self._point(final, batch)[..., None]
        if len(self.quantiles) == 1:
            return median
        steps = nn.functional.softplus(self._mapped(self.spread, final))
        lower = median - steps[..., :middle].flip(-1).cumsum(-1).flip(-1)
        return torch.cat([lower, median, median + steps[..., middle:].cumsum(-1)], dim=-1)

    def _mapped(self, layer: nn.Linear, final: Tensor) -> Tensor:
        """Returns what a layer makes of final vectors (batch, final_size): (batch, horizon, variables, numbers)."""
        if not self.shared:
            return layer(final).unflatten(1, (self.cut.horizon, len(self.variables.chosen), -1))
        parts = final.unflatten(1, (self.variables.columns, -1))[:, self.variables.chosen]  # (batch, variables, width)
        return layer(parts).unflatten(2, (self.cut.horizon, -1)).transpose(1, 2)

    # Answers

    def predict(self, encoded: Encoded, batch: Batch) -> list[dict[str, Any]]:
        final = self.dropout(encoded.final)
        forecasts = self.variables.in_data_units(self._point(final, batch))
        answers: list[dict[str, Any]] = [{"forecast": forecast} for forecast in forecasts.tolist()]
        if self.quantiles:
            fan = self._fan(final, batch)
            for number, quantile in enumerate(self.quantiles):
                for answer, values in zip(
                    answers, self.variables.in_data_units(fan[..., number]).tolist(), strict=True
                ):
                    answer.setdefault("quantiles", {})[str(quantile)] = values
        return answers

    def answer(self, prediction: Mapping[str, Any], value: Any) -> dict[str, Any]:
        if not self.variables.names:
            return dict(prediction)
        told: dict[str, Any] = {"forecast": self._by_name(prediction["forecast"])}
        if self.quantiles:
            told["quantiles"] = {level: self._by_name(values) for level, values in prediction["quantiles"].items()}
        return told

    def _by_name(self, values: Sequence[Sequence[float]]) -> dict[str, list[float]]:
        """Returns each variable's steps, of no more digits than were computed with."""
        columns = zip(*values, strict=True)
        return {
            name: [float(f"{number:.7g}") for number in column]
            for name, column in zip(self.variables.labels, columns, strict=True)
        }

    # Scores

    def metrics(
        self, loss: float, predictions: Sequence[Mapping[str, Any]], examples: Sequence[Example]
    ) -> dict[str, Any]:
        target = self._targets(examples)
        forecast = np.array([item["forecast"] for item in predictions])
        measured: dict[str, Any] = scores(forecast, target, self._unit, self.variables.seasonal_error)
        measured |= details(forecast, target, self._unit, self.variables.seasonal_error, self.variables.labels)
        measured["scored"] = f"{len(target):,} windows of {self.cut.horizon} steps, in {self._units}"
        if self.quantiles:
            measured["coverage"] = {
                str(level): float((target <= np.array([item["quantiles"][str(level)] for item in predictions])).mean())
                for level in self.quantiles
            }
        return measured

    @property
    def _unit(self) -> np.ndarray:
        return self.variables.deviation if self.metric_units == "scaled" else np.ones(len(self.variables.chosen))

    @property
    def _units(self) -> str:
        return "standard deviations of train" if self.metric_units == "scaled" else "the data's units"

    def _targets(self, examples: Sequence[Example]) -> np.ndarray:
        """Returns what came after each window, in the order of the rows: (windows, horizon, variables)."""
        return np.concatenate([self.cut(self.variables.of(values))[1] for values in _series(examples)])

    def baseline(self, train: Sequence[Example], test: Sequence[Example], tokenizer: Tokenizer | None) -> dict | None:
        told = floors(_series(train), _series(test), self.variables, self.cut, self.season)
        target = self._targets(test)
        measured = [
            {"name": name} | scores(forecast, target, self._unit, self.variables.seasonal_error)
            for name, forecast in told
        ]
        measured.sort(key=lambda floor: floor["mae" if self.quantiles or self.measure == "mae" else "mse"])
        return measured[0] | {"others": measured[1:]}


def _series(examples: Sequence[Example]) -> list[np.ndarray]:
    """Returns what was read, float64 (time, columns)."""
    return [np.asarray(example.input, dtype=np.float64) for example in examples]
