"""The level and the scale of a window, for reversible instance normalization."""

from __future__ import annotations

from typing import Literal, TypeAlias

import torch
from torch import Tensor, nn

from seqkit.contracts import Encoded, Encoder, EncoderFactory, State

Normalization: TypeAlias = Literal["last", "mean", "standard"]

EPSILON = 1e-5
"""What is added to the variance of a window, as by Kim et al. (2022): a constant window has a scale above 0."""


def level_and_scale(values: Tensor, mask: Tensor, by: Normalization) -> tuple[Tensor, Tensor]:
    """Return what is subtracted from each window, and what the difference is divided by.

    Args:
        values: float (batch, time, variables), on a common scale.
        mask: bool (batch, time): the time steps of each window; at least one.
        by: `last`: the last value, and 1; `mean`: the mean, and 1; `standard`: the mean and the standard deviation.

    Returns:
        Two tensors (batch, 1, variables).
    """
    counts = mask.sum(dim=1)[:, None, None]
    if by == "last":
        level = values.gather(1, (counts - 1).expand(-1, -1, values.shape[2]))
        return level, torch.ones_like(level)
    real = mask[:, :, None]
    level = values.masked_fill(~real, 0.0).sum(dim=1, keepdim=True) / counts
    if by == "mean":
        return level, torch.ones_like(level)
    variance = (values - level).masked_fill(~real, 0.0).square().sum(dim=1, keepdim=True) / counts
    return level, (variance + EPSILON).sqrt()


class Normalized(nn.Module, Encoder):
    """Encode each row relative to its own level and scale (reversible instance normalization: Kim et al., 2022).

    Each variable of a row is shifted and scaled with statistics of that row alone, without learned factors. The head
    `forecast` with the same `normalize` undoes it in the forecast. Use it after `embedding: {type: scaled}`: windows
    whose standard deviation is below 0.003 are hardly scaled.

    Args:
        by: what is subtracted from each variable, and what the difference is divided by: `standard` for the mean and
            the standard deviation of the row; `mean` for the mean, and `last` for the last value, without a division.
        encoder: the encoder of the normalized rows.
    """

    causal = False  # statistics of the row include its later time steps

    def __init__(self, input_size: int, *, by: Normalization = "standard", encoder: EncoderFactory) -> None:
        super().__init__()
        self.by: Normalization = by
        self.encoder = encoder(input_size)
        self.output_size = self.encoder.output_size
        self.final_size = self.encoder.final_size

    def forward(self, inputs: Tensor, lengths: Tensor, state: State = None) -> Encoded:
        steps = torch.arange(inputs.shape[1], device=inputs.device)
        mask = steps < lengths.to(inputs.device)[:, None]  # (batch, time)
        level, scale = level_and_scale(inputs, mask, self.by)
        normalized = ((inputs - level) / scale).masked_fill(~mask[:, :, None], 0.0)
        encoded = self.encoder(normalized, lengths)
        return encoded._replace(state=None)
