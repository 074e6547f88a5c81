"""A tag for each word, by a linear-chain CRF."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torchcrf import CRF

from seqkit.contracts import Batch, Encoded, Example, Fraction, Loss
from seqkit_tagging.spans import Scheme, forbidden
from seqkit_tagging.tagger import Tagger

_NEVER = -1e4
"""Added to the score of what decoding must not do: more than any sentence's scores differ by, and finite."""


class Crf(Tagger):
    """The likeliest sequence of tags, by a linear-chain conditional random field: Lafferty et al., 2001.

    A sequence's score is the sum of a score for each word's tag, linear in the encoder's output there, and of one for
    each tag after the one before it, for the first and for the last. Training raises the log-likelihood of the true
    sequence among all of its length; prediction finds the best by the Viterbi algorithm. The loss is counted by words,
    and so comparable to that of `tag`.

    Args:
        scheme: as in `tag`: `none`, `bio` or `bmes`.
        constrained: never predict what the scheme forbids, such as an I after an O.
        dropout: the share of the encoder's outputs dropped in training.
    """

    def __init__(self, *, scheme: Scheme = "none", constrained: bool = True, dropout: Fraction = 0.0) -> None:
        super().__init__(scheme, dropout)
        self.constrained = constrained

    def _training_tags(self, example: Example) -> list[str]:
        tags = super()._training_tags(example)
        if self.constrained:
            for before, after in zip([None, *tags], [*tags, None], strict=True):
                if forbidden(before, after, self.scheme):
                    pair = f"{after or 'the end'} after {before or 'the beginning'}"
                    where = example.where or "an example"
                    raise ValueError(
                        f"constrained forbids {pair}, which {where} has: set it to false, or mend the tags"
                    )
        return tags

    def build(self, output_size: int, final_size: int) -> None:
        super().build(output_size, final_size)
        self.crf = CRF(len(self.tags), batch_first=True)

    def loss(self, encoded: Encoded, batch: Batch) -> Loss:
        assert batch.targets is not None
        log_likelihood = self.crf(self.scores(encoded, batch), batch.targets, batch.mask, reduction="sum")
        return Loss(-log_likelihood, int(batch.lengths.sum()))

    def predict(self, encoded: Encoded, batch: Batch) -> list[dict[str, Any]]:
        best = self._decoder().decode(self.scores(encoded, batch), batch.mask)
        return [{"tags": [self.tags[number] for number in row]} for row in best]

    def _decoder(self) -> CRF:
        """Returns the CRF with what the scheme forbids made the worst there is."""
        if not self.constrained or self.scheme == "none":
            return self.crf
        decoder = copy.deepcopy(self.crf)
        ends: list[str | None] = [None]
        with torch.no_grad():
            decoder.start_transitions += self._penalty(ends, self.tags)[0]
            decoder.transitions += self._penalty(self.tags, self.tags)
            decoder.end_transitions += self._penalty(self.tags, ends)[:, 0]
        return decoder

    def _penalty(self, before: Sequence[str | None], after: Sequence[str | None]) -> Tensor:
        """Returns float (before, after)."""
        table = [[_NEVER * forbidden(one, other, self.scheme) for other in after] for one in before]
        return torch.tensor(table, device=self.crf.transitions.device)
