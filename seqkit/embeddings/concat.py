"""Several embeddings side by side."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from seqkit.contracts import Embedding, EmbeddingFactory, Fraction, Tokenizer
from seqkit.layers.dropout import WordDropout, word_ids
from seqkit.messages import message


class Concat(nn.Module, Embedding):
    """The vectors of several embeddings of each token, concatenated: pretrained and learned ones, for instance.

    Args:
        embeddings: the embeddings. Each embeds the same ids.
        word_dropout: the dropout probability of each token of the vocabulary: in a batch, the whole concatenated vector
            of a dropped token is 0 wherever it occurs (Gal and Ghahramani, 2016; Merity, Keskar and Socher, 2018). The
            `word_dropout` of an embedding drops its part alone.
    """

    embeddings: Any

    def __init__(
        self, tokenizer: Tokenizer, *, embeddings: list[EmbeddingFactory], word_dropout: Fraction = 0.0
    ) -> None:
        super().__init__()
        built: list[Any] = [build(tokenizer) for build in embeddings]
        if any(inner.takes != "ids" for inner in built):
            raise ValueError(message("embeddings must all embed ids"))
        self.embeddings = nn.ModuleList(built)
        self.input_limit = min((inner.input_limit for inner in built if inner.input_limit), default=None)
        self.output_size = sum(inner.output_size for inner in built)
        self.causal = all(inner.causal for inner in built)
        self.reads_previous = any(inner.reads_previous for inner in built)
        self.word_dropout = WordDropout(word_dropout, tokenizer.vocab_size)

    def fit(self, inputs: Iterable[np.ndarray]) -> None:
        inputs = list(inputs)
        for inner in self.embeddings:
            inner.fit(inputs)

    def notes(self, splits: Mapping[str, Iterable[np.ndarray]]) -> list[str]:
        inputs = {split: list(rows) for split, rows in splits.items()}
        return [note for inner in self.embeddings for note in inner.notes(inputs)]

    def forward(self, ids: Tensor, *, lengths: Tensor | None = None, previous: Tensor | None = None) -> Tensor:
        parts = [
            inner(ids, lengths=lengths, previous=previous) if inner.reads_neighbors else inner(ids)
            for inner in self.embeddings
        ]
        vectors = torch.cat(parts, dim=-1)
        return self.word_dropout(vectors, word_ids(ids))

    def all_vectors(self) -> Tensor | None:
        tables = [inner.all_vectors() for inner in self.embeddings]
        return None if any(table is None for table in tables) else torch.cat(tables, dim=1)
