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
    higher_is_better = frozenset({"accuracy", "precision", "recall", "f1"})

    def __init__(self, scheme: Scheme, dropout: float) -> None:
        super().__init__()
        self.scheme: Scheme = scheme
        self.metric_names = ("accuracy",) if scheme == "none" else ("accuracy", "precision", "recall", "f1")  # type: ignore[misc]
        self.dropout = nn.Dropout(dropout)
        self.tags: list[str] = []

    def fit(self, examples: Sequence[Example], tokenizer: Tokenizer | None) -> None:
        if tokenizer is not None and not tokenizer.takes_words:
            raise DataError("tags go with words: set `tokenizer` to one that takes words, `words_and_characters`")
        for example in examples:
            _check(example)
        counts = Counter(tag for example in examples for tag in example.target)
        self._set_tags(sorted(counts))
        if self.scheme == "none":
            return
        for example in examples:
            for tag in example.target:
                prefix, _ = split_tag(tag)
                if prefix not in (*PREFIXES[self.scheme], *("I" if self.scheme == "bmes" else "")):
                    known = ", ".join(f"{letter}-…" for letter in PREFIXES[self.scheme] if letter != "O")
                    raise ValueError(
                        f"scheme is {self.scheme}, whose tags are {known} and O, and {example.where} has '{tag}': set "
                        "another scheme, or `none`"
                    )

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
        _check(example)
        if len(example.target) != len(encoded_input):
            raise DataError(f"{len(example.target)} tags for {len(encoded_input)} words")
        for place, tag in enumerate(example.target):
            if tag not in self._numbers:
                raise DataError(self._unknown(example, place))
        yield Row(encoded_input, np.array([self._numbers[tag] for tag in example.target], dtype=np.int64))

    def _unknown(self, example: Example, place: int) -> str:
        tag = str(example.target[place])
        word = f" of word {place + 1}" + (f", '{example.input[place]}'," if not isinstance(example.input, str) else "")
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
        """Returns the words and their tags, and under a scheme the entities: `words[start:end]` are an entity's."""
        words, tags = list(value), list(prediction["tags"])
        shown: dict[str, Any] = {"words": words, "tags": tags}
        if self.scheme != "none":
            shown["entities"] = [{"text": join(words[span.start : span.end])} | span._asdict() for span in spans(tags)]
        return shown

    def metrics(
        self, loss: float, predictions: Sequence[Mapping[str, Any]], examples: Sequence[Example]
    ) -> dict[str, Any]:
        return self._metrics([example.target for example in examples], [item["tags"] for item in predictions])

    def _metrics(self, truth: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]]) -> dict[str, Any]:
        pairs = Counter(
            pair for true, guessed in zip(truth, predicted, strict=True) for pair in zip(true, guessed, strict=True)
        )
        accuracy = sum(count for (true, guessed), count in pairs.items() if true == guessed) / pairs.total()
        if self.scheme == "none":
            return {"accuracy": accuracy, "per_tag": _per_tag(pairs)}
        return {"accuracy": accuracy} | entity_scores(truth, predicted)

    def baseline(self, train: Sequence[Example], test: Sequence[Example], tokenizer: Tokenizer | None) -> dict | None:
        if any(isinstance(example.input, str) for example in (*train, *test)):
            return None
        floor = MostFrequentTag()
        floor.fit(train)
        scores = self._metrics([example.target for example in test], [floor.predict(example.input) for example in test])
        return {"name": floor.name} | {name: scores[name] for name in self.metric_names}


def _check(example: Example) -> None:
    """Raises DataError where an example has no tags, in training and in evaluation alike."""
    if isinstance(example.target, str) or not isinstance(example.target, Sequence):
        where = f"{example.where}: " if example.where else ""
        raise DataError(f"{where}there is no tag for each word: a file with a column of tags is needed")


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
