"""The next steps of a series."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal

import numpy as np
import torch
from annotated_types import Gt, Lt
from torch import Tensor, nn

from seqkit.contracts import Batch, Encoded, Example, Fraction, Head, Loss, PositiveInt, Row, Tokenizer
from seqkit.errors import DataError, suggest
from seqkit_forecast.floors import fit_ridge, floors
from seqkit_forecast.scores import details, scores, seasonal_errors
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
        stride: take every so manieth window, of every split.
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
        self.wanted = targets
        self.quantiles = quantiles or []
        self.measure = loss
        self.linear = linear
        self.season = season
        self.metric_units = metric_units
        self.dropout = nn.Dropout(dropout)
        self._fitted_map: tuple[np.ndarray, np.ndarray] | None = None

    # What is learned from the training split

    def fit(self, examples: Sequence[Example], tokenizer: Tokenizer | None) -> None:
        if tokenizer is not None:
            raise DataError("there are no numbers to forecast: this reader yields text")
        columns = np.asarray(examples[0].input).shape[1]
        targets = self._chosen(columns, examples[0].names)
        series = [np.asarray(example.input, dtype=np.float64)[:, targets] for example in examples]
        longest = max(map(len, series))
        if longest < self.cut.length:
            raise ValueError(
                f"input_length and horizon take {self.cut.length} steps together, and the training part "
                f"has {longest}: shorten them, or give more data"
            )
        values = np.concatenate(series)
        spread = values.std(axis=0)
        shift = values.mean(axis=0)
        self.restore(
            {
                "columns": columns,
                "names": list(examples[0].names),
                "targets": targets,
                "shift": shift.tolist(),
                "scale": np.where(spread > 1e-9 * np.abs(shift), spread, 1.0).tolist(),
                "seasonal_error": seasonal_errors(series, self.season or 1).tolist(),
            }
        )
        if self.linear == "ridge":
            self._fitted_map = self._ridge_of_each(series)

    def _chosen(self, columns: int, names: Sequence[str]) -> list[int]:
        """Returns the numbers of the columns to tell."""
        if self.wanted is None:
            return list(range(columns))
        chosen = []
        for target in self.wanted:
            if isinstance(target, str) and target not in names:
                known = suggest(target, names) or (
                    f"; there are {', '.join(names)}" if names else " by name: use numbers"
                )
                raise ValueError(f"targets names '{target}', which is not there{known}")
            if isinstance(target, int) and not 0 <= target < columns:
                raise ValueError(f"targets must be below the number of columns, {columns}; not {target}")
            chosen.append(names.index(target) if isinstance(target, str) else target)
        return chosen

    def _ridge_of_each(self, series: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Returns weights (variables, horizon, input_length) and bias (horizon, variables) of a ridge a variable."""
        windows = [self.cut((values - self.shift) / self.scale) for values in series]
        differences = [(inputs - inputs[:, -1:], targets - inputs[:, -1:]) for inputs, targets in windows]
        weights, bias = [], []
        for variable in range(len(self.targets)):
            own = [(inputs[:, :, variable], targets[:, :, variable]) for inputs, targets in differences]
            weight, intercept, _ = fit_ridge(own)
            weights.append(weight.T)
            bias.append(intercept)
        return np.stack(weights), np.stack(bias, axis=1)

    def state(self) -> dict[str, Any]:
        return {
            "columns": self.columns,
            "names": self.names,
            "targets": self.targets,
            "shift": self.shift.tolist(),
            "scale": self.scale.tolist(),
            "seasonal_error": self.seasonal_error.tolist(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        self.columns = int(state["columns"])
        self.names = [str(name) for name in state["names"]]
        self.targets = [int(number) for number in state["targets"]]
        self.shift, self.scale, self.seasonal_error = (
            np.array(state[name], dtype=np.float64) for name in ("shift", "scale", "seasonal_error")
        )

    @property
    def target_names(self) -> list[str]:
        """What is told, by name; by number where the columns have no names."""
        return [self.names[number] if self.names else str(number) for number in self.targets]

    # Windows

    def rows(self, example: Example, encoded_input: np.ndarray) -> Iterator[Row]:
        self._check_columns(example, encoded_input)
        inputs, targets = self.cut(encoded_input)
        if not len(inputs):
            raise DataError(
                f"{len(encoded_input):,} steps, where input_length and horizon take {self.cut.length:,} together: shorten "
                "them, or give this part more"
            )
        if self.targets != list(range(self.columns)):
            targets = targets[:, :, self.targets]
        yield from map(Row, inputs, targets)

    def _check_columns(self, example: Example, values: np.ndarray) -> None:
        if example.names and self.names and list(example.names) != self.names:
            remedy = "name them in this order with `columns:`"
            raise DataError(f"its columns are {', '.join(example.names)}, not {', '.join(self.names)}: {remedy}")
        if values.shape[1] != self.columns:
            raise DataError(f"it has {values.shape[1]} columns, where training had {self.columns}")

    def predict_input(self, encoded_input: np.ndarray) -> np.ndarray:
        if len(encoded_input) < self.cut.input_length:
            raise DataError(f"{len(encoded_input):,} steps, where a forecast is made from {self.cut.input_length:,}")
        return encoded_input[-self.cut.input_length :]

    # The layers

    def build(self, output_size: int, final_size: int) -> None:
        variables = len(self.targets)
        numbers = self.cut.horizon * variables
        self.output = nn.Linear(final_size, numbers)
        # What is not yet learned adds nothing to the linear map.
        nn.init.zeros_(self.output.weight)
        nn.init.zeros_(self.output.bias)
        if self.quantiles:
            self.spread = nn.Linear(final_size, numbers * (len(self.quantiles) - 1))
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
        error = self._scaled(batch.targets) - self._point(final, batch)  # (batch, horizon, variables)
        if self.quantiles:
            below = self._scaled(batch.targets)[..., None] - self._fan(
                final, batch
            )  # (batch, horizon, variables, quantiles)
            levels = below.new_tensor(self.quantiles)
            total = torch.maximum(levels * below, (levels - 1) * below).sum() / len(self.quantiles)
        elif self.measure == "mse":
            total = error.square().sum()
        else:
            total = error.abs().sum()
        return Loss(total, error.numel())

    def _point(self, final: Tensor, batch: Batch) -> Tensor:
        """Returns the forecast, or its median, in scaled units: (batch, horizon, variables)."""
        window = self._scaled(batch.inputs[:, :, self.targets])  # (batch, input_length, variables)
        last = window[:, -1:]
        told = last + self.output(final).unflatten(1, (self.cut.horizon, -1))
        if self.linear != "none":
            told = told + torch.einsum("btv,vht->bhv", window - last, self.weight) + self.bias
        return told

    def _fan(self, final: Tensor, batch: Batch) -> Tensor:
        """Returns the quantiles in scaled units: (batch, horizon, variables, quantiles)."""
        middle = self.quantiles.index(0.5)
        median = self._point(final, batch)[..., None]
        steps = nn.functional.softplus(self.spread(final)).unflatten(1, (*median.shape[1:3], len(self.quantiles) - 1))
        lower = median - steps[..., :middle].flip(-1).cumsum(-1).flip(-1)
        return torch.cat([lower, median, median + steps[..., middle:].cumsum(-1)], dim=-1)

    def _scaled(self, values: Tensor) -> Tensor:
        return (values - values.new_tensor(self.shift)) / values.new_tensor(self.scale)

    # Answers

    def predict(self, encoded: Encoded, batch: Batch) -> list[dict[str, Any]]:
        final = self.dropout(encoded.final)
        forecasts = self._in_data_units(self._point(final, batch))
        answers: list[dict[str, Any]] = [{"forecast": forecast} for forecast in forecasts.tolist()]
        if self.quantiles:
            fan = self._fan(final, batch)
            for number, quantile in enumerate(self.quantiles):
                for answer, values in zip(answers, self._in_data_units(fan[..., number]).tolist(), strict=True):
                    answer.setdefault("quantiles", {})[str(quantile)] = values
        return answers

    def _in_data_units(self, scaled: Tensor) -> np.ndarray:
        return scaled.detach().cpu().double().numpy() * self.scale + self.shift

    def answer(self, prediction: Mapping[str, Any], value: Any) -> dict[str, Any]:
        if not self.names:
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
            for name, column in zip(self.target_names, columns, strict=True)
        }

    # Scores

    def metrics(
        self, loss: float, predictions: Sequence[Mapping[str, Any]], examples: Sequence[Example]
    ) -> dict[str, Any]:
        target = self._targets(examples)
        forecast = np.array([item["forecast"] for item in predictions])
        measured: dict[str, Any] = scores(forecast, target, self._unit, self.seasonal_error)
        measured |= details(forecast, target, self._unit, self.seasonal_error, self.target_names)
        measured["scored"] = f"{len(target):,} windows of {self.cut.horizon} steps, in {self._units}"
        if self.quantiles:
            measured["coverage"] = {
                str(level): float((target <= np.array([item["quantiles"][str(level)] for item in predictions])).mean())
                for level in self.quantiles
            }
        return measured

    @property
    def _unit(self) -> np.ndarray:
        return self.scale if self.metric_units == "scaled" else np.ones_like(self.scale)

    @property
    def _units(self) -> str:
        return "standard deviations of train" if self.metric_units == "scaled" else "the data's units"

    def _targets(self, examples: Sequence[Example]) -> np.ndarray:
        """Returns what came after each window, in the order of the rows: (windows, horizon, variables)."""
        series = [np.asarray(example.input, dtype=np.float64)[:, self.targets] for example in examples]
        return np.concatenate([self.cut(values)[1] for values in series])

    def baseline(self, train: Sequence[Example], test: Sequence[Example], tokenizer: Tokenizer | None) -> dict | None:
        told = floors(
            [np.asarray(example.input, dtype=np.float64) for example in train],
            [np.asarray(example.input, dtype=np.float64) for example in test],
            self.targets,
            self.cut,
            self.season,
        )
        target = self._targets(test)
        measured = [
            {"name": name} | scores(forecast, target, self._unit, self.seasonal_error) for name, forecast in told
        ]
        measured.sort(key=lambda floor: floor["mae" if self.quantiles or self.measure == "mae" else "mse"])
        return measured[0] | {"others": measured[1:]}
