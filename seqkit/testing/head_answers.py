"""What a head owes in its answers, and whether it learns what it is taught."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from seqkit.contracts import Batch, Encoded, Example
from seqkit.testing.checks import Broken, Checks, DoesNotApply
from seqkit.testing.head_case import HeadCase, Learned, as_json, differing

check = Checks("head")


def _answering(case: HeadCase) -> tuple[Any, Encoded, Batch, list[dict[str, Any]]]:
    """Returns a head with what it is given and what it answers, or raises DoesNotApply where it answers nothing."""
    head = case.build()
    encoded, batch = case.given(head)
    answers = case.answers(head, encoded, batch)
    if isinstance(answers, list) and not answers:
        raise DoesNotApply("it answers nothing: its predict gives no objects")
    return head, encoded, batch, answers


@check
def predictions(case: HeadCase) -> None:
    """predict gives a JSON object a row, and answer turns each into another."""
    head, _, batch, answers = _answering(case)
    if not isinstance(answers, list) or len(answers) != len(batch.lengths):
        raise Broken(f"predict gives {len(answers)} objects for {len(batch.lengths)} rows: give one a row, in a list")
    for prediction in answers:
        if not isinstance(as_json(prediction, "a prediction"), dict):
            raise Broken(f"a prediction is {prediction!r:.60}: give a mapping with text keys")
        if differing(as_json(prediction, "a prediction"), prediction):
            raise Broken("a prediction comes back from JSON as another: use text keys")
    shown = head.answer(answers[0], case.examples[0].input)
    if not isinstance(as_json(shown, "an answer"), dict):
        raise Broken(f"answer gives {shown!r:.60}: give a mapping with text keys")


@check
def predictions_alone(case: HeadCase) -> None:
    """A row's prediction does not depend on its padding, on other rows, or on their order."""
    head, _, _, answers = _answering(case)
    places = list(range(len(answers)))
    tries = {
        "with what stands at padded steps": (places, True),
        "when rows change places": (places[::-1], False),
        **{f"when row {place} stands alone": ([place], False) for place in places},
    }
    for what, (chosen, noise) in tries.items():
        got = case.answers(head, *case.given(head, chosen, noise=noise))
        if differing([answers[place] for place in chosen], got):
            raise Broken(f"a prediction is another {what}: read real steps alone (`batch.mask`), row by row, in order")


@check
def predictions_blind(case: HeadCase) -> None:
    """predict does not look at targets, which it has in evaluation and has not in use."""
    head, encoded, batch, answers = _answering(case)
    with torch.no_grad():
        seeing = head.predict(encoded, batch)
    if differing(answers, seeing):
        raise Broken("a prediction is another where the batch has targets: never read batch.targets in predict")


@check
def predict_input(case: HeadCase) -> None:
    """A prediction is made from a part of the input, of at least one step."""
    head = case.build()
    for ids in case.encoded_inputs:
        before = ids.copy()
        part = head.predict_input(ids)
        if not isinstance(part, np.ndarray) or not len(part) or part.shape[1:] != ids.shape[1:]:
            raise Broken(f"predict_input gives {part!r:.40} of {ids.shape}: give an array of some of its steps")
        if not np.array_equal(before, ids):
            raise Broken("predict_input writes into the input: work on a copy")


@check
def no_rows(case: HeadCase) -> None:
    """A batch of no rows has no predictions."""
    head, encoded, batch, _ = _answering(case)
    nothing = Batch(batch.inputs[:0], batch.lengths[:0])
    if found := case.answers(head, Encoded(encoded.outputs[:0], encoded.final[:0]), nothing):
        raise Broken(f"a batch of no rows has {len(found)} predictions: give one a row")


@check
def metrics(case: HeadCase) -> None:
    """metrics are JSON and finite, and hold what metric_names says."""
    head = case.build()
    if odd := sorted(set(head.higher_is_better) - set(head.metric_names)):
        raise Broken(f"higher_is_better names {odd[0]!r}, which is not in metric_names: name it there too")
    found = _metrics(case, case.learned, case.answers(head, *case.given(head)), 1.0)
    for name in head.metric_names:
        value = found.get(name)
        if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
            raise Broken(f"metric_names names {name!r}, and metrics gives {value!r} for it: give a finite number")


@check
def metrics_direction(case: HeadCase) -> None:
    """What has been learned by heart scores no worse than before: higher_is_better says rightly which way is better."""
    learned = case.learned
    head = learned.head
    if not head.metric_names:
        raise DoesNotApply("it has no metrics")
    answers = case.answers(head, learned.encoded, learned.batch)
    before = _metrics(case, learned, learned.before, learned.first)
    after = _metrics(case, learned, answers, learned.last)
    for name in head.metric_names:
        change = after[name] - before[name]
        if (change < -1e-9) if name in head.higher_is_better else (change > 1e-9):
            raise Broken(
                f"{name} goes from {before[name]:.4g} to {after[name]:.4g} while {len(case.examples)} examples are "
                "learned by heart: see higher_is_better, and that predictions are in step with examples"
            )


@check
def learns(case: HeadCase) -> None:
    """It learns a handful of examples by heart, when even what the encoder gives is free to fit them."""
    first, last = case.learned.first, case.learned.last
    if not last < first - 0.3 * abs(first):
        raise Broken(
            f"the mean loss goes from {first:.4g} to {last:.4g} while {len(case.examples)} examples should be "
            "learned by heart: does the loss depend on what predicts the target?"
        )


@check
def answers(case: HeadCase) -> None:
    """Once examples are learned by heart, their targets are what it answers."""
    learned = case.learned
    head = learned.head
    given = case.answers(head, learned.encoded, learned.batch)
    targets = [example.target for example in case.examples]
    if not given or any(target is None for target in targets):
        raise DoesNotApply("it answers nothing, or the examples have no targets")
    if len(given) != len(targets):
        raise DoesNotApply("an example is made into more rows than one")
    for number, (example, prediction) in enumerate(zip(case.examples, given, strict=True), start=1):
        shown = as_json(prediction, "a prediction") | as_json(head.answer(prediction, example.input), "an answer")
        if not any(_tells(value, example.target) for value in shown.values()):
            raise Broken(
                f"example {number} of {len(given)} was learned by heart (mean loss {learned.last:.2g}), and is "
                f"answered {shown!r:.120} where its target is {example.target!r:.50}: are targets off by one, or "
                "labels in another order in predict?"
            )


@check
def writes(case: HeadCase) -> None:
    """Once texts are learned by heart, the likeliest id at each step is the one that comes next in the text."""
    head = case.learned.head
    if not head.generates:
        raise DoesNotApply("it does not generate")
    best = head.logits(case.learned.encoded).argmax(dim=2)
    number = 0
    for ids in case.encoded_inputs:
        for row in head.rows(Example(case.examples[0].input), ids):
            steps = len(row.input)
            mine = best[number, :steps].tolist()
            if not any(mine == text[-len(mine) :] for text in _continuations(ids, row.input)):
                raise Broken(
                    f"after {row.input.tolist()!r:.60} it writes {mine!r:.60}, and the text is {ids.tolist()!r:.80}: a "
                    "step's target is the id after it; is it off by one?"
                )
            number += 1


def _continuations(ids: np.ndarray, part: np.ndarray) -> Iterator[list[int]]:
    """Yields what comes next after each step of a part of a text, for every place where that part stands in it."""
    for start in range(len(ids) - len(part)):
        if np.array_equal(ids[start : start + len(part)], part):
            yield ids[start + 1 : start + len(part) + 1].tolist()


@check
def baseline(case: HeadCase) -> None:
    """baseline is None, or a JSON object with the method's name and metrics that the head has too."""
    torch.set_default_dtype(torch.float32)  # it is no part of the model, and computes as it likes
    head = case.build()
    found = head.baseline(case.examples, case.examples, case.tokenizer)
    if found is None:
        raise DoesNotApply("it has no baseline for these examples")
    as_json(found, "its baseline")
    if not isinstance(found.get("name"), str):
        raise Broken(f"its baseline has the name {found.get('name')!r}: say which method it is")
    if head.metric_names and not {"loss", *head.metric_names} & found.keys():
        raise Broken(f"its baseline gives {sorted(found)}: give metrics of the head, so that the two can be compared")


def _metrics(case: HeadCase, learned: Learned, answers: list[dict[str, Any]], loss: float) -> dict[str, Any]:
    return as_json(learned.head.metrics(loss, answers, case.examples), "its metrics")


def _tells(value: Any, target: Any) -> bool:
    """Returns whether a part of an answer is the target: as text, as a list, or in numbers within a few hundredths."""
    if _as_text(value) == _as_text(target):
        return True
    try:
        one, other = np.asarray(value, dtype=float), np.asarray(target, dtype=float)
    except (TypeError, ValueError):
        return False
    return one.shape == other.shape and bool(np.allclose(one, other, atol=0.05 * max(1.0, float(np.abs(other).max()))))


def _as_text(value: Any) -> str:
    if isinstance(value, list | tuple | np.ndarray):
        return "".join(map(_as_text, value))
    return "".join(str(value).split())
