"""The tracker `tensorboard`: event files, which TensorBoard shows."""

from __future__ import annotations

import json
import os
import socket
import struct
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import seqkit
from seqkit.contracts import PositiveInt
from seqkit.messages import message
from seqkit_track.files import replace_file, require
from seqkit_track.scalars import ScalarTracker

if TYPE_CHECKING:
    import torch


class TensorBoard(ScalarTracker):
    """Write event files for TensorBoard to the folder `tensorboard` of the run directory.

    Show all runs of a folder with `tensorboard --logdir runs`. A resumed run continues the same curves, with each step
    once. Events are written at once, so that a run that is killed has all of them.

    Args:
        every: the number of steps from one event of loss, learning rate and gradient norm to the next.
        histograms: the number of steps from one histogram of each weight and its gradient to the next; none by default.
    """

    def __init__(self, *, every: PositiveInt = 1, histograms: PositiveInt | None = None) -> None:
        super().__init__(every=every)
        self.histograms = histograms
        require("tensorboard")

    def open(self, run: Path, recipe: Mapping[str, Any], step: int) -> dict[str, int]:
        """Create an event file; remove the events of the steps that a resumed run repeats.

        Raises:
            OSError: the folder is a symbolic link, or cannot be written.
        """
        from tensorboard.compat.proto.event_pb2 import SessionLog
        from tensorboard.plugins.text.summary_v2 import text_pb

        folder = run / "tensorboard"
        folder.mkdir(exist_ok=True)
        if folder.is_symlink():
            raise OSError(
                message("{folder} is a symbolic link, which is not allowed in a run directory", folder=folder)
            )
        earlier = sorted(folder.glob("events.out.tfevents.*"))
        last: dict[str, int] = {}
        for path in earlier:
            last |= _keep_until(path, step)
        # TensorBoard reads the files in the order of their names.
        name = f"events.out.tfevents.{time.time_ns():020}.{socket.gethostname()}.{os.getpid()}"
        self._path = folder / name
        replace_file(self._path, b"")
        self._write(file_version="brain.Event:2")
        if earlier:  # a TensorBoard that is running discards what it has read of the repeated steps
            self._write(step=step + 1, session_log=SessionLog(status=SessionLog.START))
        if "recipe" not in last:
            text = json.dumps(recipe, indent=2, ensure_ascii=False, default=str)
            self._write(step=0, summary=text_pb("recipe", f"```\n{text}\n```"))
        return last

    def write(self, step: int, values: Mapping[str, float]) -> None:
        """Write an event with numbers."""
        from tensorboard.compat.proto.summary_pb2 import Summary

        summaries = [Summary.Value(tag=name, simple_value=value) for name, value in values.items()]
        self._write(step=step, summary=Summary(value=summaries))

    @seqkit.hookimpl(specname="seqkit_step")
    def write_histograms(self, step: int, model: torch.nn.Module) -> None:
        """Write an event with a histogram of each weight and of its gradient."""
        if not self.histograms or step % self.histograms:
            return
        from tensorboard.plugins.histogram.summary_v2 import histogram_pb

        for name, weight in model.named_parameters():
            for prefix, values in (("weights", weight), ("gradients", weight.grad)):
                tag = f"{prefix}/{name}"
                if values is not None and self._last.get(tag, -1) < step and values.isfinite().all():
                    self._write(step=step, summary=histogram_pb(tag, values.detach().float().cpu().numpy().ravel()))
                    self._last[tag] = step

    def _write(self, **fields: Any) -> None:
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.summary.writer.record_writer import RecordWriter

        event = Event(wall_time=time.time(), **fields)
        with self._path.open("ab") as file:
            RecordWriter(file).write(event.SerializeToString())


def _keep_until(path: Path, step: int) -> dict[str, int]:
    """Remove the events after a step from an event file; return the last step of each remaining tag."""
    from tensorboard.compat.proto.event_pb2 import Event

    content, length = path.read_bytes(), 0
    last: dict[str, int] = {}
    for end, record in _records(content):
        event = Event.FromString(record)
        if event.step > step and not event.HasField("session_log"):
            break
        last |= {value.tag: event.step for value in event.summary.value}
        length = end
    if length < len(content):
        replace_file(path, content[:length])
    return last


def _records(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the complete records of a TFRecord file, each after the position at which it ends.

    A record is its length (8 bytes), the checksum of the length (4), the data, and the checksum of the data (4).
    """
    start = 0
    while start + 12 <= len(content):
        (size,) = struct.unpack_from("<Q", content, start)
        end = start + 12 + size + 4
        if end > len(content):
            return
        yield end, content[start + 12 : end - 4]
        start = end
