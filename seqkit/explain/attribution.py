"""Attribution: what the vector of each token adds to a score, and the score of each part of the text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor

from seqkit.contracts import Batch, Encoded, Row
from seqkit.contracts.capabilities import class_name
from seqkit.data.batching import collate
from seqkit.errors import PluginError
from seqkit.messages import message
from seqkit.modeling.model import Model

TOLERANCE = 0.01
"""The largest remainder of integrated gradients, as a fraction of the difference that they explain."""

_FIRST_STEPS, _MOST_STEPS = 16, 1024
"""The number of points of the numerical integration, which is doubled until the remainder is small enough."""

_ROUNDING = 1e-5
"""The error of float32 in a score of 1, which no number of points makes smaller."""

_MAX_NUMBERS = 2**23
"""The largest number of values of the vectors of a batch."""

_MAX_ROWS = 256


class Unit(NamedTuple):
    """A token that is explained; a word of several tokens if the head predicts one label per word.

    Attributes:
        name: its text.
        start: the first of its time steps.
        end: the time step after its last.
        is_word: whether it has a prediction of the head: not the marks of the beginning and the end of a text.
    """

    name: str
    start: int
    end: int
    is_word: bool = True


class IntegratedGradients(NamedTuple):
    """The result of integrated gradients.

    Attributes:
        values: what each token adds.
        steps: the number of points of the numerical integration.
        is_exact: whether the values add up to the difference within `TOLERANCE`.
    """

    values: tuple[float, ...]
    steps: int
    is_exact: bool


class Answers(NamedTuple):
    """The probability of the label, or the number, from parts of a text, one for each token; None where undefined.

    Attributes:
        whole: from the whole model.
        half: from the half of the encoder's output that belongs to the direction, with zeros in place of the other
            half; None if it was not requested.
    """

    whole: tuple[float | None, ...]
    half: tuple[float | None, ...] | None


class Subject:
    """One input of a model, and the score of one label as a function of the vectors of the tokens.

    Args:
        model: the model, in evaluation mode.
        inputs: ids or features, as `Engine.prediction_input` returns them.
        units: the tokens that are explained.
        word: the index of the word whose prediction is explained; None if the input has one prediction.
        temperature: the divisor of the scores of a calibrated run.
    """

    def __init__(
        self, model: Model, inputs: np.ndarray, units: Sequence[Unit], word: int | None, temperature: float = 1.0
    ) -> None:
        self.model = model
        self._temperature = temperature
        self.units = units
        self.word = word
        self._inputs = inputs
        batch = collate([Row(inputs)])
        self._ids = batch.inputs  # (1, time, ...)
        with torch.no_grad():
            self.vectors = model.vectors(batch.inputs, batch.lengths).detach()  # (1, time, width)
        self.column = 0

    def scores(self) -> Tensor:
        """Return the scores of all labels, float64 (names,)."""
        with torch.no_grad():
            return self._scores(self.vectors, torch.ones(1, self.vectors.shape[1]))[0]

    def explained(self, scores: Tensor) -> Tensor:
        """Return the number that is explained: the log-odds of the label, or its number.

        Args:
            scores: float (rows, names).
        """
        chosen = scores[:, self.column]
        if self.model.head.score_kind != "softmax":
            return chosen
        is_chosen = torch.arange(scores.shape[1]) == self.column
        return chosen - torch.logsumexp(scores.masked_fill(is_chosen, -torch.inf), dim=1)

    def baseline(self) -> float:
        """Return the explained number with the zero vector in place of each token."""
        with torch.no_grad():
            nothing = self._scores(torch.zeros_like(self.vectors), torch.zeros(1, self.vectors.shape[1]))
            return float(self.explained(nothing)[0])

    def integrated_gradients(self) -> IntegratedGradients:
        """Return what each token adds: its vector times the mean gradient on the way from the zero vectors.

        Raises:
            RuntimeError: the encoder or the head has no gradients.
        """
        with torch.no_grad():
            score = float(self.explained(self.scores()[None])[0])
        difference = score - self.baseline()
        steps, is_exact = _FIRST_STEPS, False
        while True:
            values = self._integrate(steps)
            by_unit = tuple(float(values[unit.start : unit.end].sum()) for unit in self.units)
            error = abs(sum(by_unit) - difference)
            is_exact = error <= max(TOLERANCE * abs(difference), _ROUNDING * (1 + abs(score)))
            if is_exact or steps >= _MOST_STEPS:
                return IntegratedGradients(by_unit, steps, is_exact)
            steps *= 2

    def _integrate(self, steps: int) -> Tensor:
        """Return the integrated gradients of each time step, float64 (time,), by Gauss-Legendre quadrature."""
        nodes, weights = np.polynomial.legendre.leggauss(steps)
        time = self.vectors.shape[1]
        total = torch.zeros(time, dtype=torch.float64)
        for part in _chunks(steps, self.vectors.numel()):
            factors = torch.from_numpy((nodes[part] + 1) / 2).to(self.vectors)
            vectors = (factors[:, None, None] * self.vectors).requires_grad_()
            shares = factors[:, None].expand(-1, time).clone().requires_grad_()
            score = self.explained(self._scores(vectors, shares)).sum()
            by_vector, by_share = torch.autograd.grad(score, [vectors, shares], allow_unused=True)
            if by_vector is None:
                raise RuntimeError  # as torch does
            gradients = (by_vector * self.vectors).double().sum(dim=2)  # (steps, time)
            if by_share is not None:
                gradients = gradients + by_share.double()
            total += (torch.from_numpy(weights[part] / 2)[:, None] * gradients).sum(dim=0)
        return total

    @torch.no_grad()
    def occlusion(self) -> tuple[float, ...]:
        """Return by how much the explained number is lower with the zero vector in place of each token."""
        score = float(self.explained(self.scores()[None])[0])
        found: list[float] = []
        for part in _chunks(len(self.units), self.vectors.numel()):
            shares = torch.ones(len(self.units[part]), self.vectors.shape[1])
            for row, unit in enumerate(self.units[part]):
                shares[row, unit.start : unit.end] = 0
            found += self.explained(self._scores(self.vectors * shares[:, :, None], shares)).tolist()
        return tuple(score - value for value in found)

    @torch.no_grad()
    def answers(self, direction: Literal["forward", "backward"], *, half: bool) -> Answers:
        """Return the probability of the label, or the number, for the text up to each token, or from each token on.

        Args:
            direction: `forward` for the text up to each token, `backward` for the text from each token on.
            half: whether to return also that of one half of the encoder's output.
        """
        parts: list[tuple[int, np.ndarray, int]] = []  # the number of the unit, the part of the input, and the word
        words = 0
        for number, unit in enumerate(self.units):
            part = self._inputs[: unit.end] if direction == "forward" else self._from(unit.start, words)
            word = 0 if self.word is None else self.word if direction == "forward" else self.word - words
            has_word = words + unit.is_word > word if direction == "forward" else word >= 0
            if has_word:
                parts.append((number, part, word))
            words += unit.is_word
        whole: list[float | None] = [None] * len(self.units)
        of_half: list[float | None] = [None] * len(self.units)
        for chunk in _chunks(len(parts), len(self._inputs)):
            batch = collate([Row(part) for _, part, _ in parts[chunk]])
            place = torch.tensor([word for _, _, word in parts[chunk]])
            encoded = self.model.encode(batch.inputs, batch.lengths)
            for found, part_of_it in ((whole, encoded), (of_half, _keep_half(encoded, direction) if half else None)):
                if part_of_it is None:
                    continue
                values = self._probabilities(self._select(part_of_it, batch, place, None)).tolist()
                for (number, _, _), value in zip(parts[chunk], values, strict=True):
                    found[number] = value
        return Answers(tuple(whole), tuple(of_half) if half else None)

    def _from(self, start: int, words: int) -> np.ndarray:
        """Return the input from a time step on, given the number of words before it."""
        part = self._inputs[start:]
        if self.model.reads_words:
            part = part.copy()
            part[:, -1] -= np.where(part[:, -1] >= 0, words, 0)
        return part

    def probability(self) -> float | None:
        """Return the probability of the label; None if its score is a number."""
        if self.model.head.score_kind == "number":
            return None
        return float(self._probabilities(self.scores()[None])[0])

    def _probabilities(self, scores: Tensor) -> Tensor:
        """Return the probability of the label, or the number, of each row."""
        kind = self.model.head.score_kind
        return self.explained(scores) if kind == "number" else self.explained(scores).sigmoid()

    @torch.no_grad()
    def pooling_weights(self) -> tuple[float, ...] | None:
        """Return the weight of each token in the attention pooling of the head; None without."""
        batch = collate([Row(self._inputs)])
        weights = self.model.pooling_weights(self.model.encoder(self.vectors, batch.lengths), batch)
        if weights is None:
            return None
        return tuple(float(weights[0, unit.start : unit.end].sum()) for unit in self.units)

    @torch.no_grad()
    def reads_tokens(self) -> bool:
        """Whether the head computes a part of its scores from the tokens themselves, which it does not declare."""
        changed = torch.zeros_like(self._ids)
        if self.model.reads_words:
            changed[..., -1] = self._ids[..., -1]
        lengths = torch.tensor([self.vectors.shape[1]])
        encoded = self.model.encoder(self.vectors, lengths)
        first, second = (self.model.scores(encoded, Batch(ids, lengths)).values for ids in (self._ids, changed))
        return not torch.allclose(first, second, atol=1e-6, rtol=1e-5)

    def _scores(self, vectors: Tensor, shares: Tensor) -> Tensor:
        """Return the scores of all labels for other vectors of the tokens, float64 (rows, names).

        Args:
            vectors: float (rows, time, width).
            shares: by what the part of the scores that the head computes from each token itself is multiplied, float
                (rows, time).
        """
        rows, time = vectors.shape[:2]
        lengths = torch.full((rows,), time)
        batch = Batch(self._ids.expand(rows, *self._ids.shape[1:]), lengths)
        encoded = self.model.encoder(vectors, lengths)
        return self._select(encoded, batch, torch.full((rows,), self.word or 0), shares)

    def _select(self, encoded: Encoded, batch: Batch, words: Tensor, shares: Tensor | None) -> Tensor:
        """Return the scores of all labels, float64 (rows, names), of the given word of each row."""
        head = self.model.head
        values, token_values = self.model.scores(encoded, batch)
        if values.dim() != (3 if head.explains == "time_step" else 2) or len(values) != len(words):
            raise PluginError(
                message(
                    "{head}: the values of its scores are {shape} for {rows} rows: return (batch, names), or (batch, "
                    "time, names) if the head explains each time step",
                    head=class_name(type(head)),
                    shape=tuple(values.shape),
                    rows=len(words),
                )
            )
        values = values.double() / self._temperature
        if head.explains == "time_step":
            values = values[torch.arange(len(words)), words]
        if token_values is None:
            return values
        token_values = token_values.double() / self._temperature
        return values + (token_values if shares is None else shares[:, :, None].double() * token_values).sum(dim=1)


def _chunks(rows: int, numbers: int) -> Iterator[slice]:
    """Yield parts of some rows, each small enough for the memory, given how many numbers a row has."""
    size = max(1, min(_MAX_ROWS, _MAX_NUMBERS // numbers))
    for start in range(0, rows, size):
        yield slice(start, min(start + size, rows))


def _keep_half(encoded: Encoded, direction: Literal["forward", "backward"]) -> Encoded:
    """Return the result of an encoder with zeros in place of the half that belongs to the other direction."""

    def masked(values: Tensor) -> Tensor:
        forward, backward = values.chunk(2, dim=-1)
        halves = (
            (forward, torch.zeros_like(backward)) if direction == "forward" else (torch.zeros_like(forward), backward)
        )
        return torch.cat(halves, dim=-1)

    return encoded._replace(outputs=masked(encoded.outputs), final=masked(encoded.final))
