"""Tests of decoding against an enumeration of all alignments, and of the edit distance."""

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
from seqkit_ctc.decoding import collapse, greedy_decode, prefix_beam_search
from seqkit_ctc.edit_distance import edit_distance, label_error_rate

ALL_PREFIXES = 10_000
"""A beam of this size contains all prefixes of the cases below."""


def collapse_alignment(alignment: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(label for label, _ in itertools.groupby(alignment) if label != 0)


def labeling_probabilities(log_probabilities: np.ndarray) -> dict[tuple[int, ...], float]:
    """Return the probability of every labeling, summed over its alignments."""
    steps, labels = log_probabilities.shape
    total: dict[tuple[int, ...], float] = defaultdict(float)
    for alignment in itertools.product(range(labels), repeat=steps):
        total[collapse_alignment(alignment)] += math.exp(sum(log_probabilities[range(steps), alignment]))
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
def test_wide_beam_finds_the_most_likely_labelling(log_probabilities: np.ndarray) -> None:
    probabilities = labeling_probabilities(log_probabilities)
    assert sum(probabilities.values()) == pytest.approx(1)
    labeling = tuple(prefix_beam_search(log_probabilities, ALL_PREFIXES))
    assert probabilities[labeling] == pytest.approx(max(probabilities.values()), rel=1e-12)


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(cases, st.integers(1, 3))
def test_narrow_beam_finds_a_possible_labelling(log_probabilities: np.ndarray, beam_size: int) -> None:
    assert tuple(prefix_beam_search(log_probabilities, beam_size)) in labeling_probabilities(log_probabilities)


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(cases)
def test_greedy_decode_collapses_the_most_likely_alignment(log_probabilities: np.ndarray) -> None:
    most_likely = max(
        itertools.product(range(log_probabilities.shape[1]), repeat=len(log_probabilities)),
        key=lambda alignment: sum(log_probabilities[range(len(alignment)), alignment]),
    )
    assert tuple(greedy_decode(log_probabilities)) == collapse_alignment(most_likely)


@settings(max_examples=100, deadline=None, derandomize=True, database=None)
@given(st.lists(st.integers(0, 3), max_size=12))
def test_collapse_merges_equal_neighbors_and_then_removes_blanks(alignment: list[int]) -> None:
    assert tuple(collapse(np.array(alignment, dtype=np.int64))) == collapse_alignment(tuple(alignment))


def test_collapse_keeps_equal_labels_separated_by_a_blank() -> None:
    assert collapse(np.array([0, 3, 3, 0, 3, 5])) == [3, 3, 5]


def test_beam_search_sums_over_alignments() -> None:
    # The example of Hannun et al.: in two time steps, the blank has probability 0.6 and the label 0.4. The most likely
    # alignment is two blanks (0.36), but the three alignments of the label add up to 0.64.
    log_probabilities = np.log([[0.6, 0.4], [0.6, 0.4]])
    assert greedy_decode(log_probabilities) == []
    assert prefix_beam_search(log_probabilities, 2) == [1]


@pytest.mark.parametrize("beam_size", [1, 4, 16])
def test_all_beam_sizes_find_an_unambiguous_labelling(beam_size: int) -> None:
    alignment = [0, 2, 2, 0, 2, 1, 1, 3, 0]
    log_probabilities = log_softmax(20.0 * np.eye(4)[alignment], axis=1)
    assert prefix_beam_search(log_probabilities, beam_size) == greedy_decode(log_probabilities) == [2, 2, 1, 3]


def test_beam_search_of_hundreds_of_time_steps_does_not_underflow() -> None:
    log_probabilities = random_case(0, 600, 5, 6.0)
    labeling = prefix_beam_search(log_probabilities, 8)
    assert edit_distance([*map(str, greedy_decode(log_probabilities))], [*map(str, labeling)]) < 0.1 * len(labeling)


# Edit distance


def recursive_edit_distance(reference: str, hypothesis: str) -> int:
    """Return the edit distance by its recursive definition."""

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
def test_edit_distance_equals_its_definition(reference: str, hypothesis: str) -> None:
    assert edit_distance(reference, hypothesis) == recursive_edit_distance(reference, hypothesis)


def test_label_error_rate_is_averaged_over_labels() -> None:
    # One error in 10 labels, not the mean of the rates of the pairs, 1 and 0.
    assert label_error_rate(["a", "bcdefghij"], ["b", "bcdefghij"]) == pytest.approx(0.1)
    assert label_error_rate(["a"], ["bcd"]) == 3
    assert label_error_rate(["", ""], ["", "ab"]) == 2
