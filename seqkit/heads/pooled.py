"""The base of heads that predict from one vector per row."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal, TypeAlias, TypeVar

import numpy as np
from annotated_types import Ge, Gt, Le
from torch import Tensor, nn

from seqkit.contracts import (
    Batch,
    Encoded,
    Example,
    Head,
    InputLimit,
    Requires,
    Row,
    Scores,
    SpecialToken,
    TextPair,
    Tokenizer,
)
from seqkit.errors import DataError
from seqkit.layers.ngram_counts import count_documents, inverse_document_frequencies, label_ratios
from seqkit.layers.ngrams import NgramLinear
from seqkit.layers.pooling import Pooled, Pooling, PoolingName, check_names
from seqkit.layers.renewal import crop as crop_row
from seqkit.layers.renewal import mask_tokens, replace_tokens
from seqkit.messages import message

T = TypeVar("T")

TooLong: TypeAlias = Annotated[Literal["cut", "error"], Requires("max_length")]
NgramLength: TypeAlias = Annotated[int, Ge(0), Le(10)]
NgramScale: TypeAlias = Annotated[float, Gt(0), Requires("ngrams")]
NgramRatios: TypeAlias = Annotated[bool, Requires("ngrams")]

_MAX_WEIGHTS = 2**23
"""The linear model of n-grams has at most this number of weights, unless there are more than 128 labels."""

_MAX_NGRAMS, _ALWAYS = 2**20, 2**16
"""The largest number of n-grams, and how many may have weights whatever the number of labels is."""


def parse_targets(examples: Iterable[Example], parse: Callable[[Example], T]) -> Iterator[T]:
    """Yield what a function makes of the target of each example.

    Raises:
        DataError: that of the function, with the location of the example.
    """
    for example in examples:
        try:
            yield parse(example)
        except DataError as error:
            if not example.location:
                raise
            raise DataError(message("{location}: {problem}", location=example.location, problem=error)) from None


def texts_of(examples: Iterable[Example]) -> list[str] | None:
    """Return the texts of examples, for a baseline; None if the inputs are neither texts nor pairs of texts."""
    inputs = [example.input for example in examples]
    return [str(value) for value in inputs] if all(isinstance(value, str | TextPair) for value in inputs) else None


class PooledHead(nn.Module, Head):
    """A linear layer over the encoder's final vector or pooled outputs, with a linear model of n-grams beside it.

    Args:
        pooling: the names of the poolings, as for `seqkit.layers.pooling.Pooling`.
        dropout: the dropout probability of the vector that the linear layer reads.
        max_length: the longest input, in time steps; None for any.
        too_long: whether a longer input is cut to its beginning, or is an error.
        crop: the length of the part of a row that an epoch trains on; None for all of it.
        noise: the probability that a time step is replaced in training by another one of the same row.
        mask: the probability that a token is replaced in training by the mask token.
        ngrams: the length, in tokens, of the longest n-grams; 0 for no n-grams.
        ngram_scale: what the outputs of the n-grams are multiplied by.
        ngram_ratios: whether n-grams are weighted also by how much they distinguish the labels.
    """

    accepts_cut = True

    def __init__(
        self,
        *,
        pooling: PoolingName | list[PoolingName],
        dropout: float,
        max_length: int | None,
        too_long: TooLong,
        crop: int | None,
        noise: float,
        mask: float,
        ngrams: int,
        ngram_scale: float,
        ngram_ratios: bool = False,
    ) -> None:
        super().__init__()
        self.ngram_ratios = ngram_ratios
        self.pooling = check_names([pooling] if isinstance(pooling, str) else pooling)
        self.needs = frozenset({"final" if name == "final" else "outputs" for name in self.pooling} | {"targets"})
        self.dropout = nn.Dropout(dropout)
        self.input_limit = None if max_length is None else InputLimit(max_length, cut=too_long == "cut")
        self.crop = crop
        self.noise = noise
        self.mask = mask
        self.renews_rows = crop is not None or noise > 0 or mask > 0
        if mask:
            self.special_tokens |= {"mask"}
        self.ngrams = ngrams
        self.ngram_scale = ngram_scale
        self.ngram_count: Any = 0
        self._learned: tuple[np.ndarray, np.ndarray] | None = None

    def check_tokenizer(self, tokenizer: Tokenizer | None) -> None:
        if self.mask and tokenizer is None:
            raise ValueError(message("mask must be 0 for a reader of features, which have no tokens"))
        if self.ngrams and tokenizer is None:
            raise ValueError(message("ngrams must be 0 for a reader of features, which have no tokens"))

    def fit_inputs(
        self,
        examples: Sequence[Example],
        tokenizer: Tokenizer | None,
        outputs: int,
        labels: Iterable[Sequence[int]] | None = None,
    ) -> None:
        """Check the inputs, and learn which n-grams have weights, and their TF-IDF, if the head uses them.

        Args:
            examples: the training examples.
            tokenizer: the tokenizer; None for features.
            outputs: the number of outputs.
            labels: the numbers of the labels of each example, of which there are as many as outputs, to weight n-grams
                by their log-count ratios too.

        Raises:
            ValueError: a parameter does not apply to pairs of texts.
        """
        if any(isinstance(example.input, TextPair) for example in examples):
            if self.crop is not None:
                raise ValueError(message("crop must be null for pairs of texts, of which a part can be one text alone"))
            if self.noise:
                raise ValueError(message("noise must be 0 for pairs of texts, whose separators it would replace"))
        if self.ngrams:
            assert tokenizer is not None
            texts = (tokenizer.encode_input(example.input) for example in examples)
            limit = min(_MAX_NGRAMS, max(_ALWAYS, _MAX_WEIGHTS // outputs))
            counts = count_documents(texts, self.ngrams, limit, labels or (), outputs)
            factors = inverse_document_frequencies(counts)
            self._learned = (counts.known, factors if labels is None else factors * np.sqrt(label_ratios(counts)))
            self.ngram_count = len(counts.known)

    def state(self) -> dict[str, Any]:
        return {"ngrams": self.ngram_count} if self.ngrams else {}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Restore what `state` returned.

        Raises:
            DataError: it is something else.
        """
        self.ngram_count = state.get("ngrams") if self.ngrams else 0
        if type(self.ngram_count) is not int or not 0 <= self.ngram_count <= _MAX_NGRAMS:
            raise DataError(message("the state has no number of n-grams"))

    def build_layers(self, output_size: int, final_size: int, outputs: int) -> None:
        """Create the layers, given the sizes of the encoder and the number of outputs."""
        self.pool = Pooling(self.pooling, output_size, final_size)
        self.output = nn.Linear(self.pool.output_size, outputs)
        self.wide: NgramLinear | None = None
        if self.ngrams:
            self.wide = NgramLinear(outputs, self.ngram_count, n=self.ngrams, scale=self.ngram_scale)
            if self._learned is not None:  # else the weights of a run are loaded
                self.wide.set_ngrams(*self._learned)

    def renew(self, row: Row, generator: np.random.Generator, *, special_ids: Mapping[SpecialToken, int] = {}) -> Row:
        ids = row.input if self.crop is None else crop_row(row.input, self.crop, generator)
        ids = replace_tokens(ids, self.noise, special_ids, generator) if self.noise else ids
        return Row(mask_tokens(ids, self.mask, special_ids, generator) if self.mask else ids, row.target)

    def outputs(self, encoded: Encoded, batch: Batch) -> Tensor:
        """Return float (batch, outputs)."""
        outputs = self._encoder_outputs(encoded, batch)
        return outputs if self.wide is None else outputs + self.wide(batch.inputs, batch.lengths)

    def _encoder_outputs(self, encoded: Encoded, batch: Batch) -> Tensor:
        """Return the part of the outputs that comes from the encoder, float (batch, outputs)."""
        outputs: Tensor = self.output(self.dropout(self.pool(encoded, batch.mask)))
        return outputs

    def scores(self, encoded: Encoded, batch: Batch) -> Scores:
        by_token = None if self.wide is None else self.wide.by_token(batch.inputs, batch.lengths)
        return Scores(self._encoder_outputs(encoded, batch), by_token)

    def pooling_weights(self, encoded: Encoded, batch: Batch) -> Tensor | None:
        if self.pool.attention is None:
            return None
        pooled: Pooled = self.pool.attention(encoded.outputs, batch.mask)
        return pooled.weights
