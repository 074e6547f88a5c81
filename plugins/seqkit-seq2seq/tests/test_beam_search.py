"""Beam search against every output there is, and against greedy search."""

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

SYMBOLS, END, BEGIN = 3, 2, 3
EVERY = 10_000
"""Wider than all outputs of the lengths below."""


class Tree:
    """A decoder that has drawn, for each row and each output so far, the probabilities of what comes next."""

    def __init__(self, rows: int, seed: int, sharpness: float = 1.0) -> None:
        self.rows, self.seed, self.sharpness = rows, seed, sharpness
        self.known: dict[tuple[int, tuple[int, ...]], Tensor] = {}

    def log_probabilities(self, row: int, before: tuple[int, ...]) -> Tensor:
        if (row, before) not in self.known:
            generator = torch.Generator().manual_seed(hash((self.seed, row, before)) % 2**31)
            logits = self.sharpness * torch.randn(SYMBOLS, generator=generator, dtype=torch.float64)
            self.known[row, before] = torch.log_softmax(logits, dim=0)
        return self.known[row, before]

    def start(self) -> tuple[Tensor, Tensor]:
        """Returns each row's number and what was written so far, of one beam."""
        return torch.arange(self.rows)[:, None], torch.zeros(self.rows, 1, 0, dtype=torch.long)

    def step(self, symbols: Tensor, state: Any) -> tuple[Tensor, Any]:
        rows, before = state
        before = torch.cat([before, symbols[:, :, None]], dim=2)
        log_probabilities = [
            [self.log_probabilities(int(row), tuple(written)) for row, written in zip(beams, texts, strict=True)]
            for beams, texts in zip(rows, before.tolist(), strict=True)
        ]
        return torch.stack([torch.stack(beams) for beams in log_probabilities]), (rows, before)

    def search(self, **options: Any) -> list[Hypothesis]:
        options = {"beam_size": EVERY, "max_length": 4, "length_penalty": 0.6} | options
        return beam_search(self.step, self.start(), self.rows, begin=BEGIN, end=END, **options)

    def log_probability(self, row: int, symbols: tuple[int, ...]) -> float:
        return sum(
            float(self.log_probabilities(row, (BEGIN, *symbols[:place]))[symbol])
            for place, symbol in enumerate(symbols)
        )

    def best(self, row: int, max_length: int, length_penalty: float) -> tuple[float, tuple[int, ...]]:
        """Returns the best of every output that ends, and the log probability that it is judged by."""
        outputs = [
            (*symbols, END)
            for length in range(max_length)
            for symbols in itertools.product(sorted({*range(SYMBOLS)} - {END}), repeat=length)
        ]
        return max(
            (self.log_probability(row, output) / ((5 + len(output)) / 6) ** length_penalty, output)
            for output in outputs
        )

    def greedy(self, row: int, max_length: int) -> Hypothesis:
        symbols: list[int] = []
        total = 0.0
        for _ in range(max_length):
            log_probabilities = self.log_probabilities(row, (BEGIN, *symbols))
            symbol = int(log_probabilities.argmax())
            total += float(log_probabilities[symbol])
            if symbol == END:
                return Hypothesis(symbols, total, True)
            symbols.append(symbol)
        return Hypothesis(symbols, total, False)


def assert_same(got: Hypothesis, wanted: Hypothesis) -> None:
    assert (got.symbols, got.complete) == (wanted.symbols, wanted.complete)
    assert got.log_probability == pytest.approx(wanted.log_probability, rel=1e-12)


@settings(max_examples=15, deadline=None, derandomize=True, database=None)
@given(
    st.integers(0, 10_000), st.integers(1, 5), st.sampled_from([0.0, 0.6, 1.0, 2.0]), st.sampled_from([0.3, 1.0, 3.0])
)
def test_a_beam_wide_enough_finds_the_best_of_all_outputs(
    seed: int, max_length: int, length_penalty: float, sharpness: float
) -> None:
    tree = Tree(3, seed, sharpness)
    found = tree.search(max_length=max_length, length_penalty=length_penalty)
    for row, hypothesis in enumerate(found):
        value, output = tree.best(row, max_length, length_penalty)
        assert (*hypothesis.symbols, END) == output
        assert hypothesis.complete
        assert hypothesis.log_probability / length_divisor(len(output), length_penalty) == pytest.approx(value)


def test_a_length_penalty_changes_which_output_is_best() -> None:
    lengths = [
        [len(hypothesis.symbols) for hypothesis in Tree(40, 7, 2.0).search(length_penalty=penalty)]
        for penalty in (0.0, 2.0)
    ]
    assert sum(lengths[0]) < sum(lengths[1])


@settings(max_examples=15, deadline=None, derandomize=True, database=None)
@given(st.integers(0, 10_000), st.integers(1, 6))
def test_one_beam_is_greedy(seed: int, max_length: int) -> None:
    tree = Tree(3, seed)
    for row, hypothesis in enumerate(tree.search(beam_size=1, max_length=max_length)):
        assert_same(hypothesis, tree.greedy(row, max_length))


@pytest.mark.parametrize("beam_size", [1, 2, 3, 7])
def test_a_row_is_searched_alone_as_it_is_in_company(beam_size: int) -> None:
    class One(Tree):
        def start(self) -> tuple[Tensor, Tensor]:
            rows, before = super().start()
            return rows + self.first, before

    together = Tree(12, 5).search(beam_size=beam_size, max_length=6)
    for row, hypothesis in enumerate(together):
        alone = One(1, 5)
        alone.first = row
        assert_same(alone.search(beam_size=beam_size, max_length=6)[0], hypothesis)


def test_a_beam_keeps_the_likeliest_continuations_of_all_its_beams() -> None:
    """Two beams over three steps, followed by hand."""
    tree = Tree(30, 3)
    for row, hypothesis in enumerate(tree.search(beam_size=2, max_length=3, length_penalty=1.0)):
        beams: list[tuple[int, ...]] = [()]
        ended = []
        for _ in range(3):
            ways = [(*beam, symbol) for beam in beams for symbol in range(SYMBOLS)]
            kept = sorted(ways, key=lambda way: -tree.log_probability(row, way))[:2]
            ended += [way for way in kept if way[-1] == END]
            beams = [way for way in kept if way[-1] != END]
        if ended:
            best = max(ended, key=lambda way: tree.log_probability(row, way) / ((5 + len(way)) / 6))
            assert (*hypothesis.symbols, END) == best
        else:
            assert tuple(hypothesis.symbols) == beams[0]


def test_what_never_ends_is_cut_at_max_length() -> None:
    def step(symbols: Tensor, state: Any) -> tuple[Tensor, Any]:
        return torch.tensor([0.7, 0.3, 0.0], dtype=torch.float64).log().expand(*symbols.shape, 3).clone(), state

    (hypothesis,) = beam_search(
        step, (torch.zeros(1, 1),), 1, begin=BEGIN, end=END, beam_size=2, max_length=5, length_penalty=0.0
    )
    assert hypothesis.symbols == [0] * 5
    assert not hypothesis.complete
    assert hypothesis.log_probability == pytest.approx(5 * math.log(0.7))


def test_a_long_output_may_overtake_a_short_one_that_ended_likelier() -> None:
    def step(symbols: Tensor, state: Any) -> tuple[Tensor, Any]:
        length = state[0] + 1  # (rows, beams)
        first, then, last = [0.49, 0.01, 0.5], [0.99, 0.005, 0.005], [0.005, 0.005, 0.99]
        table = torch.tensor([first, then, then, last], dtype=torch.float64).log()
        return table[length - 1], (length,)

    (hypothesis,) = beam_search(
        step,
        (torch.zeros(1, 1, dtype=torch.long),),
        1,
        begin=BEGIN,
        end=END,
        beam_size=2,
        max_length=4,
        length_penalty=1.0,
    )
    assert hypothesis.symbols == [0, 0, 0]


def test_what_is_never_written_is_not_written() -> None:
    tree = Tree(20, 11)
    assert any(0 in hypothesis.symbols for hypothesis in tree.search())
    assert not any(0 in hypothesis.symbols for hypothesis in tree.search(never=[0]))


def test_search_ends_when_every_row_has_ended() -> None:
    steps = 0

    def step(symbols: Tensor, state: Any) -> tuple[Tensor, Any]:
        nonlocal steps
        steps += 1
        probabilities = [0.05, 0.05, 0.9] if steps == 3 else [0.9, 0.05, 0.05]
        return torch.tensor(probabilities).log().expand(*symbols.shape, 3).clone(), state

    found = beam_search(
        step, (torch.zeros(2, 1),), 2, begin=BEGIN, end=END, beam_size=1, max_length=100, length_penalty=0.6
    )
    assert steps == 3
    assert [hypothesis.symbols for hypothesis in found] == [[0, 0], [0, 0]]
