"""A head that predicts the most likely sequence of tags by a linear-chain CRF."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import torch
import torchcrf
from torch import Tensor

from seqkit.contracts import Batch, Encoded, Fraction, Loss
from seqkit_tagging.spans import Scheme, is_forbidden
from seqkit_tagging.tagger import UNKNOWN, InvalidTags, Tagger

_FORBIDDEN_SCORE = -1e4
"""Added to the score of a forbidden transition: larger than any difference between scores of sentences, and finite."""


class CRF(Tagger):
    """The most likely sequence of tags, by a linear-chain conditional random field (Lafferty et al., 2001).

    The score of a sequence is the sum of a score for the tag of each word, linear in the encoder's output, and a score
    for each transition from one tag to the next, including the start and the end. Training maximizes the log-likelihood
    of the true sequence; prediction uses the Viterbi algorithm. The loss is in nats per word, as with `tag`, so the two
    can be compared.

    Args:
        scheme: as in `tag`: `none`, `bio` or `bmes`.
        constrained: whether to exclude sequences that the scheme forbids (for example I after O) from predictions.
        dropout: the dropout probability of the encoder's outputs.
        invalid_tags: as in `tag`. With `constrained`, a training sentence that the scheme forbids is invalid too.

    A tag that does not occur in the training data counts as an error in the metrics, with a note. The loss leaves out
    its sentence, whose likelihood is not defined.
    """

    unit = "sentence"

    def __init__(
        self,
        *,
        scheme: Scheme = "none",
        constrained: bool = True,
        dropout: Fraction = 0.0,
        invalid_tags: InvalidTags = "error",
    ) -> None:
        super().__init__(scheme, dropout, invalid_tags)
        self.constrained = self.follows_scheme = constrained

    def build(self, output_size: int, final_size: int) -> None:
        super().build(output_size, final_size)
        self.crf = torchcrf.CRF(len(self.tags), batch_first=True)

    def loss(self, encoded: Encoded, batch: Batch) -> Loss:
        assert batch.targets is not None
        known = (batch.targets != UNKNOWN).all(dim=1)
        scores = self.tag_scores(encoded, batch)[known]
        mask = batch.mask[known]
        log_likelihood = self.crf(scores, batch.targets[known], mask, reduction="sum")
        return Loss(-log_likelihood, int(mask.sum()))

    def predict(self, encoded: Encoded, batch: Batch) -> list[dict[str, Any]]:
        best = self._decoder().decode(self.tag_scores(encoded, batch), batch.mask)
        return [{"tags": [self.tags[tag_id] for tag_id in row]} for row in best]

    def _decoder(self) -> torchcrf.CRF:
        """Return the CRF; if constrained, a copy with a penalty on the transitions that the scheme forbids."""
        if not self.constrained or self.scheme == "none":
            return self.crf
        decoder = copy.deepcopy(self.crf)
        boundary: list[str | None] = [None]
        with torch.no_grad():
            decoder.start_transitions += self._penalties(boundary, self.tags)[0]
            decoder.transitions += self._penalties(self.tags, self.tags)
            decoder.end_transitions += self._penalties(self.tags, boundary)[:, 0]
        return decoder

    def _penalties(self, previous: Sequence[str | None], following: Sequence[str | None]) -> Tensor:
        """Return the penalty of each transition, float (previous, following)."""
        table = [
            [_FORBIDDEN_SCORE * is_forbidden(first, second, self.scheme) for second in following] for first in previous
        ]
        return torch.tensor(table, device=self.crf.transitions.device)
