"""SpecAugment: masks on the inputs of an encoder, in training only."""

from __future__ import annotations

from typing import Annotated

import torch
from annotated_types import Ge, Le
from torch import Tensor, nn

from seqkit.contracts import Encoded, Encoder, EncoderFactory, NonNegativeInt, PositiveInt, State
from seqkit.messages import message


class SpecAugment(nn.Module, Encoder):
    """Another encoder, whose inputs are masked at random in training: some time steps, and some frequency bands.

    A mask sets features to 0, so their mean should be 0: use `normalize: recording` of the reader, or `embedding:
    {type: scaled}`. The width of each mask is uniform between 0 and the greatest one, and so is its place. Evaluation
    and prediction mask nothing.
    Reference: Park et al., SpecAugment: A Simple Data Augmentation Method for Automatic Speech Recognition, 2019.

    Args:
        encoder: the encoder.
        time_masks: the number of masks of successive time steps in a row.
        time_width: the greatest width of such a mask, in time steps.
        time_fraction: the greatest width of such a mask, as a fraction of the time steps of the row.
        frequency_masks: the number of masks of successive bands in a row.
        frequency_width: the greatest width of such a mask, in bands; never more than there are.
        bands: the number of bands: `bands` of the reader, if it stacks several windows into a time step, whose bands
            are then masked together. By default each feature is a band.
    """

    encoder: Encoder

    def __init__(
        self,
        input_size: int,
        *,
        encoder: EncoderFactory,
        time_masks: NonNegativeInt = 2,
        time_width: NonNegativeInt = 10,
        time_fraction: Annotated[float, Ge(0), Le(1)] = 0.2,
        frequency_masks: NonNegativeInt = 2,
        frequency_width: NonNegativeInt = 8,
        bands: PositiveInt | None = None,
    ) -> None:
        super().__init__()
        self.bands = input_size if bands is None else min(bands, input_size)
        if input_size > 1 and input_size % (bands or 1):  # 1 if only the values of a recipe are checked, without data
            raise ValueError(
                message(
                    "bands must divide the number of features of a time step, {input_size}, not {bands}",
                    input_size=input_size,
                    bands=bands,
                )
            )
        self.encoder = encoder(input_size)
        self.time_masks = time_masks
        self.time_width = time_width
        self.time_fraction = time_fraction
        self.frequency_masks = frequency_masks
        self.frequency_width = min(frequency_width, self.bands)
        self.output_size = self.encoder.output_size
        self.final_size = self.encoder.final_size
        self.causal = self.encoder.causal
        self.input_limit = self.encoder.input_limit

    def forward(self, inputs: Tensor, lengths: Tensor, state: State = None) -> Encoded:
        return self.encoder(self.mask(inputs, lengths) if self.training else inputs, lengths, state)

    def mask(self, inputs: Tensor, lengths: Tensor) -> Tensor:
        """Return inputs, float (batch, time, input_size), with masked features set to 0.

        Args:
            inputs: float (batch, time, input_size).
            lengths: int64 (batch,), on the CPU. Masks lie within a row.
        """
        batch, time, input_size = inputs.shape
        steps = lengths.to(inputs.device)
        widest = (self.time_fraction * steps).long().clamp(max=self.time_width)
        is_masked_step = _random_masks(self.time_masks, widest, steps, time)  # (batch, time)
        bands = torch.full_like(steps, self.bands)
        widest = torch.full_like(steps, self.frequency_width)
        is_masked_band = _random_masks(self.frequency_masks, widest, bands, self.bands)  # (batch, bands)
        is_masked_feature = is_masked_band.repeat(1, input_size // self.bands)  # (batch, input_size)
        return inputs.masked_fill(is_masked_step[:, :, None] | is_masked_feature[:, None], 0.0)


def _random_masks(count: int, widest: Tensor, sizes: Tensor, size: int) -> Tensor:
    """Return the union of random intervals in each row, bool (batch, size).

    Args:
        count: the number of intervals per row.
        widest: int64 (batch,): the greatest width of an interval.
        sizes: int64 (batch,): where the last interval must end.
        size: the number of places.
    """
    widths, starts = torch.rand(2, len(sizes), count, 1, device=sizes.device)
    widths = (widths * (widest[:, None, None] + 1)).long()
    starts = (starts * (sizes[:, None, None] - widths + 1)).long()
    places = torch.arange(size, device=sizes.device)
    return ((places >= starts) & (places < starts + widths)).any(dim=1)
