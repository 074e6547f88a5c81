"""Predicts the next character."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import numpy as np
from torch import Tensor, nn

from seqkit.contracts import Batch, Encoded, Example, Fraction, Head, LongText, Loss, PositiveInt, Row, Tokenizer
from seqkit.errors import DataError


class NextChar(nn.Module, Head):
    """Predicts the next character (or whatever the tokenizer's ids stand for), and so writes.

    With the objective `step` every step of a row predicts the one after it, which only a causal encoder may be asked
    for: one that reads both ways has the answer among its inputs. With `prefix` every prefix of a row is a row of its
    own, encoded without what follows it, and its final vector predicts the next id; any encoder may be asked that, at
    the price of encoding each prefix anew.

    Args:
        objective: `step` or `prefix`.
        context: the longest prefix, under `prefix`, and the longest part of the text so far that is encoded anew for
            each new character where the encoder is not causal.
        allow_leak: let an encoder that is not causal train with `step` all the same, to reproduce the known mistake.
        dropout: the share of the encoder's outputs dropped in training.
    """

    generates = True
    metric_names = ("bits_per_char", "perplexity")

    def __init__(
        self,
        *,
        objective: Literal["step", "prefix"] = "step",
        context: PositiveInt = 128,
        allow_leak: bool = False,
        dropout: Fraction = 0.0,
    ) -> None:
        super().__init__()
        self.objective = objective
        self.context = context
        self.allow_leak = allow_leak
        self.dropout = nn.Dropout(dropout)
        self.per_step = objective == "step"
        reads = "outputs" if self.per_step else "final"
        self.needs = frozenset({reads, "causal"} if self.per_step and not allow_leak else {reads})

    @property
    def takes_long_texts(self) -> bool:  # type: ignore[override]
        return self.per_step

    def fit(self, examples: Sequence[Example], tokenizer: Tokenizer | None) -> None:
        if tokenizer is None:
            raise DataError("there are no characters to predict: this reader yields features")
        self.vocab_size = tokenizer.vocab_size

    def state(self) -> dict[str, Any]:
        return {"vocab_size": self.vocab_size}

    def restore(self, state: Mapping[str, Any]) -> None:
        self.vocab_size = int(state["vocab_size"])

    def build(self, output_size: int, final_size: int) -> None:
        self.output = nn.Linear(output_size if self.per_step else final_size, self.vocab_size)

    def rows(self, example: Example, encoded_input: np.ndarray) -> Iterator[Row]:
        ids = encoded_input
        if len(ids) < 2:
            raise DataError("too short: a next character takes a text of two at least")
        if self.per_step:
            yield Row(ids[:-1], ids[1:])
            return
        for end in range(1, len(ids)):
            yield Row(ids[max(0, end - self.context) : end], ids[end])

    def logits(self, encoded: Encoded) -> Tensor:
        features = encoded.outputs if self.per_step else encoded.final[:, None]
        return self.output(self.dropout(features))  # (batch, time, vocab_size); time is 1 under `prefix`

    def loss(self, encoded: Encoded, batch: Batch) -> Loss:
        assert batch.targets is not None
        logits = self.logits(encoded)
        targets = batch.targets if self.per_step else batch.targets[:, None]
        count = targets.numel()
        if batch.target_lengths is not None and int(batch.target_lengths.min()) < targets.shape[1]:
            targets = targets.masked_fill(~batch.mask, -100)  # cross_entropy's ignore_index
            count = int(batch.target_lengths.sum())
        total = nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="sum")
        return Loss(total, count)

    def metrics(
        self, loss: float, predictions: Sequence[Mapping[str, Any]], examples: Sequence[Example]
    ) -> dict[str, Any]:
        return {"bits_per_char": loss / math.log(2), "perplexity": math.exp(min(loss, 700.0))}

    def baseline(self, train: Sequence[Example], test: Sequence[Example], tokenizer: Tokenizer | None) -> dict | None:
        from seqkit.baselines import MOST_IDS, NGram

        assert tokenizer is not None
        is_long = any(isinstance(example.input, LongText) for example in train)
        model = NGram(tokenizer.vocab_size, most=MOST_IDS if is_long else None)
        model.fit([_ids(example, tokenizer) for example in train])
        loss = model.loss([_ids(example, tokenizer) for example in test])
        return {"name": model.name, "loss": loss} | self.metrics(loss, [], [])


def _ids(example: Example, tokenizer: Tokenizer) -> np.ndarray:
    return example.input.ids if isinstance(example.input, LongText) else tokenizer.encode(example.input)
