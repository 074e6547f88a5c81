"""Stochastic gradient descent."""

from __future__ import annotations

import inspect
from typing import Any

import torch

from seqkit.contracts import Fraction, NonNegativeFloat, Optimizer, PositiveFloat
from seqkit.messages import message
from seqkit.optimizers.weight_decay import ExemptBiases, without_decay_of_biases


class SGD(torch.optim.SGD, Optimizer):
    """Stochastic gradient descent, with momentum.

    Source: Sutskever et al., 2013, "On the importance of initialization and momentum in deep learning".

    Args:
        lr: the learning rate.
        momentum: the share of the past step in each step.
        nesterov: whether the gradient is that after the momentum's step, by Nesterov's approximation.
        weight_decay: the share of the weights that is added to the gradient.
        exempt_biases: whether biases and other one-dimensional weights have no weight decay.
    """

    def __init__(
        self,
        parameters: Any,
        *,
        lr: PositiveFloat = 0.1,
        momentum: Fraction = 0.0,
        nesterov: bool = False,
        weight_decay: NonNegativeFloat = 0.0,
        exempt_biases: ExemptBiases = False,
    ) -> None:
        if nesterov and not momentum:
            raise ValueError(message("nesterov requires a momentum greater than 0"))
        if exempt_biases:
            parameters = without_decay_of_biases(parameters, weight_decay)
        super().__init__(parameters, lr=lr, momentum=momentum, nesterov=nesterov, weight_decay=weight_decay, fused=True)

    def step(self, closure: Any = None) -> Any:
        """Update the parameters.

        The fused kernel requires that all of them have a momentum or none. One whose first gradient comes later, as
        after unfreezing, starts from a momentum of 0.
        """
        for group in self.param_groups:
            weights = [weight for weight in group["params"] if weight.grad is not None]
            missing = [weight for weight in weights if self.state[weight].get("momentum_buffer") is None]
            if group["momentum"] and len(missing) < len(weights):
                for weight in missing:
                    self.state[weight]["momentum_buffer"] = torch.zeros_like(weight)
        # Without torch's wrappers, which import its compiler.
        return inspect.unwrap(torch.optim.SGD.step)(self, closure)
