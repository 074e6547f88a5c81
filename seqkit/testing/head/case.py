"""A head under test: its factory, its examples, and its training on them."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn

from seqkit.contracts import Batch, Encoded, Example, Head, Loss, Row, Tokenizer, WithSpecialTokens
from seqkit.contracts.capabilities import call_with_accepted
from seqkit.data.batching import collate
from seqkit.data.dataset import encode
from seqkit.embeddings.learned import Learned
from seqkit.messages import message
from seqkit.modeling.device import seed_everything
from seqkit.testing.assertions import perturb
from seqkit.testing.checks import Case, ContractViolation
from seqkit.testing.training import without_dropout
from seqkit.tokenizers.char import Char
from seqkit.tokenizers.word import Word

MAX_TRAINING_STEPS = 300
"""Enough to memorize a few examples."""


class HeadCase(Case):
    """A head's factory and its examples. Arguments as for `checks_for_head`.

    No encoder is run. Its results are random vectors, which are the same for a row in every batch.
    """

    def __init__(
        self,
        factory: Callable[[], Head],
        examples: Sequence[Example],
        tokenizer: Tokenizer | None,
        output_size: int,
        final_size: int,
    ) -> None:
        self.factory = factory
        self._examples = list(examples)
        self._tokenizer = tokenizer
        self.output_size = output_size
        self.final_size = final_size

    @property
    def examples(self) -> list[Example]:
        """A copy of the examples, which a faulty head may modify."""
        return copy.deepcopy(self._examples)

    @cached_property
    def tokenizer(self) -> Tokenizer | None:
        """The fitted tokenizer, with the special tokens of the head; None if the examples contain features."""
        inputs = [example.input for example in self.examples]
        if isinstance(inputs[0], np.ndarray):
            return None
        tokenizer = self._tokenizer or (Char() if isinstance(inputs[0], str) else WordLists())
        if special_tokens := getattr(self.factory(), "special_tokens", None):
            tokenizer = WithSpecialTokens(tokenizer, special_tokens)
        tokenizer.fit(inputs)
        return tokenizer

    @cached_property
    def encoded_inputs(self) -> list[np.ndarray]:
        """The ids or features of each example."""
        return [encode(example.input, self.tokenizer) for example in self.examples]

    def build(self, seed: int = 0) -> Any:
        """Return a head in evaluation mode, fitted to the examples and with noise added to its weights."""
        seed_everything(seed)
        return perturb(self.build_unseeded())

    def build_unseeded(self) -> Any:
        """Return a head, fitted to the examples, without seeding the global random generators."""
        head = self.factory()
        if isinstance(head, nn.Module) and isinstance(head, Head):
            head.check_tokenizer(self.tokenizer)
            head.fit(self.examples, self.tokenizer)
            self.build_layers(head)
        return head

    def build_layers(self, head: Any) -> None:
        """Create the layers of a head. One that takes an embedding receives the same vectors each time."""
        embedding = None
        if self.tokenizer is not None:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(0)
                embedding = Learned(self.tokenizer, dim=self.output_size)
        call_with_accepted(head.build, self.output_size, self.final_size, embedding=embedding)

    def rows(self, head: Any) -> list[Row]:
        """Return the rows of all examples."""
        return [
            row
            for example, encoded_input in zip(self.examples, self.encoded_inputs, strict=True)
            for row in head.rows(example, encoded_input)
        ]

    def batch(
        self, head: Any, selected: Sequence[int] | None = None, *, padding_noise: bool = False
    ) -> tuple[Encoded, Batch]:
        """Return the encoder's result for a batch, and the batch.

        Args:
            head: the head, which makes the rows.
            selected: the numbers of the rows in the batch; None for all rows.
            padding_noise: whether outputs at padded time steps are random instead of zero.
        """
        rows = self.rows(head)
        selected = range(len(rows)) if selected is None else selected
        batch = collate([rows[number] for number in selected])
        outputs = torch.zeros(*batch.inputs.shape[:2], self.output_size)
        if padding_noise:
            outputs = 30 * torch.randn(outputs.shape, generator=torch.Generator().manual_seed(99))
        final = torch.zeros(len(selected), self.final_size)
        for place, (number, length) in enumerate(zip(selected, batch.lengths.tolist(), strict=True)):
            generator = torch.Generator().manual_seed(number)
            final[place] = torch.randn(self.final_size, generator=generator)
            outputs[place, :length] = torch.randn(length, self.output_size, generator=generator)
        return Encoded(outputs, final), batch

    def compute(self) -> dict[str, Any]:
        """Return the states, the rows, the weights, the loss and the predictions."""
        head = self.build()
        encoded, batch = self.batch(head)
        return {
            "states": [head.state(), self._state_for_more_targets()],
            "rows": [tuple(row) for row in self.rows(head)],
            "weights": dict(head.state_dict()),
            "losses": loss_values(head, encoded, batch),
            "predictions": predict(head, encoded, batch),
        }

    def more_examples(self) -> list[Example]:
        """Return examples with more labels."""
        return [
            replace(example, target=_with_suffix(example.target, suffix))
            for suffix in ("", "1", "2", "3")
            for example in self.examples
        ]

    def _state_for_more_targets(self) -> Any:
        """Return what `fit` learns from examples with more labels, whose order shows more clearly."""
        try:
            head: Any = self.factory()
            head.fit(self.more_examples(), self.tokenizer)
            return head.state()
        except Exception:
            return None  # targets that are not labels

    @cached_property
    def memorized(self) -> MemorizedHead:
        """A head that was trained on the examples, together with the vectors in place of an encoder."""
        head = without_dropout(self.build())
        encoded, batch = self.batch(head)
        predictions_before = predict(head, encoded, batch)
        vectors = [encoded.outputs.requires_grad_(), encoded.final.requires_grad_()]
        optimizer = torch.optim.Adam([*head.parameters(), *vectors], lr=0.03)
        losses: list[float] = []
        for _ in range(MAX_TRAINING_STEPS):
            optimizer.zero_grad()
            loss = compute_loss(head.train(), encoded, batch)
            mean = loss.total / loss.count
            if not mean.requires_grad:
                raise ContractViolation(message("the loss has no gradient: compute it from `encoded` with torch"))
            mean.backward()
            optimizer.step()
            losses.append(mean.item())
            if not math.isfinite(losses[-1]):
                raise ContractViolation(
                    message(
                        "the loss is {loss} after {steps} training steps: return a finite loss",
                        loss=losses[-1],
                        steps=len(losses),
                    )
                )
            if losses[-1] < 0.003 * abs(losses[0]):
                break
        encoded = Encoded(encoded.outputs.detach(), encoded.final.detach())
        return MemorizedHead(head.eval(), encoded, batch, losses[0], losses[-1], predictions_before)


class MemorizedHead(NamedTuple):
    """A head that was trained on its examples.

    Attributes:
        head: the head, in evaluation mode.
        encoded: the trained vectors in place of the encoder's result.
        batch: all rows.
        first_loss: the mean loss before training.
        last_loss: the mean loss after training.
        predictions_before: the predictions before training.
    """

    head: Any
    encoded: Encoded
    batch: Batch
    first_loss: float
    last_loss: float
    predictions_before: list[dict[str, Any]]


def _with_suffix(target: Any, suffix: str) -> Any:
    """Return a target with a suffix added to each label."""
    if isinstance(target, str):
        return target + suffix
    return [_with_suffix(each, suffix) for each in target] if isinstance(target, list | tuple) else target


class WordLists(Word):
    """The `word` tokenizer for lists of words."""

    takes_words = True

    def _words(self, text: Any) -> Any:
        return text if isinstance(text, list | tuple) else super()._words(text)


def compute_loss(head: Any, encoded: Encoded, batch: Batch) -> Loss:
    """Return the loss of a batch after checking its type."""
    loss = head.loss(encoded, batch)
    if not isinstance(loss, Loss):
        raise ContractViolation(
            message("loss returns a {type}: return seqkit.contracts.Loss(total, count)", type=type(loss).__name__)
        )
    return loss


def loss_values(head: Any, encoded: Encoded, batch: Batch) -> tuple[float, float]:
    """Return the total and the count of the loss of a batch."""
    loss = compute_loss(head, encoded, batch)
    return torch.as_tensor(loss.total).detach().item(), float(loss.count)


def predict(head: Any, encoded: Encoded, batch: Batch) -> list[dict[str, Any]]:
    """Return predictions for a batch, from which the targets are removed."""
    with torch.no_grad():
        return head.predict(encoded, batch._replace(targets=None, target_lengths=None))


def json_round_trip(value: Any, name: str) -> Any:
    """Return a value after writing it as JSON and reading it again.

    Args:
        value: the value.
        name: what it is, for the message of a violation.
    """
    try:
        return json.loads(json.dumps(value, allow_nan=False, ensure_ascii=False))
    except (TypeError, ValueError) as error:
        raise ContractViolation(
            message(
                "{name} is not JSON ({error}): convert numbers with float(...), arrays with .tolist(), and return no "
                "nan or infinity",
                name=name,
                error=error,
            )
        ) from None


def as_text(value: Any) -> str:
    """Return a text or nested lists of texts as one text without white space."""
    if isinstance(value, list | tuple | np.ndarray):
        return "".join(map(as_text, value))
    return "".join(str(value).split())
