"""Adam and its relatives."""

from __future__ import annotations

from typing import Any

import torch

from seqkit.contracts import Fraction, NonNegativeFloat, Optimizer, PositiveFloat
from seqkit.optimizers.weight_decay import ExemptBiases, without_decay_of_biases


class Adam(torch.optim.Adam, Optimizer):
    """Adam: steps that are divided by a running mean of the gradient's size.

    Source: Kingma and Ba, 2015, "Adam: A Method for Stochastic Optimization".

    Args:
        lr: the learning rate.
        betas: the shares of the past in the running means of the gradient and of its square.
        eps: added to the size of the gradient before the division.
        weight_decay: the share of the weights that is added to the gradient.
        exempt_biases: whether biases and other one-dimensional weights have no weight decay.
    """

    def __init__(
        self,
        parameters: Any,
        *,
        lr: PositiveFloat = 0.001,
        betas: tuple[Fraction, Fraction] = (0.9, 0.999),
        eps: PositiveFloat = 1e-8,
        weight_decay: NonNegativeFloat = 0.0,
        exempt_biases: ExemptBiases = False,
    ) -> None:
        if exempt_biases:
            parameters = without_decay_of_biases(parameters, weight_decay)
        super().__init__(parameters, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, fused=True)


class AdamW(torch.optim.AdamW, Optimizer):
    """Adam with weight decay that does not pass through the division (decoupled).

    Source: Loshchilov and Hutter, 2019, "Decoupled Weight Decay Regularization".

    Args:
        lr: the learning rate.
        betas: the shares of the past in the running means of the gradient and of its square.
        eps: added to the size of the gradient before the division.
        weight_decay: the share of the weights, times the learning rate, that each step takes away.
        exempt_biases: whether biases and other one-dimensional weights have no weight decay.
    """

    def __init__(
        self,
        parameters: Any,
        *,
        lr: PositiveFloat = 0.001,
        betas: tuple[Fraction, Fraction] = (0.9, 0.999),
        eps: PositiveFloat = 1e-8,
        weight_decay: NonNegativeFloat = 0.01,
        exempt_biases: ExemptBiases = False,
    ) -> None:
        if exempt_biases:
            parameters = without_decay_of_biases(parameters, weight_decay)
        super().__init__(parameters, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, fused=True)


class NAdam(torch.optim.NAdam, Optimizer):
    """Adam with Nesterov's momentum, and with decoupled weight decay as in AdamW.

    It takes the parameters of AdamW, and `momentum_decay`. Its momentum grows over the first steps.

    Source: Dozat, 2016, "Incorporating Nesterov Momentum into Adam".

    Args:
        lr: the learning rate.
        betas: the shares of the past in the running means of the gradient and of its square.
        eps: added to the size of the gradient before the division.
        weight_decay: the share of the weights, times the learning rate, that each step takes away.
        momentum_decay: how fast the momentum grows to its full share: 0 gives it from the first step.
        exempt_biases: whether biases and other one-dimensional weights have no weight decay.
    """

    def __init__(
        self,
        parameters: Any,
        *,
        lr: PositiveFloat = 0.001,
        betas: tuple[Fraction, Fraction] = (0.9, 0.999),
        eps: PositiveFloat = 1e-8,
        weight_decay: NonNegativeFloat = 0.0,
        momentum_decay: NonNegativeFloat = 0.004,
        exempt_biases: ExemptBiases = False,
    ) -> None:
        if exempt_biases:
            parameters = without_decay_of_biases(parameters, weight_decay)
        super().__init__(
            parameters,
            lr=lr,
            betas=betas,
            eps=eps,
            weight_decay=weight_decay,
            momentum_decay=momentum_decay,
            decoupled_weight_decay=True,
        )
