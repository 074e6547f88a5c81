"""Tests of what a tagger shows in the report."""

from __future__ import annotations

from seqkit_tagging.exhibits import tag_exhibits

from seqkit.contracts import Span, Spans, SpanText, Table


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
