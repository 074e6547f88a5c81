"""The trackers: what they record, resumed runs, and failures that do not end the training."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest
from seqkit_track.csv_files import CSV
from seqkit_track.scalars import ScalarTracker

import seqkit
from seqkit.testing import check_tracker

RECIPE: dict[str, Any] = {
    "name": "tracked",
    "seed": 1,
    "data": {
        "type": "text",
        "text": "She sells sea shells by the sea shore. " * 3,
        "split": {"by": "order", "valid": 0.3},
    },
    "encoder": {"type": "lstm", "hidden_size": 6},
    "head": {"type": "next_char"},
    "train": {
        "epochs": 4,
        "threads": 1,
        "batch_size": 2,
        "sequence_length": 10,
        "optimizer": {"type": "adam", "lr": 0.01},
    },
    "baseline": "off",
}


def tracked(tracker: Any, folder: Path, **train: Any) -> seqkit.Run:
    """Train with a tracker, and return the run."""
    return seqkit.run(RECIPE | {"train": RECIPE["train"] | train}, runs=folder, quiet=True, callbacks=[tracker])


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


class Ended(Exception):
    """Ends the training at a step, without a checkpoint."""


class EndAt:
    def __init__(self, step: int) -> None:
        self.step = step

    @seqkit.hookimpl
    def seqkit_step(self, step: int) -> None:
        if step == self.step:
            raise KeyboardInterrupt


def killed_and_resumed(tracker: type, folder: Path, seconds: float = 0, **values: Any) -> seqkit.Run:
    """Train with a tracker; end the process after step 9, as a kill does; and resume the run.

    The newest checkpoint is of step 8; if `seconds`, the time between checkpoints, is long, of step 0.
    """
    with pytest.raises(KeyboardInterrupt):
        seqkit.run(
            RECIPE | {"train": RECIPE["train"] | {"checkpoint_seconds": seconds}},
            runs=folder,
            quiet=True,
            callbacks=[tracker(**values), EndAt(9)],
        )
    (path,) = folder.glob("tracked-*")
    return seqkit.resume(path, quiet=True, callbacks=[tracker(**values)])


# CSV


def test_contract_of_csv() -> None:
    check_tracker(CSV)
    check_tracker(lambda: CSV(every=2))


def test_tables_have_a_row_per_step_and_epoch(tmp_path: Path) -> None:
    run = tracked(CSV(every=2), tmp_path, evaluate_every=2)
    steps, epochs = table(run.path / "steps.csv"), table(run.path / "epochs.csv")
    total = run.metrics[-1]["step"]
    assert [int(row["step"]) for row in steps] == list(range(2, total + 1, 2))
    assert {row["lr"] for row in steps} == {"0.01"}
    assert all(float(row["gradient_norm"]) > 0 for row in steps)
    valid = {row["epoch"]: row["loss"] for row in run.metrics if row["split"] == "valid"}
    assert {int(row["epoch"]): float(row["valid_loss"]) for row in epochs if row["valid_loss"]} == valid
    train = [row["loss"] for row in run.metrics if row["split"] == "train"]
    assert [float(row["train_loss"]) for row in epochs] == train


@pytest.mark.parametrize("seconds", [0, 10_000])
def test_a_resumed_run_has_the_tables_of_an_uninterrupted_one(seconds: float, tmp_path: Path) -> None:
    complete = tracked(CSV(), tmp_path / "complete")
    resumed = killed_and_resumed(CSV, tmp_path / "killed", seconds)
    for name in ("steps.csv", "epochs.csv"):
        assert (resumed.path / name).read_bytes() == (complete.path / name).read_bytes()
    # Trained for longer, with an incomplete row and a link to another file.
    outside = tmp_path / "outside.csv"
    with (resumed.path / "steps.csv").open("a") as file:
        file.write("999,0.1")
    (resumed.path / "steps.csv").rename(outside)
    (resumed.path / "steps.csv").symlink_to(outside)
    before = outside.read_bytes()
    longer = seqkit.resume(resumed.path, quiet=True, callbacks=[CSV()], train__epochs=6)
    numbers = [int(row["step"]) for row in table(longer.path / "steps.csv")]
    assert numbers == list(range(1, longer.metrics[-1]["step"] + 1))
    assert [row["epoch"] for row in table(longer.path / "epochs.csv")] == list("123456")
    assert outside.read_bytes() == before


# Failures


class Failing(ScalarTracker):
    """A tracker whose disk is full after some records."""

    def __init__(self, *, records: int = 3) -> None:
        super().__init__()
        self.records = records

    def open(self, run: Path, recipe: Any, step: int) -> dict[str, int]:
        return {}

    def write(self, step: int, values: Any) -> None:
        self.records -= 1
        if self.records < 0:
            raise OSError(28, "No space left on device")


@pytest.fixture
def failing_tracker() -> Any:
    seqkit.register("tracker", "failing")(Failing)


def test_a_tracker_that_fails_is_reported_once_and_training_continues(
    failing_tracker: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plain = seqkit.run(RECIPE, runs=tmp_path, quiet=True)
    run = seqkit.run(RECIPE, runs=tmp_path, train__trackers=["failing"])
    lines = [line for line in capsys.readouterr().out.splitlines() if "failing" in line]
    assert lines == [
        "  note: tracker 'failing': seqkit_step failed and is disabled for the rest of this run: "
        "OSError: [Errno 28] No space left on device"
    ]
    for name in ("model.safetensors", "metrics.jsonl"):
        assert (run.path / name).read_bytes() == (plain.path / name).read_bytes()


def test_a_run_is_used_and_resumed_without_its_trackers(failing_tracker: Any, tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="failed and is disabled for the rest of this run"):
        run = seqkit.run(RECIPE, runs=tmp_path, quiet=True, train__trackers=["failing"])
    plan = run.path / "plan.json"
    plan.write_text(
        plan.read_text().replace('"type": "failing"', '"type": "gone"').replace('"name": "failing"', '"name": "gone"')
    )
    assert seqkit.load(run.path).generate("She", length=3)
    with pytest.raises(seqkit.SeqkitError, match="'gone'"):
        seqkit.resume(run.path, quiet=True, train__epochs=5)
    seqkit.resume(run.path, quiet=True, train__epochs=5, train__trackers=[])


@pytest.mark.parametrize("package", ["tensorboard", "mlflow"])
def test_a_missing_package_is_one_line(package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from seqkit_track import files, mlflow, tensorboard

    cls = {"tensorboard": tensorboard.TensorBoard, "mlflow": mlflow.MLflow}[package]
    seqkit.register("tracker", f"my-{package}")(cls)
    monkeypatch.setattr(files.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(seqkit.RecipeError) as caught:
        seqkit.run(RECIPE, runs=tmp_path, quiet=True, train__trackers=[f"my-{package}"])
    assert caught.value.exit_code == 2
    (line,) = str(caught.value).splitlines()
    assert line.endswith(f"the package {package} is not installed: pip install 'seqkit-track[{package}]'")
    assert "train.trackers.0" in line


def test_a_tracker_is_listed_once(failing_tracker: Any, tmp_path: Path) -> None:
    with pytest.raises(seqkit.RecipeError, match="the tracker 'failing' is listed twice: remove it"):
        seqkit.run(RECIPE, runs=tmp_path, quiet=True, train__trackers=["failing", {"type": "failing", "records": 1}])
