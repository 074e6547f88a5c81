"""Checks of what a head shows in the report of a run."""

from __future__ import annotations

import copy
import json
from typing import Any

from seqkit.contracts import Head
from seqkit.contracts.capabilities import call_with_accepted
from seqkit.errors import DataError
from seqkit.messages import message
from seqkit.runs.exhibits import EXHIBITS, exhibit_as_json, exhibit_from_json
from seqkit.testing.checks import CheckSuite, ContractViolation, DoesNotApply
from seqkit.testing.comparison import json_differs, shorten
from seqkit.testing.head.case import HeadCase, predict

check = CheckSuite[HeadCase]("head")


@check
def exhibits(case: HeadCase) -> None:
    """`exhibits` returns exhibits that report.json can contain, the same ones for the same predictions."""
    if type(case.build()).exhibits is Head.exhibits:
        raise DoesNotApply(message("the head has no `exhibits`"))
    head = case.build()
    found = predict(head, *case.batch(head))
    before = copy.deepcopy(found)
    shown: list[Any]
    again: list[Any]
    shown, again = (
        list(call_with_accepted(head.exhibits, found, case.examples, tokenizer=case.tokenizer)) for _ in range(2)
    )
    if json_differs(before, found):
        raise ContractViolation(message("exhibits modifies the predictions: work on a copy"))
    for exhibit in shown:
        if not isinstance(exhibit, tuple(EXHIBITS.values())):
            kinds = ", ".join(kind.__name__ for kind in EXHIBITS.values())
            raise ContractViolation(
                message("exhibits returns {value}: return instances of {kinds}", value=shorten(exhibit), kinds=kinds)
            )
        _check_json(exhibit)
    if shown != again:
        raise ContractViolation(
            message("exhibits returns something else for the same predictions: a resumed run must write the same bytes")
        )


def _check_json(exhibit: Any) -> None:
    """Check that an exhibit is the same after it is written as JSON and read again."""
    try:
        text = json.dumps(exhibit_as_json(exhibit), allow_nan=False)
        restored = exhibit_from_json(json.loads(text), exhibit.title)
    except (TypeError, ValueError, DataError) as error:
        raise ContractViolation(
            message(
                "the exhibit '{title}' is not JSON ({error}): convert numbers with float(...), and arrays with "
                ".tolist()",
                title=exhibit.title,
                error=error,
            )
        ) from None
    if restored != exhibit:
        raise ContractViolation(
            message(
                "the exhibit '{title}' changes when it is written as JSON and read again: use tuples instead of "
                "lists, and values of the types that its fields have",
                title=exhibit.title,
            )
        )
