"""The head `translate`: generate another text, token by token."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

import numpy as np
import torch
from annotated_types import Ge
from torch import Tensor, nn

from seqkit.contracts import (
    Batch,
    DataNote,
    Encoded,
    Example,
    Fraction,
    Head,
    Judgment,
    Loss,
    Outcomes,
    PositiveInt,
    Row,
    Tokenizer,
    TokenizerFactory,
    Transcripts,
)
from seqkit.errors import DataError, UnknownText
from seqkit.layers.cross_entropy import cross_entropy
from seqkit.messages import message
from seqkit_seq2seq.attention import Memory, Score
from seqkit_seq2seq.beam_search import Hypothesis, beam_search
from seqkit_seq2seq.decoder import Decoder, DecoderState
from seqkit_seq2seq.exhibits import wrong_translations
from seqkit_seq2seq.metrics import BleuTokenizer, edit_distance, translation_metrics

UNKNOWN_TARGET = -1
"""The only id of a target that cannot be encoded: it is left out of the loss."""
MAX_TARGET_LENGTH = 100_000
"""The maximum number of tokens of a target. A run that states a longer one is corrupt, and would generate for hours."""


class Translate(nn.Module, Head):
    """Generate another text with an LSTM decoder that attends to the encoder's outputs; trained by teacher forcing.

    The decoder starts from the encoder's final vector and applies attention after the LSTM (Luong et al., 2015).

    A translation is compared with its target as the tokenizer encodes and decodes it: in lower case, for example, if
    `tokenizer.lower` is set. A target with a token that the training targets lack counts as an error, and is left out
    of the loss, unless `tokenizer.unknown` is `mark` or `skip`. Both are reported.

    Args:
        tokenizer: the tokenizer of the targets: `{type: char}`, or any other registered tokenizer.
        hidden_size: the width of the decoder's LSTM.
        embedding_size: the width of the embedding of a target token.
        num_layers: the number of layers of the decoder's LSTM.
        attention: the attention score: `general` (Luong et al., 2015, the faster one) or `additive` (Bahdanau et al.,
            2015).
        input_feeding: whether the LSTM also reads the previous attentional vector (Luong et al., 2015). Training then
            computes one time step after the other, which is slower.
        dropout: the dropout probability of target embeddings, between layers, and before the output layer.
        label_smoothing: the proportion of the target probability that is spread over all tokens in training (Szegedy et
            al., 2016).
        beam_size: the number of beams of the search; 1 for greedy search.
        length_penalty: the exponent p of ((5 + length) / 6)^p, the divisor of the log probabilities that beam search
            compares (Wu et al., 2016). 0 compares plain log probabilities, which prefers short outputs.
        n_best: the number of outputs of the beam search in a prediction, at most `beam_size`; with more than one, a
            prediction has `alternatives`, a list of them in the order of the search.
        max_length: the maximum number of tokens of an output, including the end token; by default one and a half times
            the longest training target.
        bleu_tokenizer: the tokenizer of sacrebleu: `13a` (its default), `intl`, `zh` for Chinese targets, `char`, or
            `none`, which splits at white space.
    """

    needs = frozenset({"outputs", "final", "targets"})
    stratifies = False
    metric_names = ("exact_match", "bleu", "chrf", "character_error_rate", "perplexity")
    higher_is_better = frozenset({"exact_match", "bleu", "chrf"})
    token_metrics = frozenset({"loss", "perplexity"})
    provides = frozenset({"texts"})

    def __init__(
        self,
        *,
        tokenizer: TokenizerFactory,
        hidden_size: PositiveInt,
        embedding_size: PositiveInt = 64,
        num_layers: PositiveInt = 1,
        attention: Score = "general",
        input_feeding: bool = False,
        dropout: Fraction = 0.0,
        label_smoothing: Fraction = 0.0,
        beam_size: PositiveInt = 1,
        length_penalty: Annotated[float, Ge(0)] = 0.6,
        n_best: PositiveInt = 1,
        max_length: PositiveInt | None = None,
        bleu_tokenizer: BleuTokenizer = "13a",
    ) -> None:
        super().__init__()
        if n_best > beam_size:
            raise ValueError(
                message("n_best must be at most beam_size, {size}, not {count}", size=beam_size, count=n_best)
            )
        self.tokenizer = tokenizer()
        self.hidden_size = hidden_size
        self.embedding_size = embedding_size
        self.num_layers = num_layers
        self.attention = attention
        self.input_feeding = input_feeding
        self.dropout = dropout
        self.label_smoothing = label_smoothing
        self.beam_size = beam_size
        self.length_penalty = length_penalty
        self.n_best = n_best
        self.max_length = max_length
        self.bleu_tokenizer = bleu_tokenizer
        self.longest_target = 0

    def fit(self, examples: Sequence[Example], tokenizer: Tokenizer | None) -> None:
        targets = []
        for example in examples:
            try:
                targets.append(_text(example))
            except DataError as error:
                raise DataError(
                    message("{location}: {error}", location=example.location or message("an example"), error=error)
                ) from None
        self.tokenizer.fit(targets)
        encoded = [self.tokenizer.encode(target) for target in targets]
        if encoded[0].ndim > 1:
            raise ValueError(
                message("tokenizer represents a token by several integers, which cannot be generated: set another")
            )
        self.longest_target = max(map(len, encoded))
        if self.longest_target > MAX_TARGET_LENGTH:
            raise DataError(
                message(
                    "a target has {count:,} tokens: use at most {limit:,}",
                    count=self.longest_target,
                    limit=MAX_TARGET_LENGTH,
                )
            )

    def state(self) -> dict[str, Any]:
        return {"tokenizer": self.tokenizer.state(), "longest": self.longest_target}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Restore what `state` returned.

        Raises:
            DataError: it is something else.
        """
        longest = state.get("longest")
        if not isinstance(longest, int) or isinstance(longest, bool) or not 0 <= longest <= MAX_TARGET_LENGTH:
            raise DataError(
                message("the length of the longest target must be an integer, 0 to {limit:,}", limit=MAX_TARGET_LENGTH)
            )
        if not isinstance(state.get("tokenizer"), Mapping):
            raise DataError(message("the state of the target tokenizer is not a mapping"))
        self.tokenizer.restore(state["tokenizer"])
        self.longest_target = longest

    @property
    def end(self) -> int:
        """The id of the end token: the first one after the ids of the tokenizer."""
        return self.tokenizer.vocab_size

    def build(self, output_size: int, final_size: int) -> None:
        self.decoder = Decoder(
            self.tokenizer.vocab_size + 1,
            output_size,
            final_size,
            embedding_size=self.embedding_size,
            hidden_size=self.hidden_size,
            num_layers=self.num_layers,
            dropout=self.dropout,
            attention=self.attention,
            input_feeding=self.input_feeding,
        )

    def rows(self, example: Example, encoded_input: np.ndarray) -> Iterator[Row]:
        target = _text(example)
        try:
            ids = self.tokenizer.encode(target)
        except UnknownText as error:
            note = message(
                "the target has a token that does not occur in the training targets: counted as an error and "
                "left out of the loss (or train with `head.tokenizer.unknown: mark`)"
            )
            location = message(
                "{location}, {token}", location=example.location or message("an example"), token=error.text
            )
            warnings.warn(DataNote(note, location), stacklevel=2)
            yield Row(encoded_input, np.array([UNKNOWN_TARGET]))
            return
        except DataError as error:
            raise DataError(message("cannot encode the target with head.tokenizer: {error}", error=error)) from None
        if self.tokenizer.decode(ids.tolist()) != target:
            note = message(
                "head.tokenizer cannot restore the target exactly: translations are compared with the target "
                "as the tokenizer encodes and decodes it"
            )
            warnings.warn(DataNote(note, example.location), stacklevel=2)
        yield Row(encoded_input, np.append(ids, self.end))

    def loss(self, encoded: Encoded, batch: Batch) -> Loss:
        assert batch.targets is not None and batch.target_lengths is not None
        steps = torch.arange(batch.targets.shape[1])
        real = (steps < batch.target_lengths[:, None]).to(batch.targets.device)  # (batch, target_time)
        real = real & (batch.targets != UNKNOWN_TARGET)
        start, memory = self._start(encoded, batch)
        attentional = self.decoder.teacher_forcing(batch.targets.clamp(min=0), start, memory)
        return cross_entropy(
            self.decoder.output(attentional[real]),
            batch.targets[real],
            training=self.training,
            label_smoothing=self.label_smoothing,
        )

    @torch.no_grad()
    def predict(self, encoded: Encoded, batch: Batch) -> list[dict[str, Any]]:
        """Return `translation`, its `log_probability`, and `complete`: False if it was cut at `max_length`.

        If `n_best` is more than 1, `alternatives` has these fields of each output that was found, the best first.
        """
        start, memory = self._start(encoded, batch)

        def decode_step(tokens: Tensor, state: Any) -> tuple[Tensor, DecoderState]:
            after = self.decoder.decode_step(tokens, DecoderState(*state), memory)
            return torch.log_softmax(self.decoder.output(after.attentional), dim=2), after

        found = beam_search(
            decode_step,
            start,
            len(encoded.final),
            begin=self.decoder.begin,
            end=self.end,
            beam_size=self.beam_size,
            max_length=self.max_length or self.longest_target * 3 // 2 + 1,
            length_penalty=self.length_penalty,
            n_best=self.n_best,
            suppressed=self.tokenizer.suppressed_ids,
            device=encoded.final.device,
        )
        outputs = [[self._output(hypothesis) for hypothesis in of_row] for of_row in found]
        if self.n_best == 1:
            return [best for (best,) in outputs]
        return [{**of_row[0], "alternatives": of_row} for of_row in outputs]

    def _output(self, hypothesis: Hypothesis) -> dict[str, Any]:
        return {
            "translation": self.tokenizer.decode(hypothesis.ids),
            "log_probability": hypothesis.log_probability,
            "complete": hypothesis.complete,
        }

    def _start(self, encoded: Encoded, batch: Batch) -> tuple[DecoderState, Memory]:
        """Return the decoder's first state and the memory that it attends to."""
        return self.decoder.start(encoded.final), self.decoder.attention.memory(encoded.outputs, batch.mask)

    def metrics(
        self, loss: float, predictions: Sequence[Mapping[str, Any]], examples: Sequence[Example]
    ) -> dict[str, Any]:
        """Return `translation_metrics`, and the perplexity per target token, including the end token."""
        translations = [prediction["translation"] for prediction in predictions]
        targets = [self._comparable(_text(example)) for example in examples]
        # Without a target that can be encoded, the loss is not a number, and the perplexity is undefined.
        perplexity = {} if math.isnan(loss) else {"perplexity": math.exp(min(loss, 700.0))}
        return translation_metrics(translations, targets, self.bleu_tokenizer) | perplexity

    def exhibits(self, predictions: Sequence[Mapping[str, Any]], examples: Sequence[Example]) -> list[Transcripts]:
        """Return the wrong translations that the model is surest of."""
        targets = [self._comparable(_text(example)) for example in examples]
        return wrong_translations(predictions, targets, [example.input for example in examples])

    def outcomes(
        self, predictions: Sequence[Mapping[str, Any]], examples: Sequence[Example], *, tokenizer: Tokenizer | None
    ) -> Outcomes:
        """Return the translation of each example."""
        truth = [self._comparable(_text(example)) for example in examples]
        return Outcomes(truth, [item["translation"] for item in predictions])

    def _comparable(self, target: str) -> str:
        """Return a target as the tokenizer encodes and decodes it; unchanged if it cannot be encoded."""
        try:
            return self.tokenizer.decode(self.tokenizer.encode(target).tolist())
        except UnknownText:
            return target

    def judge(
        self, predictions: Sequence[Mapping[str, Any]], examples: Sequence[Example], *, tokenizer: Tokenizer | None
    ) -> Iterator[Judgment]:
        """Yield a judgment per example, in the order of the edit distance in characters."""
        for number, (prediction, example) in enumerate(zip(predictions, examples, strict=True)):
            truth, translation = self._comparable(_text(example)), prediction["translation"]
            distance = edit_distance(translation, truth)
            yield Judgment(
                example=number,
                truth=truth,
                prediction=translation,
                is_error=distance > 0,
                order=float(distance),
                probability=min(math.exp(prediction["log_probability"]), 1.0),
                facts={"distance": distance, "complete": prediction["complete"]},
            )

    def baseline(self, train: Sequence[Example], test: Sequence[Example], tokenizer: Tokenizer | None) -> dict | None:
        from seqkit_seq2seq.baselines import most_similar_targets

        if not all(isinstance(example.input, str) for example in (*train, *test)):
            return None
        targets = most_similar_targets(
            [example.input for example in train],
            [_text(example) for example in train],
            [example.input for example in test],
        )
        metrics = translation_metrics(
            [self._comparable(target) for target in targets],
            [self._comparable(_text(example)) for example in test],
            self.bleu_tokenizer,
        )
        name = message("target of the most similar training text (TF-IDF of character 1- to 3-grams)")
        return {"name": name} | metrics


def _text(example: Example) -> str:
    """Return the target of an example.

    Raises:
        DataError: it is not a text.
    """
    if not isinstance(example.target, str):
        raise DataError(
            message("the target is missing")
            if example.target is None
            else message("the target is {target!r:.40}, not text", target=example.target)
        )
    return example.target.strip()
