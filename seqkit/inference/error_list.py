"""The errors of an evaluation, and its scores by group: which examples a run gets wrong, and where."""

from __future__ import annotations

import json
import warnings
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from seqkit.contracts import Example, Head, Judgment, TextPair
from seqkit.errors import DataError, UsageError, suggest
from seqkit.inference.evaluation import Evaluation
from seqkit.messages import listed, message
from seqkit.runs.numbers import find_not_finite, numbers_of

SMALL_GROUP = 30
"""A group of fewer examples is marked as small: its scores are uncertain."""

MAX_GROUPS = 1000


def list_errors(evaluation: Evaluation, *, every: bool = False) -> list[tuple[Example, dict[str, Any]]]:
    """Return the errors of an evaluation, those that the model is surest of first, as the head orders them.

    Args:
        evaluation: the evaluation.
        every: whether to return what is right too, after the errors, the least sure first.

    Returns:
        For each error its example, and `location`, `input` (not of features), `input_pair` (of pairs of texts),
        `truth`, `prediction`, `probability` (if the head knows it) and the facts of the head; with `every`, `error`
        too.

    Raises:
        UsageError: the head cannot say what an error is.
        DataError: a number is not finite.
    """
    engine = evaluation.parts.torch_engine
    head = engine.model.head
    if type(head).judge is Head.judge or not evaluation.predictions:
        raise UsageError(
            message(
                "{run}: the head '{head}' does not say which predictions are errors: its scores are all there is",
                run=evaluation.parts.directory.path,
                head=engine.head_name,
            )
        )
    judged = list(head.judge(evaluation.predictions, evaluation.examples, tokenizer=engine.tokenizer))
    errors = sorted((each for each in judged if each.is_error), key=lambda each: -each.order)
    rest = sorted((each for each in judged if not each.is_error), key=lambda each: each.order) if every else []
    has_probability = any(each.probability is not None for each in judged)
    records = []
    for judgment in errors + rest:
        example = evaluation.examples[judgment.example]
        record = _describe(judgment, example, has_probability) | ({"error": judgment.is_error} if every else {})
        if find_not_finite(record) is not None:
            place = example.location or message("example {number}", number=judgment.example + 1)
            raise DataError(message("{place}: its error contains a number that is not finite", place=place))
        records.append((example, record))
    return records


def _describe(judgment: Judgment, example: Example, has_probability: bool) -> dict[str, Any]:
    value = example.input
    is_text = isinstance(value, str) or (
        isinstance(value, list | tuple) and all(isinstance(word, str) for word in value)
    )
    if isinstance(value, TextPair):
        shown: dict[str, Any] = {"input": value.first, "input_pair": value.second}
    else:
        shown = {"input": value if isinstance(value, str) else list(value)} if is_text else {}
    return {
        "location": example.location,
        **shown,
        "truth": judgment.truth,
        "prediction": judgment.prediction,
        **({"probability": judgment.probability} if has_probability else {}),
        **judgment.facts,
    }


def score_groups(evaluation: Evaluation, column: str) -> dict[str, Any]:
    """Return the scores of the examples with each value of a column, the largest group first.

    Args:
        evaluation: the evaluation, whose examples contain their columns.
        column: a column besides those of the input and the target.

    Returns:
        `column`, `small_below` (a group of fewer examples is marked as `small`), and `scores`: for each group `value`,
        `examples`, `small` and the metrics that are numbers.

    Raises:
        UsageError: there is no such column, or it has more than `MAX_GROUPS` values.
    """
    groups: dict[str | None, list[Example]] = defaultdict(list)
    column = str(column)  # as the names of the columns are
    names = dict.fromkeys(name for example in evaluation.examples for name in example.columns)
    if column not in names:
        if names:
            found = suggest(column, list(names)) or message("; choose one of {names}", names=listed(names))
        else:
            found = message("; the data has no other columns")
        raise UsageError(
            message(
                "--by {column}: must be a column besides those of the input and the target{found}",
                column=column,
                found=found,
            )
        )
    for example in evaluation.examples:
        groups[_group(example.columns.get(column))].append(example)
    if len(groups) > MAX_GROUPS:
        raise UsageError(
            message(
                "--by {column}: has {count:,} values: choose a column with at most {most:,}",
                column=column,
                count=len(groups),
                most=MAX_GROUPS,
            )
        )
    ordered = sorted(groups.items(), key=lambda group: (-len(group[1]), group[0] or ""))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the whole evaluation has issued the notes
        scores = [_score(evaluation, value, examples) for value, examples in ordered]
    return {"column": column, "small_below": SMALL_GROUP, "scores": scores}


def _score(evaluation: Evaluation, value: str | None, examples: Sequence[Example]) -> dict[str, Any]:
    parts = evaluation.parts
    scores = numbers_of(Evaluation(parts, list(examples), temperature=parts.temperature).scores)
    return {"value": value, "examples": len(examples), "small": len(examples) < SMALL_GROUP} | scores


def _group(value: Any) -> str | None:
    """Return the value of a column as text: `1` of a CSV and of a JSON Lines file are the same."""
    return value if isinstance(value, str | None) else json.dumps(value, ensure_ascii=False, default=str)
