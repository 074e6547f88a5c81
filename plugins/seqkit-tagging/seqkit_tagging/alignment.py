"""Judgments of predicted tags and entities."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from seqkit.contracts import Judgment
from seqkit_tagging.spans import Span, spans
from seqkit_tagging.word_splitting import join_part


def judge_words(
    example: int, words: Sequence[str] | None, truth: Sequence[str], prediction: Mapping[str, Any]
) -> Iterator[Judgment]:
    """Yield a judgment per word.

    Args:
        example: the index of the example.
        words: its words; None for features.
        truth: its tags.
        prediction: what the head predicted for it.
    """
    probabilities = prediction.get("probabilities") or [None] * len(truth)
    for index, (expected, tag) in enumerate(zip(truth, prediction["tags"], strict=True)):
        probability = probabilities[index]
        yield Judgment(
            example=example,
            truth=expected,
            prediction=tag,
            is_error=expected != tag,
            order=probability or 0.0,
            probability=probability,
            facts={"word": words[index] if words else None, "start": index, "end": index + 1},
        )


def judge_entities(
    example: int, words: Sequence[str] | None, truth: Sequence[str], prediction: Mapping[str, Any]
) -> Iterator[Judgment]:
    """Yield a judgment per group of true and predicted entities that share words. Arguments as for `judge_words`.

    The kind of an error is `missed`, `spurious`, `type` (the words are right) or `boundary`, as in the evaluation of
    MUC and SemEval (Segura-Bedmar et al., SemEval-2013 Task 9, 2013).
    """
    predicted = spans(prediction["tags"])
    found = prediction.get("entity_probabilities") or [None] * len(predicted)
    probabilities = dict(zip(predicted, found, strict=True))
    for expected, actual in _groups(spans(truth), predicted):
        known = [probability for span in actual if (probability := probabilities[span]) is not None]
        start = min(span.start for span in expected + actual)
        end = max(span.end for span in expected + actual)
        yield Judgment(
            example=example,
            truth=_describe(expected, words),
            prediction=_describe(actual, words),
            is_error=expected != actual,
            order=max(known, default=0.0),
            probability=max(known, default=None),
            facts={"kind": _kind(expected, actual), "start": start, "end": end},
        )


def _groups(truth: Sequence[Span], predicted: Sequence[Span]) -> Iterator[tuple[list[Span], list[Span]]]:
    """Yield the true and the predicted entities that share words, directly or through others, in order."""
    group: tuple[list[Span], list[Span]] = ([], [])
    end = 0
    merged = sorted([(span, 0) for span in truth] + [(span, 1) for span in predicted], key=lambda item: item[0].start)
    for span, side in merged:
        if span.start >= end and any(group):
            yield group
            group = ([], [])
        group[side].append(span)
        end = max(end, span.end)
    if any(group):
        yield group


def _kind(truth: Sequence[Span], predicted: Sequence[Span]) -> str:
    if truth == predicted:
        return "correct"
    if not truth or not predicted:
        return "missed" if truth else "spurious"
    same_words = [span[1:] for span in truth] == [span[1:] for span in predicted]
    return "type" if same_words else "boundary"


def _describe(found: Sequence[Span], words: Sequence[str] | None) -> str | None:
    """Return the type and the words of entities, `PER Sarah; LOC Beijing`; None for no entities."""
    texts = [
        f"{span.label} {join_part(words, span.start, span.end) if words else f'{span.start} to {span.end}'}"
        for span in found
    ]
    return "; ".join(texts) or None
