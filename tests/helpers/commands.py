"""Run the command line as a process, and read what a command prints."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple


class CommandResult(NamedTuple):
    """The exit code of a command and what it printed on stdout and stderr."""

    code: int
    out: str
    err: str


def run_process(*arguments: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run `python -m seqkit` in a new process.

    Args:
        arguments: Arguments of the command line.
        options: Keyword arguments of `subprocess.run`.
    """
    given = {"capture_output": True, "text": True, "encoding": "utf-8", "timeout": 240} | options
    return subprocess.run([sys.executable, "-m", "seqkit", *map(str, arguments)], **given)


def error_line(result: CommandResult) -> str:
    """Return the only line on stderr of a command that failed and printed nothing on stdout."""
    assert result.out == ""
    (line,) = result.err.splitlines()
    assert line.startswith("seqkit: ")
    assert "unexpected" not in line
    return line.removeprefix("seqkit: ")
