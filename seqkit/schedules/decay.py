"""Schedules with a warm-up and then a rate that is constant or falls.

They take the same parameters, of which each uses those that concern it, so that an override of `type` alone leaves a
recipe valid.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import Annotated

from annotated_types import Ge, Le

from seqkit.contracts import NonNegativeInt, PositiveInt, Probability, Schedule, TrainingLength


class Decay(Schedule):
    """A linear warm-up over `warmup` steps, and then what a subclass says.

    Args:
        warmup: the length of the warm-up, in steps.
        final: for linear and cosine: the rate of the last step, as a fraction of lr.
        every: for step: the number of epochs from one reduction to the next.
        gamma: for step: the factor.
    """

    def __init__(
        self,
        *,
        warmup: NonNegativeInt = 0,
        final: Annotated[float, Ge(0), Le(1)] = 0.0,
        every: PositiveInt = 1,
        gamma: Probability = 0.5,
    ) -> None:
        self.warmup = warmup
        self.final = final
        self.every = every
        self.gamma = gamma

    def learning_rate(self, base: float, step: int, length: TrainingLength) -> float:
        """Return the learning rate of a step."""
        if step < self.warmup:
            return base * (step + 1) / self.warmup
        return base * self.factor(step, length)

    @abstractmethod
    def factor(self, step: int, length: TrainingLength) -> float:
        """Return the learning rate of a step after the warm-up, as a fraction of lr."""

    def progress(self, step: int, length: TrainingLength) -> float:
        """Return which part of the steps after the warm-up is done, 0 to 1."""
        return min(1.0, (step - self.warmup) / max(1, length.steps - 1 - self.warmup))


class Constant(Decay):
    """The learning rate of the optimizer, after a linear warm-up.

    Args:
        warmup: the length of the warm-up, in steps.
        final: not used.
        every: not used.
        gamma: not used.
    """

    def factor(self, step: int, length: TrainingLength) -> float:
        """Return 1."""
        return 1.0


class Step(Decay):
    """A learning rate that is multiplied by `gamma` every `every` epochs, after a linear warm-up.

    Args:
        warmup: the length of the warm-up, in steps.
        final: not used.
        every: the number of epochs from one reduction to the next.
        gamma: the factor.
    """

    def factor(self, step: int, length: TrainingLength) -> float:
        """Return `gamma` to the power of the number of times that `every` epochs have passed."""
        return self.gamma ** (step // (length.steps_per_epoch * self.every))


class Linear(Decay):
    """A learning rate that falls linearly from lr to `final` times lr at the last step, after a linear warm-up.

    Args:
        warmup: the length of the warm-up, in steps.
        final: the rate of the last step, as a fraction of lr.
        every: not used.
        gamma: not used.
    """

    depends_on_length = True

    def factor(self, step: int, length: TrainingLength) -> float:
        """Return a fraction from 1 to `final`."""
        return 1 - (1 - self.final) * self.progress(step, length)


class Cosine(Decay):
    """A learning rate that falls from lr to `final` times lr along half a cosine, after a linear warm-up.

    Source: Loshchilov and Hutter, 2017, "SGDR: Stochastic Gradient Descent with Warm Restarts".

    Args:
        warmup: the length of the warm-up, in steps.
        final: the rate of the last step, as a fraction of lr.
        every: not used.
        gamma: not used.
    """

    depends_on_length = True

    def factor(self, step: int, length: TrainingLength) -> float:
        """Return a fraction from 1 to `final`."""
        done = (1 - math.cos(math.pi * self.progress(step, length))) / 2
        return 1 - (1 - self.final) * done
