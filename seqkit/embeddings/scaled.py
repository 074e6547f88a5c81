"""Features on a common scale."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from seqkit.contracts import Embedding
from seqkit.errors import DataError
from seqkit.messages import message


class Scaled(nn.Module, Embedding):
    """Features, each shifted and scaled to a common range, with statistics of the training split alone.

    The same as `StandardScaler`, `MinMaxScaler` and `RobustScaler` of scikit-learn. A constant feature is only shifted.

    Args:
        by: `standard`: mean 0 and standard deviation 1; `min_max`: minimum 0 and maximum 1; `robust`: median 0 and
            interquartile range 1, which outliers influence less.
    """

    takes = "features"
    accepts_float64 = True
    shift: Tensor
    scale: Tensor

    def __init__(self, width: int, *, by: Literal["standard", "min_max", "robust"] = "standard") -> None:
        super().__init__()
        self.by = by
        self.output_size = width
        # float32 cannot represent a level that is large beside the differences.
        self.register_buffer("shift", torch.zeros(width, dtype=torch.float64))
        self.register_buffer("scale", torch.ones(width, dtype=torch.float64))
        self.register_load_state_dict_post_hook(_check_restored)

    def fit(self, inputs: Iterable[np.ndarray]) -> None:
        """Compute shift and scale.

        Raises:
            DataError: the numbers of a feature are too large.
        """
        values = np.concatenate([np.asarray(item, dtype=np.float64) for item in inputs])  # (time steps, width)
        # Differences from the first time step, of a size of 1, lose no digits and have squares of every size.
        first = values[0].copy()
        with np.errstate(over="ignore"):
            values -= first
        size = np.abs(values).max(axis=0)
        if not (is_finite := np.isfinite(size)).all():
            raise DataError(
                message("feature {number} is too large to compute with: rescale it", number=int(is_finite.argmin()) + 1)
            )
        size[size == 0] = 1
        values /= size
        if self.by == "standard":
            shift, scale = values.mean(axis=0), values.std(axis=0)
        elif self.by == "min_max":
            shift, scale = values.min(axis=0), np.ptp(values, axis=0)
        else:
            lower, shift, upper = np.percentile(values, [25, 50, 75], axis=0)
            scale = upper - lower
        shift, scale = first + size * shift, size * scale
        # A feature that differs by a few units in the last place is constant.
        varies = scale > 4 * np.finfo(np.float64).eps * np.abs(shift)
        self.shift.copy_(torch.from_numpy(shift))
        self.scale.copy_(torch.from_numpy(np.where(varies, scale, 1.0)))

    def forward(self, features: Tensor) -> Tensor:
        """Scale features, float (batch, time, width)."""
        return ((features - self.shift) / self.scale).to(features.dtype)


def _check_restored(module: nn.Module, incompatible_keys: object) -> None:
    """Check the buffers of a run, which a hook of torch calls after loading them.

    Raises:
        ValueError: shift or scale is invalid.
    """
    assert isinstance(module, Scaled)
    if not (module.shift.isfinite() & module.scale.isfinite() & (module.scale > 0)).all():
        raise ValueError(message("the embedding 'scaled' has an invalid shift or scale"))
