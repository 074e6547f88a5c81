"""Entities from tags, and their scores: equal to seqeval's and to conlleval's."""

from __future__ import annotations

from itertools import product

import conlleval
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seqeval.metrics import classification_report
from seqeval.metrics.sequence_labeling import get_entities
from seqkit_tagging.spans import Span, entity_scores, forbidden, spans

BIO = ["O", *(f"{prefix}-{label}" for prefix in "BI" for label in ("per", "loc", "a-b"))]
BMES = ["O", *(f"{prefix}-{label}" for prefix in "BMES" for label in ("per", "loc"))]


@pytest.mark.parametrize(
    ("tags", "found"),
    [
        ("O O", []),
        ("B-x I-x O", [("x", 0, 2)]),
        ("B-x B-x", [("x", 0, 1), ("x", 1, 2)]),
        ("O I-x I-x", [("x", 1, 3)]),
        ("B-x I-y", [("x", 0, 1), ("y", 1, 2)]),
        ("B-x M-x E-x S-x", [("x", 0, 3), ("x", 3, 4)]),
        ("M-x E-x", [("x", 0, 2)]),
        ("B-x S-x", [("x", 0, 1), ("x", 1, 2)]),
        ("E-x E-x", [("x", 0, 1), ("x", 1, 2)]),
        ("B-x O E-x", [("x", 0, 1), ("x", 2, 3)]),
        ("B E S", [("_", 0, 2), ("_", 2, 3)]),
    ],
)
def test_spans(tags: str, found: list[tuple[str, int, int]]) -> None:
    assert spans(tags.split()) == [Span(*span) for span in found]


def pairs(tags: list[str]) -> st.SearchStrategy[list[list[tuple[str, str]]]]:
    """Some sentences of (true, predicted) tags."""
    tag = st.sampled_from(tags)
    return st.lists(st.lists(st.tuples(tag, tag), min_size=1, max_size=12), min_size=1, max_size=5)


@given(tags=st.lists(st.sampled_from(BIO), max_size=20))
@settings(max_examples=60, deadline=None, derandomize=True, database=None)
def test_spans_are_those_of_seqeval(tags: list[str]) -> None:
    assert [(span.label, span.start, span.end - 1) for span in spans(tags)] == get_entities(tags)


@given(tags=st.lists(st.sampled_from(BMES), max_size=20))
@settings(max_examples=60, deadline=None, derandomize=True, database=None)
def test_the_middle_of_bmes_is_the_inside_of_iobes(tags: list[str]) -> None:
    iobes = [tag.replace("M-", "I-") for tag in tags]
    assert [(span.label, span.start, span.end - 1) for span in spans(tags)] == get_entities(iobes)
    assert spans(tags) == spans(iobes)


@given(sentences=pairs(BIO))
@settings(max_examples=60, deadline=None, derandomize=True, database=None)
def test_scores_are_those_of_seqeval(sentences: list[list[tuple[str, str]]]) -> None:
    truth = [[true for true, _ in sentence] for sentence in sentences]
    predicted = [[guessed for _, guessed in sentence] for sentence in sentences]
    scores = entity_scores(truth, predicted)
    if not scores["per_type"]:
        assert scores == {"precision": 0.0, "recall": 0.0, "f1": 0.0, "per_type": {}}
        return
    report = classification_report(truth, predicted, output_dict=True, zero_division=0)
    for label, wanted in [(label, report[label]) for label in scores["per_type"]] + [("", report["micro avg"])]:
        ours = scores["per_type"][label] if label else scores
        assert ours["precision"] == pytest.approx(wanted["precision"])
        assert ours["recall"] == pytest.approx(wanted["recall"])
        assert ours["f1"] == pytest.approx(wanted["f1-score"])
        assert not label or ours["support"] == wanted["support"]
    assert set(report) == {*scores["per_type"], "micro avg", "macro avg", "weighted avg"}


@given(sentences=pairs(BIO))
@settings(max_examples=60, deadline=None, derandomize=True, database=None)
def test_scores_are_those_of_conlleval(sentences: list[list[tuple[str, str]]]) -> None:
    lines = [line for sentence in sentences for line in [*(f"w {true} {guess}" for true, guess in sentence), ""]]
    wanted = conlleval.evaluate(lines)
    scores = entity_scores(
        [[true for true, _ in sentence] for sentence in sentences],
        [[guessed for _, guessed in sentence] for sentence in sentences],
    )
    for ours, theirs in [(scores, wanted["overall"]["chunks"]["stats"])] + [
        (scores["per_type"][label], wanted["slots"]["chunks"][label]["stats"]) for label in scores["per_type"]
    ]:
        # From its counts: where there are none, this port of conlleval says 1, and the original 0.
        right, named, there = (theirs[count] for count in ("correct", "pred", "gold"))
        assert ours["precision"] == pytest.approx(right / max(named, 1))
        assert ours["recall"] == pytest.approx(right / max(there, 1))
        assert ours["f1"] == pytest.approx(2 * right / max(named + there, 1))


def test_what_a_scheme_forbids() -> None:
    assert not any(forbidden(one, other, "none") for one, other in product([*BIO, None], [*BIO, None]))
    allowed = {("O", "B"), ("O", "O"), ("B", "I"), ("I", "I"), ("B", "B"), ("B", "O"), ("I", "B"), ("I", "O")}
    for one, other in product("OBI", "OBI"):
        assert forbidden(_tag(one, "x"), _tag(other, "x"), "bio") == ((one, other) not in allowed)
    assert forbidden("B-x", "I-y", "bio") and not forbidden("B-x", "B-y", "bio")
    assert forbidden(None, "I-x", "bio") and not forbidden("I-x", None, "bio")


@given(tags=st.lists(st.sampled_from(BMES), min_size=1, max_size=6))
@settings(max_examples=300, deadline=None, derandomize=True, database=None)
def test_a_sequence_that_bmes_allows_is_the_one_that_its_spans_are_written_as(tags: list[str]) -> None:
    written = ["O"] * len(tags)
    for label, start, end in spans(tags):
        written[start:end] = [f"M-{label}"] * (end - start)
        written[start], written[end - 1] = f"B-{label}", f"E-{label}"
        if end - start == 1:
            written[start] = f"S-{label}"
    allowed = not any(forbidden(one, other, "bmes") for one, other in zip([None, *tags], [*tags, None], strict=True))
    assert allowed == (written == tags)


def _tag(prefix: str, label: str) -> str:
    return prefix if prefix == "O" else f"{prefix}-{label}"
