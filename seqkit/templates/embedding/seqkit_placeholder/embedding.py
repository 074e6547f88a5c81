"""A learned direction for each id."""

from __future__ import annotations

from torch import Tensor, nn

from seqkit.contracts import Embedding, PositiveInt, Tokenizer


class Placeholder(nn.Module, Embedding):
    """A learned direction for each id: a vector whose length is 1, so that no frequent id shouts a rare one down.

    Args:
        dim: the width of a vector.
    """

    def __init__(self, tokenizer: Tokenizer, *, dim: PositiveInt) -> None:
        super().__init__()
        self.output_size = dim
        self.vectors = nn.Embedding(tokenizer.vocab_size, dim)

    def forward(self, ids: Tensor) -> Tensor:
        return nn.functional.normalize(self.vectors(ids), dim=-1)  # (batch, time, dim)
