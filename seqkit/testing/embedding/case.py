"""An embedding under test: its factory and its inputs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from seqkit.contracts import Embedding, Row, Tokenizer
from seqkit.data.batching import collate
from seqkit.modeling.device import seed_everything
from seqkit.testing.assertions import perturb
from seqkit.testing.checks import Case
from seqkit.tokenizers.char import Char


class EmbeddingCase(Case):
    """An embedding's factory and its inputs, ids or features. Arguments as for `checks_for_embedding`."""

    def __init__(
        self,
        factory: Callable[[Any], Embedding],
        width: int | None,
        tokenizer: Tokenizer | None,
        texts: Sequence[str | list[str]],
    ) -> None:
        self.factory = factory
        self.width = width
        self._tokenizer = tokenizer
        self._texts = list(texts)

    @cached_property
    def tokenizer(self) -> Tokenizer:
        """The fitted tokenizer, for an embedding that takes ids."""
        tokenizer = self._tokenizer or Char(unknown="mark")
        tokenizer.fit(self._texts)
        return tokenizer

    @property
    def source(self) -> Tokenizer | int:
        """The argument of the factory: the fitted tokenizer, or the width of the features."""
        return self.tokenizer if self.width is None else self.width

    @property
    def rows(self) -> list[np.ndarray]:
        """The ids, int64 (time,), or features, float (time, width), of each row."""
        if self.width is not None:
            generator = np.random.default_rng(0)
            return [generator.normal(3.0, 2.0, (length, self.width)) for length in (3, 6, 1, 6)]
        return [self.tokenizer.encode(text) for text in self._texts]

    def inputs(self) -> Tensor:
        """Return the rows as a padded batch."""
        return collate([Row(row) for row in self.rows]).inputs

    @staticmethod
    def embed(embedding: Any, inputs: Tensor, lengths: Tensor, previous: Tensor | None = None) -> Tensor:
        """Return the vectors of padded rows. `previous` is the token before each row."""
        if not embedding.reads_neighbors:
            return embedding(inputs)
        return embedding(inputs, lengths=lengths, previous=previous)

    def lengths(self) -> Tensor:
        """Return the number of time steps of each row."""
        return torch.tensor([len(row) for row in self.rows])

    def build(self, seed: int = 0) -> Any:
        """Return a fitted embedding in evaluation mode, with noise added to its weights."""
        seed_everything(seed)
        return perturb(self.build_unseeded())

    def build_unseeded(self) -> Any:
        """Return a fitted embedding without seeding the global random generators."""
        embedding = self.factory(self.source)
        if isinstance(embedding, nn.Module) and isinstance(embedding, Embedding):
            embedding.fit(row for row in self.rows)
        return embedding

    def compute(self) -> dict[str, Any]:
        """Return the weights, which include what `fit` learned, and the vectors."""
        embedding = self.build()
        return {"weights": dict(embedding.state_dict()), "vectors": embedding(self.inputs())}
