"""Decoding against enumeration: every alignment of a tiny case, one by one."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import log_softmax
from seqkit_ctc.decoding import collapse, greedy, prefix_beam
from seqkit_ctc.edit_distance import edit_distance, label_error_rate

EVERY_PREFIX = 10_000
"""A beam so wide drops nothing in the cases below."""


def collapsed(alignment: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(label for label, _ in itertools.groupby(alignment) if label != 0)


def enumerated(log_probabilities: np.ndarray) -> dict[tuple[int, ...], float]:
    """The probability of every labelling, by adding up its alignments."""
    steps, labels = log_probabilities.shape
    total: dict[tuple[int, ...], float] = defaultdict(float)
    for alignment in itertools.product(range(labels), repeat=steps):
        total[collapsed(alignment)] += math.exp(sum(log_probabilities[range(steps), alignment]))
    return total


def random_case(seed: int, steps: int, labels: int, spread: float) -> np.ndarray:
    return log_softmax(np.random.default_rng(seed).normal(0, spread, (steps, labels)), axis=1)


cases = st.builds(
    random_case,
    seed=st.integers(0, 2**32 - 1),
    steps=st.integers(1, 5),
    labels=st.integers(2, 4),
    spread=st.sampled_from([0.1, 1.0, 3.0]),
)


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(cases)
def test_a_wide_beam_finds_the_likeliest_labelling_of_all(log_probabilities: np.ndarray) -> None:
    probabilities = enumerated(log_probabilities)
    assert sum(probabilities.values()) == pytest.approx(1)
    found = tuple(prefix_beam(log_probabilities, EVERY_PREFIX))
    assert probabilities[found] == pytest.approx(max(probabilities.values()), rel=1e-12)


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(cases, st.integers(1, 3))
def test_a_narrow_beam_finds_a_labelling_that_is_possible(log_probabilities: np.ndarray, beam_size: int) -> None:
    assert tuple(prefix_beam(log_probabilities, beam_size)) in enumerated(log_probabilities)


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(cases)
def test_greedy_collapses_the_likeliest_alignment(log_probabilities: np.ndarray) -> None:
    likeliest = max(
        itertools.product(range(log_probabilities.shape[1]), repeat=len(log_probabilities)),
        key=lambda alignment: sum(log_probabilities[range(len(alignment)), alignment]),
    )
    assert tuple(greedy(log_probabilities)) == collapsed(likeliest)


@settings(max_examples=100, deadline=None, derandomize=True, database=None)
@given(st.lists(st.integers(0, 3), max_size=12))
def test_collapse_merges_equal_neighbours_and_then_drops_blanks(alignment: list[int]) -> None:
    assert tuple(collapse(np.array(alignment, dtype=np.int64))) == collapsed(tuple(alignment))


def test_collapse_keeps_labels_that_a_blank_parts() -> None:
    assert collapse(np.array([0, 3, 3, 0, 3, 5])) == [3, 3, 5]


def test_the_beam_finds_what_no_single_alignment_shows() -> None:
    # The example of Hannun et al.: at each of two steps the blank has 0.6 and the label 0.4. The likeliest alignment is
    # two blanks, 0.36, while the label's three alignments have 0.64 together.
    log_probabilities = np.log([[0.6, 0.4], [0.6, 0.4]])
    assert greedy(log_probabilities) == []
    assert prefix_beam(log_probabilities, 2) == [1]


@pytest.mark.parametrize("beam_size", [1, 4, 16])
def test_a_clear_answer_is_found_whatever_the_beam(beam_size: int) -> None:
    alignment = [0, 2, 2, 0, 2, 1, 1, 3, 0]
    log_probabilities = log_softmax(20.0 * np.eye(4)[alignment], axis=1)
    assert prefix_beam(log_probabilities, beam_size) == greedy(log_probabilities) == [2, 2, 1, 3]


def test_the_beam_stands_for_hundreds_of_steps_without_underflow() -> None:
    log_probabilities = random_case(0, 600, 5, 6.0)
    found = prefix_beam(log_probabilities, 8)
    assert edit_distance([*map(str, greedy(log_probabilities))], [*map(str, found)]) < 0.1 * len(found)


# The edit distance.


def by_recursion(reference: str, hypothesis: str) -> int:
    """By its definition: of what remains of each, drop, insert or replace the first."""

    @cache
    def distance(row: int, column: int) -> int:
        if row == len(reference) or column == len(hypothesis):
            return len(reference) - row + len(hypothesis) - column
        if reference[row] == hypothesis[column]:
            return distance(row + 1, column + 1)
        return 1 + min(distance(row + 1, column), distance(row, column + 1), distance(row + 1, column + 1))

    return distance(0, 0)


words = st.text("abc", max_size=7)


@settings(max_examples=80, deadline=None, derandomize=True, database=None)
@given(words, words)
def test_edit_distance_is_that_of_its_definition(reference: str, hypothesis: str) -> None:
    assert edit_distance(reference, hypothesis) == by_recursion(reference, hypothesis)


def test_label_error_rate_is_of_all_labels_together() -> None:
    # One error of 1 label and none of 9 are one of 10, not the mean of 1 and 0.
    assert label_error_rate(["a", "bcdefghij"], ["b", "bcdefghij"]) == pytest.approx(0.1)
    assert label_error_rate(["a"], ["bcd"]) == 3
    assert label_error_rate(["", ""], ["", "ab"]) == 2
