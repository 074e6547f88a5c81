"""One-hot vectors."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from seqkit.contracts import Embedding, Tokenizer
from seqkit.layers.dropout import word_ids


class OneHot(nn.Module, Embedding):
    """One-hot vectors, as wide as the vocabulary: 1 at the position of the id, 0 elsewhere. There are no weights.

    If a token is represented by several integers, the first is its id.
    """

    is_one_hot = True

    one: Tensor

    def __init__(self, tokenizer: Tokenizer) -> None:
        super().__init__()
        self.output_size = tokenizer.vocab_size
        # A buffer follows the device and the floating type of the model; this module has no weights that do.
        self.register_buffer("one", torch.ones(()), persistent=False)

    def forward(self, ids: Tensor) -> Tensor:
        ids = word_ids(ids)
        vectors = self.one.new_zeros(*ids.shape, self.output_size)
        return vectors.scatter_(-1, ids[..., None], 1.0)
