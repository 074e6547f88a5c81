"""Groups of a component's parameters that are trained in another way than all others."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seqkit.messages import message

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class ParameterGroup:
    """Parameters that are frozen for a time, or that have a smaller or larger learning rate than all others.

    A frozen parameter is not updated, and weight decay does not change it. Howard and Ruder (2018, "Universal Language
    Model Fine-tuning for Text Classification") call the shares discriminative learning rates, and the growing frozen
    epochs from the last layer to the first gradual unfreezing.

    Attributes:
        parameters: of the component.
        lr_scale: their share of the learning rate of the optimizer and its schedule.
        frozen_epochs: the number of epochs before they are trained, `math.inf` to leave them as they are.

    Raises:
        ValueError: a number is negative or NaN, or `lr_scale` is infinite.
    """

    parameters: Iterable[nn.Parameter]
    lr_scale: float = 1.0
    frozen_epochs: float = 0.0

    def __post_init__(self) -> None:
        """Check the numbers, and list the parameters, which may come from a generator."""
        object.__setattr__(self, "parameters", list(self.parameters))
        if not 0 <= self.lr_scale < math.inf:
            raise ValueError(message("lr_scale must be a finite number, at least 0, not {value}", value=self.lr_scale))
        if not self.frozen_epochs >= 0:
            raise ValueError(message("frozen_epochs must be at least 0, not {value}", value=self.frozen_epochs))
