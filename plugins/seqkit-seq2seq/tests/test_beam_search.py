"""Tests of beam search against an exhaustive search and greedy search."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from seqkit_seq2seq.beam_search import Hypothesis, beam_search, length_divisor
from torch import Tensor

VOCAB_SIZE, END, BEGIN = 3, 2, 3
EXHAUSTIVE = 10_000
"""A beam size greater than the number of outputs of the lengths below."""


class RandomDecoder:
    """A decoder with random probabilities of the next token, fixed for each row and each prefix."""

    def __init__(self, rows: int, seed: int, sharpness: float = 1.0) -> None:
        self.rows, self.seed, self.sharpness = rows, seed, sharpness
        self.cache: dict[tuple[int, tuple[int, ...]], Tensor] = {}

    def log_probabilities(self, row: int, prefix: tuple[int, ...]) -> Tensor:
        if (row, prefix) not in self.cache:
            generator = torch.Generator().manual_seed(hash((self.seed, row, prefix)) % 2**31)
            logits = self.sharpness * torch.randn(VOCAB_SIZE, generator=generator, dtype=torch.float64)
            self.cache[row, prefix] = torch.log_softmax(logits, dim=0)
        return self.cache[row, prefix]

    def start(self) -> tuple[Tensor, Tensor]:
        """Return the state before the first token, with one beam per row: the row and the prefix."""
        return torch.arange(self.rows)[:, None], torch.zeros(self.rows, 1, 0, dtype=torch.long)

    def step(self, tokens: Tensor, state: Any) -> tuple[Tensor, Any]:
        rows, prefix = state
        prefix = torch.cat([prefix, tokens[:, :, None]], dim=2)
        log_probabilities = [
            [self.log_probabilities(int(row), tuple(text)) for row, text in zip(beams, texts, strict=True)]
            for beams, texts in zip(rows, prefix.tolist(), strict=True)
        ]
        return torch.stack([torch.stack(beams) for beams in log_probabilities]), (rows, prefix)

    def search(self, **options: Any) -> list[Hypothesis]:
        return [best for best, *_ in self.search_several(**options)]

    def search_several(self, **options: Any) -> list[list[Hypothesis]]:
        options = {"beam_size": EXHAUSTIVE, "max_length": 4, "length_penalty": 0.6} | options
        return beam_search(self.step, self.start(), self.rows, begin=BEGIN, end=END, **options)

    def log_probability(self, row: int, tokens: tuple[int, ...]) -> float:
        return sum(
            float(self.log_probabilities(row, (BEGIN, *tokens[:position]))[token])
            for position, token in enumerate(tokens)
        )

    def best(self, row: int, max_length: int, length_penalty: float) -> tuple[float, tuple[int, ...]]:
        """Return the highest score of all complete outputs, and the output that has it."""
        return self.ranked(row, max_length, length_penalty)[0]

    def ranked(self, row: int, max_length: int, length_penalty: float) -> list[tuple[float, tuple[int, ...]]]:
        """Return the scores of all complete outputs, each with the output, the highest first."""
        outputs = [
            (*tokens, END)
            for length in range(max_length)
            for tokens in itertools.product(sorted({*range(VOCAB_SIZE)} - {END}), repeat=length)
        ]
        return sorted(
            (
                (self.log_probability(row, output) / ((5 + len(output)) / 6) ** length_penalty, output)
                for output in outputs
            ),
            reverse=True,
        )

    def greedy(self, row: int, max_length: int) -> Hypothesis:
        tokens: list[int] = []
        total = 0.0
        for _ in range(max_length):
            log_probabilities = self.log_probabilities(row, (BEGIN, *tokens))
            token = int(log_probabilities.argmax())
            total += float(log_probabilities[token])
            if token == END:
                return Hypothesis(tokens, total, True)
            tokens.append(token)
        return Hypothesis(tokens, total, False)


def assert_same(result: Hypothesis, expected: Hypothesis) -> None:
    assert (result.ids, result.complete) == (expected.ids, expected.complete)
    assert result.log_probability == pytest.approx(expected.log_probability, rel=1e-12)


@settings(max_examples=15, deadline=None, derandomize=True, database=None)
@given(
    st.integers(0, 10_000), st.integers(1, 5), st.sampled_from([0.0, 0.6, 1.0, 2.0]), st.sampled_from([0.3, 1.0, 3.0])
)
def test_wide_beam_finds_the_best_output(seed: int, max_length: int, length_penalty: float, sharpness: float) -> None:
    decoder = RandomDecoder(3, seed, sharpness)
    hypotheses = decoder.search(max_length=max_length, length_penalty=length_penalty)
    for row, hypothesis in enumerate(hypotheses):
        value, output = decoder.best(row, max_length, length_penalty)
        assert (*hypothesis.ids, END) == output
        assert hypothesis.complete
        assert hypothesis.log_probability / length_divisor(len(output), length_penalty) == pytest.approx(value)


def test_length_penalty_favours_longer_outputs() -> None:
    lengths = [
        [len(hypothesis.ids) for hypothesis in RandomDecoder(40, 7, 2.0).search(length_penalty=penalty)]
        for penalty in (0.0, 2.0)
    ]
    assert sum(lengths[0]) < sum(lengths[1])


@settings(max_examples=15, deadline=None, derandomize=True, database=None)
@given(st.integers(0, 10_000), st.integers(1, 6))
def test_beam_size_one_equals_greedy_search(seed: int, max_length: int) -> None:
    decoder = RandomDecoder(3, seed)
    for row, hypothesis in enumerate(decoder.search(beam_size=1, max_length=max_length)):
        assert_same(hypothesis, decoder.greedy(row, max_length))


@pytest.mark.parametrize("beam_size", [1, 2, 3, 7])
def test_rows_are_independent(beam_size: int) -> None:
    class OneRow(RandomDecoder):
        def start(self) -> tuple[Tensor, Tensor]:
            rows, prefix = super().start()
            return rows + self.first, prefix

    batched = RandomDecoder(12, 5).search(beam_size=beam_size, max_length=6)
    for row, hypothesis in enumerate(batched):
        single = OneRow(1, 5)
        single.first = row
        assert_same(single.search(beam_size=beam_size, max_length=6)[0], hypothesis)


def test_beams_are_the_most_likely_continuations() -> None:
    """Two beams for three time steps, against a direct implementation."""
    decoder = RandomDecoder(30, 3)
    for row, hypothesis in enumerate(decoder.search(beam_size=2, max_length=3, length_penalty=1.0)):
        beams: list[tuple[int, ...]] = [()]
        ended = []
        for _ in range(3):
            continuations = [(*beam, token) for beam in beams for token in range(VOCAB_SIZE)]
            survivors = sorted(continuations, key=lambda continuation: -decoder.log_probability(row, continuation))[:2]
            ended += [continuation for continuation in survivors if continuation[-1] == END]
            beams = [continuation for continuation in survivors if continuation[-1] != END]
        if ended:
            best = max(
                ended,
                key=lambda continuation: decoder.log_probability(row, continuation) / ((5 + len(continuation)) / 6),
            )
            assert (*hypothesis.ids, END) == best
        else:
            assert tuple(hypothesis.ids) == beams[0]


def test_outputs_are_truncated_at_max_length() -> None:
    def step(tokens: Tensor, state: Any) -> tuple[Tensor, Any]:
        return torch.tensor([0.7, 0.3, 0.0], dtype=torch.float64).log().expand(*tokens.shape, 3).clone(), state

    ((hypothesis,),) = beam_search(
        step, (torch.zeros(1, 1),), 1, begin=BEGIN, end=END, beam_size=2, max_length=5, length_penalty=0.0
    )
    assert hypothesis.ids == [0] * 5
    assert not hypothesis.complete
    assert hypothesis.log_probability == pytest.approx(5 * math.log(0.7))


def test_search_continues_while_a_longer_output_can_score_higher() -> None:
    def step(tokens: Tensor, state: Any) -> tuple[Tensor, Any]:
        length = state[0] + 1  # (rows, beams)
        first, then, last = [0.49, 0.01, 0.5], [0.99, 0.005, 0.005], [0.005, 0.005, 0.99]
        table = torch.tensor([first, then, then, last], dtype=torch.float64).log()
        return table[length - 1], (length,)

    ((hypothesis,),) = beam_search(
        step,
        (torch.zeros(1, 1, dtype=torch.long),),
        1,
        begin=BEGIN,
        end=END,
        beam_size=2,
        max_length=4,
        length_penalty=1.0,
    )
    assert hypothesis.ids == [0, 0, 0]


@pytest.mark.parametrize("n_best", [1, 2, 5])
@pytest.mark.parametrize("length_penalty", [0.0, 0.6, 1.0])
def test_several_outputs_are_the_best_of_all(n_best: int, length_penalty: float) -> None:
    decoder = RandomDecoder(5, 4)
    found = decoder.search_several(n_best=n_best, length_penalty=length_penalty)
    for row, hypotheses in enumerate(found):
        expected = [output for _, output in decoder.ranked(row, 4, length_penalty)[:n_best]]
        assert [(*hypothesis.ids, END) for hypothesis in hypotheses] == expected
        assert all(hypothesis.complete for hypothesis in hypotheses)
        assert hypotheses[0] == decoder.search(length_penalty=length_penalty)[row]


def test_fewer_outputs_than_n_best() -> None:
    decoder = RandomDecoder(3, 2)
    found = decoder.search_several(n_best=10, beam_size=10, max_length=1)
    assert [[hypothesis.ids for hypothesis in of_row] for of_row in found] == [[[]]] * decoder.rows


def test_suppressed_tokens_are_not_generated() -> None:
    decoder = RandomDecoder(20, 11)
    assert any(0 in hypothesis.ids for hypothesis in decoder.search())
    assert not any(0 in hypothesis.ids for hypothesis in decoder.search(suppressed=[0]))


def test_search_ends_when_all_rows_have_ended() -> None:
    steps = 0

    def step(tokens: Tensor, state: Any) -> tuple[Tensor, Any]:
        nonlocal steps
        steps += 1
        probabilities = [0.05, 0.05, 0.9] if steps == 3 else [0.9, 0.05, 0.05]
        return torch.tensor(probabilities).log().expand(*tokens.shape, 3).clone(), state

    hypotheses = beam_search(
        step, (torch.zeros(2, 1),), 2, begin=BEGIN, end=END, beam_size=1, max_length=100, length_penalty=0.6
    )
    assert steps == 3
    assert [[best.ids for best in of_row] for of_row in hypotheses] == [[[0, 0]], [[0, 0]]]
