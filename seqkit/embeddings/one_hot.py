"""A 1 in the id's place."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from seqkit.contracts import Embedding, Tokenizer


class OneHot(nn.Module, Embedding):
    """A vector of zeros with a 1 in the id's place: nothing to learn, and as wide as the vocabulary."""

    one: Tensor

    def __init__(self, tokenizer: Tokenizer) -> None:
        super().__init__()
        self.output_size = tokenizer.vocab_size
        # Follows the module's device and floating type, which nothing else here has.
        self.register_buffer("one", torch.ones(()), persistent=False)

    def forward(self, ids: Tensor) -> Tensor:
        vectors = self.one.new_zeros(*ids.shape, self.output_size)
        return vectors.scatter_(-1, ids[..., None], 1.0)
