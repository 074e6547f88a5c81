"""Find the first difference between two run directories, byte for byte, apart from their timing.

report.html is not compared: it shows timings, and what it is made of is compared.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from seqkit.messages import counted, message
from seqkit.runs.directory import RunDirectory
from seqkit.runs.files import read_json


def first_difference(expected: Path, actual: Path) -> str:
    """Describe the first difference between two run directories, or return an empty string."""
    first, second = RunDirectory(expected), RunDirectory(actual)
    names = ("metrics", "recipe", "given", "overrides", "tokenizer", "report_data")
    for a, b in ((getattr(first, name), getattr(second, name)) for name in names):
        if difference := _compare_lines(a.read_text(encoding="utf-8"), b.read_text(encoding="utf-8"), a.name):
            return difference
    if difference := _compare_tensors(first.model, second.model, first.model.name):
        return difference
    for a, b in ((first.plan, second.plan), (first.result, second.result)):
        texts = [json.dumps(_without_timing(read_json(path)), indent=1) for path in (a, b)]
        if difference := _compare_lines(texts[0], texts[1], a.name):
            return difference
    return _compare_checkpoints(first, second)


def _compare_checkpoints(first: RunDirectory, second: RunDirectory) -> str:
    from seqkit.training.checkpoint import list_checkpoints

    newest = [list_checkpoints(run)[:1] for run in (first, second)]
    names = [found[0].name for found in newest if found]
    if not names:
        return ""
    if len(names) == 1:
        return message("only one of the runs has a checkpoint, {name}", name=names[0])
    if names[0] != names[1]:
        return message("the last checkpoint is {actual}, not {expected}", actual=names[1], expected=names[0])
    one, other = newest[0][0], newest[1][0]
    files = [{file.name for file in folder.iterdir()} for folder in (one, other)]
    if extra := files[0] ^ files[1]:
        return message("{file} is in only one of the runs", file=f"{names[0]}/{min(extra)}")
    for name in sorted(name for name in files[0] if name.endswith(".safetensors")):
        if difference := _compare_tensors(one / name, other / name, f"{names[0]}/{name}"):
            return difference
    states = [read_json(folder / "state.json") for folder in (one, other)]
    for state in states:
        del state["progress"]["seconds"]
    texts = [json.dumps(state, indent=1) for state in states]
    return _compare_lines(texts[0], texts[1], f"{names[0]}/state.json")


def _compare_tensors(one: Path, other: Path, name: str) -> str:
    if one.read_bytes() == other.read_bytes():
        return ""
    from safetensors.torch import load

    first, second = load(one.read_bytes()), load(other.read_bytes())
    if first.keys() != second.keys():
        return message("{file}: {name} is in only one of the runs", file=name, name=min(first.keys() ^ second.keys()))
    for key in sorted(first):
        if first[key].shape != second[key].shape or not first[key].equal(second[key]):
            return message("{file}: {name}", file=name, name=key)
    return message("{file}: equal tensors, stored differently", file=name)


def _compare_lines(one: str, other: str, name: str) -> str:
    first, second = one.splitlines(), other.splitlines()
    for number, (a, b) in enumerate(zip(first, second, strict=False), start=1):
        if a != b:
            return message(
                "{file}:{line}: {actual}, not {expected}",
                file=name,
                line=number,
                actual=b.strip()[:80],
                expected=a.strip()[:80],
            )
    if len(first) == len(second):
        return ""
    return counted(
        len(second),
        "{file}: 1 line, not {expected}",
        "{file}: {count} lines, not {expected}",
        file=name,
        expected=len(first),
    )


def _without_timing(document: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in document.items() if key != "timing"}
