"""Stop requests: how a run learns that a signal should end it."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Self


class StopCheck:
    """Whether a signal requested a stop. This class is the check without signals: it never requests one.

    At first, and after `end_at_once`, a signal ends the process at once. After `record`, the first signal is recorded:
    the run calls the check between steps, and saves a checkpoint before it ends.
    """

    def __call__(self) -> int:
        """Return the number of the recorded signal, or 0."""
        return 0

    def record(self) -> None:
        """Record signals from now on."""

    def end_at_once(self, line: str) -> None:
        """Let signals end the process from now on; a recorded signal ends it now.

        Args:
            line: the message of the error that the signal raises.
        """


NO_STOP = StopCheck()


class InterruptCheck(StopCheck):
    """A context manager that handles SIGINT in a script or a notebook, where it is a KeyboardInterrupt.

    While signals are recorded, the first one lets the run save a checkpoint, and the second one ends it at once.
    Outside the main thread, and where another handler is set, signals are left alone.
    """

    def __init__(self) -> None:
        self._number = 0
        self._is_recording = False
        self._is_handling = False

    def __call__(self) -> int:
        return self._number

    def record(self) -> None:
        self._is_recording = True

    def end_at_once(self, line: str) -> None:
        self._is_recording = False
        if self._number:
            raise KeyboardInterrupt

    def __enter__(self) -> Self:
        self._is_handling = (
            threading.current_thread() is threading.main_thread()
            and signal.getsignal(signal.SIGINT) is signal.default_int_handler
        )
        if self._is_handling:
            signal.signal(signal.SIGINT, self._handle)
        return self

    def __exit__(self, *_: object) -> None:
        if self._is_handling:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    def _handle(self, number: int, _: FrameType | None) -> None:
        if self._number or not self._is_recording:
            raise KeyboardInterrupt
        self._number = number
