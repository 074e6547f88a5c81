"""A learning rate that falls with the square root of the step."""

from __future__ import annotations

from seqkit.contracts import PositiveInt, Schedule, TrainingLength


class Placeholder(Schedule):
    """A linear warm-up to lr, and then a rate that falls with the square root of the step. Replace it with your own.

    Source: Vaswani et al., 2017, "Attention Is All You Need". The rates do not depend on the length of training, so a
    run can be resumed for longer.

    Args:
        warmup: the number of steps until the highest rate.
    """

    def __init__(self, *, warmup: PositiveInt = 100) -> None:
        self.warmup = warmup

    def learning_rate(self, base: float, step: int, length: TrainingLength) -> float:
        """Return the learning rate of a step, counted from 0."""
        number = step + 1
        return base * min(number / self.warmup, (self.warmup / number) ** 0.5)
