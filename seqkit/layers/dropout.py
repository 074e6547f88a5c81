"""Dropout of whole features."""

from __future__ import annotations

from torch import Tensor, nn

from seqkit.messages import message


class VariationalDropout(nn.Module):
    """Dropout with one mask per row, which is the same at every time step.

    Gal and Ghahramani, A Theoretically Grounded Application of Dropout in Recurrent Neural Networks, 2016. As in
    `torch.nn.Dropout`, what remains is divided by 1 - p in training, and nothing is changed in evaluation.

    Args:
        p: the probability of a feature to be dropped, at least 0 and less than 1.

    Raises:
        ValueError: p is not such a probability.
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        if not 0 <= p < 1:
            raise ValueError(message("p must be at least 0 and less than 1, not {p}", p=p))
        self.p = p

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the inputs, float (batch, time, features), with the same features of a row dropped at all times."""
        if not self.training or self.p == 0:
            return inputs
        mask = inputs.new_ones(inputs.shape[0], 1, inputs.shape[2])  # (batch, 1, features)
        return inputs * nn.functional.dropout(mask, self.p)

    def extra_repr(self) -> str:
        return f"p={self.p}"
