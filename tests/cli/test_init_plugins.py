"""`seqkit init` names the plugin that reads a file, if it is not installed."""

from __future__ import annotations

from pathlib import Path

import pytest

from helpers.commands import error_line
from helpers.tables import write_table

WORDS = ["Ana", "Bob", "the", "a", "sees", "dog"]
SENTENCES = [[WORDS[(n + k) % 6] for k in range(5)] for n in range(40)]
TAGGING = "a word and its tag per line, for which there is the plugin seqkit-tagging: install it, or name a task"
RECORDINGS = "a list of recordings, for which there is the plugin seqkit-ctc: install it, or name a task with --task"


def tagged(separator: str, *more: str, comment: str = "") -> str:
    """Return sentences with a word per line, and columns of tags."""
    return "\n".join(
        comment + "".join(separator.join([word, "BO"[word.islower()], *more]) + "\n" for word in words)
        for words in SENTENCES
    )


def recordings(*header: str, separator: str = ",", texts: int = 40) -> str:
    rows = [[f"a{n}.wav", f"text {n % texts}"] for n in range(40)]
    return "".join(separator.join(row) + "\n" for row in [list(header), *rows])


@pytest.mark.parametrize(
    ("file", "content", "reason"),
    [
        ("a.tsv", tagged("\t"), TAGGING),
        ("a.conll", tagged(" ", "x"), TAGGING),
        ("a.txt", tagged(" "), TAGGING),
        ("a.conllu", tagged("\t", "_", "_", comment="# text = x\n"), TAGGING),
        ("a.csv", recordings("path", "text"), RECORDINGS),
        ("a.csv", recordings("path", "transcript", texts=2), RECORDINGS),
        ("a.tsv", recordings("wav", "text", separator="\t"), RECORDINGS),
    ],
    ids=["words and tags", "columns", "spaces", "comments", "wav files", "another header", "tabs"],
)
def test_the_plugin_of_a_file_is_named(tmp_path: Path, run_command, file: str, content: str, reason: str) -> None:
    (tmp_path / file).write_text(content, encoding="utf-8")
    assert f"{file}: {reason}" in error_line(run_command("init", file))


@pytest.mark.parametrize(
    "content",
    [
        "".join(f"{word} good\n" for word in WORDS * 20),  # no sentences
        "\n".join("so it goes\nand on\n" for _ in range(60)),
    ],
    ids=["lines", "verses"],
)
def test_other_texts_with_few_words_per_line_are_texts(tmp_path: Path, run_command, content: str) -> None:
    (tmp_path / "a.txt").write_text(content, encoding="utf-8")
    done = run_command("init", "a.txt", "--minutes", "0.02")
    assert done.code == 0 and "task: generate" in done.out + done.err


def test_a_task_that_the_user_names_is_drafted(tmp_path: Path, run_command) -> None:
    (tmp_path / "a.txt").write_text(tagged(" "), encoding="utf-8")
    assert run_command("init", "a.txt", "--task", "generate", "--minutes", "0.02").code == 0


def test_a_series_names_the_plugin_that_forecasts(tmp_path: Path, run_command, monkeypatch) -> None:
    monkeypatch.setenv("SEQKIT_PLUGINS", "off")
    rows = [(f"2024-{1 + n // 28:02}-{1 + n % 28:02}", str(n % 7)) for n in range(100)]
    write_table(tmp_path / "a.csv", ["date", "sales"], rows)
    assert "no column of texts; the plugin seqkit-forecast forecasts numbers by their dates" in error_line(
        run_command("init", "a.csv")
    )
