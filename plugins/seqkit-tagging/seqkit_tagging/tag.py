"""A head that predicts the tag of each word independently."""

from __future__ import annotations

from typing import Any

from torch import nn

from seqkit.contracts import Batch, Encoded, Fraction, Loss
from seqkit_tagging.spans import Scheme
from seqkit_tagging.tagger import UNKNOWN, InvalidTags, Tagger


class Tag(Tagger):
    """A tag for each word, predicted independently: a linear layer and a softmax on the encoder's outputs.

    The loss is the mean over words, in nats.

    Args:
        scheme: how tags mark entities. `none`: they do not. `bio`: the first word of an entity is tagged B-type, the
            others I-type, and a word outside entities O. `bmes`: the first word B-type, those in the middle M-type (or
            I-type), the last E-type, and the only word of an entity S-type. With `bio` and `bmes`, entities are scored
            by precision, recall and F1.
        dropout: the dropout probability of the encoder's outputs.
        invalid_tags: what to do with a sentence that has a tag of another scheme, or more or fewer tags than words:
            `error`, or `skip` to skip and count it. `repair` rewrites tags that do not follow the scheme in order, so
            that they mark the same entities: `I-x` that continues no entity becomes `B-x`.

    A tag that does not occur in the training data counts as an error in the metrics and is left out of the loss, with a
    note.
    """

    def __init__(
        self, *, scheme: Scheme = "none", dropout: Fraction = 0.0, invalid_tags: InvalidTags = "error"
    ) -> None:
        super().__init__(scheme, dropout, invalid_tags)

    def loss(self, encoded: Encoded, batch: Batch) -> Loss:
        assert batch.targets is not None
        targets = batch.targets.masked_fill(~batch.mask, UNKNOWN)
        scores = self.tag_scores(encoded, batch).flatten(0, 1)
        total = nn.functional.cross_entropy(scores, targets.flatten(), reduction="sum")
        return Loss(total, int((targets != UNKNOWN).sum()))

    def predict(self, encoded: Encoded, batch: Batch) -> list[dict[str, Any]]:
        best = self.tag_scores(encoded, batch).argmax(dim=2).tolist()
        return [
            {"tags": [self.tags[tag_id] for tag_id in row[:length]]}
            for row, length in zip(best, batch.lengths.tolist(), strict=True)
        ]
