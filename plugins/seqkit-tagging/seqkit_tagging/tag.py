"""A tag for each word, each by itself."""

from __future__ import annotations

from typing import Any

from torch import nn

from seqkit.contracts import Batch, Encoded, Fraction, Loss
from seqkit_tagging.spans import Scheme
from seqkit_tagging.tagger import Tagger


class Tag(Tagger):
    """A tag for each word, each by itself: softmax over a linear map of the encoder's output there.

    The loss is counted by words.

    Args:
        scheme: what the tags say of spans, which are then scored by F1. `none`: nothing. `bio`: an entity's first word
            is B and its further ones I, each with the entity's type, and what is in none is O. `bmes`: the first is B,
            those in the middle M (or I), the last E, and a single one S.
        dropout: the share of the encoder's outputs dropped in training.
    """

    def __init__(self, *, scheme: Scheme = "none", dropout: Fraction = 0.0) -> None:
        super().__init__(scheme, dropout)

    def loss(self, encoded: Encoded, batch: Batch) -> Loss:
        assert batch.targets is not None
        targets = batch.targets.masked_fill(~batch.mask, -100)  # cross_entropy's ignore_index
        total = nn.functional.cross_entropy(
            self.scores(encoded, batch).flatten(0, 1), targets.flatten(), reduction="sum"
        )
        return Loss(total, int(batch.lengths.sum()))

    def predict(self, encoded: Encoded, batch: Batch) -> list[dict[str, Any]]:
        best = self.scores(encoded, batch).argmax(dim=2).tolist()
        return [
            {"tags": [self.tags[number] for number in row[:length]]}
            for row, length in zip(best, batch.lengths.tolist(), strict=True)
        ]
