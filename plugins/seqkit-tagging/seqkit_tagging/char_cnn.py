"""A convolution over the characters of a word."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from seqkit.contracts import Encoded, Encoder, PositiveInt, State
from seqkit.messages import message


class CharCNN(nn.Module, Encoder):
    """A convolution over the time steps and, for `final`, max pooling over them.

    Meant for the characters of a word, which are zero-padded on both sides: each filter detects a group of characters
    anywhere in the word, or at its beginning or end. Reference: Ma and Hovy, 2016.

    Args:
        filters: the number of filters of each width.
        widths: the widths of the filters, in characters; [3] when null.
    """

    causal = False
    width_parameters = ("filters",)

    def __init__(self, input_size: int, *, filters: PositiveInt = 64, widths: list[PositiveInt] | None = None) -> None:
        super().__init__()
        widths = [3] if widths is None else widths
        if not widths:
            raise ValueError(message("widths is empty: give at least one width"))
        self.output_size = self.final_size = filters * len(widths)
        self.widths = widths
        self.filters = nn.ModuleList(nn.Linear(width * input_size, filters) for width in widths)

    def forward(self, inputs: Tensor, lengths: Tensor, state: State = None) -> Encoded:
        """Encode a padded batch, float (batch, time, input_size)."""
        time = inputs.shape[1]
        steps = torch.arange(time, device=inputs.device)
        is_padding = (steps >= lengths.to(inputs.device)[:, None])[:, :, None]  # (batch, time, 1)
        # Padded time steps can hold any value, but a filter that extends beyond the last character must see zeros.
        inputs = inputs.masked_fill(is_padding, 0)
        values = []
        for width, linear in zip(self.widths, self.filters, strict=True):
            # A linear map of concatenated neighbors is a convolution, and takes two thirds of the time of Conv1d on a
            # CPU.
            padded = nn.functional.pad(inputs, (0, 0, (width - 1) // 2, width // 2))  # (batch, time + width - 1, …)
            neighbors = torch.cat([padded[:, offset : offset + time] for offset in range(width)], dim=2)
            values.append(linear(neighbors))  # (batch, time, filters)
        outputs = torch.cat(values, dim=2)  # (batch, time, output_size)
        return Encoded(outputs, outputs.masked_fill(is_padding, -torch.inf).max(dim=1).values)
