"""Tests of the generation benchmark without timing: seqkit and the reference generate the same varied text."""

from __future__ import annotations

from pathlib import Path

import pytest
from safetensors.torch import load_file

from benchmarks.inference.generation import (
    ALPHABET,
    Case,
    describe_limit,
    distinct_characters,
    random_prompts,
    random_run,
    verify_equal,
)
from benchmarks.inference.generation_reference import Reference


@pytest.mark.parametrize("num_layers", [1, 2])
def test_seqkit_and_reference_generate_equal_texts(num_layers: int, tmp_path: Path) -> None:
    run = random_run(Case(num_layers, 24, rows=1, length=300, goal=1), tmp_path)
    reference = Reference(load_file(run.path / "model.safetensors"), ALPHABET, num_layers, 24)
    prompts = random_prompts(33)  # more than one block of rows
    verified = verify_equal(run.generate(prompts, length=60), reference.generate(prompts, 60))
    assert verified.startswith("all 1,980 characters are equal")
    assert verify_equal([run.generate(prompts[0], length=300)], reference.generate(prompts[:1], 300))


def test_different_texts_raise() -> None:
    with pytest.raises(SystemExit, match="row 2: character 3 differs: 'c' and 'x'"):
        verify_equal(["abcd", "abcd"], ["abcd", "abxd"])


def test_distinct_characters_are_counted_in_the_second_half() -> None:
    assert distinct_characters(["abcdaaaa", "aaaaabcd"]) == 2.5


def test_limit_contains_rate_of_matrix_products() -> None:
    assert "GB of weights per second" in describe_limit(Case(1, 8, 1, 10, 1), 10.0)
    assert "GFLOP/s on each of" in describe_limit(Case(1, 8, 64, 10, 1), 10.0)
