"""The checks of a metric."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import replace
from numbers import Real
from typing import Any

import numpy as np

from seqkit.contracts import Metric, Outcomes
from seqkit.messages import message
from seqkit.testing.assertions import assert_component, assert_global_rng_unchanged, assert_global_settings_unchanged
from seqkit.testing.checks import Case, Check, CheckSuite, ContractViolation, require_all

__all__ = ["check_metric", "checks_for_metric"]

KINDS = frozenset({"labels", "texts", "values"})
LABELS = ["1", "2", "3"]
PROBABILITIES = np.array([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.3, 0.3, 0.4], [0.5, 0.25, 0.25], [0.2, 0.5, 0.3]])
"""Of five items, whose most probable labels are not all right."""

OUTCOMES = {
    "labels": Outcomes(["1", "2", "3", "2", "1"], ["1", "2", "3", "1", "2"], LABELS, PROBABILITIES),
    "texts": Outcomes(["a bc", "a", "b a c"], ["a bd", "", "b a c"]),
    "values": Outcomes(np.array([[1.0, 2.0], [3.0, 5.0], [4.0, 1.0]]), np.array([[1.5, 2.0], [2.0, 5.5], [4.0, 3.0]])),
}
PERFECT = {
    "labels": replace(OUTCOMES["labels"], predicted=OUTCOMES["labels"].truth, probabilities=np.eye(3)[[0, 1, 2, 1, 0]]),
    "texts": replace(OUTCOMES["texts"], predicted=OUTCOMES["texts"].truth),
    "values": replace(OUTCOMES["values"], predicted=OUTCOMES["values"].truth),
}
"""Outcomes by what a metric needs: with errors, and without."""


class MetricCase(Case):
    """A metric's factory."""

    def __init__(self, factory: Callable[[], Metric]) -> None:
        self.factory = factory

    def build(self) -> Any:
        """Return a new metric."""
        return self.factory()

    def outcomes(self, by_kind: dict[str, Outcomes] = OUTCOMES) -> Outcomes:
        """Return outcomes that the metric can be computed from; probabilities only if it needs them."""
        needs = self.build().needs
        found = copy.deepcopy(by_kind[next(iter(needs & KINDS))])
        return found if "probabilities" in needs else replace(found, probabilities=None)

    def score(self, by_kind: dict[str, Outcomes] = OUTCOMES) -> Any:
        """Return the score of a new metric."""
        return self.build().score(self.outcomes(by_kind))

    def compute(self) -> dict[str, Any]:
        """Return the scores of outcomes with errors, and without."""
        return {"scores": [self.score(), self.score(PERFECT)]}


check = CheckSuite[MetricCase]("metric")


def checks_for_metric(factory: Callable[[], Metric]) -> list[Check]:
    """Return the checks of a metric, for `parametrize_with_checks`.

    Args:
        factory: builds the metric: the class, or `lambda: TopK(k=3)`.
    """
    return check.for_case(MetricCase(factory))


def check_metric(factory: Callable[[], Metric]) -> None:
    """Run all checks of a metric. Arguments as for `checks_for_metric`.

    Raises:
        CheckFailure: what is wrong and how to fix it.
    """
    require_all(checks_for_metric(factory), "this metric")


@check
def contract(case: MetricCase) -> None:
    """The metric inherits the contract, says what it needs and its direction, and a recipe can set its parameters."""
    metric = case.build()
    assert_component(metric, Metric, is_module=False)
    needs = getattr(metric, "needs", None)
    known = KINDS | {"probabilities"}
    if not isinstance(needs, frozenset) or len(needs & KINDS) != 1 or not needs <= known:
        raise ContractViolation(
            message(
                "needs is {needs!r}: set it to frozenset({{...}}) of one of labels, texts, values; and probabilities, "
                "if the metric needs those of labels",
                needs=needs,
            )
        )
    if "probabilities" in needs and "labels" not in needs:
        raise ContractViolation(message("needs contains probabilities, which are those of labels: add labels"))
    if not isinstance(getattr(metric, "higher_is_better", None), bool):
        raise ContractViolation(message("higher_is_better is not set: set it to True or False in the class"))
    if not isinstance(metric.name, str) or metric.name == "loss":
        raise ContractViolation(message("name is {name!r}: set another text", name=metric.name))


@check
def number(case: MetricCase) -> None:
    """The score of outcomes with errors, and of some without, is a finite number, or None if it is undefined."""
    for outcomes in (OUTCOMES, PERFECT):
        value = case.score(outcomes)
        if value is None:
            continue
        if not isinstance(value, Real) or isinstance(value, bool) or math.isinf(value):
            raise ContractViolation(
                message("score returns {value!r}: return a finite number, or None if it is undefined", value=value)
            )


@check
def direction(case: MetricCase) -> None:
    """The score without errors is not worse than with errors: higher_is_better says which is better."""
    found, perfect = case.score(), case.score(PERFECT)
    if found is None or perfect is None:
        return
    if (perfect - found) * (1 if case.build().higher_is_better else -1) < 0:
        raise ContractViolation(
            message(
                "the score is {found} with errors and {perfect} without: check higher_is_better",
                found=found,
                perfect=perfect,
            )
        )


@check
def determinism(case: MetricCase) -> None:
    """The score depends on the outcomes alone, not on earlier calls."""
    metric = case.build()
    first = metric.score(case.outcomes())
    metric.score(case.outcomes(PERFECT))
    if not first == metric.score(case.outcomes()) == case.score():
        raise ContractViolation(
            message("the score depends on earlier calls or on random numbers: compute it from the outcomes alone")
        )


@check
def unmodified_outcomes(case: MetricCase) -> None:
    """`score` does not modify the outcomes, which other metrics receive too."""
    given = case.outcomes()
    before = copy.deepcopy(given)
    case.build().score(given)
    for name, value in vars(given).items():
        if not np.array_equal(np.asarray(value), np.asarray(vars(before)[name])):
            raise ContractViolation(message("score modifies {name} of the outcomes: work on a copy", name=name))


@check
def extreme_outcomes(case: MetricCase) -> None:
    """A score exists, or is None, for a single item, for items that are all equal, and for a label that is unknown."""
    kind = next(iter(case.build().needs & KINDS))
    one, equal = [0], [0, 0, 0]
    for chosen in (one, equal):
        full = case.outcomes()
        probabilities = None if full.probabilities is None else full.probabilities[chosen]
        truth, predicted = (
            each[chosen] if isinstance(each, np.ndarray) else [each[place] for place in chosen]
            for each in (full.truth, full.predicted)
        )
        case.build().score(replace(full, truth=truth, predicted=predicted, probabilities=probabilities))
    if kind == "labels":
        full = case.outcomes()
        case.build().score(replace(full, truth=["unknown", *list(full.truth)[1:]]))


@check
def global_rng_unchanged(case: MetricCase) -> None:
    """Global random generators are not seeded or used."""
    assert_global_rng_unchanged(case.build, lambda metric: metric.score(case.outcomes()))


@check
def global_settings_unchanged(case: MetricCase) -> None:
    """Process-wide settings do not change: default dtype, threads, environment, working directory."""
    assert_global_settings_unchanged(case.build, lambda metric: metric.score(case.outcomes()))
