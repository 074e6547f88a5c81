"""What the report shows of a tagger: the sentences with most errors, and the most frequent errors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from seqkit.contracts import Exhibit, Span, Spans, SpanText, Table
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
    what = "entities" if has_entities else "tags"
    order = sorted(
        (number for number, count in enumerate(errors) if count and len(sentences[number][0]) <= MAX_WORDS),
        key=lambda number: -errors[number],
    )
    if not order:
        return
    wrong = sum(map(bool, errors))
    yield Spans(
        "Sentences with most errors",
        tuple(_span_text(number, sentences[number][0], *marked[number]) for number in order[:SHOWN]),
        note=f"{min(SHOWN, len(order))} of the {wrong:,} sentences with wrong {what}, out of {len(sentences):,}.",
    )
    yield Table(
        "Most frequent errors",
        ("true", "predicted", "count"),
        tuple((true, predicted, count) for (true, predicted), count in kinds.most_common(SHOWN)),
        note=f"`-`: there are no such {what} at these words.",
    )


def _span_text(number: int, words: Sequence[str], expected: Sequence[Span], predicted: Sequence[Span]) -> SpanText:
    return SpanText(tuple(words), tuple(expected), tuple(predicted), (("sentence", number + 1),))


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
