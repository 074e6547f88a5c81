"""Files that a command writes where the user says: pages, schemas and recipes are written whole or not at all."""

from __future__ import annotations

import os
import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import seqkit
from helpers.commands import error_line
from seqkit.errors import UsageError
from seqkit.runs.files import write_named, write_new


@contextmanager
def full_disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let no file grow beyond 100 bytes. Python would write incomplete files of modules, too."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("command", ["report", "explain", "compare", "schema"])
def test_no_recipe_and_no_file_of_a_run_is_replaced(
    command: str, classification_run: Path, run_command, tmp_path: Path
) -> None:
    plan = classification_run / "plan.yaml"
    arguments, option, ending = {
        "report": ([classification_run], "--output", "one of .html, .htm"),
        "explain": ([classification_run, "很好"], "--html", "one of .html, .htm"),
        "compare": (["absent.yaml"], "--html", "one of .html, .htm"),
        "schema": ([], "--output", ".json"),
    }[command]
    done = run_command(command, *arguments, option, plan)
    assert (done.code, error_line(done)) == (2, f"{option} {plan}: the ending must be {ending}")
    assert not plan.exists()
    assert (
        error_line(run_command(command, *arguments, option, tmp_path / f"none/a{ending[-5:]}"))
        == f"{option} {tmp_path}/none/a{ending[-5:]}: no such folder {tmp_path}/none: create it first"
    )


def test_a_device_is_not_replaced_and_a_link_remains(classification_run: Path, tmp_path: Path) -> None:
    run = seqkit.load(classification_run)
    os.mkfifo(tmp_path / "pipe.html")
    with pytest.raises(UsageError, match="cannot be written: not a regular file"):
        run.report(tmp_path / "pipe.html")
    assert (tmp_path / "pipe.html").is_fifo()
    (tmp_path / "link.html").symlink_to(tmp_path / "page.html")
    for _ in range(2):  # the target is created, and replaced
        assert run.report(tmp_path / "link.html") == tmp_path / "link.html"
        assert (tmp_path / "link.html").is_symlink()
        assert "<html" in (tmp_path / "page.html").read_text(encoding="utf-8")
        (tmp_path / "page.html").write_text("old", encoding="utf-8")


def test_an_end_of_file_is_no_interrupt(run_command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def read(folder: Path) -> None:
        raise EOFError("marshal data too short")

    monkeypatch.setattr("seqkit.cli.run_list.list_runs", read)
    done = run_command("runs", tmp_path)
    assert done.code == 1
    assert done.err.strip() == "seqkit: unexpected EOFError: marshal data too short: use --debug to see the traceback"


def test_a_full_disk_leaves_what_was_there(run_command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    schema = tmp_path / "schema.json"
    schema.write_text("old", encoding="utf-8")
    data = tmp_path / "data.csv"
    data.write_text("text,label\n" + "".join(f"word{i} good,a\nword{i} bad,b\n" for i in range(40)), encoding="utf-8")
    for arguments in (
        ["schema", "--output", schema],
        ["init", data, "--output", tmp_path / "new.yaml"],
        ["recipes", "scores", "--copy", tmp_path / "copy"],
    ):
        with full_disk(monkeypatch):
            done = run_command(*arguments)
        assert done.code == 2, arguments
        assert "cannot be written: File too large" in error_line(done)
    assert schema.read_text(encoding="utf-8") == "old"
    assert sorted(each.name for each in tmp_path.iterdir()) == ["copy", "data.csv", "schema.json"]
    assert not [each for each in (tmp_path / "copy").rglob("*") if each.is_file()]


def test_write_new_replaces_nothing(tmp_path: Path) -> None:
    write_new(tmp_path / "a", "one")
    with pytest.raises(UsageError, match="File exists"):
        write_new(tmp_path / "a", "two")
    assert (tmp_path / "a").read_text(encoding="utf-8") == "one"
    write_named(tmp_path / "a", "two")
    assert (tmp_path / "a").read_text(encoding="utf-8") == "two"
