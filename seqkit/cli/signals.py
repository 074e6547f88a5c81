"""How SIGINT and SIGTERM, and the end of torchrun, end a command."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn, Self

from seqkit.errors import Interrupted
from seqkit.messages import message
from seqkit.stop import StopCheck

GRACE_SECONDS = 1.0
"""The time for an orderly exit, which removes temporary files. A checkpoint that is being written is not lost: it
replaces the one before it only once it is complete."""

LAUNCHER = "SEQKIT_LAUNCHER"
"""The environment variable with the process id of `seqkit run --processes`, set in the processes that it starts."""

unfinished: set[Path] = set()
"""The files that are being written under a temporary name. The end of the process removes them."""

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_POLL_SECONDS = 0.5


class StopRequest(StopCheck):
    """A context manager that handles SIGINT and SIGTERM in its block: they end it at once, or are recorded.

    A signal that ends the block raises `Interrupted` at its end, whatever the block makes of it. While signals are
    recorded, a second SIGINT ends the block at once.

    Python handles a signal between two bytecode instructions, and a product of large matrices can be one instruction.
    Therefore a thread, which the operating system wakes, ends the process if it has not ended after `GRACE_SECONDS`.

    Args:
        line: the message of a signal that ends the block, until another is set.
    """

    def __init__(self, line: str = "") -> None:
        self._line = line or message("interrupted")  # empty while signals are recorded
        self._number = 0
        self._error: Interrupted | None = None
        self._previous_handlers: dict[int, Any] = {}
        self._previous_hook = sys.unraisablehook
        self._previous_wakeup = -1
        self._sockets: list[socket.socket] = []
        self._closed = False

    def __call__(self) -> int:
        return self._number

    def record(self) -> None:
        self._line = ""

    def end_at_once(self, line: str) -> None:
        self._line = line
        if self._number:
            self._end(self._number)

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._previous_hook = sys.unraisablehook
            self._sockets = list(socket.socketpair())
            for end in self._sockets:
                end.setblocking(end is self._sockets[0])
            watcher = threading.Thread(target=self._watch, args=self._sockets[:1], name="seqkit-signals", daemon=True)
            watcher.start()
            self._previous_wakeup = signal.set_wakeup_fd(self._sockets[1].fileno(), warn_on_full_buffer=False)
            for number in _SIGNALS:
                self._previous_handlers[number] = signal.signal(number, self._handle)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._closed = True
        for number, handler in self._previous_handlers.items():
            signal.signal(number, handler)
        if self._sockets:
            signal.set_wakeup_fd(self._previous_wakeup)
            self._sockets[1].close()  # ends the thread
            sys.unraisablehook = self._previous_hook
        if kind is not None and self._error is not None:
            raise self._error from None

    def _handle(self, number: int, _: FrameType | None) -> None:
        if self._error is not None:
            return
        if self._line or (self._number and number == signal.SIGINT):
            self._end(number)
        self._number = self._number or number

    def _end(self, number: int) -> NoReturn:
        self._error = Interrupted(number, self._line or message("interrupted"))
        sys.unraisablehook = lambda _: None  # in a finalizer, Python would print the exception and continue
        raise _BlockEnded

    def _watch(self, wakeups: socket.socket) -> None:
        """End the process some time after a signal that ends the block, in a thread."""
        recorded = False
        with wakeups:
            while numbers := wakeups.recv(64):
                for number in (each for each in numbers if each in _SIGNALS):
                    if self._line or (recorded and number == signal.SIGINT):
                        time.sleep(GRACE_SECONDS)
                        if not self._closed:
                            end_process(128 + number, self._line or message("interrupted"))
                    recorded = True


def restore_default_handlers() -> None:
    """Handle signals as Python does, for torchrun, which replaces its handlers."""
    if threading.current_thread() is threading.main_thread():
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


class _BlockEnded(BaseException):
    """Raised by a signal wherever the block is. It is not a KeyboardInterrupt, which click handles."""


def is_reporting() -> bool:
    """Return whether this process reports errors: of several processes on a machine, the first one does."""
    return os.environ.get("LOCAL_RANK", "0") == "0"


def end_process(code: int, line: str) -> NoReturn:
    """Report an error and end this process, from any thread, whatever the others are doing."""
    if is_reporting():
        with suppress(OSError):
            os.write(2, f"seqkit: {line}\n".encode(errors="backslashreplace"))
    for path in unfinished.copy():
        with suppress(OSError):
            path.unlink(missing_ok=True)
    os._exit(code)


def end_with_launcher() -> None:
    """End this process, if torchrun started it, when torchrun ends."""
    if "TORCHELASTIC_RUN_ID" in os.environ:
        end_with_parent(int(os.environ.get(LAUNCHER, os.getppid())))


def end_with_parent(parent: int) -> None:
    """End this process when its parent ends. A parent that is killed cannot end its children, which would train on.

    Args:
        parent: the process id of the parent.
    """
    threading.Thread(target=_watch_parent, args=(parent,), name="seqkit-parent", daemon=True).start()


def _watch_parent(parent: int) -> NoReturn:
    while os.getppid() == parent:  # an orphan gets another parent
        time.sleep(_POLL_SECONDS)
    end_process(
        128 + signal.SIGKILL,
        message(
            "the process that started this one was killed: resume from the last checkpoint with `seqkit resume RUN`"
        ),
    )
