"""Predicted tags: their probabilities, and the form that users see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from seqkit_tagging.chain import Posterior
from seqkit_tagging.sentences import is_words
from seqkit_tagging.spans import spans
from seqkit_tagging.word_splitting import join_part


def add_probabilities(
    predictions: Sequence[dict[str, Any]], paths: Sequence[Sequence[int]], posterior: Posterior, *, of_entities: bool
) -> None:
    """Add the probabilities of the tags to predictions, and those of the entities by choice.

    Args:
        predictions: one per row, with its `tags`.
        paths: the ids of these tags.
        posterior: the distribution of the tags of all rows.
        of_entities: whether to add the probabilities of entities too.
    """
    for row, (path, prediction) in enumerate(zip(paths, predictions, strict=True)):
        of_path = posterior.tags(row)[range(len(path)), path]
        prediction["probabilities"] = of_path.clamp(max=1).tolist()
        if of_entities:
            prediction["entity_probabilities"] = [posterior.span(row, span) for span in spans(prediction["tags"])]


def format_tags(prediction: Mapping[str, Any], value: Any, *, has_entities: bool) -> dict[str, Any]:
    """Return a prediction as users see it (`Tagger.format_prediction`).

    Args:
        prediction: what the head predicted.
        value: the words; or features.
        has_entities: whether the tags mark entities.
    """
    tags = list(prediction["tags"])
    words = list(value) if is_words(value) else None
    formatted: dict[str, Any] = {"tags": tags} if words is None else {"words": words, "tags": tags}
    if "probabilities" in prediction:
        formatted["probabilities"] = prediction["probabilities"]
    if has_entities:
        formatted["entities"] = [
            ({} if words is None else {"text": join_part(words, span.start, span.end)}) | span._asdict()
            for span in spans(tags)
        ]
        if "entity_probabilities" in prediction:
            for entity, probability in zip(formatted["entities"], prediction["entity_probabilities"], strict=True):
                entity["probability"] = probability
    return formatted
