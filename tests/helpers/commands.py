"""Run the command line as a process, and read what a command prints."""

from __future__ import annotations

import io
import os
import pty
import signal
import subprocess
import sys
import tempfile
import traceback
import warnings
from contextlib import chdir, redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from typing import Any, NamedTuple

from seqkit.cli import execute

TIMEOUT = 240
"""The seconds after which a command is killed."""


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
    given = {"capture_output": True, "text": True, "encoding": "utf-8", "timeout": TIMEOUT} | options
    return subprocess.run([sys.executable, "-m", "seqkit", *map(str, arguments)], **given)


def run_here(*arguments: str | Path, cwd: Path) -> CommandResult:
    """Run a command line in this process, which has the plugins that are installed, as a new process would."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
    with warnings.catch_warnings(), chdir(cwd), redirect_stdout(out), redirect_stderr(err):
        warnings.simplefilter("default")  # shown, not raised
        code = execute([str(argument) for argument in arguments])
    return CommandResult(code, *(stream.detach().getvalue().decode() for stream in (out, err)))


def run_forked(
    *arguments: str | Path,
    cwd: Path,
    terminal: bool = False,
    stdout: int | None = None,
    stderr: int | None = None,
    **environment: str,
) -> CommandResult:
    """Run a command line in a fork of this process, which saves the seconds in which a new process imports torch.

    Tests of what a start does, such as its imports or `PYTHONPATH`, need `run_process`.

    Args:
        arguments: Arguments of the command line.
        cwd: The current folder of the command.
        terminal: Whether standard output is a terminal. Its lines then end with a line feed.
        stdout: The file descriptor of standard output. The returned text is then empty.
        stderr: The file descriptor of standard error, likewise.
        environment: Additional environment variables.
    """
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        reader, writer = pty.openpty() if terminal else (-1, out.fileno() if stdout is None else stdout)
        process = start_forked(
            *arguments, cwd=cwd, stdout=writer, stderr=err.fileno() if stderr is None else stderr, **environment
        )
        if terminal:
            os.close(writer)
            content = _read_terminal(reader)
        code = exit_code(process)
        for file in (out, err):
            file.seek(0)
        return CommandResult(code, os.fsdecode(content if terminal else out.read()), os.fsdecode(err.read()))


def start_forked(*arguments: str | Path, cwd: Path, stdout: int, stderr: int, **environment: str) -> int:
    """Start a command line in a fork of this process, and return the number of the new process: see `run_forked`."""
    import sklearn.linear_model  # noqa: F401 - imported once, not in every fork
    import torch

    import seqkit.experiment  # noqa: F401

    assert torch.get_num_threads() == 1  # OpenMP can hang in a fork of a process that used several
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of a fork with threads: those of pytest-xdist
        process = os.fork()
    if process:
        return process
    code = 70
    try:
        os.dup2(stdout, 1)
        os.dup2(stderr, 2)
        signal.alarm(TIMEOUT)
        sys.stdout, sys.stderr = (os.fdopen(number, "w", closefd=False) for number in (1, 2))
        os.chdir(cwd)
        os.environ.update(environment)
        warnings.simplefilter("default")  # shown, not raised
        code = execute([str(argument) for argument in arguments])
        sys.stdout.flush()
        sys.stderr.flush()
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(code)


def exit_code(process: int) -> int:
    """Wait for the end of a process that `start_forked` started, and return its exit code."""
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def _read_terminal(reader: int) -> bytes:
    """Return what is written to the other end of a terminal until it is closed."""
    content = b""
    with suppress(OSError):  # the end of the terminal on Linux
        while part := os.read(reader, 65_536):
            content += part
    os.close(reader)
    return content.replace(b"\r\n", b"\n")


def error_line(result: CommandResult) -> str:
    """Return the only line on stderr of a command that failed and printed nothing on stdout."""
    assert result.out == ""
    (line,) = result.err.splitlines()
    assert line.startswith("seqkit: ")
    assert "unexpected" not in line
    return line.removeprefix("seqkit: ")


def chinese_error(*arguments: str | Path, cwd: Path) -> str:
    """Run a command that fails in a fork with the plugins and in Chinese, and return its line on stderr."""
    return error_line(run_forked(*arguments, cwd=cwd, SEQKIT_PLUGINS="on", SEQKIT_LANG="zh_CN"))
