"""Where the progress line is shown: a terminal, a notebook, or lines of a log file."""

from __future__ import annotations

import html
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import IO, Any, Protocol

from seqkit.training.progress_line import Status, progress_line


class Display(Protocol):
    """A place for the progress line.

    Attributes:
        interval: the seconds from one line to the next.
        replaces: whether a line takes the place of the one before.
    """

    interval: float
    replaces: bool

    def show(self, status: Status) -> None:
        """Show the state of training."""

    def clear(self) -> None:
        """Remove the line, if it is removed before other lines are printed."""

    def close(self) -> None:
        """Remove the line at the end of training."""


class TerminalLine:
    """A line of a terminal that is overwritten, and never reaches the last column, where some terminals wrap it.

    Args:
        stream: the terminal.
    """

    interval = 0.1
    replaces = True

    def __init__(self, stream: IO[str]) -> None:
        self._stream: IO[str] | None = stream
        self._is_shown = False

    def show(self, status: Status) -> None:
        if self._stream is None:
            return
        width = 0
        with suppress(OSError, ValueError):
            width = os.get_terminal_size(self._stream.fileno()).columns
        line = progress_line(status, (width or 80) - 1)
        encoding = getattr(self._stream, "encoding", None) or "utf-8"
        self._write("\r" + line.encode(encoding, "replace").decode(encoding) + "\x1b[K")
        self._is_shown = True

    def clear(self) -> None:
        if self._is_shown:
            self._write("\r\x1b[K")
            self._is_shown = False

    def close(self) -> None:
        self.clear()

    def _write(self, text: str) -> None:
        try:
            if self._stream is not None:
                self._stream.write(text)
                self._stream.flush()
        except (OSError, ValueError):  # the terminal was closed: training continues
            self._stream = None


class NotebookLine:
    """An output of a notebook cell that is replaced: a bar that needs no widgets, and the line."""

    interval = 0.5
    replaces = True

    def __init__(self) -> None:
        self._handle: Any = None

    def show(self, status: Status) -> None:
        line = progress_line(status)
        bar = f'<progress value="{status.step}" max="{status.steps}"></progress>'
        self._display({"text/plain": line, "text/html": f"<div>{bar} {html.escape(line)}</div>"})

    def clear(self) -> None:
        """Do nothing: lines that are printed are another output of the cell."""

    def close(self) -> None:
        if self._handle is not None:
            self._display({"text/plain": "", "text/html": ""})

    def _display(self, content: dict[str, str]) -> None:
        if self._handle is None:
            from IPython.display import display

            self._handle = display(content, raw=True, display_id=True)
        else:
            self._handle.update(content, raw=True)


class LogLines:
    """Lines of a log file, a pipe or a terminal without cursor movement: one now and then.

    Args:
        print_line: prints a line.
    """

    interval = 60.0
    replaces = False

    def __init__(self, print_line: Callable[[str], None]) -> None:
        self._print = print_line

    def show(self, status: Status) -> None:
        self._print(f"  {progress_line(status)}")

    def clear(self) -> None:
        """Do nothing: printed lines remain."""

    def close(self) -> None:
        """Do nothing: printed lines remain."""


def choose_display(stream: IO[str], print_line: Callable[[str], None]) -> Display:
    """Return the display for a stream.

    Args:
        stream: the stream of the progress line: a terminal, or none.
        print_line: prints a line of a log.
    """
    if stream.isatty() and os.environ.get("TERM") != "dumb":
        return TerminalLine(stream)
    return NotebookLine() if _is_notebook() else LogLines(print_line)


def _is_notebook() -> bool:
    """Return whether this process is the kernel of a notebook. IPython in a terminal is not."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return getattr(shell, "kernel", None) is not None
