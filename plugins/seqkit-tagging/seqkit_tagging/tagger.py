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

from seqkit.contracts import (
    Batch,
    DataNote,
    Encoded,
    Example,
    Loss,
    Row,
    Scores,
    SpecialToken,
    Tokenizer,
)
from seqkit.errors import DataError
from seqkit.layers.cross_entropy import IGNORED
from seqkit.layers.renewal import mask_tokens
from seqkit.messages import message
from seqkit_tagging.chain import Posterior, Transitions, best_paths, penalties, pool
from seqkit_tagging.predictions import add_probabilities, format_tags
from seqkit_tagging.renewal import crop_sentence
from seqkit_tagging.results import TaggerResults
from seqkit_tagging.sentences import tags_of
from seqkit_tagging.spans import Scheme, invalid_tag, spans, split_tag
from seqkit_tagging.tag_validation import InvalidTags, TagValidation, unknown_tag_note
from seqkit_tagging.window_ngrams import MAX_WEIGHTS, WindowNgrams, fit_ngrams

Subwords = Literal["first", "last", "mean"]
UNKNOWN = IGNORED
"""The id of a tag that does not occur in the training data."""
_COMBINED_ROWS = 64
"""The number of rows of an ensemble that are decoded at a time."""


class Tagger(nn.Module, TaggerResults):
    """A head that predicts a tag for each word. A subclass implements `loss` and `transitions`.

    Args:
        scheme: how tags mark entities.
        constrained: whether to exclude sequences that the scheme forbids from predictions.
        entity_bias: added to the scores of the tags of entities in prediction.
        probabilities: whether predictions contain the probabilities of tags and entities.
        dropout: the dropout probability of the encoder's outputs.
        invalid_tags: what to do with a sentence whose tags are invalid.
        subwords: which output represents a word that the tokenizer cuts into several tokens.
        crop: the length of the part of a sentence that an epoch trains on; None for all of it.
        mask: the probability that a word is replaced in training by the mask token.
        ngrams: the length of the longest n-grams around a word that have weights; 0 for no n-grams.
        ngram_scale: what the scores of the n-grams are multiplied by.
        follows_scheme: whether training requires the tags to follow the scheme in order.

    Attributes:
        unit: what the loss leaves out if a tag is unknown: its `word` or its `sentence`.
    """

    unit: Literal["word", "sentence"] = "word"

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
        crop: int | None,
        mask: float,
        ngrams: int,
        ngram_scale: float,
        follows_scheme: bool = False,
    ) -> None:
        super().__init__()
        self.scheme: Scheme = scheme
        self.constrained = constrained and scheme != "none"
        if entity_bias and scheme == "none":
            raise ValueError(
                message("entity_bias requires tags that mark entities: set `scheme` to `bio` or `bmes`, or remove it")
            )
        self.entity_bias = entity_bias
        self.probabilities = probabilities
        self.validation = TagValidation(scheme, invalid_tags, follows_scheme=follows_scheme)
        self.per_word = subwords
        self.crop = crop
        self.mask = mask
        self.renews_rows = crop is not None or mask > 0
        if mask:
            self.special_tokens |= {"mask"}
        entity_metrics = () if scheme == "none" else ("precision", "recall", "f1")
        self.metric_names = ("accuracy", *entity_metrics)  # type: ignore[misc]
        self.higher_is_better = frozenset(self.metric_names)  # type: ignore[misc]
        self.dropout = nn.Dropout(dropout)
        self.ngrams, self.ngram_scale = ngrams, ngram_scale
        self.ngram_count: Any = 0
        self._known_ngrams: np.ndarray | None = None
        self.tags: list[str] = []

    def check_tokenizer(self, tokenizer: Tokenizer | None) -> None:
        if tokenizer is not None and not tokenizer.takes_words:
            raise ValueError(
                message(
                    "the head predicts a tag for each word, but the tokenizer does not take words: set "
                    "`tokenizer` to one that does, such as `words_and_characters` or `bpe`"
                )
            )
        if self.mask and tokenizer is None:
            raise ValueError(message("mask must be 0 for a reader of features, which have no tokens"))
        if self.ngrams and tokenizer is None:
            raise ValueError(message("ngrams must be 0 for a reader of features, which have no words"))
        if tokenizer is not None and tokenizer.cuts_words:
            if self.mask:
                raise ValueError(message("mask must be 0 with a tokenizer that cuts words into tokens"))
            if self.crop is not None:
                raise ValueError(message("crop must be null with a tokenizer that cuts words into tokens"))
            if self.ngrams:
                raise ValueError(message("ngrams must be 0 with a tokenizer that cuts words into tokens"))

    def fit(self, examples: Sequence[Example], tokenizer: Tokenizer | None) -> None:
        self.validation.check_scheme(examples)
        tags = [self.validation.training_tags(example, tokenizer) for example in examples]
        self.tag_counts = Counter(tag for each in tags for tag in each)
        if not self.tag_counts:
            raise DataError(
                message(
                    "no training sentence has valid tags: correct the data, or set `head.invalid_tags: repair` "
                    "or another `head.scheme`"
                )
            )
        self._set_tags(sorted(self.tag_counts))
        if self.ngrams:
            assert tokenizer is not None
            valid = (example for example, each in zip(examples, tags, strict=True) if each)
            self._known_ngrams = fit_ngrams(valid, tokenizer, self.ngrams, len(self.tags))
            self.ngram_count = len(self._known_ngrams)

    def state(self) -> dict[str, Any]:
        return {"tags": self.tags} | ({"ngrams": self.ngram_count} if self.ngrams else {})

    def restore(self, state: Mapping[str, Any]) -> None:
        """Restore what `state` returned.

        Raises:
            DataError: it is something else.
        """
        tags = state.get("tags")
        if not (isinstance(tags, list) and tags and all(isinstance(tag, str) and tag for tag in tags)):
            raise DataError(message("the state has no list of tags"))
        if tags != sorted(set(tags)):
            raise DataError(message("the tags of the state are not sorted, or contain duplicates"))
        if (tag := invalid_tag(tags, self.scheme)) is not None:
            raise DataError(
                message(
                    "the tag '{tag}' of the state does not belong to the scheme {scheme}", tag=tag, scheme=self.scheme
                )
            )
        self._set_tags(tags)
        self.ngram_count = state.get("ngrams") if self.ngrams else 0
        if type(self.ngram_count) is not int or not 0 <= self.ngram_count <= MAX_WEIGHTS:
            raise DataError(message("the state has no number of n-grams"))

    def _set_tags(self, tags: list[str]) -> None:
        self.tags = tags
        self._tag_ids = {tag: tag_id for tag_id, tag in enumerate(tags)}
        self._penalties = penalties(tags, self.scheme)

    def build(self, output_size: int, final_size: int) -> None:
        self.output = nn.Linear(output_size, len(self.tags))
        self.wide: WindowNgrams | None = None
        if self.ngrams:
            self.wide = WindowNgrams(len(self.tags), self.ngram_count, n=self.ngrams, scale=self.ngram_scale)
            if self._known_ngrams is not None:  # else the weights of a run are loaded
                self.wide.known.copy_(torch.from_numpy(self._known_ngrams))

    def rows(self, example: Example, encoded_input: np.ndarray) -> Iterator[Row]:
        tags = self.validation.valid_tags(example, len(encoded_input))
        if tags is None:
            warnings.warn(DataNote(message("skipped: the tags are invalid"), example.location), stacklevel=2)
            return
        if tags != tags_of(example):
            warnings.warn(
                DataNote(message("repaired: tags that do not follow the scheme"), example.location), stacklevel=2
            )
        if note := unknown_tag_note(example, tags, self._tag_ids, self.unit):
            warnings.warn(note, stacklevel=2)
        yield Row(encoded_input, self._encode_tags(tags).numpy())

    def renew(self, row: Row, generator: np.random.Generator, *, special_ids: Mapping[SpecialToken, int] = {}) -> Row:
        if self.crop is not None:
            tags = [self.tags[tag_id] if tag_id != UNKNOWN else "O" for tag_id in row.target]
            row = crop_sentence(row, self.crop, [] if self.scheme == "none" else spans(tags), generator)
        return Row(mask_tokens(row.input, self.mask, special_ids, generator), row.target) if self.mask else row

    def tag_scores(self, encoded: Encoded, batch: Batch) -> Tensor:
        """Return the score of each tag at each time step, float (batch, time, tags)."""
        outputs = encoded.outputs.masked_fill(~batch.mask[:, :, None], 0)  # padded time steps can hold any value
        scores: Tensor = self.output(self.dropout(outputs))
        return scores if self.wide is None else scores + self.wide(batch.inputs, batch.lengths)

    @abstractmethod
    def transitions(self) -> Transitions:
        """Return the scores of the transitions between tags."""

    def best_paths(self, scores: Tensor, lengths: Tensor, transitions: Transitions) -> list[list[int]]:
        """Return the predicted tag ids of each row, given scores (batch, time, tags) and lengths (batch,)."""
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
            constants = Transitions(*(each.detach() for each in transitions))
            add_probabilities(
                predictions,
                paths,
                Posterior(scores.detach(), lengths, constants, self.tags),
                of_entities=self.scheme != "none",
            )
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
        if self.validation.invalid_tags == "skip" and any(isinstance(example.input, str) for example in examples):
            return None
        total, count = torch.zeros((), dtype=torch.float64), 0
        remaining = iter(predictions)
        for example in examples:
            is_text = isinstance(example.input, str)
            prediction = next(remaining) if is_text else None
            tags = self.validation.valid_tags(example, len(prediction["tags"] if prediction else example.input))
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
        return format_tags(prediction, value, has_entities=self.scheme != "none")
