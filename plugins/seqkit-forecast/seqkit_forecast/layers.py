"""The layers of the head `forecast`: an output layer beside a linear map of the window."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from seqkit.contracts import Batch
from seqkit.messages import message
from seqkit_forecast.baselines import column_windows, fit_ridge
from seqkit_forecast.normalization import Normalization, level_and_scale
from seqkit_forecast.targets import TargetVariables
from seqkit_forecast.windows import SlidingWindows


class ForecastLayers(nn.Module):
    """The layers of the head `forecast`, which compute forecasts in standardized units.

    Args:
        windows: the shape of the windows.
        quantiles: the levels of the quantiles; empty for none.
        linear: `ridge`, `learned` or `none`.
        share_linear: whether one linear map serves all variables.
        trend: the length of the moving average that a learned linear map reads separately; None for no such map.
        normalize: what windows are relative to.
        shared: whether one output layer serves all variables.
        dropout: the dropout probability of the encoder's final vector.
    """

    variables: TargetVariables

    def __init__(
        self,
        windows: SlidingWindows,
        quantiles: Sequence[float],
        linear: str,
        share_linear: bool,
        trend: int | None,
        normalize: Normalization,
        shared: bool,
        dropout: float,
    ) -> None:
        super().__init__()
        self.windows = windows
        self.quantiles = quantiles
        self.linear = linear
        self.share_linear = share_linear
        self.trend = trend
        self.normalize: Normalization = normalize
        self.shared = shared
        self.dropout = nn.Dropout(dropout)
        self._fitted_ridge: tuple[np.ndarray, np.ndarray] | None = None

    def fit_ridges(self, series: Sequence[np.ndarray]) -> None:
        """Fit a ridge per variable, or one for all variables, to the training windows.

        Args:
            series: arrays (time, columns), in the data's units.
        """
        scaled = [self.variables.standardize(self.variables.select(values)) for values in series]
        windows = [self.windows.cut(values) for values in scaled]
        calendars = [self.windows.cut(values[:, self.variables.calendar])[0][:, -1] for values in series]
        by_variable = [column_windows(windows, number) for number in range(len(self.variables.columns))]
        if self.share_linear:
            by_variable, calendars = (
                [[each for columns in by_variable for each in columns]],
                calendars * len(by_variable),
            )
        ridges = [fit_ridge(each, normalize=self.normalize, others=calendars) for each in by_variable]
        self._fitted_ridge = (
            np.stack([weights.T for weights, _, _ in ridges]),  # (maps, horizon, inputs)
            np.stack([intercept for _, intercept, _ in ridges], axis=1),  # (horizon, maps)
        )

    def build(self, output_size: int, final_size: int) -> None:
        """Create the layers, as the contract of a head describes."""
        variables, columns = len(self.variables.columns), self.variables.column_count
        horizon = self.windows.horizon
        if self.shared and final_size % columns:
            raise ValueError(
                message(
                    "shared requires an encoder whose final vector concatenates one vector for each of the "
                    "{columns} columns, such as segments; the final vector of this encoder has {final_size} "
                    "elements",
                    columns=columns,
                    final_size=final_size,
                )
            )
        width, outputs = (final_size // columns, 1) if self.shared else (final_size, variables)
        self.output = nn.Linear(width, outputs * horizon)
        # Training starts from the forecast of the linear map alone.
        nn.init.zeros_(self.output.weight)
        nn.init.zeros_(self.output.bias)
        if len(self.quantiles) > 1:
            self.spread = nn.Linear(width, outputs * horizon * (len(self.quantiles) - 1))
        if self.linear != "none":
            self._build_linear(1 if self.share_linear else variables)

    def _build_linear(self, maps: int) -> None:
        horizon, input_length = self.windows.horizon, self.windows.input_length
        learned = self.linear == "learned"
        inputs = input_length + len(self.variables.calendar)
        self.weight = nn.Parameter(torch.zeros(maps, horizon, inputs), learned)
        self.bias = nn.Parameter(torch.zeros(horizon, maps), learned)
        if self.trend is not None:
            self.trend_weight = nn.Parameter(torch.zeros(maps, horizon, input_length))
        if self._fitted_ridge is not None:
            with torch.no_grad():
                self.weight.copy_(torch.from_numpy(self._fitted_ridge[0]))
                self.bias.copy_(torch.from_numpy(self._fitted_ridge[1]))

    def point_forecast(self, final: Tensor, batch: Batch) -> Tensor:
        """Return the forecast, or the median of the quantiles, in standardized units: (batch, horizon, variables).

        Args:
            final: (batch, final_size), after dropout.
            batch: the windows, in the data's units.
        """
        level, scale, window = self._normalized_window(final, batch)
        forecast = level + scale * self._project(self.output, final)[..., 0]
        if self.linear == "none":
            return forecast
        calendar = batch.inputs[:, -1:, self.variables.calendar].to(final.dtype)  # (batch, 1, calendar columns)
        inputs = torch.cat([window, calendar.transpose(1, 2).expand(-1, -1, window.shape[2])], dim=1)
        forecast = forecast + scale * _apply(self.weight, inputs) + scale * self.bias
        return forecast if self.trend is None else forecast + scale * _apply(self.trend_weight, self._average(window))

    def quantile_forecasts(self, final: Tensor, batch: Batch) -> Tensor:
        """Return the quantiles in standardized units: (batch, horizon, variables, quantiles).

        Args:
            final: as for `point_forecast`.
            batch: the same.
        """
        middle = self.quantiles.index(0.5)
        median = self.point_forecast(final, batch)[..., None]
        if len(self.quantiles) == 1:
            return median
        _, scale, _ = self._normalized_window(final, batch)
        gaps = scale[..., None] * nn.functional.softplus(self._project(self.spread, final))
        lower = median - gaps[..., :middle].flip(-1).cumsum(-1).flip(-1)
        return torch.cat([lower, median, median + gaps[..., middle:].cumsum(-1)], dim=-1)

    def _normalized_window(self, final: Tensor, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        """Return the level and the scale of each window, (batch, 1, variables), and the window relative to them.

        The window is (batch, input_length, variables).
        """
        window = self.variables.standardize_tensor(batch.inputs[:, :, self.variables.columns])
        if self.normalize == "last":
            window = window.to(final.dtype)
        # The others stay in the type of the features, float64, in which a high level does not hide the differences.
        level, scale = level_and_scale(window, batch.mask, self.normalize)
        return level, scale, ((window - level) / scale).to(final.dtype)

    def _average(self, window: Tensor) -> Tensor:
        """Return the moving average of a window, (batch, input_length, variables), whose ends are repeated."""
        assert self.trend is not None
        padding = (self.trend // 2, self.trend // 2)
        padded = nn.functional.pad(window.transpose(1, 2), padding, mode="replicate")
        return nn.functional.avg_pool1d(padded, self.trend, stride=1).transpose(1, 2)

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


def _apply(weight: Tensor, inputs: Tensor) -> Tensor:
    """Apply the linear map of each variable, or the same one to all: (batch, inputs, variables) to (…, horizon, …)."""
    return torch.einsum("btv,vht->bhv", inputs, weight.expand(inputs.shape[2], -1, -1))
