"""A schedule that depends on the results of evaluation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from annotated_types import Ge, Gt, Lt

from seqkit.contracts import NonNegativeInt, PositiveInt, Schedule, TrainingLength
from seqkit.messages import format_value, message


class Plateau(Schedule):
    """A learning rate that is multiplied by `gamma` when `train.metric` stops improving on the validation split.

    An evaluation improves if its epoch is the best so far, as for early stopping, whose `min_delta` applies here too.
    Give early stopping a larger `patience` than the schedule.

    Args:
        patience: the number of successive evaluations without improvement after which the rate is multiplied.
        gamma: the factor.
        final: the lowest rate, as a fraction of lr.
        warmup: the length of a linear warm-up, in steps.
    """

    needs_validation = True

    def __init__(
        self,
        *,
        patience: PositiveInt = 3,
        gamma: Annotated[float, Gt(0), Lt(1)] = 0.5,
        final: Annotated[float, Ge(0), Lt(1)] = 0.0,
        warmup: NonNegativeInt = 0,
    ) -> None:
        self.patience = patience
        self.gamma = gamma
        self.final = final
        self.warmup = warmup
        self.reductions = 0
        self.without_improvement = 0

    def learning_rate(self, base: float, step: int, length: TrainingLength) -> float:
        """Return the learning rate of a step."""
        if step < self.warmup:
            return base * (step + 1) / self.warmup
        return base * max(self.final, self.gamma**self.reductions)

    def evaluated(self, metrics: Mapping[str, Any], is_best: bool) -> None:
        """Count the evaluations without improvement, and reduce the rate after `patience` of them."""
        self.without_improvement = 0 if is_best else self.without_improvement + 1
        if self.without_improvement == self.patience:
            self.without_improvement = 0
            self.reductions += 1

    def state(self) -> dict[str, Any]:
        """Return the number of reductions, and of evaluations without improvement since the last one."""
        return {"reductions": self.reductions, "without_improvement": self.without_improvement}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Restore what `state` returned."""
        for name in ("reductions", "without_improvement"):
            value = state.get(name)
            if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 10**9:
                raise ValueError(message("invalid {name}: {value}", name=name, value=format_value(value)))
        self.reductions, self.without_improvement = state["reductions"], state["without_improvement"]
