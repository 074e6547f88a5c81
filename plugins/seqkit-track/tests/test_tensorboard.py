"""The tracker `tensorboard`, read by TensorBoard itself."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_trackers import killed_and_resumed, tracked

import seqkit
from seqkit.testing import check_tracker

pytest.importorskip("tensorboard")

from seqkit_track.tensorboard import TensorBoard


def events_of(run: seqkit.Run) -> dict[str, list[int]]:
    """Return the steps of each tag in the event files of a run, as they are written."""
    from tensorboard.backend.event_processing.event_file_loader import RawEventFileLoader
    from tensorboard.compat.proto.event_pb2 import Event

    steps: dict[str, list[int]] = {}
    for path in sorted((run.path / "tensorboard").iterdir()):
        for record in RawEventFileLoader(str(path)).Load():
            event = Event.FromString(record)
            for value in event.summary.value:
                steps.setdefault(value.tag, []).append(event.step)
    return steps


def test_contract() -> None:
    check_tracker(TensorBoard)
    check_tracker(lambda: TensorBoard(every=2, histograms=1))


def test_tensorboard_shows_the_metrics_of_the_run(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run = tracked(TensorBoard(every=2, histograms=5), tmp_path)
    shown = EventAccumulator(str(run.path / "tensorboard"))
    shown.Reload()
    rows = [row for row in run.metrics if row["split"] == "valid"]
    assert [(event.step, event.value) for event in shown.Scalars("valid/loss")] == [
        (row["step"], pytest.approx(row["loss"])) for row in rows
    ]
    assert shown.Scalars("result/valid/loss")[0].value == pytest.approx(run.result["metrics"]["valid"]["loss"])
    assert [event.value for event in shown.Scalars("step/lr")] == pytest.approx([0.01] * (rows[-1]["step"] // 2))
    assert [event.step for event in shown.Scalars("step/loss")] == list(range(2, rows[-1]["step"] + 1, 2))
    assert set(shown.Tags()["tensors"]) >= {"recipe", "weights/head.output.bias", "gradients/head.output.bias"}


@pytest.mark.parametrize(("every", "seconds"), [(1, 0), (3, 0), (1, 10_000)])
def test_a_resumed_run_continues_the_curves_with_each_step_once(every: int, seconds: float, tmp_path: Path) -> None:
    complete = tracked(TensorBoard(every=every, histograms=2), tmp_path / "complete")
    resumed = killed_and_resumed(TensorBoard, tmp_path / "killed", seconds, every=every, histograms=2)
    assert len(list((resumed.path / "tensorboard").iterdir())) == 2
    assert events_of(resumed) == events_of(complete)
    # A finished run that is resumed without change records nothing again.
    assert events_of(seqkit.resume(resumed.path, quiet=True, callbacks=[TensorBoard(every=every)])) == events_of(
        complete
    )


def test_an_incomplete_event_of_a_killed_run_is_removed(tmp_path: Path) -> None:
    run = tracked(TensorBoard(), tmp_path)
    expected = events_of(run)
    (path,) = (run.path / "tensorboard").iterdir()
    with path.open("ab") as file:
        file.write(b"\x20\0\0\0\0\0\0\0abc")
    longer = seqkit.resume(run.path, quiet=True, callbacks=[TensorBoard()], train__epochs=5)
    assert events_of(longer)["step/loss"] == list(range(1, longer.metrics[-1]["step"] + 1))
    assert len(expected["step/loss"]) < len(events_of(longer)["step/loss"])
