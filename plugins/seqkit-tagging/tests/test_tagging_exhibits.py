"""Tests of what a tagger shows in the report."""

from __future__ import annotations

from seqkit_tagging.exhibits import reliability_exhibits, tag_exhibits

from seqkit.contracts import Series, Span, Spans, SpanText, Table


def test_entities_are_compared_as_a_whole() -> None:
    right = (["Oslo"], ["B-place"], ["B-place"])
    wrong = (["Ada", "met", "El", "Paso"], ["B-person", "O", "B-place", "I-place"], ["B-place", "O", "O", "B-place"])
    sentences, errors = tag_exhibits([right, wrong], has_entities=True)
    assert isinstance(sentences, Spans) and isinstance(errors, Table)
    assert sentences.items == (
        SpanText(
            ("Ada", "met", "El", "Paso"),
            (Span(0, 1, "person"), Span(2, 4, "place")),
            (Span(0, 1, "place"), Span(3, 4, "place")),
            (("sentence", 2),),
        ),
    )
    assert sorted(errors.rows) == [("-", "place", 1), ("person", "place", 1), ("place", "-", 1)]


def test_without_entities_the_words_with_wrong_tags_are_shown() -> None:
    sentences, errors = tag_exhibits([(["a", "b"], ["X", "Y"], ["X", "Z"])], has_entities=False)
    assert isinstance(sentences, Spans) and isinstance(errors, Table)
    assert sentences.items[0].expected == (Span(1, 2, "Y"),)
    assert sentences.items[0].predicted == (Span(1, 2, "Z"),)
    assert errors.rows == (("Y", "Z", 1),)


def test_without_errors_nothing_is_shown() -> None:
    assert list(tag_exhibits([(["a"], ["O"], ["O"])], has_entities=True)) == []


def test_the_reliability_of_entities_is_shown() -> None:
    truth = [["B-PER", "O", "B-LOC"], ["O", "O"]]
    predictions = [
        {"tags": ["B-PER", "O", "B-PER"], "probabilities": [0.9, 0.9, 0.4], "entity_probabilities": [0.9, 0.4]},
        {"tags": ["O", "O"], "probabilities": [0.8, 0.8], "entity_probabilities": []},
    ]
    (entities,) = reliability_exhibits(truth, predictions, has_entities=True)
    assert isinstance(entities, Series)
    assert (entities.lines[0].name, entities.lines[0].y) == ("precision", (0.0, 1.0))
    (tags,) = reliability_exhibits(truth, predictions, has_entities=False)
    assert isinstance(tags, Series)
    assert (tags.lines[0].name, tags.lines[0].y) == ("accuracy", (0.0, 1.0, 1.0))


def test_a_tagger_without_probabilities_has_no_reliability() -> None:
    assert list(reliability_exhibits([["O"]], [{"tags": ["O"]}], has_entities=True)) == []
