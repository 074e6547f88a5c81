"""RMSprop."""

from __future__ import annotations

from typing import Any

import torch

from seqkit.contracts import Fraction, NonNegativeFloat, Optimizer, PositiveFloat
from seqkit.optimizers.weight_decay import ExemptBiases, without_decay_of_biases


class RMSprop(torch.optim.RMSprop, Optimizer):
    """RMSprop: steps that are divided by a running mean of the gradient's size.

    Source: Tieleman and Hinton, 2012, "Lecture 6.5: rmsprop".

    Args:
        lr: the learning rate.
        alpha: the share of the past in the running mean of the gradient's square.
        eps: added to the size of the gradient before the division.
        momentum: the share of the past step in each step.
        weight_decay: the share of the weights that is added to the gradient.
        exempt_biases: whether biases and other one-dimensional weights have no weight decay.
    """

    def __init__(
        self,
        parameters: Any,
        *,
        lr: PositiveFloat = 0.001,
        alpha: Fraction = 0.99,
        eps: PositiveFloat = 1e-8,
        momentum: Fraction = 0.0,
        weight_decay: NonNegativeFloat = 0.0,
        exempt_biases: ExemptBiases = False,
    ) -> None:
        if exempt_biases:
            parameters = without_decay_of_biases(parameters, weight_decay)
        super().__init__(parameters, lr=lr, alpha=alpha, eps=eps, momentum=momentum, weight_decay=weight_decay)
