"""The contract of a schedule, which sets the learning rate of each step."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from seqkit.contracts.capabilities import Contract


@dataclass(frozen=True)
class TrainingLength:
    """The length of training. The last epoch can be incomplete if the recipe sets `train.steps`."""

    epochs: int
    steps: int
    steps_per_epoch: int


class Schedule(Contract, ABC):
    """Set the learning rate of each step: built as `Schedule(*, parameters)`. It needs no torch.

    Attributes:
        depends_on_length: whether the rates depend on the length of training, so that a run that is resumed for longer
            differs from one that was that long from the start. seqkit then says so.
        needs_validation: whether the schedule uses `evaluated`, so that the recipe must have a validation split.
    """

    depends_on_length: bool = False
    needs_validation: bool = False

    @abstractmethod
    def learning_rate(self, base: float, step: int, length: TrainingLength) -> float:
        """Return the learning rate of a step: finite, and at least 0.

        It depends on the arguments and on what `state` returns, and on nothing else: not on earlier calls.

        Args:
            base: the `lr` of the optimizer.
            step: the number of the step, from 0.
            length: the length of training.
        """

    def evaluated(self, metrics: Mapping[str, Any], is_best: bool) -> None:  # noqa: B027
        """Called after each evaluation of the validation split.

        Args:
            metrics: the loss and the metrics of the head.
            is_best: whether the epoch is the best so far, by `train.metric`.
        """

    def state(self) -> dict[str, Any]:
        """Return what the schedule has learned from evaluations, as JSON types. A checkpoint stores it."""
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:  # noqa: B027
        """Restore what `state` returned.

        Raises:
            ValueError: the state, which may come from an untrusted file, is invalid.
        """
