"""Handle SIGINT and SIGTERM: in training as a request to finish the step, save a checkpoint and exit."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any, Self

from seqkit.errors import Interrupted
from seqkit.messages import message

GRACE_SECONDS = 1.5
"""The time for an orderly exit after a second SIGINT. A checkpoint that is being written is not lost: it replaces the
one before it only once it is complete."""


@contextmanager
def raised_sigterm() -> Iterator[None]:
    """Raise `Interrupted` in the block on SIGTERM, which would otherwise end the process without any cleanup."""

    def interrupt(number: int, _: FrameType | None) -> None:
        raise Interrupted(number, message("interrupted"))

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)


class StopRequest:
    """A context manager that records the first SIGINT or SIGTERM. A second SIGINT exits at once.

    Python handles a signal between two bytecode instructions, and a product of large matrices can be one instruction.
    Therefore a thread, which the operating system wakes, ends the process if the second SIGINT did not end it after
    `GRACE_SECONDS`.

    Calling it returns the number of the recorded signal, or 0: it is a `seqkit.stop.StopCheck`.
    """

    def __init__(self) -> None:
        self._number = 0
        self._previous_handlers: dict[int, Any] = {}
        self._sockets: list[socket.socket] = []
        self._exited = False

    def __call__(self) -> int:
        return self._number

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._sockets = list(socket.socketpair())
            for end in self._sockets:
                end.setblocking(end is self._sockets[0])
            threading.Thread(target=self._watch, name="seqkit-signals", daemon=True).start()
            signal.set_wakeup_fd(self._sockets[1].fileno(), warn_on_full_buffer=False)
            for number in (signal.SIGINT, signal.SIGTERM):
                self._previous_handlers[number] = signal.signal(number, self._record)
        return self

    def __exit__(self, *_: object) -> None:
        self._exited = True
        for number, handler in self._previous_handlers.items():
            signal.signal(number, handler)
        if self._sockets:
            signal.set_wakeup_fd(-1)
            self._sockets[1].close()  # ends the thread

    def _record(self, number: int, _: FrameType | None) -> None:
        if self._number and number == signal.SIGINT:
            raise KeyboardInterrupt
        self._number = self._number or number

    def _watch(self) -> None:
        """Count signals, in a thread; end the process some time after the second SIGINT."""
        count = 0
        with self._sockets[0] as wakeups:
            while numbers := wakeups.recv(64):
                for number in numbers:
                    if number == signal.SIGINT and count:
                        time.sleep(GRACE_SECONDS)
                        if not self._exited:
                            with suppress(OSError):
                                os.write(2, b"seqkit: interrupted\n")
                            os._exit(128 + signal.SIGINT)
                    count += number in (signal.SIGINT, signal.SIGTERM)
