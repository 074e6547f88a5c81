"""Stop requests: how a run learns that a signal should end it."""

from __future__ import annotations


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
