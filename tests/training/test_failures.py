"""Failures during training: full and read-only disks, deleted and corrupt files, and numbers that are not finite."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load, load_file, save

import seqkit
from helpers.recipes import CHARACTER_RECIPE
from helpers.training import interrupted_run, reproducible_contents
from seqkit import registry
from seqkit.contracts import Encoded, Encoder, Example, Reader
from seqkit.errors import DataError, NotFiniteError, SeqkitError, UsageError
from seqkit.runs.directory import RunDirectory
from seqkit.runs.metrics import MetricsLog
from seqkit.training.checkpoint import list_checkpoints, sha256_of
from seqkit.training.checkpoint_loading import newest_checkpoint

pytestmark = pytest.mark.filterwarnings("ignore:.*is not finished")  # runs that failed are loaded

TINY: dict[str, Any] = {
    "name": "tiny",
    "data": {"type": "text", "text": "abab"},
    "encoder": {"type": "lstm", "hidden_size": 2},
    "head": "next_char",
    "train": {"epochs": 3, "threads": 1, "checkpoint_seconds": 0},
    "generate": {"prompt": "a", "length": 2},
    "baseline": "off",
}


class AtEpochEnd:
    """Hooks that call a function with the run directory at the end of an epoch."""

    def __init__(self, epoch: int, action: Any) -> None:
        self.epoch, self.action = epoch, action

    @seqkit.hookimpl
    def seqkit_epoch_end(self, run: Path, epoch: int) -> None:
        if epoch == self.epoch:
            self.action(run)


def error_line(caught: pytest.ExceptionInfo[SeqkitError]) -> str:
    """Return the only line of an error."""
    (line,) = caught.value.lines
    assert len(line) < 400
    return line


def intact_run(runs: Path) -> Path | None:
    """Check that no file in a folder of runs is incomplete; return the run directory or, without one, None."""
    entries = list(runs.iterdir()) if runs.is_dir() else []
    assert not [entry for entry in entries if entry.name.startswith(".")]
    if not entries:
        return None
    (path,) = entries
    assert not list(path.rglob(".*"))
    run = RunDirectory.open(path)
    checkpoint, _, skipped = newest_checkpoint(run)
    assert checkpoint is not None
    assert skipped == []
    rows = (path / "metrics.jsonl").read_text()
    assert rows == "" or rows.endswith("\n")
    assert seqkit.load(path).generate(length=2)
    if (path / "result.json").exists():
        json.loads((path / "result.json").read_text())
    return path


@pytest.fixture(scope="module")
def complete(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return the contents of a run of TINY without a failure."""
    return reproducible_contents(seqkit.run(TINY, runs=tmp_path_factory.mktemp("complete"), quiet=True))


# Disks


class SmallDisk:
    """A file system in memory, whose size and options can be changed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir()
        self._mount("-t", "tmpfs", "-o", "size=1m", "tmpfs")

    def remount(self, options: str) -> None:
        self._mount("-o", f"remount,{options}")

    def _mount(self, *options: str) -> None:
        done = subprocess.run(["mount", *options, str(self.path)], capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"cannot mount a small file system: {done.stderr.strip()}")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    if not hasattr(os, "geteuid") or os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("mounting a small file system requires root")
    path = tmp_path / "disk"
    try:
        yield SmallDisk(path)
    finally:
        subprocess.run(["umount", str(path)], capture_output=True, check=False)


def test_full_disk_at_any_page(disk: SmallDisk, complete: dict[str, Any]) -> None:
    """Whenever the disk is full, one line names the file, and the run resumes exactly once there is space."""
    failed = set()
    for pages in range(1, 60):
        runs = disk.path / str(pages)
        disk.remount(f"size={4 * pages}k")
        try:
            seqkit.run(TINY, runs=runs, quiet=True)
        except UsageError as error:
            (line,) = error.lines
            assert "No space left on device" in line
            failed.add(line.partition(": ")[0].replace(str(runs), "").replace("/tiny-1/", ""))
            path = intact_run(runs)
            disk.remount("size=1m")
            if path is not None:
                assert reproducible_contents(seqkit.run(TINY, runs=runs, resume=path, quiet=True)) == complete
        else:
            break
        finally:
            shutil.rmtree(runs, ignore_errors=True)
    else:
        raise AssertionError("the run failed with all sizes")
    assert {"", "metrics.jsonl", "model.safetensors", "checkpoints/step-000000001-epoch-000000001"} <= failed, failed


def test_disk_without_free_inodes(disk: SmallDisk) -> None:
    for number in range(3, 30):
        runs = disk.path / str(number)
        disk.remount(f"nr_inodes={number}")
        try:
            seqkit.run(TINY, runs=runs, quiet=True)
        except UsageError as error:
            assert "No space left on device" in str(error)
            intact_run(runs)
        else:
            return
        finally:
            shutil.rmtree(runs, ignore_errors=True)
    raise AssertionError("the run failed with all sizes")


def test_metrics_log_on_a_full_disk_contains_no_partial_row(disk: SmallDisk) -> None:
    """The last page has space for a part of a row. Once there is space for all, each row is written once."""
    disk.remount("size=8k")
    path = disk.path / "metrics.jsonl"
    first = json.dumps({"epoch": 1, "loss": "x" * 4000}) + "\n"
    path.write_text(first)
    log = MetricsLog(path, len(first))
    (disk.path / "full").write_bytes(bytes(4096))
    rows = [{"epoch": epoch, "loss": 0.5} for epoch in range(2, 9)]
    log.write(rows)
    with pytest.raises(UsageError, match="No space left on device"):
        log.flush()
    assert path.read_text() == first
    (disk.path / "full").unlink()
    assert log.flush() == path.stat().st_size
    assert [json.loads(line) for line in path.read_text().splitlines()[1:]] == rows


def test_disk_that_becomes_read_only(disk: SmallDisk, complete: dict[str, Any]) -> None:
    with pytest.raises(UsageError) as caught:
        seqkit.run(TINY, runs=disk.path, quiet=True, callbacks=[AtEpochEnd(2, lambda run: disk.remount("ro"))])
    assert error_line(caught) == f"{disk.path}/tiny-1/metrics.jsonl: cannot be written: Read-only file system"
    with pytest.raises(UsageError) as caught:
        seqkit.run(TINY, runs=disk.path, quiet=True)
    assert "cannot create a run directory: Read-only file system; choose another folder with --runs" in error_line(
        caught
    )
    with pytest.raises(UsageError) as caught:
        seqkit.run(TINY, resume=disk.path / "tiny-1", quiet=True)
    assert error_line(caught).endswith("cannot be written: Read-only file system")
    path = intact_run(disk.path)
    disk.remount("rw")
    assert reproducible_contents(seqkit.run(TINY, resume=path, quiet=True)) == complete


def test_input_output_error_at_any_sync(
    complete: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The n-th fsync fails, for every n."""
    number = 0
    while True:
        number += 1
        runs = tmp_path / str(number)
        calls_left = [number]
        assert number < 200

        def fail(descriptor: int, calls_left: list[int] = calls_left) -> None:
            calls_left[0] -= 1
            if calls_left[0] == 0:
                raise OSError(errno.EIO, os.strerror(errno.EIO))

        monkeypatch.setattr(os, "fsync", fail)
        try:
            seqkit.run(TINY, runs=runs, quiet=True)
        except UsageError as error:
            (line,) = error.lines
            assert os.strerror(errno.EIO) in line
        path = intact_run(runs)
        if calls_left[0] > 0:
            break
        if path is not None and number % 4 == 0:
            assert reproducible_contents(seqkit.run(TINY, resume=path, quiet=True)) == complete
    assert number > 20


# Changes to a run directory while it trains


def test_deleted_run_directory(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        seqkit.run(TINY, runs=tmp_path, quiet=True, callbacks=[AtEpochEnd(2, shutil.rmtree)])
    assert error_line(caught) == f"{tmp_path}/tiny-1/metrics.jsonl: cannot be written: No such file or directory"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("file", ["metrics.jsonl", "checkpoints"])
def test_deleted_file_or_folder_of_a_run(file: str, tmp_path: Path) -> None:
    def delete(run: Path) -> None:
        shutil.rmtree(run / file) if (run / file).is_dir() else (run / file).unlink()

    with pytest.raises(UsageError) as caught:
        seqkit.run(TINY, runs=tmp_path, quiet=True, callbacks=[AtEpochEnd(2, delete)])
    assert f"{tmp_path}/tiny-1/{file}" in error_line(caught)
    assert "No such file or directory" in error_line(caught)
    assert not (tmp_path / "tiny-1" / file).exists()


def test_truncated_metrics_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        seqkit.run(
            TINY,
            runs=tmp_path,
            quiet=True,
            callbacks=[AtEpochEnd(2, lambda run: os.truncate(run / "metrics.jsonl", 3))],
        )
    assert "metrics.jsonl: corrupt: rows are missing: it has 3 bytes instead of " in error_line(caught)


def test_metrics_log_replaces_a_hard_link(tmp_path: Path) -> None:
    """A file that shares its data with metrics.jsonl is not changed."""
    outside = tmp_path / "outside"
    outside.write_text("unchanged")
    (tmp_path / "metrics.jsonl").hardlink_to(outside)
    with MetricsLog(tmp_path / "metrics.jsonl", 0) as log:
        log.write([{"epoch": 1}])
    assert outside.read_text() == "unchanged"
    assert (tmp_path / "metrics.jsonl").read_text() == '{"epoch": 1}\n'


@pytest.mark.parametrize("when", ["before training", "during training"])
def test_files_are_not_written_through_a_symbolic_link(when: str, tmp_path: Path) -> None:
    """This includes a link with the temporary name of a file, which an attacker could guess."""
    outside = tmp_path / "outside"
    outside.write_text("unchanged")

    def plant(run: Path) -> None:
        for name in ("model.safetensors", "metrics.jsonl", "result.json"):
            (run / f".{name}.{os.getpid()}").symlink_to(outside)

    path = interrupted_run(TINY, tmp_path / "runs", 1)
    if when == "before training":
        plant(path)
    seqkit.run(TINY, resume=path, quiet=True, callbacks=[AtEpochEnd(2, plant)] if when != "before training" else [])
    assert outside.read_text() == "unchanged"
    assert not [file for file in path.rglob(".*") if not file.is_symlink()]
    assert seqkit.load(path).generate(length=2)


@pytest.mark.skipif(shutil.which("bash") is None, reason="requires bash")
def test_closed_pipe_does_not_end_a_run(tmp_path: Path) -> None:
    (tmp_path / "tiny.yaml").write_text(json.dumps(TINY))
    options = "train.epochs=150 train.checkpoint_seconds=600"
    line = f'set -o pipefail; "{sys.executable}" -m seqkit run tiny.yaml {options} | head -n 1'
    done = subprocess.run(["bash", "-c", line], cwd=tmp_path, capture_output=True, text=True, timeout=240, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "tiny, seed 0\n", "")
    assert seqkit.load(tmp_path / "runs" / "tiny-1").metrics[-1]["epoch"] == 150


# Corrupt checkpoints


@pytest.fixture
def checkpoints(tmp_path: Path) -> tuple[RunDirectory, Path, Path]:
    """Return a run, and its newer and older checkpoint, which are small."""
    path = seqkit.run(TINY, runs=tmp_path, quiet=True).path
    run = RunDirectory.open(path)
    (newer,) = list_checkpoints(run)
    state = json.loads((newer / "state.json").read_text())
    state["processes"][0] |= {"numpy": ["MT19937", [1, 2], 2, 0, 0.0], "python": [3, [1, 2], None]}
    files = {
        "model.safetensors": save({"x": torch.ones(1)}),
        "best.safetensors": save({"x": torch.ones(1)}),
        "optimizer.safetensors": save({"0.step": torch.ones(1)}),
        "process-0.safetensors": save({"rng": torch.ones(4, dtype=torch.uint8)}),
        "state.json": json.dumps(state).encode(),
    }
    files["manifest.json"] = json.dumps({name: sha256_of(content) for name, content in files.items()}).encode()
    shutil.rmtree(newer)
    older = newer.with_name("step-000000001-epoch-000000001")
    for folder in (newer, older):
        folder.mkdir()
        for name, content in files.items():
            (folder / name).write_bytes(content)
    return run, newer, older


def assert_skipped(run: RunDirectory, corrupt: Path, older: Path, case: Any) -> None:
    """Check that the checkpoint of a corrupt file is skipped, with a reason that names the file."""
    found, files, (reason,) = newest_checkpoint(run)
    assert found == older, case
    assert len(files) == 5
    # With a corrupt manifest, the reason can name any file of the checkpoint.
    named = corrupt.parent if corrupt.name == "manifest.json" else corrupt
    assert str(named) in reason, case
    assert len(reason) < 400
    assert "\n" not in reason


def test_truncated_checkpoint_is_skipped(checkpoints: tuple[RunDirectory, Path, Path]) -> None:
    run, newer, older = checkpoints
    for file in newer.iterdir():
        content = file.read_bytes()
        for length in reversed(range(len(content))):
            os.truncate(file, length)
            assert_skipped(run, file, older, (file.name, length))
        file.unlink()
        assert_skipped(run, file, older, file.name)
        file.write_bytes(content)
    assert newest_checkpoint(run)[0] == newer


def test_checkpoint_with_a_changed_bit_is_skipped(
    checkpoints: tuple[RunDirectory, Path, Path],
) -> None:
    run, newer, older = checkpoints
    for file in newer.iterdir():
        content = file.read_bytes()
        with file.open("r+b", buffering=0) as opened:
            for place, byte in enumerate(content):
                os.pwrite(opened.fileno(), bytes([byte ^ (1 << place % 8)]), place)
                assert_skipped(run, file, older, (file.name, place))
                os.pwrite(opened.fileno(), bytes([byte]), place)
    assert newest_checkpoint(run)[0] == newer


def test_run_resumes_from_the_checkpoint_before_a_corrupt_one(
    complete: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copies = tmp_path / "copies"

    def copy_checkpoint(run: Path) -> None:
        (newest,) = (run / "checkpoints").iterdir()
        shutil.copytree(newest, copies / newest.name)

    path = seqkit.run(TINY, runs=tmp_path / "runs", quiet=True, callbacks=[AtEpochEnd(2, copy_checkpoint)]).path
    (older,) = copies.iterdir()
    shutil.copytree(older, path / "checkpoints" / older.name)
    (newest, _) = list_checkpoints(RunDirectory(path))
    weights = newest / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])
    resumed = seqkit.run(TINY, resume=path)
    note = f"note: skipped a checkpoint: {weights}: corrupt: its sha256 differs from the manifest"
    assert note in capsys.readouterr().out
    assert reproducible_contents(resumed) == complete
    assert [checkpoint.name for checkpoint in list_checkpoints(RunDirectory(path))] == [newest.name]


# Numbers that are not finite


class Series(Reader):
    """Ten rows of features with a label.

    Args:
        huge: the row with a value whose square overflows.
        zero: the row with only zeros.
    """

    yields = "features"

    def __init__(self, *, huge: int = -1, zero: int = -1) -> None:
        self.huge, self.zero = huge, zero

    def read(self) -> Iterator[Example]:
        generator = np.random.default_rng(0)
        for number in range(10):
            features = generator.uniform(1, 2, size=(4, 3)).astype(np.float32)
            if number == self.huge:
                features[2, 1] = 1e30
            if number == self.zero:
                features[:] = 0
            yield Example(features, ["low", "high"][number % 2])


class Powers(torch.nn.Module, Encoder):
    """Squares of sums, which can overflow; or square roots, whose gradient at zero is infinite."""

    causal = True

    def __init__(self, input_size: int, *, root: bool = False) -> None:
        super().__init__()
        self.root = root
        self.output_size = self.final_size = 2
        self.weight = torch.nn.Parameter(torch.ones(input_size, 2))

    def forward(self, inputs, lengths, state=None):
        outputs = (inputs @ self.weight) ** (0.5 if self.root else 2)
        return Encoded(outputs, outputs[torch.arange(len(outputs)), lengths - 1])


FEATURES: dict[str, Any] = {
    "name": "features",
    "data": {"type": "series"},
    "encoder": {"type": "powers"},
    "head": {"type": "classify", "pooling": "mean"},
    "train": {
        "epochs": 3,
        "batch_size": 3,
        "threads": 1,
        "checkpoint_seconds": 0,
        "optimizer": {"type": "sgd", "lr": 0.001},
    },
    "baseline": "off",
}


@pytest.fixture
def powers(isolated_registry: None) -> None:
    registry.register("reader", "series", Series)
    registry.register("encoder", "powers", Powers)


def saved_weights(runs: Path) -> dict[str, torch.Tensor]:
    """Return the weights of the newest checkpoint of the only run."""
    path = next(path for path in runs.iterdir())
    checkpoint, files, skipped = newest_checkpoint(RunDirectory.open(path))
    assert checkpoint is not None
    assert skipped == []
    return load(files["model.safetensors"])


@pytest.mark.parametrize("row", [0, 6, 9])
def test_row_with_a_loss_that_is_not_finite_is_named(powers, row: int, tmp_path: Path) -> None:
    recipe = FEATURES | {"data": {"type": "series", "huge": row}}
    with pytest.raises(NotFiniteError) as caught:
        seqkit.run(recipe, runs=tmp_path, quiet=True)
    line = error_line(caught)
    assert re.match(
        rf"step [1-4], row {row + 1} of train: the loss is (nan|inf), and the gradient of encoder\.weight", line
    )
    assert "the step was not taken" in line
    assert caught.value.exit_code == 5
    assert all(bool(tensor.isfinite().all()) for tensor in saved_weights(tmp_path).values())
    with pytest.raises(NotFiniteError) as resumed:
        seqkit.run(recipe, resume=next(tmp_path.iterdir()), quiet=True)
    assert error_line(resumed) == line


def test_gradient_that_is_not_finite_names_the_weight_and_the_rows(powers, tmp_path: Path) -> None:
    recipe = FEATURES | {"data": {"type": "series", "zero": 4}, "encoder": {"type": "powers", "root": True}}
    with pytest.raises(NotFiniteError) as caught:
        seqkit.run(recipe, runs=tmp_path, quiet=True)
    found = re.match(
        r"step [1-4], the batch of rows ([0-9, ]+) of train: the gradient of encoder\.weight is not", error_line(caught)
    )
    assert found is not None, error_line(caught)
    rows = [int(number) for number in found[1].split(", ")]
    assert 5 in rows
    assert len(rows) == 3
    assert all(bool(tensor.isfinite().all()) for tensor in saved_weights(tmp_path).values())


def test_newest_checkpoint_is_from_the_step_before_the_error(tmp_path: Path) -> None:
    """The weights of the last step with a finite loss are saved."""
    recipe = CHARACTER_RECIPE | {
        "train": {"epochs": 50, "checkpoint_seconds": 0, "optimizer": {"type": "sgd", "lr": 1e38}}
    }
    with pytest.raises(NotFiniteError) as caught:
        seqkit.run(recipe, runs=tmp_path, quiet=True)
    step = int(re.match(r"step (\d+)", error_line(caught))[1])
    (path,) = tmp_path.iterdir()
    (checkpoint,) = list_checkpoints(RunDirectory(path))
    assert checkpoint.name == f"step-{step - 1:09d}-epoch-{step - 1:09d}"
    assert all(bool(tensor.isfinite().all()) for tensor in load_file(checkpoint / "model.safetensors").values())


def test_weights_that_are_not_finite_are_an_error(powers, tmp_path: Path) -> None:
    path = seqkit.run(FEATURES, runs=tmp_path, quiet=True).path
    weights = load_file(path / "model.safetensors")
    weights["encoder.weight"][0] = torch.nan
    (path / "model.safetensors").write_bytes(save(weights))
    with pytest.raises(DataError, match=r"model\.safetensors: 'encoder\.weight' contains a number that is not finite"):
        seqkit.load(path).predict([np.ones((4, 3), np.float32)])
