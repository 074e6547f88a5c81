"""The tracker `csv`: a row per step and a row per epoch."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from itertools import takewhile
from pathlib import Path
from typing import Any

import seqkit
from seqkit.contracts import PositiveInt, Tracker
from seqkit_track.files import replace_file


class CSV(Tracker):
    """Write steps.csv and epochs.csv to the run directory: two tables for a spreadsheet, pandas or gnuplot.

    steps.csv has the columns step, loss, lr and gradient_norm. epochs.csv has epoch, step, and a column for each metric
    of each split, such as valid_accuracy. A resumed run continues both, without the rows of steps that it repeats.

    Args:
        every: the number of steps from one row of steps.csv to the next.
    """

    def __init__(self, *, every: PositiveInt = 1) -> None:
        self.every = every

    @seqkit.hookimpl
    def seqkit_run_start(self, run: Path, step: int) -> None:
        """Open the tables of a new or resumed run."""
        self._steps = TableFile(run / "steps.csv", step, ["step", "loss", "lr", "gradient_norm"])
        self._epochs = TableFile(run / "epochs.csv", step, ["epoch", "step"])

    @seqkit.hookimpl
    def seqkit_step(self, step: int, loss: float, lr: float, gradient_norm: float) -> None:
        """Write a row per step."""
        if step % self.every == 0:
            self._steps.write({"step": step, "loss": loss, "lr": lr, "gradient_norm": gradient_norm})

    @seqkit.hookimpl
    def seqkit_epoch_end(self, epoch: int, step: int, metrics: Mapping[str, Mapping[str, float]]) -> None:
        """Write a row per epoch."""
        row = {f"{split}_{name}": value for split, scores in metrics.items() for name, value in scores.items()}
        self._epochs.write({"epoch": epoch, "step": step} | row)


class TableFile:
    """A table with a row per step or epoch. The file is complete after each row.

    Args:
        path: the file.
        step: the steps taken so far. Rows of later ones are removed, as are those from an incomplete one on.
        columns: the columns of a new table, `step` among them.
    """

    def __init__(self, path: Path, step: int, columns: list[str]) -> None:
        self._path = path
        self._columns = columns
        rows = []
        if path.exists():
            found, table = self._read()
            if "step" in found:
                self._columns = found
                rows = list(takewhile(lambda row: _step(row) <= step, table))
        self._last = _step(rows[-1]) if rows else 0
        self._replace(rows)

    def write(self, row: Mapping[str, Any]) -> None:
        """Append a row, unless it is there already: an epoch can be reported again after a resume."""
        if row["step"] <= self._last:
            return
        self._last = row["step"]
        if new := [name for name in row if name not in self._columns]:
            _, rows = self._read()
            self._columns = [*self._columns, *new]
            self._replace(rows)
        with self._path.open("a", encoding="utf-8", newline="") as file:
            file.write(self._format([row]))

    def _read(self) -> tuple[list[str], list[dict[str, Any]]]:
        """Return the columns and the rows of the file."""
        with self._path.open(encoding="utf-8", errors="replace", newline="") as file:
            reader = csv.DictReader(file)
            rows = list(reader)
            return list(reader.fieldnames or []), rows

    def _replace(self, rows: list[dict[str, Any]]) -> None:
        header = dict(zip(self._columns, self._columns, strict=True))
        replace_file(self._path, self._format([header, *rows]).encode())

    def _format(self, rows: Sequence[Mapping[str, Any]]) -> str:
        text = io.StringIO()
        csv.DictWriter(text, self._columns, restval="", lineterminator="\n").writerows(rows)
        return text.getvalue()


def _step(row: Mapping[str, Any]) -> float:
    """Return the step of a row that was read; infinity if the row is incomplete."""
    step = row["step"]
    is_complete = step and step.isdecimal() and None not in row and None not in row.values()
    return int(step) if is_complete else math.inf
