"""Checks of what a head says about each prediction."""

from __future__ import annotations

import math

from seqkit.contracts import Head, Judgment
from seqkit.messages import message
from seqkit.testing.checks import CheckSuite, ContractViolation, DoesNotApply
from seqkit.testing.comparison import shorten
from seqkit.testing.head.case import HeadCase, json_round_trip, predict

check = CheckSuite[HeadCase]("head")


@check
def judgments(case: HeadCase) -> None:
    """`judge` compares predictions with the targets of their examples; what is no error has an equal truth."""
    head = case.build()
    if type(head).judge is Head.judge:
        raise DoesNotApply(message("the head has no `judge`"))
    names = None
    for judgment in head.judge(predict(head, *case.batch(head)), case.examples, tokenizer=case.tokenizer):
        if not isinstance(judgment, Judgment):
            raise ContractViolation(message("judge yields {judgment}: yield a Judgment", judgment=shorten(judgment)))
        json_round_trip({"judgment": [judgment.truth, judgment.prediction]}, message("a judgment"))
        facts = json_round_trip(dict(judgment.facts), message("the facts of a judgment"))
        names = facts.keys() if names is None else names
        problem = ""
        if not 0 <= judgment.example < len(case.examples):
            problem = message("example is the index of an example, from 0")
        elif facts.keys() != names:
            problem = message("all judgments have facts of the same names")
        elif not math.isfinite(judgment.order):
            problem = message("order is a finite number")
        elif judgment.probability is not None and not 0 <= judgment.probability <= 1:
            problem = message("probability is a number from 0 to 1, or None")
        elif not judgment.is_error and judgment.truth != judgment.prediction:
            problem = message("truth and prediction are equal unless it is an error")
        if problem:
            raise ContractViolation(
                message("judge yields {judgment}: {problem}", judgment=shorten(judgment, 200), problem=problem)
            )
