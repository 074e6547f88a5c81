"""The base of heads that predict from one vector per row."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Annotated, TypeAlias, TypeVar

import numpy as np
from annotated_types import Ge, Le
from torch import Tensor, nn

from seqkit.contracts import Batch, Encoded, Example, Head, Tokenizer
from seqkit.errors import DataError
from seqkit.layers.ngram_counts import inverse_document_frequencies
from seqkit.layers.ngrams import NgramLinear
from seqkit.layers.pooling import Pooling, PoolingName, check_names
from seqkit.messages import message

T = TypeVar("T")

NgramLength: TypeAlias = Annotated[int, Ge(0), Le(10)]
NgramBuckets: TypeAlias = Annotated[int, Ge(1), Le(2**26)]


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


class PooledHead(nn.Module, Head):
    """A linear layer over the encoder's final vector or pooled outputs, with a linear model of n-grams beside it.

    Args:
        pooling: the names of the poolings, as for `seqkit.layers.pooling.Pooling`.
        dropout: the dropout probability of the vector that the linear layer reads.
        ngrams: the length, in tokens, of the longest n-grams; 0 for no n-grams.
        ngram_buckets: the number of buckets that n-grams are hashed to.
        ngram_scale: what the outputs of the n-grams are multiplied by.
    """

    def __init__(
        self,
        pooling: PoolingName | list[PoolingName],
        dropout: float,
        ngrams: int,
        ngram_buckets: int,
        ngram_scale: float,
    ) -> None:
        super().__init__()
        self.pooling = check_names([pooling] if isinstance(pooling, str) else pooling)
        self.needs = frozenset({"final" if name == "final" else "outputs" for name in self.pooling} | {"targets"})
        self.dropout = nn.Dropout(dropout)
        self.ngrams = ngrams
        self.ngram_buckets = ngram_buckets
        self.ngram_scale = ngram_scale
        self.idf: np.ndarray | None = None

    def fit_ngrams(self, examples: Sequence[Example], tokenizer: Tokenizer | None) -> None:
        """Learn the inverse document frequencies of the n-grams, if the head uses them.

        Raises:
            ValueError: the examples are features, which have no n-grams.
        """
        if self.ngrams:
            if tokenizer is None:
                raise ValueError(message("ngrams must be 0 for a reader of features, which have no tokens"))
            texts = (tokenizer.encode(example.input) for example in examples)
            self.idf = inverse_document_frequencies(texts, self.ngrams, self.ngram_buckets)

    def build_layers(self, output_size: int, final_size: int, outputs: int) -> None:
        """Create the layers, given the sizes of the encoder and the number of outputs."""
        self.pool = Pooling(self.pooling, output_size, final_size)
        self.output = nn.Linear(self.pool.output_size, outputs)
        self.wide: NgramLinear | None = None
        if self.ngrams:
            self.wide = NgramLinear(outputs, n=self.ngrams, buckets=self.ngram_buckets, scale=self.ngram_scale)
            if self.idf is not None:  # else the weights of a run are loaded
                self.wide.set_idf(self.idf)

    def outputs(self, encoded: Encoded, batch: Batch) -> Tensor:
        """Return float (batch, outputs)."""
        outputs = self.output(self.dropout(self.pool(encoded, batch.mask)))
        return outputs if self.wide is None else outputs + self.wide(batch.inputs, batch.lengths)
