"""Another text, written symbol by symbol."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

import numpy as np
import torch
from annotated_types import Ge
from torch import Tensor, nn

from seqkit.contracts import (
    Batch,
    Encoded,
    Example,
    Fraction,
    Head,
    Loss,
    PositiveInt,
    Row,
    Tokenizer,
    TokenizerFactory,
)
from seqkit.errors import DataError
from seqkit_seq2seq.attention import Memory, Score
from seqkit_seq2seq.beam_search import beam_search
from seqkit_seq2seq.decoder import Decoder, DecoderState
from seqkit_seq2seq.scores import BleuTokenizer, scores


class Translate(nn.Module, Head):
    """Another text, by an LSTM decoder that attends to the encoder's outputs; trained by teacher forcing.

    The decoder starts from the encoder's final vector. References: Bahdanau et al., 2015; Luong et al., 2015, whose
    order of LSTM and attention this is; Wu et al., 2016, for the length penalty.

    Args:
        tokenizer: of the targets: `{type: char}`, or any other that is registered.
        hidden_size: the width of the decoder's cell.
        embedding_size: the width of a target symbol's vector.
        num_layers: how many layers the decoder has.
        attention: how a step of the decoder and one of the encoder are scored: `general` (Luong's, the faster) or
            `additive` (Bahdanau's).
        input_feeding: whether a step reads what the step before it attended to. Training then goes step by step, which
            is slower.
        dropout: the share dropped in training of symbols' vectors, between layers, and before the output.
        label_smoothing: the share of the target spread evenly over all symbols in training (Szegedy et al., 2016).
        beam_size: how many outputs are followed side by side; 1 is greedy search.
        length_penalty: with more than one beam, outputs are compared by log probability over ((5 + length) / 6) to
            this power; 0 compares plain log probabilities, which favours short outputs.
        max_length: the most symbols of an output, its end among them; null allows half as many again as the longest
            training target has.
        bleu_tokenizer: how sacrebleu cuts texts for BLEU: `13a` (the standard), `intl`, `zh` for Chinese targets,
            `char`, or `none` at white space.
    """

    needs = frozenset({"outputs", "final", "targets"})
    metric_names = ("exact_match", "bleu", "character_error_rate", "perplexity")
    higher_is_better = frozenset({"exact_match", "bleu"})

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
        max_length: PositiveInt | None = None,
        bleu_tokenizer: BleuTokenizer = "13a",
    ) -> None:
        super().__init__()
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
        self.max_length = max_length
        self.bleu_tokenizer = bleu_tokenizer
        self.longest = 0

    def fit(self, examples: Sequence[Example], tokenizer: Tokenizer | None) -> None:
        targets = [_text(example) for example in examples]
        self.tokenizer.fit(targets)
        self.longest = max(len(self.tokenizer.encode(target)) for target in targets)

    def state(self) -> dict[str, Any]:
        return {"tokenizer": self.tokenizer.state(), "longest": self.longest}

    def restore(self, state: Mapping[str, Any]) -> None:
        self.tokenizer.restore(state["tokenizer"])
        self.longest = int(state["longest"])

    @property
    def end(self) -> int:
        """The symbol that ends a target: one past the tokenizer's ids."""
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
        except DataError as error:
            raise DataError(f"the target, for head.tokenizer: {error}") from None
        yield Row(encoded_input, np.append(ids, self.end))

    def loss(self, encoded: Encoded, batch: Batch) -> Loss:
        assert batch.targets is not None and batch.target_lengths is not None
        steps = torch.arange(batch.targets.shape[1])
        real = (steps < batch.target_lengths[:, None]).to(batch.targets.device)  # (batch, target_time)
        start, memory = self._begun(encoded, batch)
        attended = self.decoder.teacher_forced(batch.targets, start, memory)
        # Smoothing shapes what is learned; what is reported is the plain likelihood.
        total = nn.functional.cross_entropy(
            self.decoder.output(attended[real]),
            batch.targets[real],
            label_smoothing=self.label_smoothing if self.training else 0.0,
            reduction="sum",
        )
        return Loss(total, int(batch.target_lengths.sum()))

    @torch.no_grad()
    def predict(self, encoded: Encoded, batch: Batch) -> list[dict[str, Any]]:
        """Returns `translation`, its `log_probability`, and whether it is `complete` or was cut at `max_length`."""
        start, memory = self._begun(encoded, batch)

        def step(symbols: Tensor, state: Any) -> tuple[Tensor, DecoderState]:
            after = self.decoder.advance(symbols, DecoderState(*state), memory)
            return torch.log_softmax(self.decoder.output(after.attended), dim=2), after

        hypotheses = beam_search(
            step,
            start,
            len(encoded.final),
            begin=self.decoder.begin,
            end=self.end,
            beam_size=self.beam_size,
            max_length=self.max_length or self.longest * 3 // 2 + 1,
            length_penalty=self.length_penalty,
            never=self.tokenizer.unwritable,
            device=encoded.final.device,
        )
        return [
            {
                "translation": self.tokenizer.decode(hypothesis.symbols),
                "log_probability": hypothesis.log_probability,
                "complete": hypothesis.complete,
            }
            for hypothesis in hypotheses
        ]

    def _begun(self, encoded: Encoded, batch: Batch) -> tuple[DecoderState, Memory]:
        return self.decoder.start(encoded.final), self.decoder.attention.memory(encoded.outputs, batch.mask)

    def metrics(
        self, loss: float, predictions: Sequence[Mapping[str, Any]], examples: Sequence[Example]
    ) -> dict[str, Any]:
        """Returns the scores of the translations (`scores.py`), and the perplexity of a target's symbol."""
        translations = [prediction["translation"] for prediction in predictions]
        targets = [_text(example) for example in examples]
        return scores(translations, targets, self.bleu_tokenizer) | {"perplexity": math.exp(min(loss, 700.0))}

    def baseline(self, train: Sequence[Example], test: Sequence[Example], tokenizer: Tokenizer | None) -> dict | None:
        from seqkit_seq2seq.nearest import nearest_targets

        if not all(isinstance(example.input, str) for example in (*train, *test)):
            return None
        found = nearest_targets(
            [example.input for example in train],
            [_text(example) for example in train],
            [example.input for example in test],
        )
        floor = scores(found, [_text(example) for example in test], self.bleu_tokenizer)
        return {"name": "the target of the training text most like it (TF-IDF of 1 to 3 characters)"} | floor


def _text(example: Example) -> str:
    if not isinstance(example.target, str):
        shown = "there is no target" if example.target is None else f"the target is {example.target!r:.40}, not text"
        raise DataError(shown)
    return example.target.strip()
