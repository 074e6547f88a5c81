"""Tests of the benchmark harness: alternating rounds, ratios, and the record."""

from __future__ import annotations

import sys

import pytest

from benchmarks.data import corpus
from benchmarks.harness import comparison
from benchmarks.harness.comparison import Comparison, Options, introduction, run_benchmark
from benchmarks.harness.processes import alternate_processes, module_command, peak_memory, run_process
from benchmarks.harness.timing import alternate_calls

CHILD = """
import sys
from benchmarks.harness.processes import report_result, timed_round
for _ in range(2):
    with timed_round():
        pass
report_result(name=sys.argv[1])
"""


def test_alternating_processes_report_results() -> None:
    between: list[int] = []
    commands = [[sys.executable, "-c", CHILD, name] for name in ("ours", "reference")]
    times, reference_times, ours, reference = alternate_processes(
        *commands, rounds=2, between=lambda: between.append(1)
    )
    assert len(times) == len(reference_times) == len(between) == 2
    assert all(0 <= each < 10 for each in times + reference_times)
    assert (ours.result["name"], reference.result["name"]) == ("ours", "reference")
    assert min(ours.peak_memory, reference.peak_memory) > 1e6


def test_failing_process_ends_the_measurement() -> None:
    failing = [sys.executable, "-c", "raise SystemExit(3)"]
    with pytest.raises(SystemExit, match="ended before its last round"):
        alternate_processes(failing, [sys.executable, "-c", CHILD, "reference"], rounds=1)
    with pytest.raises(SystemExit, match="exit code 3"):
        run_process(failing)


def test_calls_alternate_after_warm_up() -> None:
    calls: list[str] = []
    times = alternate_calls(lambda: calls.append("ours"), lambda: calls.append("reference"), rounds=2)
    assert calls == ["ours", "reference"] * 3
    assert [len(part) for part in times] == [2, 2]


FASTER = Comparison("train", "s", [1, 2, 4], [4, 4, 20], 4, "losses, to 1e-6", "a loop", limit="The bus is full.")
SMALLER = Comparison("hold", "MiB", [4, 4], [10, 8], 0.4, "ids", "a list", is_speedup=False, limit="Pages are large.")


def test_ratios_and_table_rows() -> None:
    assert FASTER.ratios == [4, 2, 5]
    assert FASTER.is_met
    assert SMALLER.ratios == [0.4, 0.5]
    assert not SMALLER.is_met
    lines = comparison.table([FASTER, SMALLER]).splitlines()
    assert lines[2] == "| train | 2 (1 to 4) s | 4 (4 to 20) s | **4.00** (2.00 to 5.00) | at least 4 | yes |"
    assert lines[3].endswith("| **0.45** (0.40 to 0.50) | at most 0.4 | no |")
    assert lines[5:] == [
        "- train. Reference: a loop. Verified: losses, to 1e-6.",
        "- hold. Reference: a list. Verified: ids. Pages are large.",
    ]


def test_benchmark_is_recorded_under_its_command_unless_cases_are_selected(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setattr(comparison, "RECORD", tmp_path / "speed.md")
    options: list[Options] = []

    def measure(given: Options) -> list[Comparison]:
        options.append(given)
        return [FASTER]

    monkeypatch.setattr(sys, "argv", ["corpus.py", "train", "--rounds", "3"])
    assert run_benchmark(corpus.__file__, corpus.__doc__, measure, rounds=7) == 0
    assert options[0].rounds == 3
    assert options[0].selects("a training") and not options[0].selects("generation")
    assert "| train |" in capsys.readouterr().out
    assert not (tmp_path / "speed.md").exists()

    monkeypatch.setattr(sys, "argv", ["corpus.py", "--data", str(tmp_path)])
    assert run_benchmark(corpus.__file__, corpus.__doc__, measure, rounds=7) == 0
    record = (tmp_path / "speed.md").read_text(encoding="utf-8")
    assert record.startswith(comparison.HEADER)
    assert "\n## `python -m benchmarks.data.corpus --data DATA`\n\nThe first training step" in record
    assert "\n7 rounds; " in record


def test_missing_data_folder_or_file_is_named(tmp_path) -> None:
    with pytest.raises(SystemExit, match=r"no data folder: pass --data DIR, a folder that contains x\.csv"):
        Options(None, 1).data_file("x.csv")
    with pytest.raises(SystemExit, match=r"the folder does not contain x\.csv"):
        Options(tmp_path, 1).data_file("x.csv")


def test_module_command_uses_dotted_name() -> None:
    assert module_command(corpus.__file__, "a") == [sys.executable, "-m", "benchmarks.data.corpus", "a"]


def test_peak_memory_includes_allocated_memory() -> None:
    before = peak_memory()
    allocated = bytearray(300_000_000)
    allocated[::4096] = b"x" * len(allocated[::4096])
    assert peak_memory() > before or before > 600_000_000


def test_introduction_is_docstring_without_command() -> None:
    assert introduction("What.\n\n    python x.py\n\nMore\nof it.\n") == "What.\n\nMore\nof it."
