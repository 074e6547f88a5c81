"""The results of a tagger on a split: metrics, exhibits, judgments and baseline."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from seqkit.contracts import Example, Exhibit, Head, Judgment, Outcomes, Tokenizer
from seqkit_tagging.alignment import judge_entities, judge_words
from seqkit_tagging.baseline import MostFrequentTag
from seqkit_tagging.exhibits import reliability_exhibits, tag_exhibits
from seqkit_tagging.scores import split_scores
from seqkit_tagging.sentences import count_words, is_words, words_of
from seqkit_tagging.spans import Scheme
from seqkit_tagging.tag_validation import TagValidation


class TaggerResults(Head):
    """Base class of `Tagger`, which compares predicted tags with those of the examples.

    Attributes:
        scheme: how tags mark entities.
        tags: the tags of the training data.
        validation: skips sentences, or repairs their tags.
    """

    scheme: Scheme
    tags: list[str]
    validation: TagValidation

    def metrics(
        self,
        loss: float,
        predictions: Sequence[Mapping[str, Any]],
        examples: Sequence[Example],
        *,
        tokenizer: Tokenizer | None = None,
    ) -> dict[str, Any]:
        truth = [tags for _, tags in self.validation.scored(examples, tokenizer)]
        return split_scores(truth, [item["tags"] for item in predictions], self.scheme)

    def exhibits(
        self,
        predictions: Sequence[Mapping[str, Any]],
        examples: Sequence[Example],
        *,
        tokenizer: Tokenizer | None = None,
    ) -> list[Exhibit]:
        """Return the sentences with most errors, the most frequent errors, and how reliable probabilities are."""
        scored = [
            (words_of(example, tokenizer), tags, prediction["tags"])
            for (example, tags), prediction in zip(
                self.validation.scored(examples, tokenizer), predictions, strict=True
            )
        ]
        has_entities = self.scheme != "none"
        truth = [tags for _, tags, _ in scored]
        return [
            *tag_exhibits(scored, has_entities=has_entities),
            *reliability_exhibits(truth, predictions, has_entities=has_entities),
        ]

    def outcomes(
        self, predictions: Sequence[Mapping[str, Any]], examples: Sequence[Example], *, tokenizer: Tokenizer | None
    ) -> Outcomes:
        """Return the tag of each word."""
        truth = [tag for _, tags in self.validation.scored(examples, tokenizer) for tag in tags]
        return Outcomes(truth, [tag for item in predictions for tag in item["tags"]], self.tags)

    def judge(
        self, predictions: Sequence[Mapping[str, Any]], examples: Sequence[Example], *, tokenizer: Tokenizer | None
    ) -> Iterator[Judgment]:
        """Yield a judgment per entity, or per word if the scheme is `none`. True or predicted entities that share words
        are one judgment."""
        remaining = iter(predictions)
        for number, example in enumerate(examples):
            tags = self.validation.valid_tags(example, count_words(example.input, tokenizer))
            if tags is not None:
                judge = judge_words if self.scheme == "none" else judge_entities
                has_words = isinstance(example.input, str) or is_words(example.input)
                words = words_of(example, tokenizer) if has_words else None
                yield from judge(number, words, tags, next(remaining))

    def baseline(self, train: Sequence[Example], test: Sequence[Example], tokenizer: Tokenizer | None) -> dict | None:
        """Return the scores of the most frequent tag of each word; None if inputs are features."""
        if not all(is_words(example.input) for example in (*train, *test)):
            return None
        model = MostFrequentTag()
        model.fit([(example.input, tags) for example, tags in self.validation.scored(train, tokenizer)])
        scored = self.validation.scored(test, tokenizer)
        predicted = [model.predict(example.input) for example, _ in scored]
        scores = split_scores([tags for _, tags in scored], predicted, self.scheme)
        return {"name": model.name} | {name: scores[name] for name in self.metric_names if name in scores}
