"""Attention of a decoder over the outputs of an encoder."""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

Score = Literal["general", "additive"]


class Memory(NamedTuple):
    """The encoder outputs that the decoder attends to, computed once per batch.

    Attributes:
        values: (batch, source_time, memory_size), zero at padding.
        keys: (batch, source_time, query_size).
        padding_mask: bool (batch, 1, source_time), True at padding.
    """

    values: Tensor
    keys: Tensor
    padding_mask: Tensor


class Attention(nn.Module):
    """The mean of the encoder outputs s_j, weighted by the softmax over j of their scores with a query h.

    `general`: score(h, s) = h^T W s (Luong et al., 2015), computed as two matrix products. `additive`:
    score(h, s) = v^T tanh(W h + U s + b) (Bahdanau et al., 2015), which needs a vector of query_size for each pair of
    time steps.

    Args:
        query_size: the width of a query.
        memory_size: the width of an encoder output.
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
        """Prepare the encoder outputs of a batch.

        Args:
            outputs: (batch, source_time, memory_size).
            mask: bool (batch, source_time), False at padding.
        """
        values = outputs.masked_fill(~mask[:, :, None], 0)  # a NaN at padding would remain NaN with a weight of zero
        return Memory(values, self.keys(values), ~mask[:, None])

    def forward(self, queries: Tensor, memory: Memory) -> tuple[Tensor, Tensor]:
        """Attend to a memory.

        Args:
            queries: (batch, queries, query_size).
            memory: as `memory` returns it.

        Returns:
            The means (batch, queries, memory_size), and the weights (batch, queries, source_time), exactly zero at
            padding.
        """
        if self.score == "general":
            scores = queries @ memory.keys.transpose(1, 2)  # (batch, queries, source_time)
        else:
            # (batch, queries, source_time, query_size)
            pairs = self.queries(queries)[:, :, None] + memory.keys[:, None]
            scores = self.energy(torch.tanh(pairs))[..., 0]
        weights = torch.softmax(scores.masked_fill(memory.padding_mask, -torch.inf), dim=2)
        return weights @ memory.values, weights
