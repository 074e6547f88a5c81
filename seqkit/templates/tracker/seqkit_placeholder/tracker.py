"""The loss of every N steps, in a text file of the run."""

from __future__ import annotations

from pathlib import Path

import seqkit
from seqkit.contracts import PositiveInt, Tracker


class Placeholder(Tracker):
    """Write a line with the step and the loss every N steps, to losses.txt in the run directory. Replace it.

    Args:
        every: the number of steps from one line to the next.
    """

    def __init__(self, *, every: PositiveInt = 10) -> None:
        self.every = every

    @seqkit.hookimpl
    def seqkit_run_start(self, run: Path, step: int) -> None:
        """Remove the lines of the steps that a resumed run repeats."""
        file = run / "losses.txt"
        lines = file.read_text().splitlines(keepends=True) if file.exists() else []
        file.write_text("".join(line for line in lines if int(line.split()[0]) <= step))

    @seqkit.hookimpl
    def seqkit_step(self, run: Path, step: int, loss: float) -> None:
        """Write the loss of a step."""
        if step % self.every == 0:
            with (run / "losses.txt").open("a") as file:
                file.write(f"{step} {loss:.6f}\n")
