"""Tests of entity spans and their scores against seqeval and conlleval."""

from __future__ import annotations

from itertools import product

import conlleval
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seqeval.metrics import classification_report
from seqeval.metrics.sequence_labeling import get_entities
from seqkit_tagging.scores import entity_scores
from seqkit_tagging.spans import Span, is_forbidden, spans

BIO = ["O", *(f"{prefix}-{label}" for prefix in "BI" for label in ("per", "loc", "a-b"))]
BMES = ["O", *(f"{prefix}-{label}" for prefix in "BMES" for label in ("per", "loc"))]


@pytest.mark.parametrize(
    ("tags", "entities"),
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
def test_spans_of_tag_sequences(tags: str, entities: list[tuple[str, int, int]]) -> None:
    assert spans(tags.split()) == [Span(*span) for span in entities]


def pairs(tags: list[str]) -> st.SearchStrategy[list[list[tuple[str, str]]]]:
    """Return a strategy for sentences of (true, predicted) tags."""
    tag = st.sampled_from(tags)
    return st.lists(st.lists(st.tuples(tag, tag), min_size=1, max_size=12), min_size=1, max_size=5)


@given(tags=st.lists(st.sampled_from(BIO), max_size=20))
@settings(max_examples=60, deadline=None, derandomize=True, database=None)
def test_spans_equal_seqeval(tags: list[str]) -> None:
    assert [(span.label, span.start, span.end - 1) for span in spans(tags)] == get_entities(tags)


@given(tags=st.lists(st.sampled_from(BMES), max_size=20))
@settings(max_examples=60, deadline=None, derandomize=True, database=None)
def test_bmes_spans_equal_iobes_spans_of_seqeval(tags: list[str]) -> None:
    iobes = [tag.replace("M-", "I-") for tag in tags]
    assert [(span.label, span.start, span.end - 1) for span in spans(tags)] == get_entities(iobes)
    assert spans(tags) == spans(iobes)


@given(sentences=pairs(BIO))
@settings(max_examples=60, deadline=None, derandomize=True, database=None)
def test_scores_equal_seqeval(sentences: list[list[tuple[str, str]]]) -> None:
    truth = [[true for true, _ in sentence] for sentence in sentences]
    predicted = [[predicted for _, predicted in sentence] for sentence in sentences]
    scores = entity_scores(truth, predicted)
    if not scores["per_type"]:
        assert scores == {"precision": 0.0, "recall": 0.0, "f1": 0.0, "per_type": {}}
        return
    report = classification_report(truth, predicted, output_dict=True, zero_division=0)
    for label, expected in [(label, report[label]) for label in scores["per_type"]] + [("", report["micro avg"])]:
        actual = scores["per_type"][label] if label else scores
        assert actual["precision"] == pytest.approx(expected["precision"])
        assert actual["recall"] == pytest.approx(expected["recall"])
        assert actual["f1"] == pytest.approx(expected["f1-score"])
        assert not label or actual["support"] == expected["support"]
    assert set(report) == {*scores["per_type"], "micro avg", "macro avg", "weighted avg"}


@given(sentences=pairs(BIO))
@settings(max_examples=60, deadline=None, derandomize=True, database=None)
def test_scores_equal_conlleval(sentences: list[list[tuple[str, str]]]) -> None:
    lines = [
        line for sentence in sentences for line in [*(f"w {true} {predicted}" for true, predicted in sentence), ""]
    ]
    reference = conlleval.evaluate(lines)
    scores = entity_scores(
        [[true for true, _ in sentence] for sentence in sentences],
        [[predicted for _, predicted in sentence] for sentence in sentences],
    )
    for actual, expected in [(scores, reference["overall"]["chunks"]["stats"])] + [
        (scores["per_type"][label], reference["slots"]["chunks"][label]["stats"]) for label in scores["per_type"]
    ]:
        # Computed from counts: without any entity, this port of conlleval returns 1, but the original returns 0.
        correct, predicted, true = (expected[count] for count in ("correct", "pred", "gold"))
        assert actual["precision"] == pytest.approx(correct / max(predicted, 1))
        assert actual["recall"] == pytest.approx(correct / max(true, 1))
        assert actual["f1"] == pytest.approx(2 * correct / max(predicted + true, 1))


def test_forbidden_transitions() -> None:
    assert not any(is_forbidden(one, other, "none") for one, other in product([*BIO, None], [*BIO, None]))
    allowed = {("O", "B"), ("O", "O"), ("B", "I"), ("I", "I"), ("B", "B"), ("B", "O"), ("I", "B"), ("I", "O")}
    for one, other in product("OBI", "OBI"):
        assert is_forbidden(full_tag(one, "x"), full_tag(other, "x"), "bio") == ((one, other) not in allowed)
    assert is_forbidden("B-x", "I-y", "bio") and not is_forbidden("B-x", "B-y", "bio")
    assert is_forbidden(None, "I-x", "bio") and not is_forbidden("I-x", None, "bio")


@given(tags=st.lists(st.sampled_from(BMES), min_size=1, max_size=6))
@settings(max_examples=300, deadline=None, derandomize=True, database=None)
def test_bmes_allows_exactly_the_tags_that_its_spans_produce(tags: list[str]) -> None:
    from_spans = ["O"] * len(tags)
    for label, start, end in spans(tags):
        from_spans[start:end] = [f"M-{label}"] * (end - start)
        from_spans[start], from_spans[end - 1] = f"B-{label}", f"E-{label}"
        if end - start == 1:
            from_spans[start] = f"S-{label}"
    allowed = not any(is_forbidden(one, other, "bmes") for one, other in zip([None, *tags], [*tags, None], strict=True))
    assert allowed == (from_spans == tags)


def full_tag(prefix: str, label: str) -> str:
    return prefix if prefix == "O" else f"{prefix}-{label}"
