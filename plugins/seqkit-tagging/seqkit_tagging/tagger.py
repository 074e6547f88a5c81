"""The common base of the heads `tag` and `crf`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from torch import Tensor, nn

from seqkit.contracts import Batch, Encoded, Example, Head, Row, Tokenizer
from seqkit.errors import DataError, suggest
from seqkit_tagging.baseline import MostFrequentTag
from seqkit_tagging.spans import PREFIXES, Scheme, entity_scores, spans, split_tag
from seqkit_tagging.word_splitting import join_words


class Tagger(nn.Module, Head):
    """A head that predicts a tag for each word. A subclass implements `loss` and `predict`.

    Args:
        scheme: how tags mark entities.
        dropout: the dropout probability of the encoder's outputs.
    """

    needs = frozenset({"outputs", "targets"})

    def __init__(self, scheme: Scheme, dropout: float) -> None:
        super().__init__()
        self.scheme: Scheme = scheme
        entity_metrics = () if scheme == "none" else ("precision", "recall", "f1")
        self.metric_names = ("accuracy", *entity_metrics)  # type: ignore[misc]
        self.higher_is_better = frozenset(self.metric_names)  # type: ignore[misc]
        self.dropout = nn.Dropout(dropout)
        self.tags: list[str] = []

    def fit(self, examples: Sequence[Example], tokenizer: Tokenizer | None) -> None:
        if tokenizer is not None and not tokenizer.takes_words:
            raise DataError(
                "the head predicts a tag for each word, but the tokenizer does not take words: set `tokenizer` to one "
                "that does, such as `words_and_characters`"
            )
        self._set_tags(sorted({tag for example in examples for tag in self._training_tags(example)}))

    def _training_tags(self, example: Example) -> list[str]:
        """Return the tags of an example.

        Raises:
            DataError: the example has no tags.
            ValueError: a tag does not belong to the scheme.
        """
        location = example.location or "an example"
        try:
            tags = tags_of(example)
        except DataError as error:
            raise DataError(f"{location}: {error}") from None
        if self.scheme != "none":
            prefixes = PREFIXES[self.scheme]
            for tag in tags:
                if split_tag(tag)[0] not in (*prefixes, *("I" if "M" in prefixes else "")):
                    valid = ", ".join(f"{prefix}-…" for prefix in prefixes if prefix != "O")
                    raise ValueError(
                        f"scheme is {self.scheme}, whose tags are {valid} and O, but {location} has '{tag}': set "
                        "another scheme, or `none`"
                    )
        return tags

    def state(self) -> dict[str, Any]:
        return {"tags": self.tags}

    def restore(self, state: Mapping[str, Any]) -> None:
        self._set_tags([str(tag) for tag in state["tags"]])

    def _set_tags(self, tags: list[str]) -> None:
        self.tags = tags
        self._tag_ids = {tag: tag_id for tag_id, tag in enumerate(tags)}

    def build(self, output_size: int, final_size: int) -> None:
        self.output = nn.Linear(output_size, len(self.tags))

    def rows(self, example: Example, encoded_input: np.ndarray) -> Iterator[Row]:
        tags = tags_of(example)
        if len(tags) != len(encoded_input):
            raise DataError(f"{len(tags)} tags for {len(encoded_input)} words: give one tag per word")
        for index, tag in enumerate(tags):
            if tag not in self._tag_ids:
                word = f", '{example.input[index]}'," if _is_words(example.input) else ""
                raise DataError(self._unknown_tag(tag, f" of word {index + 1}{word}"))
        yield Row(encoded_input, np.array([self._tag_ids[tag] for tag in tags], dtype=np.int64))

    def _unknown_tag(self, tag: str, word: str) -> str:
        alternatives = tag.split(",")
        if len(alternatives) > 1 and all(alternative in self._tag_ids for alternative in alternatives):
            return (
                f"the tag '{tag}'{word} lists several tags: set `data.alternatives` to `first` to use the first one, "
                "or to `skip` to skip such sentences"
            )
        known = suggest(tag, self.tags) or f": {', '.join(self.tags)}"
        return f"the tag '{tag}'{word} does not occur in the training data{known}"

    def tag_scores(self, encoded: Encoded, batch: Batch) -> Tensor:
        """Return the score of each tag at each time step, float (batch, time, tags)."""
        outputs = encoded.outputs.masked_fill(~batch.mask[:, :, None], 0)  # padded time steps can hold any value
        return self.output(self.dropout(outputs))

    def format_prediction(self, prediction: Mapping[str, Any], value: Any) -> dict[str, Any]:
        """Return words and tags and, unless the scheme is `none`, entities. `words[start:end]` are an entity's words.

        If the input is features, there are no words, and entities have no text.
        """
        tags = list(prediction["tags"])
        words = list(value) if _is_words(value) else None
        formatted: dict[str, Any] = {"tags": tags} if words is None else {"words": words, "tags": tags}
        if self.scheme != "none":
            formatted["entities"] = [
                ({} if words is None else {"text": join_words(words[span.start : span.end])}) | span._asdict()
                for span in spans(tags)
            ]
        return formatted

    def metrics(
        self, loss: float, predictions: Sequence[Mapping[str, Any]], examples: Sequence[Example]
    ) -> dict[str, Any]:
        return self._metrics([tags_of(example) for example in examples], [item["tags"] for item in predictions])

    def _metrics(self, truth: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]]) -> dict[str, Any]:
        pairs = Counter(
            pair
            for true_tags, predicted_tags in zip(truth, predicted, strict=True)
            for pair in zip(true_tags, predicted_tags, strict=True)
        )
        correct = sum(count for (true, predicted_tag), count in pairs.items() if true == predicted_tag)
        accuracy = correct / pairs.total()
        if self.scheme == "none":
            return {"accuracy": accuracy, "per_tag": _per_tag_scores(pairs)}
        return {"accuracy": accuracy} | entity_scores(truth, predicted)

    def baseline(self, train: Sequence[Example], test: Sequence[Example], tokenizer: Tokenizer | None) -> dict | None:
        """Return the scores of the most frequent tag of each word; None if inputs are features."""
        if not all(_is_words(example.input) for example in (*train, *test)):
            return None
        model = MostFrequentTag()
        model.fit([(example.input, tags_of(example)) for example in train])
        predicted = [model.predict(example.input) for example in test]
        scores = self._metrics([tags_of(example) for example in test], predicted)
        return {"name": model.name} | {name: scores[name] for name in self.metric_names}


def tags_of(example: Example) -> list[str]:
    """Return the tags of an example.

    Raises:
        DataError: the target is not a sequence of tags.
    """
    if isinstance(example.target, str) or not isinstance(example.target, Sequence):
        raise DataError("the words have no tags: use a file with a column of tags")
    return [str(tag) for tag in example.target]


def _is_words(value: Any) -> bool:
    return isinstance(value, list | tuple)


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
