"""Several embeddings side by side."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from seqkit.contracts import Embedding, EmbeddingFactory, Tokenizer


class Concat(nn.Module, Embedding):
    """The vectors of several embeddings of each token, concatenated: pretrained and learned ones, for instance.

    Args:
        embeddings: the embeddings. Each embeds the same ids.
    """

    embeddings: Any

    def __init__(self, tokenizer: Tokenizer, *, embeddings: list[EmbeddingFactory]) -> None:
        super().__init__()
        built: list[Any] = [build(tokenizer) for build in embeddings]
        if any(inner.takes != "ids" for inner in built):
            raise ValueError("embeddings must all embed ids")
        self.embeddings = nn.ModuleList(built)
        self.input_limit = min((inner.input_limit for inner in built if inner.input_limit), default=None)
        self.output_size = sum(inner.output_size for inner in built)

    def fit(self, inputs: Iterable[np.ndarray]) -> None:
        inputs = list(inputs)
        for inner in self.embeddings:
            inner.fit(inputs)

    def notes(self, splits: Mapping[str, Iterable[np.ndarray]]) -> list[str]:
        inputs = {split: list(rows) for split, rows in splits.items()}
        return [note for inner in self.embeddings for note in inner.notes(inputs)]

    def forward(self, ids: Tensor) -> Tensor:
        return torch.cat([inner(ids) for inner in self.embeddings], dim=-1)
