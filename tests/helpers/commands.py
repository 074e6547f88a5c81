"""Run the command line as a process, and read what a command prints."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import warnings
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple

from seqkit.cli import execute


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


def run_here(*arguments: str | Path, cwd: Path) -> CommandResult:
    """Run a command line in this process, which has the plugins that are installed, as a new process would."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
    with warnings.catch_warnings(), chdir(cwd), redirect_stdout(out), redirect_stderr(err):
        warnings.simplefilter("default")  # shown, not raised
        code = execute([str(argument) for argument in arguments])
    return CommandResult(code, *(stream.detach().getvalue().decode() for stream in (out, err)))


def error_line(result: CommandResult) -> str:
    """Return the only line on stderr of a command that failed and printed nothing on stdout."""
    assert result.out == ""
    (line,) = result.err.splitlines()
    assert line.startswith("seqkit: ")
    assert "unexpected" not in line
    return line.removeprefix("seqkit: ")


def chinese_error(*arguments: str | Path, cwd: Path) -> str:
    """Run a command that fails in a new process with the plugins and in Chinese, and return its line on stderr."""
    environment = {name: value for name, value in os.environ.items() if name != "SEQKIT_PLUGINS"}
    done = run_process(*arguments, cwd=cwd, env=environment | {"SEQKIT_LANG": "zh_CN"})
    return error_line(CommandResult(done.returncode, done.stdout, done.stderr))
