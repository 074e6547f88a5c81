"""Scores of predicted tags and entities."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from seqkit_tagging.spans import Scheme, spans


def split_scores(truth: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]], scheme: Scheme) -> dict[str, Any]:
    """Return the accuracy and the scores of each tag or, unless the scheme is `none`, of entities; nothing of no words.

    Args:
        truth: the true tags of each sentence.
        predicted: the predicted tags of each sentence.
        scheme: how tags mark entities.
    """
    pairs = Counter(
        pair
        for true_tags, predicted_tags in zip(truth, predicted, strict=True)
        for pair in zip(true_tags, predicted_tags, strict=True)
    )
    if not pairs:
        return {}
    accuracy = sum(count for (true, predicted_tag), count in pairs.items() if true == predicted_tag) / pairs.total()
    if scheme == "none":
        return {"accuracy": accuracy, "per_tag": _per_tag_scores(pairs)}
    return {"accuracy": accuracy} | entity_scores(truth, predicted)


def entity_scores(truth: Iterable[Sequence[str]], predicted: Iterable[Sequence[str]]) -> dict[str, Any]:
    """Return the micro-averaged precision, recall and F1 of entities, and those of each type.

    A predicted entity is correct if its type, its first and its last word are. A score whose denominator is 0 is 0.

    Args:
        truth: the true tags of each sentence.
        predicted: the predicted tags of each sentence.
    """
    true_counts: Counter[str] = Counter()
    predicted_counts: Counter[str] = Counter()
    correct: Counter[str] = Counter()
    for true_tags, predicted_tags in zip(truth, predicted, strict=True):
        true_spans, predicted_spans = spans(true_tags), spans(predicted_tags)
        true_counts.update(span.label for span in true_spans)
        predicted_counts.update(span.label for span in predicted_spans)
        correct.update(span.label for span in set(true_spans) & set(predicted_spans))
    return _scores(correct.total(), predicted_counts.total(), true_counts.total()) | {
        "per_type": {
            label: _scores(correct[label], predicted_counts[label], true_counts[label])
            | {"support": true_counts[label]}
            for label in sorted(true_counts | predicted_counts)
        }
    }


def _scores(correct: int, predicted: int, true: int) -> dict[str, float]:
    return {
        "precision": correct / predicted if predicted else 0.0,
        "recall": correct / true if true else 0.0,
        "f1": 2 * correct / (predicted + true) if correct else 0.0,
    }


def _per_tag_scores(pairs: Counter[tuple[str, str]]) -> dict[str, dict[str, float]]:
    """Return precision, recall, F1 and support of each tag, given the counts of (true, predicted) pairs."""
    true_counts: Counter[str] = Counter()
    predicted_counts: Counter[str] = Counter()
    for (true, predicted), count in pairs.items():
        true_counts[true] += count
        predicted_counts[predicted] += count
    return {
        tag: {
            "precision": pairs[tag, tag] / predicted_counts[tag] if predicted_counts[tag] else 0.0,
            "recall": pairs[tag, tag] / true_counts[tag] if true_counts[tag] else 0.0,
            "f1": 2 * pairs[tag, tag] / (predicted_counts[tag] + true_counts[tag]),
            "support": true_counts[tag],
        }
        for tag in sorted(true_counts | predicted_counts)
    }
