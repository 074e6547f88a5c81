"""timing.jsonl: the time that each epoch took. It is apart from metrics.jsonl, which an exact resume reproduces."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from seqkit.errors import DataError
from seqkit.runs.files import parse_json, read_bytes, write_file
from seqkit.runs.metrics import MetricsLog
from seqkit.training.progress import Progress


def timing_row(progress: Progress, evaluation_seconds: float) -> dict[str, Any]:
    """Return the row of an epoch that has ended.

    Args:
        progress: the progress of training. Its seconds and tokens are those of all epochs so far, which a checkpoint in
            the middle of an epoch preserves.
        evaluation_seconds: the time that evaluation took after this epoch.
    """
    return {
        "epoch": progress.epoch,
        "step": progress.step,
        "train_seconds": round(progress.seconds, 3),
        "tokens": progress.tokens,
        "evaluation_seconds": round(evaluation_seconds, 3),
        "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
    }


def open_timing(path: Path, epoch: int, *, enabled: bool) -> MetricsLog:
    """Open the file to append to it.

    Args:
        path: the file. A run of an older seqkit has none.
        epoch: the number of finished epochs. Rows of later ones are removed: a resumed run repeats these epochs.
        enabled: whether this process writes the file.

    Raises:
        UsageError: the file cannot be written.
        DataError: it is not a regular file.
    """
    if enabled and not path.exists():
        write_file(path, b"")
    return MetricsLog(path, _length(path, epoch) if enabled else 0, enabled=enabled)


def _length(path: Path, epoch: int) -> int:
    """Return the length in bytes of the rows of the first epochs, up to a row that is incomplete."""
    length = 0
    for line in read_bytes(path).splitlines(keepends=True):
        try:
            row = parse_json(line, path)
        except DataError:
            break
        number = row.get("epoch")
        if not line.endswith(b"\n") or not isinstance(number, int) or number > epoch:
            break
        length += len(line)
    return length
