"""The command line: runs a command, and turns whatever ends it into lines and an exit code."""

from __future__ import annotations

import errno
import os
import sys
import warnings
from collections.abc import Sequence
from contextlib import suppress
from typing import NoReturn

from seqkit.errors import PeerStopped, SeqkitError

_OUTPUT_FAILS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF}
"""What a write to standard output ends with, where nothing else that is written goes without a file's name."""


def main() -> NoReturn:
    """Runs `seqkit` with the arguments of this process, and exits."""
    sys.exit(execute(sys.argv[1:]))


def execute(arguments: Sequence[str]) -> int:
    """Runs one command, and returns its exit code. An exception comes out of it only with `--debug`."""
    import click

    options = arguments[: arguments.index("--")] if "--" in arguments else arguments
    debug = "--debug" in options
    rest = [word for word in options if word != "--debug"] + list(arguments[len(options) :])
    _prepare_streams()
    warnings.showwarning = lambda message, *_, **__: _complain(f"note: {message}")
    try:
        code = _invoke(rest)
        sys.stdout.flush()
        return code
    except SeqkitError as error:
        if debug:
            raise
        if os.environ.get("LOCAL_RANK", "0") == "0" or isinstance(error, PeerStopped):
            for line in error.lines:
                _complain(line)
        return error.exit_code
    except click.ClickException as error:
        hint = f" (see `{error.ctx.command_path} --help`)" if isinstance(error, click.UsageError) and error.ctx else ""
        _complain(" ".join(error.format_message().split()) + hint)
        return 2
    except (click.Abort, KeyboardInterrupt):
        _complain("interrupted")
        return 130
    except BrokenPipeError:
        _discard_output()
        return 0
    except Exception as error:
        if debug:
            raise
        if isinstance(error, OSError) and error.filename is None and error.errno in _OUTPUT_FAILS:
            _discard_output()
            _complain(f"standard output: cannot be written: {error.strerror}")
        else:
            _complain(f"unexpected {type(error).__name__}: {' '.join(str(error).split())}: --debug shows the traceback")
        return 1


def _invoke(arguments: list[str]) -> int:
    import click

    from seqkit.cli import commands, plugin_commands  # noqa: F401 - both add their commands to the group
    from seqkit.cli.group import seqkit

    try:
        code = seqkit.main(arguments, prog_name="seqkit", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        print(error.format_message())
        return 2
    except SystemExit:  # what click makes of a reader that has gone
        raise BrokenPipeError from None
    return code if isinstance(code, int) else 0


def _prepare_streams() -> None:
    """Makes the standard streams take any text: a locale may be of ASCII, and whoever started us may close one."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), mode, encoding="utf-8"))
        elif name != "stdin" and hasattr(stream, "reconfigure"):
            # What has no UTF-8 either (the bytes of a file's name) is shown by its numbers.
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")


def _discard_output() -> None:
    """Lets what stdout still holds go nowhere: Python would complain when it flushes on the way out."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _complain(line: str) -> None:
    with suppress(OSError):
        print(f"seqkit: {line}", file=sys.stderr, flush=True)
