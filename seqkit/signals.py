"""SIGINT and SIGTERM as a request: finish the step, save, leave."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from contextlib import suppress
from types import FrameType
from typing import Any, Self

GRACE_SECONDS = 1.5
"""After a second SIGINT, so long is left for an orderly end. A checkpoint under way is not lost: it takes its place
only once it is whole."""


class StopRequest:
    """While entered, notes the first SIGINT or SIGTERM; a second SIGINT leaves at once.

    Python acts on a signal between two of its own steps, and one product of large matrices can be such a step. So a
    thread watches too, which the system wakes, and ends the process if the second SIGINT has not ended it soon.

    Calling it returns the number of the signal that came, or 0.
    """

    def __init__(self) -> None:
        self._number = 0
        self._before: dict[int, Any] = {}
        self._wakes: list[socket.socket] = []
        self._left = False

    def __call__(self) -> int:
        return self._number

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._wakes = list(socket.socketpair())
            for end in self._wakes:
                end.setblocking(end is self._wakes[0])
            threading.Thread(target=self._watch, name="seqkit-signals", daemon=True).start()
            signal.set_wakeup_fd(self._wakes[1].fileno(), warn_on_full_buffer=False)
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        self._left = True
        for number, handler in self._before.items():
            signal.signal(number, handler)
        if self._wakes:
            signal.set_wakeup_fd(-1)
            self._wakes[1].close()  # which ends the thread's wait

    def _note(self, number: int, _: FrameType | None) -> None:
        if self._number and number == signal.SIGINT:
            raise KeyboardInterrupt
        self._number = self._number or number

    def _watch(self) -> None:
        asked = 0
        with self._wakes[0] as wakes:
            while numbers := wakes.recv(64):
                for number in numbers:
                    if number == signal.SIGINT and asked:
                        time.sleep(GRACE_SECONDS)
                        if not self._left:
                            with suppress(OSError):
                                os.write(2, b"seqkit: interrupted\n")
                            os._exit(128 + signal.SIGINT)
                    asked += number in (signal.SIGINT, signal.SIGTERM)
