"""Beam search over the outputs of a decoder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

DecodeStep = Callable[[Tensor, Any], tuple[Tensor, Any]]
"""A function of tokens, int64 (batch, beams), and a state. Returns the log probabilities of the next tokens, (batch,
beams, vocab_size), and the next state. A state is a tuple of tensors (batch, beams, ...)."""


class Hypothesis(NamedTuple):
    """An output of the decoder.

    Attributes:
        ids: the tokens, without the end token.
        log_probability: the log probability of the tokens, and of the end token if the output is complete.
        complete: whether the output has ended; else it was cut at `max_length`.
    """

    ids: list[int]
    log_probability: float
    complete: bool


def length_divisor(length: int, length_penalty: float) -> float:
    """Return ((5 + length) / 6) ** length_penalty, the divisor of a log probability (Wu et al., 2016)."""
    return ((5 + length) / 6) ** length_penalty


def beam_search(
    decode_step: DecodeStep,
    state: Any,
    batch_size: int,
    *,
    begin: int,
    end: int,
    beam_size: int,
    max_length: int,
    length_penalty: float,
    n_best: int = 1,
    suppressed: Sequence[int] = (),
    device: torch.device | None = None,
) -> list[list[Hypothesis]]:
    """Return the best outputs of each row: complete ones with the highest log probabilities over their length divisors.

    Each round keeps the `beam_size` most likely continuations of the beams of a row. A continuation that ends is a
    candidate and is not continued. The search of a row ends when it has no beam left, or when none can exceed the
    `n_best` best candidates: log probabilities only decrease, and the divisor is largest at `max_length`. The result of
    a row therefore does not depend on the other rows. With one beam this is greedy search.

    Fewer outputs are returned if fewer end within `max_length`; if none does, the most likely beam, cut there.

    Args:
        decode_step: the decoder.
        state: the state before the first token, with one beam per row.
        batch_size: the number of rows.
        begin: the token before the first.
        end: the token that ends an output.
        beam_size: the number of beams.
        max_length: the maximum number of tokens, including the end token.
        length_penalty: the exponent of the divisor, at least 0; 0 compares plain log probabilities.
        n_best: the maximum number of outputs per row, the best first.
        suppressed: tokens that are never generated.
        device: the device of the decoder.
    """
    tokens = torch.full((batch_size, 1), begin, device=device)  # (batch, beams)
    # Log probabilities; minus infinity for a beam that has ended.
    scores = torch.zeros(batch_size, 1, dtype=torch.float64, device=device)
    outputs = torch.empty(batch_size, 1, 0, dtype=torch.long, device=device)  # (batch, beams, length)
    best_scores = torch.full((batch_size, n_best), -torch.inf, dtype=torch.float64, device=device)
    found: list[list[tuple[float, Hypothesis]]] = [[] for _ in range(batch_size)]
    for length in range(1, max_length + 1):
        log_probabilities, state = decode_step(tokens, state)
        log_probabilities = log_probabilities.double()
        log_probabilities[:, :, list(suppressed)] = -torch.inf
        beams, vocab_size = log_probabilities.shape[1:]
        totals = (scores[:, :, None] + log_probabilities).flatten(1)  # (batch, beams * vocab_size)
        scores, indices = totals.topk(min(beam_size, beams * vocab_size), dim=1)
        parents, tokens = indices // vocab_size, indices % vocab_size
        state = tuple(_select_beams(part, parents) for part in state)
        outputs = torch.cat([_select_beams(outputs, parents), tokens[:, :, None]], dim=2)

        ended = tokens == end
        candidates = (scores / length_divisor(length, length_penalty)).masked_fill(~ended, -torch.inf)
        for row, beam in (candidates > best_scores[:, -1:]).nonzero().tolist():
            hypothesis = Hypothesis(outputs[row, beam, :-1].tolist(), float(scores[row, beam]), True)
            found[row].append((float(candidates[row, beam]), hypothesis))
        best_scores = torch.cat([best_scores, candidates], dim=1).topk(n_best, dim=1).values
        scores = scores.masked_fill(ended, -torch.inf)
        upper_bounds = scores.amax(dim=1) / length_divisor(max_length, length_penalty)
        if bool((best_scores[:, -1] >= upper_bounds).all()):
            break
    most_likely = scores.argmax(dim=1).tolist()
    return [
        [hypothesis for _, hypothesis in sorted(of_row, key=lambda item: -item[0])[:n_best]]
        or [Hypothesis(outputs[row, beam].tolist(), float(scores[row, beam]), False)]
        for row, (of_row, beam) in enumerate(zip(found, most_likely, strict=True))
    ]


def _select_beams(values: Tensor, beams: Tensor) -> Tensor:
    """Return the given beams of each row.

    Args:
        values: (batch, beams, ...).
        beams: int64 (batch, selected).

    Returns:
        (batch, selected, ...).
    """
    return values[torch.arange(len(values), device=values.device)[:, None], beams]
