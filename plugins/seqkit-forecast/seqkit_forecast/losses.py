"""The training losses of forecasts."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from seqkit.contracts import Loss

ERRORS: dict[str, Callable[[Tensor], Tensor]] = {
    "mse": Tensor.square,
    "mae": Tensor.abs,
    "huber": lambda error: nn.functional.huber_loss(error, torch.zeros_like(error), reduction="none"),
}
"""The loss of each error, in standardized units."""


def forecast_loss(forecast: Tensor, target: Tensor, error: str, quantiles: Sequence[float]) -> Loss:
    """Return the loss of forecasts: the pinball loss of quantiles (Koenker and Bassett, 1978), or that of their errors.

    Args:
        forecast: (rows, horizon, variables), with a last dimension for the quantiles if there are any.
        target: (rows, horizon, variables), in the same units.
        error: a key of `ERRORS`, for forecasts without quantiles.
        quantiles: the levels of the quantiles; empty for none.
    """
    if not quantiles:
        return Loss(ERRORS[error](target - forecast).sum(), target.numel())
    errors = target[..., None] - forecast
    levels = errors.new_tensor(quantiles)
    return Loss(torch.maximum(levels * errors, (levels - 1) * errors).sum() / len(quantiles), target.numel())
