"""What a run leaves where a disk is full, a folder is gone or read-only, a file is damaged, a number is not finite."""

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
from test_resume import stopped
from test_train import CHAR, files_of

import seqkit
from seqkit import registry
from seqkit.checkpoint import list_checkpoints, sha256_of
from seqkit.checkpoint_reading import newest_checkpoint
from seqkit.contracts import Encoded, Encoder, Example, Reader
from seqkit.errors import DataError, NotFiniteError, SeqkitError, UsageError
from seqkit.metrics_log import MetricsLog
from seqkit.rundir import RunDirectory

TINY: dict[str, Any] = {
    "name": "tiny",
    "data": {"type": "text", "text": "abab"},
    "encoder": {"type": "lstm", "hidden_size": 2},
    "head": "next_char",
    "train": {"epochs": 3, "threads": 1, "checkpoint_seconds": 0},
    "generate": {"prompt": "a", "length": 2},
    "baseline": "off",
}


class At:
    """A callback that does something at the end of an epoch, where a checkpoint of an earlier one stands."""

    def __init__(self, epoch: int, action: Any) -> None:
        self.epoch, self.action = epoch, action

    @seqkit.hookimpl
    def seqkit_epoch_end(self, run: Path, epoch: int) -> None:
        if epoch == self.epoch:
            self.action(run)


def told(caught: pytest.ExceptionInfo[SeqkitError]) -> str:
    """Returns the one line that is told of a fault."""
    (line,) = caught.value.lines
    assert len(line) < 400
    return line


def sound(runs: Path) -> Path | None:
    """Asserts that nothing half written stands under a folder of runs; returns the run, where one was made."""
    entries = list(runs.iterdir()) if runs.is_dir() else []
    assert not [entry for entry in entries if entry.name.startswith(".")]
    if not entries:
        return None
    (path,) = entries
    assert not list(path.rglob(".*"))
    run = RunDirectory.open(path)
    checkpoint, _, passed_over = newest_checkpoint(run)
    assert checkpoint is not None
    assert passed_over == []
    rows = (path / "metrics.jsonl").read_text()
    assert rows == "" or rows.endswith("\n")
    assert seqkit.load(path).generate(length=2)
    if (path / "result.json").exists():
        json.loads((path / "result.json").read_text())
    return path


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What TINY leaves where nothing goes wrong."""
    return files_of(seqkit.run(TINY, runs=tmp_path_factory.mktemp("whole"), quiet=True))


# Disks


class SmallDisk:
    """A file system in memory, of a size that can be changed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir()
        self._mount("-t", "tmpfs", "-o", "size=1m", "tmpfs")

    def holds(self, options: str) -> None:
        self._mount("-o", f"remount,{options}")

    def _mount(self, *options: str) -> None:
        done = subprocess.run(["mount", *options, str(self.path)], capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"no file system of a small size can be mounted here: {done.stderr.strip()}")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    if not hasattr(os, "geteuid") or os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("to mount a small disk takes root")
    path = tmp_path / "disk"
    try:
        yield SmallDisk(path)
    finally:
        subprocess.run(["umount", str(path)], capture_output=True, check=False)


def test_a_disk_that_fills_up_at_any_page(disk: SmallDisk, whole: dict[str, Any]) -> None:
    """Wherever it is full, one line says which file, and what stands goes on to the same end once there is room."""
    failed = set()
    for pages in range(1, 60):
        runs = disk.path / str(pages)
        disk.holds(f"size={4 * pages}k")
        try:
            seqkit.run(TINY, runs=runs, quiet=True)
        except UsageError as error:
            (line,) = error.lines
            assert "No space left on device" in line
            failed.add(line.partition(": ")[0].replace(str(runs), "").replace("/tiny-1/", ""))
            path = sound(runs)
            disk.holds("size=1m")
            if path is not None:
                assert files_of(seqkit.run(TINY, runs=runs, resume=path, quiet=True)) == whole
        else:
            break
        finally:
            shutil.rmtree(runs, ignore_errors=True)
    else:
        raise AssertionError("never was there room enough")
    assert {"", "metrics.jsonl", "model.safetensors", "checkpoints/step-000000001-epoch-000000001"} <= failed, failed


def test_a_disk_that_cannot_take_another_file(disk: SmallDisk) -> None:
    for number in range(3, 30):
        runs = disk.path / str(number)
        disk.holds(f"nr_inodes={number}")
        try:
            seqkit.run(TINY, runs=runs, quiet=True)
        except UsageError as error:
            assert "No space left on device" in str(error)
            sound(runs)
        else:
            return
        finally:
            shutil.rmtree(runs, ignore_errors=True)
    raise AssertionError("never was there room enough")


def test_rows_that_do_not_fit_leave_no_half_of_one(disk: SmallDisk) -> None:
    """The first bytes of a row still fit into the last page; once there is room, each row is there once."""
    disk.holds("size=8k")
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


def test_a_disk_that_becomes_read_only(disk: SmallDisk, whole: dict[str, Any]) -> None:
    with pytest.raises(UsageError) as caught:
        seqkit.run(TINY, runs=disk.path, quiet=True, callbacks=[At(2, lambda run: disk.holds("ro"))])
    assert told(caught) == f"{disk.path}/tiny-1/metrics.jsonl: cannot be written: Read-only file system"
    with pytest.raises(UsageError) as caught:
        seqkit.run(TINY, runs=disk.path, quiet=True)
    assert "cannot make a run directory there: Read-only file system; give another with --runs" in told(caught)
    with pytest.raises(UsageError) as caught:
        seqkit.run(TINY, resume=disk.path / "tiny-1", quiet=True)
    assert told(caught).endswith("cannot be written: Read-only file system")
    path = sound(disk.path)
    disk.holds("rw")
    assert files_of(seqkit.run(TINY, resume=path, quiet=True)) == whole


def test_a_disk_that_fails_at_any_write(whole: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The n-th time that a file has to be made durable, it cannot be."""
    place = 0
    while True:
        place += 1
        runs = tmp_path / str(place)
        left = [place]
        assert place < 200

        def fails(descriptor: int, left: list[int] = left) -> None:
            left[0] -= 1
            if left[0] == 0:
                raise OSError(errno.EIO, os.strerror(errno.EIO))

        monkeypatch.setattr(os, "fsync", fails)
        try:
            seqkit.run(TINY, runs=runs, quiet=True)
        except UsageError as error:
            (line,) = error.lines
            assert os.strerror(errno.EIO) in line
        path = sound(runs)
        if left[0] > 0:
            break
        if path is not None and place % 4 == 0:
            assert files_of(seqkit.run(TINY, resume=path, quiet=True)) == whole
    assert place > 20


# What others do to a run directory while it trains


def test_a_run_directory_that_is_deleted(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        seqkit.run(TINY, runs=tmp_path, quiet=True, callbacks=[At(2, shutil.rmtree)])
    assert told(caught) == f"{tmp_path}/tiny-1/metrics.jsonl: cannot be written: No such file or directory"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("file", ["metrics.jsonl", "checkpoints"])
def test_a_part_of_it_that_is_deleted(file: str, tmp_path: Path) -> None:
    def delete(run: Path) -> None:
        shutil.rmtree(run / file) if (run / file).is_dir() else (run / file).unlink()

    with pytest.raises(UsageError) as caught:
        seqkit.run(TINY, runs=tmp_path, quiet=True, callbacks=[At(2, delete)])
    assert f"{tmp_path}/tiny-1/{file}" in told(caught)
    assert "No such file or directory" in told(caught)
    assert not (tmp_path / "tiny-1" / file).exists()


def test_metrics_that_are_cut_short_are_told_and_not_written_on(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        seqkit.run(
            TINY, runs=tmp_path, quiet=True, callbacks=[At(2, lambda run: os.truncate(run / "metrics.jsonl", 3))]
        )
    assert "metrics.jsonl: damaged: rows are missing: it is 3 bytes, not " in told(caught)


def test_metrics_go_on_in_a_file_of_their_own(tmp_path: Path) -> None:
    """A second name of the file, elsewhere, keeps what it had."""
    outside = tmp_path / "outside"
    outside.write_text("kept")
    (tmp_path / "metrics.jsonl").hardlink_to(outside)
    with MetricsLog(tmp_path / "metrics.jsonl", 0) as log:
        log.write([{"epoch": 1}])
    assert outside.read_text() == "kept"
    assert (tmp_path / "metrics.jsonl").read_text() == '{"epoch": 1}\n'


@pytest.mark.parametrize("when", ["before", "while it trains"])
def test_a_file_is_not_written_through_a_link(when: str, tmp_path: Path) -> None:
    """Not even where a stranger guessed the name that it has until it is whole."""
    outside = tmp_path / "outside"
    outside.write_text("kept")

    def plant(run: Path) -> None:
        for name in ("model.safetensors", "metrics.jsonl", "result.json"):
            (run / f".{name}.{os.getpid()}").symlink_to(outside)

    path = stopped(TINY, tmp_path / "runs", 1)
    if when == "before":
        plant(path)
    seqkit.run(TINY, resume=path, quiet=True, callbacks=[At(2, plant)] if when != "before" else [])
    assert outside.read_text() == "kept"
    assert not [file for file in path.rglob(".*") if not file.is_symlink()]
    assert seqkit.load(path).generate(length=2)


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
def test_head_does_not_end_a_run(tmp_path: Path) -> None:
    (tmp_path / "tiny.yaml").write_text(json.dumps(TINY))
    options = "train.epochs=150 train.checkpoint_seconds=600"
    line = f'set -o pipefail; "{sys.executable}" -m seqkit run tiny.yaml {options} | head -n 1'
    done = subprocess.run(["bash", "-c", line], cwd=tmp_path, capture_output=True, text=True, timeout=240, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "tiny, seed 0\n", "")
    assert seqkit.load(tmp_path / "runs" / "tiny-1").metrics[-1]["epoch"] == 150


# Checkpoints that are damaged


@pytest.fixture
def checkpoints(tmp_path: Path) -> tuple[RunDirectory, Path, Path]:
    """A run with two checkpoints, of few bytes each: the newer and the older."""
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


def assert_passed_over(run: RunDirectory, damaged: Path, older: Path, what: Any) -> None:
    found, files, (reason,) = newest_checkpoint(run)
    assert found == older, what
    assert len(files) == 5
    # A manifest that is damaged may tell of another file that it is not what it was.
    named = damaged.parent if damaged.name == "manifest.json" else damaged
    assert str(named) in reason, what
    assert len(reason) < 400
    assert "\n" not in reason


def test_a_checkpoint_cut_short_at_any_byte_is_passed_over(checkpoints: tuple[RunDirectory, Path, Path]) -> None:
    run, newer, older = checkpoints
    for file in newer.iterdir():
        content = file.read_bytes()
        for length in reversed(range(len(content))):
            os.truncate(file, length)
            assert_passed_over(run, file, older, (file.name, length))
        file.unlink()
        assert_passed_over(run, file, older, file.name)
        file.write_bytes(content)
    assert newest_checkpoint(run)[0] == newer


def test_a_checkpoint_with_any_byte_changed_by_a_bit_is_passed_over(
    checkpoints: tuple[RunDirectory, Path, Path],
) -> None:
    run, newer, older = checkpoints
    for file in newer.iterdir():
        content = file.read_bytes()
        with file.open("r+b", buffering=0) as opened:
            for place, byte in enumerate(content):
                os.pwrite(opened.fileno(), bytes([byte ^ (1 << place % 8)]), place)
                assert_passed_over(run, file, older, (file.name, place))
                os.pwrite(opened.fileno(), bytes([byte]), place)
    assert newest_checkpoint(run)[0] == newer


def test_a_run_goes_on_from_the_checkpoint_before_a_damaged_one(
    whole: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = tmp_path / "kept"

    def keep(run: Path) -> None:
        (newest,) = (run / "checkpoints").iterdir()
        shutil.copytree(newest, kept / newest.name)

    path = seqkit.run(TINY, runs=tmp_path / "runs", quiet=True, callbacks=[At(2, keep)]).path
    (older,) = kept.iterdir()
    shutil.copytree(older, path / "checkpoints" / older.name)
    (newest, _) = list_checkpoints(RunDirectory(path))
    weights = newest / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])
    resumed = seqkit.run(TINY, resume=path)
    assert f"note: passed over: {weights}: is not the file that was saved" in capsys.readouterr().out
    assert files_of(resumed) == whole
    assert [checkpoint.name for checkpoint in list_checkpoints(RunDirectory(path))] == [newest.name]


# Numbers that are not finite


class Series(Reader):
    """Ten rows of features and a class; one holds a value that has no square, and one a sum of zero."""

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
    """Squares, whose values overflow; or square roots, whose gradient at zero is infinite."""

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
def powers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_session", [])
    monkeypatch.setattr(registry, "_loaded", {})
    registry.register("reader", "series", Series)
    registry.register("encoder", "powers", Powers)


def last_good(runs: Path) -> dict[str, torch.Tensor]:
    """Returns the weights of the checkpoint that stands, which another run of the same recipe can go on from."""
    path = next(path for path in runs.iterdir())
    checkpoint, files, passed_over = newest_checkpoint(RunDirectory.open(path))
    assert checkpoint is not None
    assert passed_over == []
    return load(files["model.safetensors"])


@pytest.mark.parametrize("row", [0, 6, 9])
def test_the_bad_row_among_good_ones_is_named(powers, row: int, tmp_path: Path) -> None:
    recipe = FEATURES | {"data": {"type": "series", "huge": row}}
    with pytest.raises(NotFiniteError) as caught:
        seqkit.run(recipe, runs=tmp_path, quiet=True)
    line = told(caught)
    assert re.match(
        rf"step [1-4], row {row + 1} of train: the loss is (nan|inf), and the gradient of encoder\.weight", line
    )
    assert "the step was not taken" in line
    assert caught.value.exit_code == 5
    assert all(bool(tensor.isfinite().all()) for tensor in last_good(tmp_path).values())
    with pytest.raises(NotFiniteError) as again:
        seqkit.run(recipe, resume=next(tmp_path.iterdir()), quiet=True)
    assert told(again) == line


def test_a_gradient_that_is_not_finite_names_its_weight_and_the_rows_of_the_batch(powers, tmp_path: Path) -> None:
    recipe = FEATURES | {"data": {"type": "series", "zero": 4}, "encoder": {"type": "powers", "root": True}}
    with pytest.raises(NotFiniteError) as caught:
        seqkit.run(recipe, runs=tmp_path, quiet=True)
    found = re.match(
        r"step [1-4], the batch of rows ([0-9, ]+) of train: the gradient of encoder\.weight is not", told(caught)
    )
    assert found is not None, told(caught)
    rows = [int(number) for number in found[1].split(", ")]
    assert 5 in rows
    assert len(rows) == 3
    assert all(bool(tensor.isfinite().all()) for tensor in last_good(tmp_path).values())


def test_the_last_good_checkpoint_is_of_the_step_before(tmp_path: Path) -> None:
    """Weights, moments and metrics of the steps that went well are there, up to the last epoch's end."""
    recipe = CHAR | {"train": {"epochs": 50, "checkpoint_seconds": 0, "optimizer": {"type": "sgd", "lr": 1e38}}}
    with pytest.raises(NotFiniteError) as caught:
        seqkit.run(recipe, runs=tmp_path, quiet=True)
    step = int(re.match(r"step (\d+)", told(caught))[1])
    (path,) = tmp_path.iterdir()
    (checkpoint,) = list_checkpoints(RunDirectory(path))
    assert checkpoint.name == f"step-{step - 1:09d}-epoch-{step - 1:09d}"
    assert all(bool(tensor.isfinite().all()) for tensor in load_file(checkpoint / "model.safetensors").values())


def test_weights_that_are_not_finite_are_not_loaded(powers, tmp_path: Path) -> None:
    path = seqkit.run(FEATURES, runs=tmp_path, quiet=True).path
    weights = load_file(path / "model.safetensors")
    weights["encoder.weight"][0] = torch.nan
    (path / "model.safetensors").write_bytes(save(weights))
    with pytest.raises(DataError, match=r"model\.safetensors: 'encoder\.weight' holds a number that is not finite"):
        seqkit.load(path).predict([np.ones((4, 3), np.float32)])
