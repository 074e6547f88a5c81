"""Run a command, and convert an error into lines on stderr and an exit code."""

from __future__ import annotations

import errno
import os
import sys
import traceback
import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from seqkit.cli.language import VARIABLE, language_of, use_language
from seqkit.cli.signals import StopRequest, is_reporting
from seqkit.cli.stderr import print_error, print_note
from seqkit.errors import Interrupted, OtherProcessStopped, PluginError, SeqkitError, describe_os_error, suggest
from seqkit.messages import message, translate

if TYPE_CHECKING:
    import click

COMPLETION = "_SEQKIT_COMPLETE"
"""The environment variable that a shell sets to request completions instead of a command."""

_OUTPUT_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF}
"""The error numbers of writing to standard output. Errors of other files have a file name."""


def execute(arguments: Sequence[str]) -> int:
    """Run a command and return its exit code. With `--debug`, print the traceback of an error before its message."""
    import click

    options = arguments[: arguments.index("--")] if "--" in arguments else arguments
    debug = "--debug" in options
    rest = [word for word in options if word != "--debug"] + list(arguments[len(options) :])
    _prepare_streams()
    lookup = use_language()
    if (value := os.environ.get(VARIABLE, "")) and not language_of(value) and COMPLETION not in os.environ:
        print_note(
            message("{variable}={value}: not a language of seqkit, which are zh and en", variable=VARIABLE, value=value)
        )
    warnings.showwarning = lambda text, *_, **__: print_note(str(text))
    try:
        with StopRequest():
            code = _invoke(rest, lookup)
            sys.stdout.flush()
        return code
    except SeqkitError as error:
        if debug and not isinstance(error, Interrupted):
            traceback.print_exc()
        if is_reporting() or isinstance(error, OtherProcessStopped):
            for line in error.lines:
                print_error(line)
        return error.exit_code
    except click.ClickException as error:
        context = getattr(error, "ctx", None)
        hint = message(" (see `{command} --help`)", command=context.command_path) if context else ""
        print_error(_describe_usage_error(error) + hint)
        return 2
    except (click.Abort, KeyboardInterrupt):
        print_error(message("interrupted"))
        return 130
    except BrokenPipeError:
        discard_output()
        return 0
    except Exception as error:
        from seqkit.registry.failures import describe_failure

        if debug:
            traceback.print_exc()
        if _is_out_of_memory(error):
            print_error(
                message(
                    "out of memory: {reason}: use less data, a smaller batch or a smaller model",
                    reason=" ".join(str(error).split()) or message("reading or computing needs more than is available"),
                )
            )
        elif isinstance(error, OSError) and error.filename is None and error.errno in _OUTPUT_ERRORS:
            discard_output()
            print_error(message("standard output: cannot be written: {reason}", reason=describe_os_error(error)))
        elif failure := describe_failure(error):
            print_error(message("{failure}: use --debug to see the traceback", failure=failure))
            return PluginError.exit_code
        else:
            print_error(
                message(
                    "unexpected {type}: {reason}: use --debug to see the traceback",
                    type=type(error).__name__,
                    reason=" ".join(str(error).split()),
                )
            )
        return 1


def _invoke(arguments: list[str], lookup: Callable[[str], str] | None) -> int:
    import click

    from seqkit.cli import (  # noqa: F401 - they add their commands to the group
        commands,
        compare_command,
        data_commands,
        evaluation_command,
        explain_command,
        inference_commands,
        plugin_commands,
        recipes_command,
        report_command,
        run_commands,
        summary_command,
    )
    from seqkit.cli.group import seqkit

    if lookup is not None:
        from seqkit.cli.translated_help import translate_help

        seqkit.lookup = lookup
        translate_help(seqkit, lookup)
    if not arguments and COMPLETION not in os.environ:
        print(seqkit.get_help(click.Context(seqkit, info_name="seqkit", **seqkit.context_settings)))
        return 2
    no_arguments = getattr(click.exceptions, "NoArgsIsHelpError", ())  # not in click 8.1, which exits with 0
    try:
        code = seqkit.main(arguments, prog_name="seqkit", standalone_mode=False, obj=arguments)
    except no_arguments as error:  # raised by a plugin's group of commands
        print(error.format_message())
        return 2
    except click.Abort as error:  # which click raises for an EOFError too: that of a broken file of Python, for example
        reason = error.__cause__ or error.__context__  # click 8.1 names no cause
        if isinstance(reason, EOFError):
            raise reason from None
        raise
    except SystemExit:  # click raises it after a completion, and when the output pipe is closed
        if COMPLETION in os.environ:
            raise
        raise BrokenPipeError from None
    return code if isinstance(code, int) else 0


def _is_out_of_memory(error: Exception) -> bool:
    """Return whether Python, NumPy or torch could not allocate memory, of the machine or of a GPU."""
    texts = ("can't allocate memory", "out of memory")  # torch raises a RuntimeError for both
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and any(text in str(error) for text in texts)
    )


def _describe_usage_error(error: click.ClickException) -> str:
    """Return the message of an error of click, in one line. Versions of click suggest options in different words."""
    import click

    if isinstance(error, click.NoSuchOption):
        hint = suggest(error.option_name, error.possibilities or [])
        return message("no such option '{option}'{hint}", option=error.option_name, hint=hint)
    error.message = translate(error.message)  # type: ignore[misc]  # which click inserts into its own
    text = " ".join(error.format_message().split()).rstrip(".。")
    return text[:1].lower() + text[1:]


def _prepare_streams() -> None:
    """Make the standard streams accept any text: the locale may be ASCII, and a stream may be closed."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), mode, encoding="utf-8"))
        elif name != "stdin" and hasattr(stream, "reconfigure"):
            # What cannot be encoded in UTF-8 (the bytes of a file name) is shown as escapes.
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")


def discard_output() -> None:
    """Discard what stdout still buffers, which Python would fail to flush on exit."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
