"""The command line: runs a command, and turns whatever ends it into lines and an exit code."""

from __future__ import annotations

import os
import sys
import warnings
from typing import NoReturn

from seqkit.errors import SeqkitError


def main() -> NoReturn:
    """Runs `seqkit` with the arguments of this process, and exits."""
    sys.exit(_run(sys.argv[1:]))


def _run(arguments: list[str]) -> int:
    import click

    from seqkit.cli.commands import seqkit

    debug = "--debug" in arguments
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure") and stream.encoding.lower().replace("-", "") != "utf8":
            stream.reconfigure(encoding="utf-8")
    warnings.showwarning = lambda message, *_, **__: print(f"seqkit: note: {message}", file=sys.stderr)
    try:
        code = seqkit.main([word for word in arguments if word != "--debug"], prog_name="seqkit", standalone_mode=False)
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except SeqkitError as error:
        if debug:
            raise
        for line in error.lines:
            _complain(line)
        return error.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        print(error.format_message())
        return 2
    except click.ClickException as error:
        hint = f" (see `{error.ctx.command_path} --help`)" if isinstance(error, click.UsageError) and error.ctx else ""
        _complain(" ".join(error.format_message().split()) + hint)
        return 2
    except (click.Abort, KeyboardInterrupt):
        _complain("interrupted")
        return 130
    except BrokenPipeError:
        # Whoever read our output has closed it; Python would complain once more when it flushes on the way out.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        if debug:
            raise
        _complain(f"unexpected {type(error).__name__}: {' '.join(str(error).split())}: --debug shows the traceback")
        return 1


def _complain(line: str) -> None:
    print(f"seqkit: {line}", file=sys.stderr)
