"""The tracker `mlflow`, read by MLflow itself, and a server that does not answer."""

from __future__ import annotations

import json
import socket
import time
from pathlib import Path
from typing import Any

import pytest
from test_trackers import RECIPE, killed_and_resumed, tracked

import seqkit

pytest.importorskip("mlflow")
pytest.importorskip("sqlalchemy")

from mlflow import MlflowClient
from seqkit_track.mlflow import MLflow

pytestmark = pytest.mark.filterwarnings("ignore")  # MLflow warns about itself


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"sqlite:///{tmp_path_factory.mktemp('store')}/mlflow.db"


def recorded(run: seqkit.Run, store: str) -> tuple[Any, dict[str, list[tuple[int, float]]]]:
    """Return the run of MLflow, and the steps and values of each metric."""
    client = MlflowClient(store)
    identifier = json.loads((run.path / "mlflow.json").read_text())["run_id"]
    found = client.get_run(identifier)
    histories = {name: client.get_metric_history(identifier, name) for name in found.data.metrics}
    return found, {name: [(each.step, each.value) for each in history] for name, history in histories.items()}


def test_the_run_has_parameters_and_metrics(store: str, tmp_path: Path) -> None:
    run = tracked(MLflow(tracking_uri=store, experiment="test"), tmp_path)
    found, metrics = recorded(run, store)
    assert found.info.status == "FINISHED"
    assert found.info.run_name == "tracked-1"
    assert found.data.params["encoder.hidden_size"] == "6"
    rows = [(row["step"], row["loss"]) for row in run.metrics if row["split"] == "valid"]
    assert metrics["valid/loss"] == rows
    assert [step for step, _ in metrics["step/lr"]] == list(range(1, rows[-1][0] + 1))
    assert MlflowClient(store).get_experiment(found.info.experiment_id).name == "test"


@pytest.mark.parametrize("seconds", [0, 10_000])
def test_a_resumed_run_continues_the_same_run_with_each_step_once(seconds: float, store: str, tmp_path: Path) -> None:
    _, complete = recorded(tracked(MLflow(tracking_uri=store), tmp_path / "complete"), store)
    resumed = killed_and_resumed(MLflow, tmp_path / "killed", seconds, tracking_uri=store)
    found, metrics = recorded(resumed, store)
    assert metrics == complete
    assert found.info.status == "FINISHED"


def test_a_server_that_does_not_answer_does_not_end_or_delay_the_training(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    start = time.monotonic()
    seqkit.run(RECIPE, runs=tmp_path, callbacks=[MLflow(tracking_uri=f"http://127.0.0.1:{port}")])
    assert time.monotonic() - start < 30
    (line,) = [line for line in capsys.readouterr().out.splitlines() if "MLflow" in line]
    assert line.startswith("  note: MLflow 1: seqkit_run_start failed and is disabled for the rest of this run: ")
