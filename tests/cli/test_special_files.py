"""Files that have no end, and data that needs more memory than there is, on the command line."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from helpers.commands import error_line

RECIPE = "data: {type: text, path: a.txt}\nencoder: {type: lstm, hidden_size: 2}\nhead: next_char\ntrain: {epochs: 1}\n"


@pytest.fixture
def special_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a pipe and a link to a device, and a recipe that can read them. It is the current one."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "zero").symlink_to("/dev/zero")
    (tmp_path / "recipe.yaml").write_text(RECIPE, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(("file", "kind"), [("pipe", "a pipe"), ("zero", "a device")])
def test_special_files_are_rejected_at_once(run_command, file: str, kind: str, generation_run, special_files) -> None:
    for command in ("check", "run"):
        done = run_command(command, file)
        assert (done.code, error_line(done)) == (2, f"{file}: cannot read the recipe: it is not a regular file")
    for command in ("check", "run"):
        done = run_command(command, "recipe.yaml", f"data.path={file}")
        assert done.code == 3
        assert error_line(done) == f"command line: data.path: {special_files / file}: is not a regular file"
    for arguments in (
        ["predict", generation_run, "--file", file],
        ["generate", generation_run, "--prompts", file],
        ["evaluate", generation_run, "--data", file],
    ):
        done = run_command(*arguments)
        assert done.code == 3
        assert error_line(done).endswith(f"{file}: is not a regular file, but {kind}")


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (MemoryError(), "reading or computing needs more than is available"),
        (MemoryError("Unable to allocate 8.00 GiB for an array"), "Unable to allocate 8.00 GiB"),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"), "DefaultCPUAllocator"),
        (RuntimeError("CUDA out of memory.\nTried to allocate 2 GiB"), "CUDA out of memory. Tried to allocate 2 GiB"),
    ],
)
def test_too_little_memory_is_one_line(run_command, error, reason: str, special_files, monkeypatch) -> None:
    def allocate(path: Path, encoding: str) -> None:
        raise error

    monkeypatch.setattr("seqkit.readers.text.read_text", allocate)
    (special_files / "a.txt").write_text("text", encoding="utf-8")
    done = run_command("run", "recipe.yaml")
    assert done.code == 1
    line = error_line(done)
    assert reason in line
    assert line.startswith("out of memory: ")
    assert line.endswith(": use less data, a smaller batch or a smaller model")
