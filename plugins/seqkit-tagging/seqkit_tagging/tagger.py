"""What the heads `tag` and `crf` have in common: everything but the arithmetic."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from torch import Tensor, nn

from seqkit.contracts import Batch, Encoded, Example, Head, Row, Tokenizer
from seqkit.errors import DataError, suggest
from seqkit_tagging.cutting import join
from seqkit_tagging.floor import MostFrequentTag
from seqkit_tagging.spans import PREFIXES, Scheme, entity_scores, spans, split_tag


class Tagger(nn.Module, Head):
    """A head that gives each word a tag; a subclass says how in `loss` and `best_tags`.

    Args:
        scheme: what the tags say of spans.
        dropout: the share of the encoder's outputs dropped in training.
    """

    needs = frozenset({"outputs", "targets"})

    def __init__(self, scheme: Scheme, dropout: float) -> None:
        super().__init__()
        self.scheme: Scheme = scheme
        entities = () if scheme == "none" else ("precision", "recall", "f1")
        self.metric_names = ("accuracy", *entities)  # type: ignore[misc]
        self.higher_is_better = frozenset(self.metric_names)  # type: ignore[misc]
        self.dropout = nn.Dropout(dropout)
        self.tags: list[str] = []

    def fit(self, examples: Sequence[Example], tokenizer: Tokenizer | None) -> None:
        if tokenizer is not None and not tokenizer.takes_words:
            raise DataError("tags go with words: set `tokenizer` to one that takes words, `words_and_characters`")
        self._set_tags(sorted({tag for example in examples for tag in self._training_tags(example)}))

    def _training_tags(self, example: Example) -> list[str]:
        """Returns an example's tags.

        Raises:
            DataError: it has none.
            ValueError: one is not of the scheme.
        """
        where = example.where or "an example"
        try:
            tags = tags_of(example)
        except DataError as error:
            raise DataError(f"{where}: {error}") from None
        if self.scheme != "none":
            letters = PREFIXES[self.scheme]
            for tag in tags:
                if split_tag(tag)[0] not in (*letters, *("I" if "M" in letters else "")):
                    known = ", ".join(f"{letter}-…" for letter in letters if letter != "O")
                    raise ValueError(
                        f"scheme is {self.scheme}, whose tags are {known} and O, and {where} has '{tag}': set another "
                        "scheme, or `none`"
                    )
        return tags

    def state(self) -> dict[str, Any]:
        return {"tags": self.tags}

    def restore(self, state: Mapping[str, Any]) -> None:
        self._set_tags([str(tag) for tag in state["tags"]])

    def _set_tags(self, tags: list[str]) -> None:
        self.tags = tags
        self._numbers = {tag: number for number, tag in enumerate(tags)}

    def build(self, output_size: int, final_size: int) -> None:
        self.output = nn.Linear(output_size, len(self.tags))

    def rows(self, example: Example, encoded_input: np.ndarray) -> Iterator[Row]:
        tags = tags_of(example)
        if len(tags) != len(encoded_input):
            raise DataError(f"{len(tags)} tags for {len(encoded_input)} words")
        for place, tag in enumerate(tags):
            if tag not in self._numbers:
                word = f", '{example.input[place]}'," if _is_words(example.input) else ""
                raise DataError(self._unknown(tag, f" of word {place + 1}{word}"))
        yield Row(encoded_input, np.array([self._numbers[tag] for tag in tags], dtype=np.int64))

    def _unknown(self, tag: str, word: str) -> str:
        parts = tag.split(",")
        if len(parts) > 1 and all(part in self._numbers for part in parts):
            remedy = (
                "take the first of several tags with `data.alternatives: first`, or leave such sentences out: `skip`"
            )
            return f"the tag '{tag}'{word} is several: {remedy}"
        known = suggest(tag, self.tags) or f": {', '.join(self.tags)}"
        return f"the tag '{tag}'{word} is not among the training data's{known}"

    def scores(self, encoded: Encoded, batch: Batch) -> Tensor:
        """Returns float (batch, time, tags)."""
        outputs = encoded.outputs.masked_fill(~batch.mask[:, :, None], 0)  # there may be anything at padded steps
        return self.output(self.dropout(outputs))

    def answer(self, prediction: Mapping[str, Any], value: Any) -> dict[str, Any]:
        """Returns the words and their tags, and under a scheme the entities: `words[start:end]` are an entity's.

        Where the input is features, there are no words, and an entity has no text.
        """
        tags = list(prediction["tags"])
        words = list(value) if _is_words(value) else None
        shown: dict[str, Any] = {"tags": tags} if words is None else {"words": words, "tags": tags}
        if self.scheme != "none":
            shown["entities"] = [
                ({} if words is None else {"text": join(words[span.start : span.end])}) | span._asdict()
                for span in spans(tags)
            ]
        return shown

    def metrics(
        self, loss: float, predictions: Sequence[Mapping[str, Any]], examples: Sequence[Example]
    ) -> dict[str, Any]:
        return self._metrics([tags_of(example) for example in examples], [item["tags"] for item in predictions])

    def _metrics(self, truth: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]]) -> dict[str, Any]:
        pairs = Counter(
            pair for true, guessed in zip(truth, predicted, strict=True) for pair in zip(true, guessed, strict=True)
        )
        accuracy = sum(count for (true, guessed), count in pairs.items() if true == guessed) / pairs.total()
        if self.scheme == "none":
            return {"accuracy": accuracy, "per_tag": _per_tag(pairs)}
        return {"accuracy": accuracy} | entity_scores(truth, predicted)

    def baseline(self, train: Sequence[Example], test: Sequence[Example], tokenizer: Tokenizer | None) -> dict | None:
        if not all(_is_words(example.input) for example in (*train, *test)):
            return None
        floor = MostFrequentTag()
        floor.fit([(example.input, tags_of(example)) for example in train])
        predicted = [floor.predict(example.input) for example in test]
        scores = self._metrics([tags_of(example) for example in test], predicted)
        return {"name": floor.name} | {name: scores[name] for name in self.metric_names}


def tags_of(example: Example) -> list[str]:
    """Returns an example's tags, or raises DataError where it has none."""
    if isinstance(example.target, str) or not isinstance(example.target, Sequence):
        raise DataError("there is no tag for each word: a file with a column of tags is needed")
    return [str(tag) for tag in example.target]


def _is_words(value: Any) -> bool:
    return isinstance(value, list | tuple)


def _per_tag(pairs: Counter[tuple[str, str]]) -> dict[str, dict[str, float]]:
    there: Counter[str] = Counter()
    named: Counter[str] = Counter()
    for (true, guessed), count in pairs.items():
        there[true] += count
        named[guessed] += count
    return {
        tag: {
            "precision": pairs[tag, tag] / named[tag] if named[tag] else 0.0,
            "recall": pairs[tag, tag] / there[tag] if there[tag] else 0.0,
            "f1": 2 * pairs[tag, tag] / (named[tag] + there[tag]),
            "support": there[tag],
        }
        for tag in sorted(there | named)
    }
