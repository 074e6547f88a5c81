"""What the report shows of a tagger: the worst sentences, the most frequent errors, and how reliable it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from seqkit.contracts import Exhibit, Span, Spans, SpanText, Table
from seqkit.heads.exhibits import reliability_diagram
from seqkit.messages import message
from seqkit_tagging.spans import spans

SHOWN = 20
"""The maximum number of sentences, and of kinds of error."""

MAX_WORDS = 200
"""Longer sentences are not shown."""

Sentence = tuple[Sequence[str], Sequence[str], Sequence[str]]
"""The words of a sentence, its true tags and its predicted tags."""


def tag_exhibits(sentences: Sequence[Sentence], *, has_entities: bool) -> Iterator[Exhibit]:
    """Yield the exhibits of a split.

    Args:
        sentences: the sentences.
        has_entities: whether tags mark entities, which are compared as a whole; otherwise tags are compared.
    """
    marked = [_entities(true, found) if has_entities else _wrong_tags(true, found) for _, true, found in sentences]
    errors = [len(set(expected) ^ set(predicted)) for expected, predicted in marked]
    kinds = Counter(kind for each in marked for kind in _kinds(*each))
    order = sorted(
        (number for number, count in enumerate(errors) if count and len(sentences[number][0]) <= MAX_WORDS),
        key=lambda number: -errors[number],
    )
    if not order:
        return
    counts = {"shown": min(SHOWN, len(order)), "wrong": sum(map(bool, errors)), "count": len(sentences)}
    yield Spans(
        message("Sentences with most errors"),
        tuple(_span_text(number, sentences[number][0], *marked[number]) for number in order[:SHOWN]),
        note=message("{shown} of the {wrong:,} sentences with wrong entities, out of {count:,}.", **counts)
        if has_entities
        else message("{shown} of the {wrong:,} sentences with wrong tags, out of {count:,}.", **counts),
    )
    yield Table(
        message("Most frequent errors"),
        (message("true"), message("predicted"), message("count")),
        tuple((true, predicted, count) for (true, predicted), count in kinds.most_common(SHOWN)),
        note=message("`-`: there is no such entity at these words.")
        if has_entities
        else message("`-`: there is no such tag at these words."),
    )


def reliability_exhibits(
    truth: Sequence[Sequence[str]], predictions: Sequence[Mapping[str, Any]], *, has_entities: bool
) -> Iterator[Exhibit]:
    """Yield the reliability diagram of the predicted entities or tags, if the head computes probabilities.

    Args:
        truth: the true tags of each sentence.
        predictions: the prediction for each.
        has_entities: whether tags mark entities, whose probabilities are shown; otherwise those of tags are.
    """
    key = "entity_probabilities" if has_entities else "probabilities"
    probabilities: list[float] = []
    is_right: list[bool] = []
    for true, prediction in zip(truth, predictions, strict=True):
        tags = prediction["tags"]
        known = set(spans(true)) if has_entities else set()
        right = [span in known for span in spans(tags)] if has_entities else list(map(str.__eq__, true, tags))
        probabilities += prediction.get(key, ())
        is_right += right if key in prediction else ()
    if probabilities:
        name = message("precision") if has_entities else message("accuracy")
        yield reliability_diagram(np.array(probabilities), np.array(is_right), right=name)


def _span_text(number: int, words: Sequence[str], expected: Sequence[Span], predicted: Sequence[Span]) -> SpanText:
    return SpanText(tuple(words), tuple(expected), tuple(predicted), ((message("sentence"), number + 1),))


def _entities(true: Sequence[str], predicted: Sequence[str]) -> tuple[list[Span], list[Span]]:
    """Return the true and the predicted entities."""
    first, second = (
        [Span(each.start, each.end, each.label) for each in sorted(spans(tags), key=lambda each: each.start)]
        for tags in (true, predicted)
    )
    return first, second


def _wrong_tags(true: Sequence[str], predicted: Sequence[str]) -> tuple[list[Span], list[Span]]:
    """Return the true and the predicted tags of the words whose tag is wrong."""
    wrong = [number for number, (one, other) in enumerate(zip(true, predicted, strict=True)) if one != other]
    first, second = ([Span(number, number + 1, tags[number]) for number in wrong] for tags in (true, predicted))
    return first, second


def _kinds(expected: Sequence[Span], predicted: Sequence[Span]) -> Iterator[tuple[str, str]]:
    """Yield the true and the predicted label of each error; `-` where the other side has no such span."""
    found = {(span.start, span.end): span.label for span in predicted}
    known = {(span.start, span.end) for span in expected}
    for span in expected:
        other = found.get((span.start, span.end), "-")
        if other != span.label:
            yield span.label, other
    for span in predicted:
        if (span.start, span.end) not in known:
            yield "-", span.label
