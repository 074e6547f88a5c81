"""Penalties of activations, which an encoder adds to the training loss."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from seqkit.contracts import Loss


class ActivationPenalties(nn.Module):
    """Penalties of large outputs and of large changes from one time step to the next, active in training alone.

    Activation regularization and temporal activation regularization: Merity, Keskar and Socher, Regularizing and
    Optimizing LSTM Language Models, 2018. An encoder returns them as `Encoded.penalties`.

    Args:
        activation: the factor of the mean square of the outputs after dropout.
        temporal: the factor of the mean square of the differences of the outputs, before dropout, of one time step and
            the next.
    """

    def __init__(self, activation: float, temporal: float) -> None:
        super().__init__()
        self.activation = activation
        self.temporal = temporal

    def forward(self, outputs: Tensor, dropped: Tensor, lengths: Tensor) -> tuple[Loss, ...]:
        """Return the penalties; none in evaluation, or if their factors are 0.

        Args:
            outputs: float (batch, time, width), before dropout.
            dropped: the same after dropout.
            lengths: int64 (batch,), on the CPU.
        """
        if not self.training or not (self.activation or self.temporal):
            return ()
        penalties: list[Loss] = []
        mask = (torch.arange(outputs.shape[1]) < lengths[:, None]).to(outputs.device)[:, :, None]
        if self.activation:
            squares = dropped.square().masked_fill(~mask, 0)
            penalties.append(Loss(self.activation * squares.sum(), int(lengths.sum()) * outputs.shape[2]))
        if self.temporal:
            squares = (outputs[:, 1:] - outputs[:, :-1]).square().masked_fill(~mask[:, 1:], 0)
            penalties.append(Loss(self.temporal * squares.sum(), int((lengths - 1).sum()) * outputs.shape[2]))
        return tuple(penalties)

    def extra_repr(self) -> str:
        return f"activation={self.activation}, temporal={self.temporal}"
