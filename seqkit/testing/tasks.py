"""Checks of a task: it answers for files of every form, and what it drafts is a recipe."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from seqkit.contracts import Column, DataFile
from seqkit.errors import PluginError
from seqkit.registry.records import RegisteredTask


def task_problem(task: RegisteredTask) -> str:
    """Return why a task fails for one of the sample files; an empty text if it fails for none."""
    for file in sample_files():
        try:
            task.draft(file)
        except PluginError as error:
            return f"{error} (for the sample file {file.path})"
    return ""


def sample_files() -> list[DataFile]:
    """Return files of different forms, as `seqkit init` would read them: empty ones, tables, texts, tags, series."""
    words, labels = ["good", "bad", "fine"] * 20, ["yes", "no", "yes"] * 20
    numbers = [float(number) for number in range(60)]
    dates = [f"2024-01-{day:02d} {hour:02d}:00" for day in (1, 2, 3) for hour in range(20)]
    return [
        DataFile(Path("empty.txt")),
        DataFile(Path("header.csv"), columns=[Column("text", []), Column("label", [])], format="csv"),
        _table("blank.csv", {"text": ["", " "], "label": [None, ""]}),
        _table("texts.csv", {"text": words, "label": labels}),
        _table("pairs.csv", {"text": words, "other": words[1:] + words[:1], "label": labels}),
        _table("scores.jsonl", {"text": words, "score": numbers}, "jsonl"),
        _table("lists.jsonl", {"tokens": [["a", "b"]] * 60, "tags": [["X", "Y"]] * 60, "flag": [True] * 60}, "jsonl"),
        _table("series.csv", {"date": dates, "value": [str(number) for number in numbers]}),
        _lines("prose.txt", ["It was a dark and stormy night; the rain fell in torrents."] * 30),
        _lines("tags.conll", ["the\tDET", "cat\tNOUN", ""] * 20),
    ]


def _table(name: str, columns: dict[str, Sequence[Any]], form: str = "csv") -> DataFile:
    rows = list(zip(*columns.values(), strict=True))
    lines = [",".join(map(str, row)) for row in (tuple(columns), *rows)]
    found = [Column(column, values) for column, values in columns.items()]
    return DataFile(
        Path(name),
        lines=lines,
        columns=found,
        format=form,
        rows=len(rows),
        characters=sum(map(len, lines)),
    )


def _lines(name: str, lines: list[str]) -> DataFile:
    return DataFile(
        Path(name), lines=lines, rows=sum(1 for line in lines if line), characters=sum(len(line) + 1 for line in lines)
    )
