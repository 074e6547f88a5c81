"""The likeliest outputs of a decoder, searched a symbol at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

Step = Callable[[Tensor, Any], tuple[Tensor, Any]]
"""Symbols int64 (batch, beams) and a state -> log probabilities (batch, beams, symbols) of what comes next, and the
state after it. A state is a tuple of tensors (batch, beams, ...)."""


class Hypothesis(NamedTuple):
    """An output.

    Attributes:
        symbols: without the end.
        log_probability: of the symbols, and of the end where it has come, in nats.
        complete: whether it has ended; else it was cut at `max_length`.
    """

    symbols: list[int]
    log_probability: float
    complete: bool


def length_divisor(length: int, length_penalty: float) -> float:
    """Returns ((5 + length) / 6) ** length_penalty, by which Wu et al., 2016, divide an output's log probability."""
    return ((5 + length) / 6) ** length_penalty


def beam_search(
    step: Step,
    state: Any,
    rows: int,
    *,
    begin: int,
    end: int,
    beam_size: int,
    max_length: int,
    length_penalty: float,
    never: Sequence[int] = (),
    device: torch.device | None = None,
) -> list[Hypothesis]:
    """Returns each row's best output: of those that ended, the one with the highest log probability over its divisor.

    At each step the `beam_size` likeliest continuations of a row's beams are kept. One that ends is put aside, the
    others go on. The search of a row is over when no beam is left, or none can still overtake the best that has ended
    (log probabilities fall, and the divisor is largest at `max_length`): so a row's answer does not depend on how long
    the rows beside it go on. One beam is greedy search.

    Where no output of a row ends within `max_length`, its likeliest beam is returned as it was cut.

    Args:
        step: the decoder.
        state: before the first symbol, of one beam a row.
        rows: the size of the batch.
        begin: the symbol that stands before the first.
        end: the symbol that ends an output.
        beam_size: how many beams go on.
        max_length: the most symbols, the end among them.
        length_penalty: the exponent of the divisor, at least 0; with 0, plain log probabilities are compared.
        never: symbols that are not written.
        device: where the decoder is.
    """
    symbols = torch.full((rows, 1), begin, device=device)  # (rows, beams)
    scores = torch.zeros(rows, 1, dtype=torch.float64, device=device)  # log probabilities; minus infinity: ended
    written = torch.empty(rows, 1, 0, dtype=torch.long, device=device)
    best = torch.full((rows,), -torch.inf, dtype=torch.float64, device=device)
    found: list[Hypothesis | None] = [None] * rows
    for length in range(1, max_length + 1):
        log_probabilities, state = step(symbols, state)
        log_probabilities = log_probabilities.double()
        log_probabilities[:, :, list(never)] = -torch.inf
        beams, size = log_probabilities.shape[1:]
        totals = (scores[:, :, None] + log_probabilities).flatten(1)  # (rows, beams * size)
        scores, places = totals.topk(min(beam_size, beams * size), dim=1)
        parents, symbols = places // size, places % size
        state = tuple(_of_beams(part, parents) for part in state)
        written = torch.cat([_of_beams(written, parents), symbols[:, :, None]], dim=2)

        ended = symbols == end
        divided = (scores / length_divisor(length, length_penalty)).masked_fill(~ended, -torch.inf)
        values, beam = divided.max(dim=1)
        for row in (values > best).nonzero()[:, 0].tolist():
            place = int(beam[row])
            found[row] = Hypothesis(written[row, place, :-1].tolist(), float(scores[row, place]), True)
        best = torch.maximum(best, values)
        scores = scores.masked_fill(ended, -torch.inf)
        hopes = scores.amax(dim=1) / length_divisor(max_length, length_penalty)
        if bool((best >= hopes).all()):
            break
    likeliest = scores.argmax(dim=1).tolist()
    return [
        hypothesis or Hypothesis(written[row, beam].tolist(), float(scores[row, beam]), False)
        for row, (hypothesis, beam) in enumerate(zip(found, likeliest, strict=True))
    ]


def _of_beams(values: Tensor, parents: Tensor) -> Tensor:
    """values: (rows, beams, ...); parents: int64 (rows, kept) -> (rows, kept, ...)."""
    return values[torch.arange(len(values), device=values.device)[:, None], parents]
