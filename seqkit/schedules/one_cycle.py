"""The one-cycle schedule."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Lt

from seqkit.contracts import Probability, Schedule, TrainingLength


class OneCycle(Schedule):
    """A learning rate that rises to lr and then falls far below its start.

    lr is the highest rate, and can be several times that of a constant schedule. Momentum does not change.

    Source: Smith, 2018, "A disciplined approach to neural network hyper-parameters: Part 1"; half a cosine in place of
    the straight lines, as in fastai and torch.optim.lr_scheduler.OneCycleLR. The slanted triangular rates of Howard and
    Ruder (2018, "Universal Language Model Fine-tuning for Text Classification") are `{shape: linear, rise: 0.1,
    initial: 0.03125, final: 0.03125}`.

    Args:
        shape: whether the rate rises and falls along half a `cosine` each, or on straight lines (`linear`).
        rise: the part of the steps in which the rate rises.
        initial: the rate of the first step, as a fraction of lr.
        final: the rate of the last step, as a fraction of lr.
    """

    depends_on_length = True

    def __init__(
        self,
        *,
        shape: Literal["cosine", "linear"] = "cosine",
        rise: Annotated[float, Gt(0), Lt(1)] = 0.3,
        initial: Probability = 0.04,
        final: Annotated[float, Ge(0), Lt(1)] = 4e-6,
    ) -> None:
        self.shape = shape
        self.rise = rise
        self.initial = initial
        self.final = final

    def learning_rate(self, base: float, step: int, length: TrainingLength) -> float:
        """Return the learning rate of a step."""
        last = max(1, length.steps - 1)
        top = max(1.0, self.rise * length.steps - 1)  # the step of the highest rate, as in torch
        if step <= top:
            return base * self._between(self.initial, 1.0, step / top)
        return base * self._between(1.0, self.final, min(1.0, (step - top) / max(1.0, last - top)))

    def _between(self, start: float, end: float, done: float) -> float:
        """Return a value between two others, of which a fraction of the way is done."""
        rest = 1 - done if self.shape == "linear" else (1 + math.cos(math.pi * done)) / 2
        return end + (start - end) * rest
