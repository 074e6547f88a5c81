"""Several processes train as one: the same losses, one writer, one line for a fault, and an exact resume."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import RECIPES, SENTENCE
from processes import Trainer

import seqkit
from seqkit.batches import RowBatches, StreamBatches
from seqkit.contracts import Row
from seqkit.world import Share, packed, unpacked

CHAR = {
    "name": "char",
    "seed": 3,
    "data": {"type": "text", "text": SENTENCE, "split": {"by": "order", "valid": 0.3}},
    "tokenizer": {"type": "char", "unknown": "mark"},
    "encoder": {"type": "lstm", "hidden_size": 6},
    "head": {"type": "next_char"},
    "train": {"epochs": 3, "batch_size": 5, "sequence_length": 4, "optimizer": {"type": "sgd", "lr": 0.1}},
}


@pytest.fixture(scope="module")
def labels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A recipe of a classifier over 47 rows: with batches of 6, the last one is uneven."""
    generator = np.random.default_rng(0)
    rows = [
        f"{''.join(generator.choice(list('abcdef'), size=generator.integers(1, 10)))},{generator.choice(['x', 'y'])}"
        for _ in range(47)
    ]
    path = tmp_path_factory.mktemp("labels") / "labels.csv"
    path.write_text("text,label\n" + "\n".join(rows))
    return {
        "name": "labels",
        "seed": 3,
        "data": {"type": "table", "path": str(path), "split": {"by": "random", "valid": 0.2, "test": 0.1}},
        "embedding": {"type": "learned", "dim": 5},
        "encoder": {"type": "bilstm", "hidden_size": 4},
        "head": {"type": "classify"},
        "train": {"epochs": 3, "batch_size": 6, "optimizer": {"type": "adam", "lr": 0.01}, "clip_norm": 1.0},
        "baseline": "off",
    }


@pytest.fixture(scope="module")
def train_in_processes() -> Iterator[Trainer]:
    with Trainer() as trainer:
        yield trainer


def run_of(folder: Path) -> seqkit.Run:
    (path,) = (path for path in (folder / "runs").iterdir())
    return seqkit.load(path)


def in_one(recipe: dict[str, Any], folder: Path) -> seqkit.Run:
    default = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        return seqkit.run(recipe, runs=folder / "one", quiet=True)
    finally:
        torch.set_default_dtype(default)


@pytest.mark.parametrize(("kind", "number"), [("rows", 3), ("streams", 2)])
def test_several_processes_are_one_with_the_same_batches(
    train_in_processes, kind: str, number: int, labels, tmp_path: Path
) -> None:
    recipe = labels if kind == "rows" else CHAR
    ended = train_in_processes(number, tmp_path / "many", recipe, float64=True)
    assert (ended.codes, ended.errors) == ([0] * number, [])
    one, many = in_one(recipe, tmp_path), run_of(tmp_path / "many")
    assert len(one.metrics) == len(many.metrics) == 6
    for row, other in zip(one.metrics, many.metrics, strict=True):
        assert row.pop("split") == other.pop("split")
        assert other == pytest.approx(row, rel=1e-9, abs=1e-9)
    for split, scores in one.result["metrics"].items():
        assert many.result["metrics"][split]["loss"] == pytest.approx(scores["loss"], abs=1e-9)
    if kind == "streams":
        assert many.result["baseline"] == one.result["baseline"]
    assert many.result["timing"]["processes"] == number
    texts = ["abc", "fed"]
    if kind == "rows":
        assert many.result["metrics"]["test"]["confusion_matrix"] == one.result["metrics"]["test"]["confusion_matrix"]
        for mine, theirs in zip(one.predict(texts), many.predict(texts), strict=True):
            assert mine["probabilities"] == pytest.approx(theirs["probabilities"], abs=1e-6)


def test_a_batch_of_fewer_rows_than_processes(train_in_processes, tmp_path: Path) -> None:
    """One long text is one row: the other process computes it too, and counts it for nothing."""
    recipe = CHAR | {"data": {"type": "text", "text": SENTENCE}, "train": {"epochs": 3}}
    assert train_in_processes(2, tmp_path / "many", recipe, float64=True).codes == [0, 0]
    losses = [[row["loss"] for row in run.metrics] for run in (in_one(recipe, tmp_path), run_of(tmp_path / "many"))]
    assert losses[1] == pytest.approx(losses[0], rel=1e-12)


@pytest.mark.parametrize("kind", ["rows", "streams"])
def test_processes_that_are_stopped_go_on_exactly(train_in_processes, kind: str, labels, tmp_path: Path) -> None:
    """One of them gets the signal; with dropout, each draws its own numbers, and with streams carries its own state."""
    recipe = labels if kind == "rows" else CHAR
    dropout = {"head": recipe["head"] | {"dropout": 0.3}, "baseline": "off"}
    whole = train_in_processes(2, tmp_path / "whole", recipe | dropout)
    stopped = train_in_processes(2, tmp_path / "stopped", recipe | dropout, stop_after={1: 4})
    assert (whole.codes, stopped.codes) == ([0, 0], [143, 143])
    path = run_of(tmp_path / "stopped").path
    assert stopped.errors == [f"stopped after step 4 and saved: go on with --resume {path}"]
    refused = train_in_processes(1, tmp_path / "alone", recipe | dropout, resume=path)
    assert refused.codes == [2]
    assert refused.errors == [f"{path}: was trained by 2 at a time: resume it with --processes 2"]
    assert train_in_processes(2, tmp_path / "stopped", recipe | dropout, resume=path).codes == [0, 0]
    assert not (tmp_path / "alone" / "runs").exists()
    for name in ("model.safetensors", "metrics.jsonl"):
        assert (path / name).read_bytes() == (run_of(tmp_path / "whole").path / name).read_bytes()


def test_what_is_wrong_for_one_process_stops_all_and_is_told_once(train_in_processes, labels, tmp_path: Path) -> None:
    bad = labels | {"data": {"type": "table", "path": str(tmp_path / "absent.csv")}}
    ended = train_in_processes(3, tmp_path / "second", labels, recipes={1: bad})
    assert ended.codes == [3, 3, 3]
    assert ended.errors == [f"process 1: {tmp_path / 'absent.csv'}: there is no such file"]
    ended = train_in_processes(2, tmp_path / "all", bad)
    assert (ended.codes, ended.errors) == ([3, 3], [f"{tmp_path / 'absent.csv'}: there is no such file"])
    assert not list(tmp_path.glob("*/runs/*"))


def test_a_number_that_is_not_finite_is_told_once_with_all_rows(train_in_processes, labels, tmp_path: Path) -> None:
    recipe = labels | {"train": {"epochs": 9, "batch_size": 4, "optimizer": {"type": "sgd", "lr": 1e38}}}
    ended = train_in_processes(2, tmp_path, recipe)
    assert ended.codes == [5, 5]
    (line,) = ended.errors
    assert re.match(r"step \d+, (row|the batch of rows) [\d, ]+ of train: .*; the step was not taken", line)


@pytest.mark.parametrize("size", [2, 3, 5])
def test_shares_of_a_batch_are_the_batch(size: int) -> None:
    rows = [Row(np.arange(length), np.arange(length)) for length in (3, 1, 4, 1, 5, 9, 2)]
    for whole, parts in (
        (RowBatches(rows, 3, 0), [RowBatches(rows, 3, 0, Share(rank, size)) for rank in range(size)]),
        (StreamBatches(rows, 3, 2, True), [StreamBatches(rows, 3, 2, True, Share(rank, size)) for rank in range(size)]),
    ):
        assert {len(part) for part in parts} == {len(whole)}
        for step, *shares in zip(whole.epoch(2), *(part.epoch(2) for part in parts), strict=True):
            assert sorted(step.rows) == sorted(row for share in shares for row in share.rows)
            assert int(step.batch.lengths.sum()) == sum(int(s.batch.lengths.sum()) for s in shares if s.counts)
            assert all(len(share.batch.lengths) == max(len(share.rows), 1) for share in shares)
            assert [share.counts for share in shares] == [len(share.rows) > 0 for share in shares]


def test_files_pass_between_processes_as_they_are() -> None:
    files = {"a": b"", "b\n": b"\x00\n\xff", "c": b"{}"}
    assert unpacked(packed(files)) == files


def test_run_with_processes_starts_them(cli, tmp_path: Path) -> None:
    """The one test that starts torchrun's agent; its exit codes are those of the processes."""
    recipe = RECIPES / "char_gen.yaml"
    done = cli("run", "--processes", "2", recipe, "train.epochs=2")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert lines[-1] == "runs/char-gen-1"
    assert lines.count("char-gen, seed 1") == 1
    assert any(line.endswith("cpu, 1 thread in each of 2 processes") for line in lines)
    wrong = cli("run", "--processes", "2", recipe, "encoder.hidden_size=0")
    assert (wrong.returncode, len(wrong.stderr.splitlines())) == (2, 1)


@pytest.mark.slow
def test_torchrun_starts_again_what_was_killed(tmp_path: Path) -> None:
    """A process is killed: all end at once, the checkpoint is whole, and the run goes on from it by itself."""
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--max-restarts", "1", "-m"]
    command += ["seqkit", "run", str(RECIPES / "char_gen.yaml"), "train.epochs=400", "train.checkpoint_seconds=0.3"]
    with (tmp_path / "log").open("w") as log:
        agent = subprocess.Popen(command, cwd=tmp_path, stdout=log, stderr=subprocess.STDOUT)
    deadline = time.monotonic() + 120
    checkpoints = tmp_path / "runs" / "char-gen-1" / "checkpoints"
    while not list(checkpoints.glob("step-0000000[1-9]*")) + list(checkpoints.glob("step-000000[1-9]*")):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    second = next(child for child in _children(agent.pid) if b"RANK=1" in _environment(child))
    first = next(child for child in _children(agent.pid) if b"RANK=0" in _environment(child))
    os.kill(second, signal.SIGKILL)
    killed = time.monotonic()
    while Path(f"/proc/{first}").exists():
        assert time.monotonic() < killed + 60
        time.sleep(0.05)
    assert agent.wait(timeout=240) == 0
    said = (tmp_path / "log").read_text()
    assert "note: torchrun starts again: going on with runs/char-gen-1" in said
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["char-gen-1"]
    steps = [json.loads(line)["step"] for line in (tmp_path / "runs/char-gen-1/metrics.jsonl").read_text().splitlines()]
    assert steps == list(range(1, 401))


def _children(parent: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]


def _environment(process: int) -> list[bytes]:
    return Path(f"/proc/{process}/environ").read_bytes().split(b"\0")
