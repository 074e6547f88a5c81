"""The checks of a schedule."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Callable
from typing import Any

from seqkit.contracts import Schedule, TrainingLength
from seqkit.messages import message
from seqkit.testing.assertions import assert_component, assert_global_rng_unchanged, assert_global_settings_unchanged
from seqkit.testing.checks import Case, Check, CheckSuite, ContractViolation, require_all

__all__ = ["check_schedule", "checks_for_schedule"]

LENGTHS = (
    TrainingLength(epochs=5, steps=100, steps_per_epoch=20),
    TrainingLength(epochs=3, steps=8, steps_per_epoch=3),
    TrainingLength(epochs=1, steps=2, steps_per_epoch=2),
    TrainingLength(epochs=1, steps=1, steps_per_epoch=5),
)
"""Lengths of training, the last epoch of which can be incomplete."""

EVALUATIONS = [({"loss": 2.0 - min(number, 5) / 10}, number < 6) for number in range(30)]
"""Metrics and whether they are the best so far: six improvements, and then none."""


class ScheduleCase(Case):
    """A schedule's factory."""

    def __init__(self, factory: Callable[[], Schedule]) -> None:
        self.factory = factory

    def build(self, evaluations: int = 0) -> Any:
        """Return a new schedule, after a number of evaluations."""
        schedule = self.factory()
        for metrics, is_best in EVALUATIONS[:evaluations]:
            schedule.evaluated(dict(metrics), is_best)
        return schedule

    def rates(self, schedule: Schedule, length: TrainingLength = LENGTHS[0]) -> list[float]:
        """Return the learning rate of each step."""
        return [schedule.learning_rate(0.5, step, length) for step in range(length.steps)]

    def compute(self) -> dict[str, Any]:
        """Return the learning rates before and after evaluations."""
        return {"learning rates": [self.rates(self.build(count)) for count in (0, 20)]}


check = CheckSuite[ScheduleCase]("schedule")


def checks_for_schedule(factory: Callable[[], Schedule]) -> list[Check]:
    """Return the checks of a schedule, for `parametrize_with_checks`.

    Args:
        factory: builds the schedule: the class, or `lambda: InverseSqrt(warmup=10)`.
    """
    return check.for_case(ScheduleCase(factory))


def check_schedule(factory: Callable[[], Schedule]) -> None:
    """Run all checks of a schedule. Arguments as for `checks_for_schedule`.

    Raises:
        CheckFailure: what is wrong and how to fix it.
    """
    require_all(checks_for_schedule(factory), "this schedule")


@check
def contract(case: ScheduleCase) -> None:
    """The schedule inherits the contract, and a recipe can set its parameters."""
    assert_component(case.build(), Schedule, is_module=False)


@check
def finite_rates(case: ScheduleCase) -> None:
    """The learning rate of every step is a finite number, at least 0, whatever the length of training."""
    for evaluations in (0, 30):
        for length in LENGTHS:
            for step, rate in enumerate(case.rates(case.build(evaluations), length)):
                if not isinstance(rate, int | float) or isinstance(rate, bool) or not 0 <= rate < math.inf:
                    raise ContractViolation(
                        message(
                            "the learning rate of step {step} of {steps} is {rate!r}: return a finite number >= 0",
                            step=step,
                            steps=length.steps,
                            rate=rate,
                        )
                    )


@check
def determinism(case: ScheduleCase) -> None:
    """The learning rate depends on the arguments and the state, not on earlier calls."""
    for evaluations in (0, 20):
        one, other = case.build(evaluations), case.build(evaluations)
        backward = [one.learning_rate(0.5, step, LENGTHS[0]) for step in reversed(range(LENGTHS[0].steps))][::-1]
        if case.rates(one) != backward or case.rates(other) != backward:
            raise ContractViolation(
                message(
                    "the learning rate of a step depends on earlier calls or on random numbers: compute it from the "
                    "arguments and the state, so that a resumed run has the same one"
                )
            )


@check
def state_round_trip(case: ScheduleCase) -> None:
    """A new instance that restores the saved state gives the same rates, now and after more evaluations."""
    for evaluations in (0, 9, 20):
        one, other = case.build(evaluations), case.build()
        try:
            state = json.loads(json.dumps(one.state(), allow_nan=False))
        except (TypeError, ValueError) as error:
            raise ContractViolation(
                message("the state is not JSON ({error}): use dicts with string keys, lists and numbers", error=error)
            ) from None
        if state:  # as a checkpoint does
            other.restore(state)
        if case.rates(one) != case.rates(other):
            raise ContractViolation(
                message("the learning rates differ after restoring the saved state: store all that they depend on")
            )
        for metrics, is_best in EVALUATIONS[evaluations : evaluations + 9]:
            one.evaluated(dict(metrics), is_best)
            other.evaluated(dict(metrics), is_best)
        if case.rates(one) != case.rates(other):
            raise ContractViolation(
                message("evaluations have another effect after restoring the saved state: store all that they change")
            )


@check
def declared_dependence(case: ScheduleCase) -> None:
    """`needs_validation` and `depends_on_length` are set if the rates depend on evaluations or on the length."""
    schedule = case.build()
    if not schedule.needs_validation and case.rates(schedule) != case.rates(case.build(30)):
        raise ContractViolation(
            message("the learning rates depend on evaluations: set needs_validation = True in the class")
        )
    longer = TrainingLength(epochs=10, steps=200, steps_per_epoch=20)
    if not schedule.depends_on_length and case.rates(schedule) != case.rates(schedule, longer)[: LENGTHS[0].steps]:
        raise ContractViolation(
            message("the learning rates depend on the length of training: set depends_on_length = True in the class")
        )


@check
def independent_instances(case: ScheduleCase) -> None:
    """Evaluations of one instance do not change another, and `evaluated` does not modify the metrics."""
    schedule = case.build()
    rates = case.rates(schedule)
    other = case.build()
    for metrics, is_best in EVALUATIONS:
        given = copy.deepcopy(metrics)
        other.evaluated(given, is_best)
        if given != metrics:
            raise ContractViolation(message("evaluated modifies the metrics: work on a copy"))
    if case.rates(schedule) != rates or case.rates(case.build()) != rates:
        raise ContractViolation(
            message("evaluations of one instance change another: set attributes of self, not of the class")
        )


@check
def global_rng_unchanged(case: ScheduleCase) -> None:
    """Global random generators are not seeded or used."""
    assert_global_rng_unchanged(lambda: case.build(20), case.rates)


@check
def global_settings_unchanged(case: ScheduleCase) -> None:
    """Process-wide settings do not change: default dtype, threads, environment, working directory."""
    assert_global_settings_unchanged(lambda: case.build(20), case.rates)
