"""Distributed training: the losses of a single process, one writer, one line per error, and exact resume."""

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

import seqkit
from helpers.commands import run_forked
from helpers.processes import ForkingTrainer
from helpers.recipes import RECIPES, SENTENCE
from seqkit.contracts import Row
from seqkit.data.batching import RowBatches, Shard, StreamBatches
from seqkit.training.distributed import deserialize, serialize

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
def classifier(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return the recipe of a classifier for 47 rows, of which the last batch of 6 is incomplete."""
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
def train_in_processes() -> Iterator[ForkingTrainer]:
    with ForkingTrainer() as trainer:
        yield trainer


def load_run(folder: Path) -> seqkit.Run:
    """Load the only run of a folder."""
    (path,) = (path for path in (folder / "runs").iterdir())
    return seqkit.load(path)


def train_in_one_process(recipe: dict[str, Any], folder: Path) -> seqkit.Run:
    """Train a recipe in this process, in double precision."""
    default = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        return seqkit.run(recipe, runs=folder / "one", quiet=True)
    finally:
        torch.set_default_dtype(default)


GROUPS = [{"parameters": "embedding.*", "frozen_epochs": 1}, {"parameters": "encoder.*", "frozen_epochs": 1.5}]


@pytest.mark.parametrize(("kind", "number"), [("rows", 3), ("streams", 2), ("groups", 2)])
def test_several_processes_equal_one_with_the_same_batches(
    train_in_processes, kind: str, number: int, classifier, tmp_path: Path
) -> None:
    recipe = CHAR if kind == "streams" else classifier
    if kind == "groups":
        recipe = recipe | {
            "encoder": recipe["encoder"] | {"activation_penalty": 2.0, "temporal_penalty": 1.0},
            "train": recipe["train"] | {"groups": GROUPS, "schedule": "plateau", "average": "ema"},
        }
    results = train_in_processes(number, tmp_path / "many", recipe, float64=True)
    assert (results.codes, results.errors) == ([0] * number, [])
    one, many = train_in_one_process(recipe, tmp_path), load_run(tmp_path / "many")
    assert len(one.metrics) == len(many.metrics) == (9 if kind == "groups" else 6)
    assert one.result.get("weights") == many.result.get("weights")
    for row, other in zip(one.metrics, many.metrics, strict=True):
        assert row.pop("split") == other.pop("split")
        assert other == pytest.approx(row, rel=1e-9, abs=1e-9)
    for split, scores in one.result["metrics"].items():
        assert many.result["metrics"][split]["loss"] == pytest.approx(scores["loss"], abs=1e-9)
    if kind == "streams":
        assert many.result["baseline"] == one.result["baseline"]
    assert many.result["timing"]["processes"] == number
    texts = ["abc", "fed"]
    if kind != "streams":
        assert many.result["metrics"]["test"]["confusion_matrix"] == one.result["metrics"]["test"]["confusion_matrix"]
        for expected, actual in zip(one.predict(texts), many.predict(texts), strict=True):
            assert expected["probabilities"] == pytest.approx(actual["probabilities"], abs=1e-6)


def test_processes_agree_on_the_best_epoch_while_the_metric_is_constant(
    train_in_processes, classifier, tmp_path: Path
) -> None:
    train = classifier["train"] | {"epochs": 4, "metric": "accuracy", "optimizer": {"type": "sgd", "lr": 1e-3}}
    recipe = classifier | {"train": train | {"early_stopping": {"patience": 1}}}
    results = train_in_processes(2, tmp_path / "many", recipe, float64=True)
    assert (results.codes, results.errors) == ([0, 0], [])
    run = load_run(tmp_path / "many")
    valid = [row for row in run.metrics if row["split"] == "valid"]
    losses = [row["loss"] for row in valid]
    assert len(valid) > 1
    assert len({row["accuracy"] for row in valid}) == 1
    assert run.result["metrics"]["valid"]["loss"] == pytest.approx(min(losses), rel=1e-9)
    assert losses.index(min(losses)) > 0


def test_batch_of_fewer_rows_than_processes(train_in_processes, tmp_path: Path) -> None:
    """A single text is one row: the second process computes it too, and its loss is not counted."""
    recipe = CHAR | {"data": {"type": "text", "text": SENTENCE}, "train": {"epochs": 3}}
    assert train_in_processes(2, tmp_path / "many", recipe, float64=True).codes == [0, 0]
    losses = [
        [row["loss"] for row in run.metrics]
        for run in (train_in_one_process(recipe, tmp_path), load_run(tmp_path / "many"))
    ]
    assert losses[1] == pytest.approx(losses[0], rel=1e-12)


@pytest.mark.parametrize("kind", ["rows", "streams"])
def test_interrupted_processes_resume_exactly(train_in_processes, kind: str, classifier, tmp_path: Path) -> None:
    """One process receives the signal. Each has its own random numbers for dropout, and its own carried state."""
    recipe = classifier if kind == "rows" else CHAR
    dropout = {"head": recipe["head"] | {"dropout": 0.3}, "baseline": "off"}
    complete = train_in_processes(2, tmp_path / "complete", recipe | dropout)
    stopped = train_in_processes(2, tmp_path / "stopped", recipe | dropout, stop_after={1: 4})
    assert (complete.codes, stopped.codes) == ([0, 0], [143, 143])
    path = load_run(tmp_path / "stopped").path
    assert stopped.errors == [f"stopped after step 4 and saved; resume with: seqkit resume {path}"]
    single = train_in_processes(1, tmp_path / "single", recipe | dropout, resume=path)
    assert single.codes == [2]
    assert single.errors == [f"{path}: was trained by 2 processes: resume with --processes 2"]
    assert train_in_processes(2, tmp_path / "stopped", recipe | dropout, resume=path).codes == [0, 0]
    assert not (tmp_path / "single" / "runs").exists()
    for name in ("model.safetensors", "metrics.jsonl"):
        assert (path / name).read_bytes() == (load_run(tmp_path / "complete").path / name).read_bytes()


def test_error_in_one_process_stops_all_and_is_reported_once(train_in_processes, classifier, tmp_path: Path) -> None:
    bad = classifier | {"data": {"type": "table", "path": str(tmp_path / "absent.csv")}}
    results = train_in_processes(3, tmp_path / "second", classifier, recipes={1: bad})
    assert results.codes == [3, 3, 3]
    assert results.errors == [f"process 1: recipe: data.path: the file {tmp_path / 'absent.csv'} does not exist"]
    results = train_in_processes(2, tmp_path / "all", bad)
    assert (results.codes, results.errors) == (
        [3, 3],
        [f"recipe: data.path: the file {tmp_path / 'absent.csv'} does not exist"],
    )
    assert not list(tmp_path.glob("*/runs/*"))


def test_not_finite_error_is_reported_once_with_the_rows_of_all_processes(
    train_in_processes, classifier, tmp_path: Path
) -> None:
    recipe = classifier | {"train": {"epochs": 9, "batch_size": 4, "optimizer": {"type": "sgd", "lr": 1e38}}}
    results = train_in_processes(2, tmp_path, recipe)
    assert results.codes == [5, 5]
    (line,) = results.errors
    assert re.match(r"step \d+, (row|the batch of rows) [\d, ]+ of train: .*; the step was not taken", line)


@pytest.mark.parametrize("size", [2, 3, 5])
def test_shards_of_a_batch_contain_each_row_once(size: int) -> None:
    rows = [Row(np.arange(length), np.arange(length)) for length in (3, 1, 4, 1, 5, 9, 2)]
    for unsharded, parts in (
        (RowBatches(rows, 3, 0), [RowBatches(rows, 3, 0, Shard(rank, size)) for rank in range(size)]),
        (StreamBatches(rows, 3, 2, True), [StreamBatches(rows, 3, 2, True, Shard(rank, size)) for rank in range(size)]),
    ):
        assert {len(part) for part in parts} == {len(unsharded)}
        for batch, *shards in zip(unsharded.epoch(2), *(part.epoch(2) for part in parts), strict=True):
            assert sorted(batch.rows) == sorted(row for shard in shards for row in shard.rows)
            counted = [shard for shard in shards if shard.counts]
            assert int(batch.batch.lengths.sum()) == sum(int(shard.batch.lengths.sum()) for shard in counted)
            assert all(len(shard.batch.lengths) == max(len(shard.rows), 1) for shard in shards)
            assert [shard.counts for shard in shards] == [len(shard.rows) > 0 for shard in shards]


def test_serialize_round_trip() -> None:
    files = {"a": b"", "b\n": b"\x00\n\xff", "c": b"{}"}
    assert deserialize(serialize(files)) == files


def test_processes_option(cli, tmp_path: Path) -> None:
    """Start torchrun's agent, which no other fast test does; the exit code is that of the processes."""
    recipe = RECIPES / "char_gen.yaml"
    done = cli("run", "--processes", "2", recipe, "train.epochs=2")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert lines[-1] == "runs/char-gen-1"
    assert lines.count("char-gen, seed 1") == 1
    assert any(line.endswith("cpu, 1 thread in each of 2 processes") for line in lines)
    invalid = run_forked("run", "--processes", "2", recipe, "encoder.hidden_size=0", cwd=tmp_path)
    assert (invalid.code, len(invalid.err.splitlines())) == (2, 1)


@pytest.mark.slow
def test_torchrun_restarts_killed_processes(tmp_path: Path) -> None:
    """If a process is killed, all of them end at once, and torchrun restarts them from an intact checkpoint."""
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
    log_text = (tmp_path / "log").read_text()
    assert "note: restarted by torchrun: resuming runs/char-gen-1" in log_text
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["char-gen-1"]
    steps = [json.loads(line)["step"] for line in (tmp_path / "runs/char-gen-1/metrics.jsonl").read_text().splitlines()]
    assert steps == list(range(1, 401))


def _children(parent: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]


def _environment(process: int) -> list[bytes]:
    return Path(f"/proc/{process}/environ").read_bytes().split(b"\0")
