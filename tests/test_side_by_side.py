"""What the benchmarks have in common: turns, ratios, and the record."""

from __future__ import annotations

import sys

import pytest
import side_by_side
from side_by_side import Measured, in_turn, peak_memory, process, race

LAPS = """
import sys; sys.path.insert(0, "benchmarks")
from side_by_side import finished, lap
for _ in range(2):
    with lap():
        pass
finished(name=sys.argv[1])
"""


def test_a_race_takes_turns_and_hears_what_each_side_says_at_its_end() -> None:
    between: list[int] = []
    commands = [[sys.executable, "-c", LAPS, name] for name in ("ours", "peer")]
    seconds, peer_seconds, ours, peer = race(*commands, laps=2, between=lambda: between.append(1))
    assert len(seconds) == len(peer_seconds) == len(between) == 2
    assert all(0 <= each < 10 for each in seconds + peer_seconds)
    assert (ours.answer["name"], peer.answer["name"]) == ("ours", "peer")
    assert min(ours.peak, peer.peak) > 1e6


def test_a_side_that_fails_ends_the_race() -> None:
    with pytest.raises(SystemExit, match="ended early"):
        race([sys.executable, "-c", "raise SystemExit(3)"], [sys.executable, "-c", LAPS, "peer"], laps=1)
    with pytest.raises(SystemExit, match="exit 3"):
        process([sys.executable, "-c", "raise SystemExit(3)"])


def test_both_calls_are_made_in_turn_after_one_that_does_not_count() -> None:
    calls: list[str] = []
    times = in_turn(lambda: calls.append("ours"), lambda: calls.append("peer"), rounds=2)
    assert calls == ["ours", "peer"] * 3
    assert [len(part) for part in times] == [2, 2]


def test_a_ratio_is_of_figures_measured_together_and_a_row_says_whether_it_will_do() -> None:
    faster = Measured("train", "s", [1, 2, 4], [4, 4, 20], 4, "losses, to 1e-6", "a loop", limit="The bus is full.")
    assert faster.ratios == [4, 2, 5]
    assert faster.is_met
    smaller = Measured("hold", "MiB", [4, 4], [10, 8], 0.4, "ids", "a list", faster=False, limit="Pages are large.")
    assert smaller.ratios == [0.4, 0.5]
    assert not smaller.is_met
    lines = side_by_side.table([faster, smaller]).splitlines()
    assert lines[2] == "| train | 2 (1 to 4) s | 4 (4 to 20) s | **4.00** (2.00 to 5.00) | at least 4 | yes |"
    assert lines[3].endswith("| **0.45** (0.40 to 0.50) | at most 0.4 | no |")
    assert lines[5:] == [
        "- train: the peer is a loop. Compared: losses, to 1e-6.",
        "- hold: the peer is a list. Compared: ids. Pages are large.",
    ]


def test_peak_memory_grows_with_what_is_held() -> None:
    before = peak_memory()
    held = bytearray(300_000_000)
    held[::4096] = b"x" * len(held[::4096])
    assert peak_memory() > before or before > 600_000_000


def test_an_introduction_is_the_docstring_without_its_command() -> None:
    assert side_by_side.introduction("What.\n\n    python x.py\n\nMore\nof it.\n") == "What.\n\nMore\nof it."
