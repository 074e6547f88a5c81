"""A head that predicts the tag of each word independently."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor
from torch.nn import functional

from seqkit.contracts import Batch, Encoded, Example, Fraction, Loss, PositiveInt, Tokenizer
from seqkit.errors import DataError
from seqkit.layers.cross_entropy import ClassWeights, class_weights, cross_entropy
from seqkit.messages import message
from seqkit_tagging.chain import Transitions
from seqkit_tagging.spans import Scheme
from seqkit_tagging.tag_validation import InvalidTags
from seqkit_tagging.tagger import UNKNOWN, Subwords, Tagger
from seqkit_tagging.window_ngrams import NgramLength, NgramScale


class Tag(Tagger):
    """A tag for each word, predicted independently: a linear layer and a softmax on the encoder's outputs.

    The loss is the mean over words, in nats.

    Args:
        scheme: how tags mark entities. `none`: they do not. `bio`: the first word of an entity is tagged B-type, the
            others I-type, and a word outside entities O. `bmes` (BIOES): the first word B-type, those in the middle
            M-type (or I-type), the last E-type, and the only word of an entity S-type. With `bio` and `bmes`, entities
            are scored by precision, recall and F1.
        constrained: whether to predict the most likely sequence among those that the scheme allows, instead of the most
            likely tag of each word.
        entity_bias: added to the scores of the tags of entities in prediction, to find more entities, or fewer if
            negative (Minkov et al., NER Systems that Suit User's Preferences, 2006). Where most entities are missed, 1
            or 2 can raise F1: recall increases more than precision decreases. Probabilities are computed without it.
        probabilities: whether predictions contain the probability of each word's tag, and of each entity: that of an
            entity of this type with exactly these words. If `constrained`, given that the sequence follows the scheme.
        class_weights: the weight of each tag's words in the training loss: a number per tag, 1 if not given; or
            `balanced`, inversely proportional to the tag's frequency as in scikit-learn; or `square_root`, the square
            root of that.
        label_smoothing: the fraction of the target that is spread evenly over all tags in training (Szegedy et al.,
            Rethinking the Inception Architecture for Computer Vision, 2016).
        dropout: the dropout probability of the encoder's outputs.
        invalid_tags: what to do with a sentence that has a tag of another scheme, or more or fewer tags than words:
            `error`, or `skip` to skip and count it. `repair` rewrites tags that do not follow the scheme in order, so
            that they mark the same entities: `I-x` that continues no entity becomes `B-x`.
        subwords: if the tokenizer cuts a word into several tokens (`bpe`), the output that represents the word: that of
            its `first` token, of its `last`, or the `mean` over all of them.
        crop: train on a part of each longer sentence, of this length in words, which begins at another word in each
            epoch; predict from whole sentences. No entity is cut: a part can be longer to contain it.
        mask: the probability that a word is replaced in training by the mask token, without characters and features, so
            that its tag is learned from the others; anew in each epoch (Xie et al., Data Noising as Smoothing in Neural
            Network Language Models, 2017).
        ngrams: the length, in words, of the longest n-grams of the linear model beside the encoder, which adds to the
            score of each tag of a word a weight of each n-gram around it: among itself and the two words on each side;
            0 for no such model. With `crf` it is a CRF with lexical features (Sha and Pereira, Shallow Parsing with
            Conditional Random Fields, 2003), which learns more from few sentences than an encoder alone.
        ngram_scale: what the scores of the n-grams are multiplied by. With Adam, it is the learning rate of their model
            relative to that of the other layers.

    A tag that does not occur in the training data counts as an error in the metrics and is left out of the loss, with a
    note.
    """

    def __init__(
        self,
        *,
        scheme: Scheme = "none",
        constrained: bool = False,
        entity_bias: float = 0.0,
        probabilities: bool = False,
        class_weights: ClassWeights = None,
        label_smoothing: Fraction = 0.0,
        dropout: Fraction = 0.0,
        invalid_tags: InvalidTags = "error",
        subwords: Subwords = "first",
        crop: PositiveInt | None = None,
        mask: Fraction = 0.0,
        ngrams: NgramLength = 0,
        ngram_scale: NgramScale = 5.0,
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
        )
        self.class_weights = class_weights
        self.label_smoothing = label_smoothing
        self.weights: list[float] | None = None

    def fit(self, examples: Sequence[Example], tokenizer: Tokenizer | None) -> None:
        super().fit(examples, tokenizer)
        self.weights = class_weights(self.class_weights, self.tag_counts)

    def state(self) -> dict[str, Any]:
        return super().state() | ({"weights": self.weights} if self.class_weights else {})

    def restore(self, state: Mapping[str, Any]) -> None:
        super().restore(state)
        if not self.class_weights:
            return
        weights = state.get("weights")
        if not (isinstance(weights, list) and len(weights) == len(self.tags) and all(map(_is_weight, weights))):
            raise DataError(message("the state has no list of weights, a positive number for each tag"))
        self.weights = weights

    def loss(self, encoded: Encoded, batch: Batch) -> Loss:
        assert batch.targets is not None
        targets = batch.targets.masked_fill(~batch.mask, UNKNOWN)
        return cross_entropy(
            self.tag_scores(encoded, batch),
            targets,
            training=self.training,
            label_smoothing=self.label_smoothing,
            weights=self.weights,
        )

    def row_loss(self, scores: Tensor, transitions: Transitions, tag_ids: Tensor) -> Loss:
        total = functional.cross_entropy(scores.double(), tag_ids, ignore_index=UNKNOWN, reduction="sum")
        return Loss(total, int((tag_ids != UNKNOWN).sum()))

    def best_paths(self, scores: Tensor, lengths: Tensor, transitions: Transitions) -> list[list[int]]:
        if self.constrained:
            return super().best_paths(scores, lengths, transitions)
        rows = scores.argmax(dim=2).tolist()
        return [row[:length] for row, length in zip(rows, lengths.tolist(), strict=True)]

    def transitions(self) -> Transitions:
        zeros = self.output.weight.new_zeros(len(self.tags), len(self.tags))
        return Transitions(zeros[0], zeros, zeros[0])


def _is_weight(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < math.inf
