"""A head to be checked: how it is built, what it is tried on, and how it is taught a few examples by heart."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn

from seqkit.batches import collate
from seqkit.contracts import Batch, Encoded, Example, Head, Loss, Row
from seqkit.data import encode
from seqkit.device import seed_everything
from seqkit.testing.checks import Broken
from seqkit.testing.modules import TOLERANCE, stirred
from seqkit.tokenizers.char import Char
from seqkit.tokenizers.word import Word

STEPS = 300
"""So many steps of training are enough to learn a handful of examples by heart."""


class HeadCase:
    """A head to be built, and the examples that it is tried on.

    No encoder stands before the head: what it is given are random vectors, drawn for each row by itself, so that a row
    has the same ones in every batch.
    """

    def __init__(
        self,
        factory: Callable[[], Any],
        examples: Sequence[Example],
        tokenizer: Any,
        output_size: int,
        final_size: int,
    ) -> None:
        self.factory = factory
        self.examples = list(examples)
        self._tokenizer = tokenizer
        self.output_size = output_size
        self.final_size = final_size

    @cached_property
    def tokenizer(self) -> Any:
        """The fitted tokenizer; None where examples hold features."""
        inputs = [example.input for example in self.examples]
        if isinstance(inputs[0], np.ndarray):
            return None
        tokenizer = self._tokenizer or (Char() if isinstance(inputs[0], str) else Words())
        tokenizer.fit(copy.deepcopy(inputs))
        return tokenizer

    @cached_property
    def encoded_inputs(self) -> list[np.ndarray]:
        return [encode(example.input, self.tokenizer) for example in self.examples]

    def build(self, seed: int = 0) -> Any:
        seed_everything(seed)
        return stirred(self.build_unseeded())

    def build_unseeded(self) -> Any:
        head = self.factory()
        if not (isinstance(head, nn.Module) and isinstance(head, Head)):
            return head
        head.fit(self.examples, self.tokenizer)
        head.build(self.output_size, self.final_size)
        return head

    def rows(self, head: Any) -> list[Row]:
        return [
            row
            for example, ids in zip(self.examples, self.encoded_inputs, strict=True)
            for row in head.rows(example, ids)
        ]

    def given(self, head: Any, chosen: Sequence[int] | None = None, *, noise: bool = False) -> tuple[Encoded, Batch]:
        """Returns what an encoder would give for some rows, and their batch.

        Args:
            chosen: places of rows; all where none are given.
            noise: whether something else than zeros stands at padded steps.
        """
        rows = self.rows(head)
        chosen = range(len(rows)) if chosen is None else chosen
        batch = collate([rows[place] for place in chosen])
        outputs = torch.zeros(*batch.inputs.shape[:2], self.output_size)
        if noise:
            outputs = 30 * torch.randn(outputs.shape, generator=torch.Generator().manual_seed(99))
        final = torch.zeros(len(chosen), self.final_size)
        for number, place in enumerate(chosen):
            generator = torch.Generator().manual_seed(place)
            length = int(batch.lengths[number])
            final[number] = torch.randn(self.final_size, generator=generator)
            outputs[number, :length] = torch.randn(length, self.output_size, generator=generator)
        return Encoded(outputs, final), batch

    @cached_property
    def learned(self) -> Learned:
        """The head and free vectors in an encoder's place, trained together until the loss falls no further."""
        head = self.build()
        for module in head.modules():
            if isinstance(module, nn.Dropout):
                module.p = 0.0
        encoded, batch = self.given(head)
        before = self.answers(head, encoded, batch)
        vectors = [encoded.outputs.requires_grad_(), encoded.final.requires_grad_()]
        optimizer = torch.optim.Adam([*head.parameters(), *vectors], lr=0.03)
        losses: list[float] = []
        for _ in range(STEPS):
            optimizer.zero_grad()
            loss = loss_of(head.train(), encoded, batch)
            mean = loss.total / loss.count
            if not mean.requires_grad:
                raise Broken("the loss has no gradient at all: compute it from `encoded` with torch")
            mean.backward()
            optimizer.step()
            losses.append(mean.item())
            if not math.isfinite(losses[-1]):
                raise Broken(f"the loss is {losses[-1]} after {len(losses)} steps of training: keep it finite")
            if losses[-1] < 0.003 * abs(losses[0]):
                break
        encoded = Encoded(encoded.outputs.detach(), encoded.final.detach())
        return Learned(head.eval(), encoded, batch, losses[0], losses[-1], before)

    def answers(self, head: Any, encoded: Encoded, batch: Batch) -> list[dict[str, Any]]:
        """Returns predictions, made without targets."""
        with torch.no_grad():
            return head.predict(encoded, batch._replace(targets=None, target_lengths=None))


class Learned(NamedTuple):
    """A head that was taught its examples.

    Attributes:
        first, last: the mean loss when training began and when it ended.
        before: what it answered when training began.
    """

    head: Any
    encoded: Encoded
    batch: Batch
    first: float
    last: float
    before: list[dict[str, Any]]


class Words(Word):
    """The word tokenizer, of lists of words: what stands for a tokenizer that takes them where none is given."""

    takes_words = True

    def _words(self, text: Any) -> Any:
        return text if isinstance(text, list | tuple) else super()._words(text)


def loss_of(head: Any, encoded: Encoded, batch: Batch) -> Loss:
    loss = head.loss(encoded, batch)
    if not isinstance(loss, Loss):
        raise Broken(f"loss returns a {type(loss).__name__}: return seqkit.contracts.Loss(total, count)")
    return loss


def sums(head: Any, encoded: Encoded, batch: Batch) -> tuple[float, float]:
    loss = loss_of(head, encoded, batch)
    return torch.as_tensor(loss.total).detach().item(), float(loss.count)


def apart(one: float, other: float) -> bool:
    return not abs(one - other) <= TOLERANCE * max(1.0, abs(one), abs(other))


def differing(one: Any, other: Any) -> bool:
    """Compares two JSON values, numbers to within rounding."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() != other.keys() or any(differing(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) != len(other) or any(differing(*pair) for pair in zip(one, other, strict=True))
    if isinstance(one, float | int) and isinstance(other, float | int):
        return one != other and apart(float(one), float(other))
    return bool(one != other)


def as_json(value: Any, what: str) -> Any:
    """Returns a value as it comes back from JSON."""
    try:
        return json.loads(json.dumps(value, allow_nan=False, ensure_ascii=False))
    except (TypeError, ValueError) as error:
        raise Broken(f"{what} is not JSON, {error}: use float(…), .tolist() and text, and no nan or inf") from None
