"""The writing benchmark's halves that are not timed: its model writes a changing text, and its peer writes the same."""

from __future__ import annotations

from pathlib import Path

import pytest
from safetensors.torch import load_file
from writing import ALPHABET, Job, compared, different, limit, random_prompts, random_run
from writing_peer import Peer


@pytest.mark.parametrize("num_layers", [1, 2])
def test_both_write_the_same(num_layers: int, tmp_path: Path) -> None:
    run = random_run(Job(num_layers, 24, rows=1, length=300, goal=1), tmp_path)
    peer = Peer(load_file(run.path / "model.safetensors"), ALPHABET, num_layers, 24)
    prompts = random_prompts(33)  # more than go through a step together
    said = compared(run.generate(prompts, length=60), peer.write(prompts, 60))
    assert said.startswith("all 1,980 characters are the same")
    assert compared([run.generate(prompts[0], length=300)], peer.write(prompts[:1], 300))


def test_texts_that_differ_are_refused() -> None:
    with pytest.raises(SystemExit, match="row 2: character 3 differs, 'c' and 'x'"):
        compared(["abcd", "abcd"], ["abcd", "abxd"])


def test_how_many_characters_are_different_in_the_second_half() -> None:
    assert different(["abcdaaaa", "aaaaabcd"]) == 2.5


def test_the_limit_names_the_rate_of_the_products() -> None:
    assert "GB of weights a second" in limit(Job(1, 8, 1, 10, 1), 10.0)
    assert "GFLOP/s on each of" in limit(Job(1, 8, 64, 10, 1), 10.0)
