"""Steps in the direction of the signs of the momentum."""

from __future__ import annotations

from typing import Any

import torch

from seqkit.contracts import Fraction, NonNegativeFloat, Optimizer, PositiveFloat


class Placeholder(torch.optim.Optimizer, Optimizer):
    """Steps of equal size for all weights, in the direction of the sign of the momentum. Replace it with your own.

    It is signSGD with momentum (Bernstein et al., 2018), with the decoupled weight decay of AdamW.

    Args:
        lr: the learning rate, about a third of Adam's.
        momentum: the share of the past in the momentum.
        weight_decay: the share of the weights, times the learning rate, that each step takes away.
    """

    def __init__(
        self,
        parameters: Any,
        *,
        lr: PositiveFloat = 0.0003,
        momentum: Fraction = 0.9,
        weight_decay: NonNegativeFloat = 0.0,
    ) -> None:
        super().__init__(parameters, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:
        """Update each parameter that has a gradient."""
        for group in self.param_groups:  # seqkit sets lr of each group before each step
            for weight in group["params"]:
                if weight.grad is None:  # frozen
                    continue
                state = self.state[weight]  # tensors here are stored in checkpoints
                if "momentum" not in state:
                    state["momentum"] = torch.zeros_like(weight)
                state["momentum"].lerp_(weight.grad, 1 - group["momentum"])
                weight.mul_(1 - group["lr"] * group["weight_decay"])
                weight.sub_(state["momentum"].sign(), alpha=group["lr"])
