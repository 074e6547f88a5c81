"""A fixture that runs a command line inside the test process."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

from helpers.commands import CommandResult
from seqkit.cli import execute


@pytest.fixture
def run_command(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[..., CommandResult]:
    """Return a function that runs a command line in this process, in an empty folder."""
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)  # restored after a command replaced it
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str | Path) -> CommandResult:
        capsys.readouterr()
        return CommandResult(execute([str(argument) for argument in arguments]), *capsys.readouterr())

    return run
