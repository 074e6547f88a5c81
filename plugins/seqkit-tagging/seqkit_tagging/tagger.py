"""The common base of the heads `tag` and `crf`."""

from __future__ import annotations

import warnings
from abc import abstractmethod
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from seqkit.contracts import Batch, DataNote, Encoded, Example, Exhibit, Head, Loss, Outcomes, Row, Scores, Tokenizer
from seqkit.errors import DataError
from seqkit.layers.cross_entropy import IGNORED
from seqkit_tagging.baseline import MostFrequentTag
from seqkit_tagging.chain import Posterior, Transitions, best_paths, penalties, pool
from seqkit_tagging.exhibits import tag_exhibits
from seqkit_tagging.scores import split_scores
from seqkit_tagging.spans import PREFIXES, Scheme, forbidden_pair, invalid_tag, repair_tags, spans, split_tag
from seqkit_tagging.word_splitting import join_words

InvalidTags = Literal["error", "skip", "repair"]
Subwords = Literal["first", "last", "mean"]
UNKNOWN = IGNORED
"""The id of a tag that does not occur in the training data."""
_COMBINED_ROWS = 64
"""The number of rows of an ensemble that are decoded at a time."""


class SchemeError(DataError):
    """A tag does not belong to the scheme."""


class Tagger(nn.Module, Head):
    """A head that predicts a tag for each word. A subclass implements `loss` and `transitions`.

    Args:
        scheme: how tags mark entities.
        constrained: whether to exclude sequences that the scheme forbids from predictions.
        entity_bias: added to the scores of the tags of entities in prediction.
        probabilities: whether predictions contain the probabilities of tags and entities.
        dropout: the dropout probability of the encoder's outputs.
        invalid_tags: what to do with a sentence whose tags are invalid.
        subwords: which output represents a word that the tokenizer cuts into several tokens.

    Attributes:
        follows_scheme: whether training requires the tags to follow the scheme in order.
        unit: what the loss leaves out if a tag is unknown: its `word` or its `sentence`.
    """

    follows_scheme = False
    unit = "word"

    needs = frozenset({"outputs", "targets"})
    provides = frozenset({"labels"})
    explains = "time_step"

    def __init__(
        self,
        *,
        scheme: Scheme,
        constrained: bool,
        entity_bias: float,
        probabilities: bool,
        dropout: float,
        invalid_tags: InvalidTags,
        subwords: Subwords,
    ) -> None:
        super().__init__()
        self.scheme: Scheme = scheme
        self.constrained = constrained and scheme != "none"
        if entity_bias and scheme == "none":
            raise ValueError(
                "entity_bias requires tags that mark entities: set `scheme` to `bio` or `bmes`, or remove it"
            )
        self.entity_bias = entity_bias
        self.probabilities = probabilities
        self.invalid_tags = invalid_tags
        self.per_word = subwords
        entity_metrics = () if scheme == "none" else ("precision", "recall", "f1")
        self.metric_names = ("accuracy", *entity_metrics)  # type: ignore[misc]
        self.higher_is_better = frozenset(self.metric_names)  # type: ignore[misc]
        self.dropout = nn.Dropout(dropout)
        self.tags: list[str] = []

    def fit(self, examples: Sequence[Example], tokenizer: Tokenizer | None) -> None:
        if tokenizer is not None and not tokenizer.takes_words:
            raise DataError(
                "the head predicts a tag for each word, but the tokenizer does not take words: set `tokenizer` to one "
                "that does, such as `words_and_characters` or `bpe`"
            )
        self.tag_counts = Counter(tag for example in examples for tag in self._training_tags(example, tokenizer))
        if not self.tag_counts:
            raise DataError(
                "no training sentence has valid tags: correct the data, or set `head.invalid_tags: repair` or another "
                "`head.scheme`"
            )
        self._set_tags(sorted(self.tag_counts))

    def _training_tags(self, example: Example, tokenizer: Tokenizer | None) -> list[str]:
        """Return the tags of an example; none if it is skipped.

        Raises:
            DataError: the tags are missing, or do not fit the words.
            ValueError: the tags do not follow the scheme. The message begins with a parameter.
        """
        location = example.location or "an example"
        try:
            tags = self._valid_tags(example, _count_words(example.input, tokenizer)) or []
        except SchemeError:
            raise ValueError(
                f"scheme is {self.scheme}, whose tags are {self._valid_prefixes()}, but {location} has "
                f"'{invalid_tag(tags_of(example), self.scheme)}': set another scheme, or `none`, or set "
                "`invalid_tags: skip` to skip such sentences"
            ) from None
        except DataError as error:
            raise DataError(f"{location}: {error}") from None
        if self.follows_scheme and (pair := forbidden_pair(tags, self.scheme)):
            raise ValueError(
                f"constrained forbids {pair}, which occurs in {location}: set it to false, correct the tags, or set "
                "`invalid_tags` to `repair` or `skip`"
            )
        return tags

    def _valid_tags(self, example: Example, num_words: int) -> list[str] | None:
        """Return the tags of an example, repaired if they are to be; None if the example is skipped.

        Raises:
            DataError: the tags are missing, or there is not one per word.
            SchemeError: a tag does not belong to the scheme.
        """
        try:
            tags = tags_of(example)
            if len(tags) != num_words:
                raise DataError(
                    f"the number of tags, {len(tags)}, differs from that of words, {num_words}: give one tag per word, "
                    "or set `head.invalid_tags: skip` to skip such sentences"
                )
            if (tag := invalid_tag(tags, self.scheme)) is not None:
                raise SchemeError(
                    f"the tag '{tag}' does not belong to the scheme {self.scheme}, whose tags are "
                    f"{self._valid_prefixes()}: correct it, or set `head.invalid_tags: skip` to skip such sentences"
                )
        except DataError:
            if self.invalid_tags == "skip":
                return None
            raise
        if self.invalid_tags == "repair":
            return repair_tags(tags, self.scheme)
        is_skipped = self.invalid_tags == "skip" and self.follows_scheme and forbidden_pair(tags, self.scheme)
        return None if is_skipped else tags

    def _valid_prefixes(self) -> str:
        return ", ".join(f"{prefix}-…" for prefix in PREFIXES[self.scheme] if prefix != "O") + " and O"

    def state(self) -> dict[str, Any]:
        return {"tags": self.tags}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Restore what `state` returned.

        Raises:
            DataError: it is something else.
        """
        tags = state.get("tags")
        if not (isinstance(tags, list) and tags and all(isinstance(tag, str) and tag for tag in tags)):
            raise DataError("the state has no list of tags")
        if tags != sorted(set(tags)):
            raise DataError("the tags of the state are not sorted, or contain duplicates")
        if (tag := invalid_tag(tags, self.scheme)) is not None:
            raise DataError(f"the tag '{tag}' of the state does not belong to the scheme {self.scheme}")
        self._set_tags(tags)

    def _set_tags(self, tags: list[str]) -> None:
        self.tags = tags
        self._tag_ids = {tag: tag_id for tag_id, tag in enumerate(tags)}
        self._penalties = penalties(tags, self.scheme)

    def build(self, output_size: int, final_size: int) -> None:
        self.output = nn.Linear(output_size, len(self.tags))

    def rows(self, example: Example, encoded_input: np.ndarray) -> Iterator[Row]:
        tags = self._valid_tags(example, len(encoded_input))
        if tags is None:
            warnings.warn(DataNote("skipped: the tags are invalid", example.location), stacklevel=2)
            return
        if tags != tags_of(example):
            warnings.warn(DataNote("repaired: tags that do not follow the scheme", example.location), stacklevel=2)
        self._note_unknown_tag(example, tags)
        yield Row(encoded_input, self._encode_tags(tags).numpy())

    def _note_unknown_tag(self, example: Example, tags: Sequence[str]) -> None:
        """Issue a note for the first tag that does not occur in the training data."""
        index = next((index for index, tag in enumerate(tags) if tag not in self._tag_ids), None)
        if index is None:
            return
        tag = tags[index]
        word = f", '{example.input[index]}'" if _is_words(example.input) else ""
        alternatives = tag.split(",")
        if len(alternatives) > 1 and all(alternative in self._tag_ids for alternative in alternatives):
            note = (
                f"a list of tags counts as an error, and the loss leaves out its {self.unit}: set `data.alternatives` "
                "to `first` to use the first tag, or to `skip` to skip such sentences"
            )
        else:
            note = (
                "a tag that does not occur in the training data counts as an error, and the loss leaves out its "
                f"{self.unit}"
            )
        location = f"{example.location or 'an example'}, word {index + 1}{word}, tag '{tag}'"
        warnings.warn(DataNote(note, location), stacklevel=2)

    def tag_scores(self, encoded: Encoded, batch: Batch) -> Tensor:
        """Return the score of each tag at each time step, float (batch, time, tags)."""
        outputs = encoded.outputs.masked_fill(~batch.mask[:, :, None], 0)  # padded time steps can hold any value
        return self.output(self.dropout(outputs))

    @abstractmethod
    def transitions(self) -> Transitions:
        """Return the scores of the transitions between tags."""

    def best_paths(self, scores: Tensor, lengths: Tensor, transitions: Transitions) -> list[list[int]]:
        """Return the predicted tag ids of each row."""
        return best_paths(scores, lengths, transitions)

    def predict(self, encoded: Encoded, batch: Batch) -> list[dict[str, Any]]:
        """Return the `tags` of each row, with what `combine` needs: the `scores` of the tags and the `transitions`."""
        return self._predict(self.tag_scores(encoded, batch), batch.lengths, self.transitions())

    def _predict(self, scores: Tensor, lengths: Tensor, transitions: Transitions) -> list[dict[str, Any]]:
        pooled = {"transitions": [each.tolist() for each in transitions]}
        transitions = self._allowed(transitions)
        bias = scores.new_tensor([self.entity_bias * (split_tag(tag)[0] != "O") for tag in self.tags])
        paths = self.best_paths(scores + bias, lengths, transitions)
        predictions: list[dict[str, Any]] = [
            {"tags": [self.tags[tag_id] for tag_id in path], "scores": row[: len(path)]} | pooled
            for path, row in zip(paths, scores.tolist(), strict=True)
        ]
        if self.probabilities:
            posterior = Posterior(
                scores.detach(), lengths, Transitions(*(each.detach() for each in transitions)), self.tags
            )
            for row, (path, prediction) in enumerate(zip(paths, predictions, strict=True)):
                of_path = posterior.tags(row)[range(len(path)), path]
                prediction["probabilities"] = of_path.clamp(max=1).tolist()
                if self.scheme != "none":
                    found = spans(prediction["tags"])
                    prediction["entity_probabilities"] = [posterior.span(row, span) for span in found]
        return predictions

    def _allowed(self, transitions: Transitions) -> Transitions:
        """Return transitions without those that the scheme forbids, if they are excluded."""
        if not self.constrained:
            return transitions
        device = transitions.start.device
        return transitions.plus(Transitions(*(each.to(device) for each in self._penalties)))

    def score_names(self) -> list[str]:
        return self.tags

    def scores(self, encoded: Encoded, batch: Batch) -> Scores:
        """Return the logarithm of the probability of each tag of each word, without `entity_bias`."""
        transitions = self._allowed(self.transitions())
        return Scores(Posterior(self.tag_scores(encoded, batch), batch.lengths, transitions, self.tags).log_tags())

    def task(self) -> dict[str, Any]:
        return {"scheme": self.scheme, "tags": self.tags}

    def combine(self, predictions: Sequence[Sequence[Mapping[str, Any]]]) -> list[dict[str, Any]]:
        """Return the predictions of the chain whose scores are the means of the members' scores.

        It is the normalized geometric mean of the members' distributions (Smith, Cohn and Osborne, Logarithmic Opinion
        Pools for Conditional Random Fields, 2005), so tags, and probabilities of tags and entities, are exact. The
        other parameters, such as `entity_bias`, are those of the first member.

        Args:
            predictions: for each member, what its `predict` returned for the same rows.
        """
        rows = list(zip(*predictions, strict=True))
        combined: list[dict[str, Any]] = []
        for start in range(0, len(rows), _COMBINED_ROWS):
            combined += self._predict(*pool(rows[start : start + _COMBINED_ROWS]))
        return combined

    def loss_of_predictions(self, predictions: Sequence[Mapping[str, Any]], examples: Sequence[Example]) -> Loss | None:
        """Return the loss of combined predictions; None if it is unknown to which texts they belong.

        Args:
            predictions: one per row, in the order of the examples.
            examples: the examples. Those that are skipped have no row.
        """
        if self.invalid_tags == "skip" and any(isinstance(example.input, str) for example in examples):
            return None
        total, count = torch.zeros((), dtype=torch.float64), 0
        remaining = iter(predictions)
        for example in examples:
            is_text = isinstance(example.input, str)
            prediction = next(remaining) if is_text else None
            tags = self._valid_tags(example, len(prediction["tags"] if prediction else example.input))
            if tags is None:
                continue
            scores, _, transitions = pool([[prediction or next(remaining)]])
            loss = self.row_loss(scores[0], transitions, self._encode_tags(tags))
            total, count = total + loss.total, count + int(loss.count)
        return Loss(total, count)

    @abstractmethod
    def row_loss(self, scores: Tensor, transitions: Transitions, tag_ids: Tensor) -> Loss:
        """Return the loss of a row.

        Args:
            scores: of each tag of each word, float (time, tags).
            transitions: the scores of the transitions.
            tag_ids: the true tags, int64 (time,), `UNKNOWN` if they do not occur in the training data.
        """

    def _encode_tags(self, tags: Sequence[str]) -> Tensor:
        return torch.tensor([self._tag_ids.get(tag, UNKNOWN) for tag in tags])

    def format_prediction(self, prediction: Mapping[str, Any], value: Any) -> dict[str, Any]:
        """Return words and tags and, unless the scheme is `none`, entities. `words[start:end]` are an entity's words.

        With `probabilities`, there is one for each tag, and one in each entity. If the input is features, there are no
        words, and entities have no text.
        """
        tags = list(prediction["tags"])
        words = list(value) if _is_words(value) else None
        formatted: dict[str, Any] = {"tags": tags} if words is None else {"words": words, "tags": tags}
        if "probabilities" in prediction:
            formatted["probabilities"] = prediction["probabilities"]
        if self.scheme != "none":
            formatted["entities"] = [
                ({} if words is None else {"text": join_words(words[span.start : span.end])}) | span._asdict()
                for span in spans(tags)
            ]
            if "entity_probabilities" in prediction:
                for entity, probability in zip(formatted["entities"], prediction["entity_probabilities"], strict=True):
                    entity["probability"] = probability
        return formatted

    def metrics(
        self,
        loss: float,
        predictions: Sequence[Mapping[str, Any]],
        examples: Sequence[Example],
        *,
        tokenizer: Tokenizer | None = None,
    ) -> dict[str, Any]:
        truth = [tags for _, tags in self._scored(examples, tokenizer)]
        return split_scores(truth, [item["tags"] for item in predictions], self.scheme)

    def exhibits(
        self,
        predictions: Sequence[Mapping[str, Any]],
        examples: Sequence[Example],
        *,
        tokenizer: Tokenizer | None = None,
    ) -> list[Exhibit]:
        """Return the sentences with most errors, and the most frequent errors."""
        scored = [
            (_words_of(example, tokenizer), tags, prediction["tags"])
            for (example, tags), prediction in zip(self._scored(examples, tokenizer), predictions, strict=True)
        ]
        return list(tag_exhibits(scored, has_entities=self.scheme != "none"))

    def outcomes(
        self, predictions: Sequence[Mapping[str, Any]], examples: Sequence[Example], *, tokenizer: Tokenizer | None
    ) -> Outcomes:
        """Return the tag of each word."""
        truth = [tag for _, tags in self._scored(examples, tokenizer) for tag in tags]
        return Outcomes(truth, [tag for item in predictions for tag in item["tags"]], self.tags)

    def _scored(self, examples: Sequence[Example], tokenizer: Tokenizer | None) -> list[tuple[Example, list[str]]]:
        """Return the examples that are not skipped, each with its tags."""
        scored = []
        for example in examples:
            tags = self._valid_tags(example, _count_words(example.input, tokenizer))
            if tags is not None:
                scored.append((example, tags))
        return scored

    def baseline(self, train: Sequence[Example], test: Sequence[Example], tokenizer: Tokenizer | None) -> dict | None:
        """Return the scores of the most frequent tag of each word; None if inputs are features."""
        if not all(_is_words(example.input) for example in (*train, *test)):
            return None
        model = MostFrequentTag()
        model.fit([(example.input, tags) for example, tags in self._scored(train, tokenizer)])
        scored = self._scored(test, tokenizer)
        predicted = [model.predict(example.input) for example, _ in scored]
        scores = split_scores([tags for _, tags in scored], predicted, self.scheme)
        return {"name": model.name} | {name: scores[name] for name in self.metric_names if name in scores}


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


def _words_of(example: Example, tokenizer: Tokenizer | None) -> list[str]:
    """Return the words of an example; the numbers of the time steps of features."""
    value = example.input
    if isinstance(value, str) and tokenizer is not None:
        return tokenizer.words(value)
    return list(map(str, value)) if _is_words(value) else [str(number + 1) for number in range(len(value))]


def _count_words(value: Any, tokenizer: Tokenizer | None) -> int:
    """Return the number of words of a text or a list, or of time steps of features."""
    return len(tokenizer.words(value)) if isinstance(value, str) and tokenizer is not None else len(value)
