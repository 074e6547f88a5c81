"""Features on a common scale."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from seqkit.contracts import Embedding


class Scaled(nn.Module, Embedding):
    """Features, each shifted and scaled to a common range, with statistics of the training split alone.

    The same as `StandardScaler`, `MinMaxScaler` and `RobustScaler` of scikit-learn. A constant feature is only shifted.

    Args:
        by: `standard`: mean 0 and standard deviation 1; `min_max`: minimum 0 and maximum 1; `robust`: median 0 and
            interquartile range 1, which outliers influence less.
    """

    takes = "features"
    shift: Tensor
    scale: Tensor

    def __init__(self, width: int, *, by: Literal["standard", "min_max", "robust"] = "standard") -> None:
        super().__init__()
        self.by = by
        self.output_size = width
        self.register_buffer("shift", torch.zeros(width))
        self.register_buffer("scale", torch.ones(width))

    def fit(self, inputs: Iterable[np.ndarray]) -> None:
        values = np.concatenate([np.asarray(item, dtype=np.float64) for item in inputs])  # (time steps, width)
        if self.by == "standard":
            shift, scale = values.mean(axis=0), values.std(axis=0)
        elif self.by == "min_max":
            shift, scale = values.min(axis=0), np.ptp(values, axis=0)
        else:
            lower, shift, upper = np.percentile(values, [25, 50, 75], axis=0)
            scale = upper - lower
        varies = scale > 1e-9 * np.abs(shift)
        self.shift.copy_(torch.from_numpy(shift))
        self.scale.copy_(torch.from_numpy(np.where(varies, scale, 1.0)))

    def forward(self, features: Tensor) -> Tensor:
        """Scale features, float (batch, time, width)."""
        return (features - self.shift) / self.scale
