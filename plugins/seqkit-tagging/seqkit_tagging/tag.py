"""A head that predicts the tag of each word independently."""

from __future__ import annotations

from typing import Any

from torch import nn

from seqkit.contracts import Batch, Encoded, Fraction, Loss
from seqkit_tagging.spans import Scheme
from seqkit_tagging.tagger import Tagger


class Tag(Tagger):
    """A tag for each word, predicted independently: a linear layer and a softmax on the encoder's outputs.

    The loss is the mean over words, in nats.

    Args:
        scheme: how tags mark entities. `none`: they do not. `bio`: the first word of an entity is tagged B-type, the
            others I-type, and a word outside entities O. `bmes`: the first word B-type, those in the middle M-type (or
            I-type), the last E-type, and the only word of an entity S-type. With `bio` and `bmes`, entities are scored
            by precision, recall and F1.
        dropout: the dropout probability of the encoder's outputs.
    """

    def __init__(self, *, scheme: Scheme = "none", dropout: Fraction = 0.0) -> None:
        super().__init__(scheme, dropout)

    def loss(self, encoded: Encoded, batch: Batch) -> Loss:
        assert batch.targets is not None
        targets = batch.targets.masked_fill(~batch.mask, -100)  # the default ignore_index of cross_entropy
        scores = self.tag_scores(encoded, batch).flatten(0, 1)
        total = nn.functional.cross_entropy(scores, targets.flatten(), reduction="sum")
        return Loss(total, int(batch.lengths.sum()))

    def predict(self, encoded: Encoded, batch: Batch) -> list[dict[str, Any]]:
        best = self.tag_scores(encoded, batch).argmax(dim=2).tolist()
        return [
            {"tags": [self.tags[tag_id] for tag_id in row[:length]]}
            for row, length in zip(best, batch.lengths.tolist(), strict=True)
        ]
