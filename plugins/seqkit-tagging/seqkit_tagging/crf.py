"""A head that predicts the most likely sequence of tags by a linear-chain CRF."""

from __future__ import annotations

import torch
import torchcrf
from torch import Tensor

from seqkit.contracts import Batch, Encoded, Fraction, Loss, PositiveFloat, PositiveInt
from seqkit_tagging.chain import Posterior, Transitions
from seqkit_tagging.spans import Scheme
from seqkit_tagging.tag_validation import InvalidTags
from seqkit_tagging.tagger import UNKNOWN, Subwords, Tagger
from seqkit_tagging.window_ngrams import NGRAM_SCALE, NgramLength


class CRF(Tagger):
    """The most likely sequence of tags, by a linear-chain conditional random field (Lafferty et al., 2001).

    The score of a sequence is the sum of a score for the tag of each word, linear in the encoder's output, and a score
    for each transition from one tag to the next, including the start and the end. Training maximizes the log-likelihood
    of the true sequence; prediction uses the Viterbi algorithm. The loss is in nats per word, as with `tag`, so the two
    can be compared.

    Args:
        scheme: as in `tag`: `none`, `bio` or `bmes`.
        constrained: whether to exclude sequences that the scheme forbids (for example I after O) from predictions.
        entity_bias: as in `tag`.
        probabilities: as in `tag`, by the forward-backward algorithm.
        dropout: the dropout probability of the encoder's outputs.
        invalid_tags: as in `tag`. With `constrained`, a training sentence that the scheme forbids is invalid too.
        subwords: as in `tag`.
        crop: as in `tag`.
        mask: as in `tag`.
        ngrams: as in `tag`.
        ngram_scale: as in `tag`.

    A tag that does not occur in the training data counts as an error in the metrics, with a note. The loss leaves out
    its sentence, whose likelihood is not defined.
    """

    unit = "sentence"

    def __init__(
        self,
        *,
        scheme: Scheme = "none",
        constrained: bool = True,
        entity_bias: float = 0.0,
        probabilities: bool = False,
        dropout: Fraction = 0.0,
        invalid_tags: InvalidTags = "error",
        subwords: Subwords = "first",
        crop: PositiveInt | None = None,
        mask: Fraction = 0.0,
        ngrams: NgramLength = 0,
        ngram_scale: PositiveFloat = NGRAM_SCALE,
    ) -> None:
        super().__init__(
            scheme=scheme,
            constrained=constrained,
            entity_bias=entity_bias,
            probabilities=probabilities,
            dropout=dropout,
            invalid_tags=invalid_tags,
            subwords=subwords,
            crop=crop,
            mask=mask,
            ngrams=ngrams,
            ngram_scale=ngram_scale,
            follows_scheme=constrained,
        )

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

    def row_loss(self, scores: Tensor, transitions: Transitions, tag_ids: Tensor) -> Loss:
        if (tag_ids == UNKNOWN).any():
            return Loss(scores.new_zeros(()), 0)
        posterior = Posterior(scores[None], torch.tensor([len(tag_ids)]), transitions, self.tags)
        return Loss(scores.new_tensor(-posterior.log_likelihood(0, tag_ids.tolist())), len(tag_ids))

    def transitions(self) -> Transitions:
        return Transitions(self.crf.start_transitions, self.crf.transitions, self.crf.end_transitions)
