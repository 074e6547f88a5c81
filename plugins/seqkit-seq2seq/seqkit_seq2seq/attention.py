"""Attention of a decoder's steps over an encoder's outputs."""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

Score = Literal["general", "additive"]


class Memory(NamedTuple):
    """What is attended to, made once a batch.

    Attributes:
        values: (batch, source_time, memory_size), zero at padded steps.
        keys: (batch, source_time, key_size).
        padded: bool (batch, 1, source_time), True at padded steps.
    """

    values: Tensor
    keys: Tensor
    padded: Tensor


class Attention(nn.Module):
    """The mean of an encoder's outputs s_j, each weighted by the softmax over j of its score with a query h.

    score(h, s) = h^T W s, `general`, of Luong et al., 2015; or v^T tanh(W h + U s + b), `additive`, of Bahdanau et al.,
    2015. The first is two matrix products; the second holds a vector of query_size for each pair of steps.

    Args:
        query_size: the width of a query.
        memory_size: the width of an encoder's output.
        score: `general` or `additive`.
    """

    def __init__(self, query_size: int, memory_size: int, score: Score) -> None:
        super().__init__()
        self.score = score
        self.keys = nn.Linear(memory_size, query_size, bias=score == "additive")
        if score == "additive":
            self.queries = nn.Linear(query_size, query_size, bias=False)
            self.energy = nn.Linear(query_size, 1, bias=False)

    def memory(self, outputs: Tensor, mask: Tensor) -> Memory:
        """outputs: (batch, source_time, memory_size); mask: bool (batch, source_time), True at real steps."""
        values = outputs.masked_fill(~mask[:, :, None], 0)  # a weight of zero would not hide a padded NaN
        return Memory(values, self.keys(values), ~mask[:, None])

    def forward(self, queries: Tensor, memory: Memory) -> tuple[Tensor, Tensor]:
        """Attends.

        Args:
            queries: (batch, queries, query_size).

        Returns:
            Means (batch, queries, memory_size), and the weights (batch, queries, source_time), exactly zero at padded
            steps.
        """
        if self.score == "general":
            scores = queries @ memory.keys.transpose(1, 2)  # (batch, queries, source_time)
        else:
            # (batch, queries, source_time, query_size)
            pairs = self.queries(queries)[:, :, None] + memory.keys[:, None]
            scores = self.energy(torch.tanh(pairs))[..., 0]
        weights = torch.softmax(scores.masked_fill(memory.padded, -torch.inf), dim=2)
        return weights @ memory.values, weights
