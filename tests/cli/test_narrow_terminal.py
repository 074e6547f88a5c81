"""What commands print in a narrow terminal: lines that fit, in English and in Chinese."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

import catalogue
from helpers.commands import run_forked
from seqkit.cli.columns import blocks, table_lines, text_lines, value_lines
from seqkit.cli.compare_command import _show
from seqkit.compare.outcome import Measurements, compare
from seqkit.compare.variants import seed_variants
from seqkit.messages import use_translation
from seqkit.terminal import display_width, wrap

Terminal = Callable[..., list[str]]

RECIPE = """
name: messages
data: {type: table, path: messages.csv, split: {by: order, valid: 0.25, test: 0.25}}
tokenizer: {type: char, unknown: mark}
embedding: {type: learned, dim: 4}
encoder: {type: bilstm, hidden_size: 4}
head: {type: classify}
train: {epochs: 1, threads: 1}
"""
TEXTS = ["快递显示已签收，但是我没收到", "the parcel has not arrived", "请问有没有优惠券", "is there a discount"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a recipe and its data."""
    (tmp_path / "recipe.yaml").write_text(RECIPE, encoding="utf-8")
    rows = [f'"{TEXTS[number % 4]}{number % 9}",{"ab"[number % 4 // 2]}' for number in range(40)]
    (tmp_path / "messages.csv").write_text("\n".join(["text,label", *rows]) + "\n", encoding="utf-8")
    return tmp_path


@pytest.fixture
def terminal(folder: Path) -> Terminal:
    """Return a function that runs a command in a terminal, and returns the lines that it prints."""

    def run(*arguments: str, width: int = 40, language: str = "en") -> list[str]:
        variables = {"COLUMNS": str(width), "SEQKIT_LANG": language, "TERM": "xterm"}
        done = run_forked(*arguments, cwd=folder, terminal=True, **variables)
        assert done.code == 0
        return re.sub(r"\x1b\[[\d;]*m", "", done.out).splitlines()

    return run


def fits(line: str, width: int = 40) -> bool:
    """Return whether a line fits in a terminal, or is one word, such as a path."""
    return display_width(line) <= width or (line.isascii() and " " not in line.strip())


@pytest.mark.parametrize("language", ["en", "zh"])
def test_lists_and_tables_fit_in_a_narrow_terminal(terminal: Terminal, folder: Path, language: str) -> None:
    commands = [("list",), ("list", "encoder"), ("show", "encoder", "lstm"), ("data", "recipe.yaml")]
    for command in commands:
        lines = terminal(*command, language=language)
        if command[0] != "show":  # docstrings are printed as they are
            assert all(map(fits, lines)), command
        whole = run_forked(*command, cwd=folder, SEQKIT_LANG=language).out
        assert terminal(*command, width=300, language=language) == whole.splitlines()
        if command[0] == "list":
            assert "".join("".join(lines).split()) == "".join(whole.split())


def test_an_explanation_fits_in_a_narrow_terminal(terminal: Terminal, folder: Path) -> None:
    assert run_forked("run", "recipe.yaml", cwd=folder).code == 0
    command = ("explain", "runs/messages-1", TEXTS[0], "--trace")
    for language in ("en", "zh"):
        lines = terminal(*command, language=language)
        assert all(map(fits, lines))
        assert terminal(*command, language=language, width=120) != lines


def test_runs_and_their_comparisons_fit_in_a_narrow_terminal(terminal: Terminal, folder: Path) -> None:
    for seed in (1, 2):
        done = run_forked("run", "recipe.yaml", f"seed={seed}", f"encoder.hidden_size={4 * seed}", cwd=folder)
        assert done.code == 0
    one, other = "runs/messages-1", "runs/messages-2"
    for command in (("runs",), ("diff", one, other), ("summary", one), ("check", "recipe.yaml")):
        for language in ("en", "zh"):
            lines = terminal(*command, language=language)
            assert [line for line in lines if not (fits(line) or line.startswith("  path: "))] == [], command
        assert terminal(*command, width=300) == run_forked(*command, cwd=folder).out.splitlines()


@pytest.mark.parametrize("width", [40, 60])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_comparison_fits_in_a_narrow_terminal(
    language: str, width: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    costs = {"weights": 123456.0, "multiply_adds": 234567.0, "latency_ms": 1.25, "memory": 5e7}
    seeds = seed_variants(range(5))
    measured = [
        Measurements(
            f"candidate-{name}", "a.yaml", (), {}, {each: 0.5 + each.seed * step for each in seeds}, costs=dict(costs)
        )
        for name, step in (("one", 0.01), ("two", 0.02))
    ]
    comparison = compare(measured, "accuracy", True, "test", seeds)
    texts = catalogue.read_translations(catalogue.CATALOGUE)
    use_translation((lambda text: texts.get(text) or text) if language == "zh" else None)
    monkeypatch.setattr("seqkit.cli.columns.terminal_width", lambda: width)
    try:
        _show(comparison, as_json=False)
    finally:
        use_translation(None)
    assert all(fits(line, width) for line in capsys.readouterr().out.splitlines())


def test_texts_of_a_table_are_wrapped_in_their_columns() -> None:
    rows = [
        ("run", "value", "changes"),
        ("runs/a-1", "0.5", "encoder.hidden_size=128 head.dropout=0.25 train.epochs=9"),
    ]
    assert list(table_lines(rows, numbers=(1,), width=42)) == [
        "run       value  changes",
        "runs/a-1    0.5  encoder.hidden_size=128",
        "                 head.dropout=0.25",
        "                 train.epochs=9",
    ]
    assert list(table_lines([("", "b"), ("x", "/a/very/long/path/of/a/file.txt")], width=20)) == [
        "   b",
        "x  /a/very/long/",
        "   path/of/a/",
        "   file.txt",
    ]


def test_a_wide_table_is_divided_and_its_first_column_wrapped() -> None:
    rows = [("一段很长的文字说明", 1, 22, 333), ("b", None, 4.5, 6)]
    assert list(value_lines(("name", "first", "second", "third"), rows, width=27)) == [
        "name          first  second",
        "一段很长的文      1      22",
        "字说明",
        "b                       4.5",
        "",
        "name          third",
        "一段很长的文    333",
        "字说明",
        "b                 6",
    ]
    assert blocks([5, 5, 20, 3], 12) == [[0, 1], [2], [3]]


def test_a_line_is_wrapped_below_its_indentation() -> None:
    assert list(text_lines("  0.85  file.csv:3: a text of words", 20, 4)) == [
        "  0.85  file.csv:3:",
        "    a text of words",
    ]
    assert list(text_lines("  " + "x" * 30, 20, 4)) == ["  " + "x" * 30]
    assert list(wrap("中文和 English 混排", 8)) == ["中文和", "English", "混排"]
