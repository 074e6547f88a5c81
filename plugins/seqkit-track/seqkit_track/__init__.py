"""Trackers for seqkit: TensorBoard, MLflow and CSV files."""

from __future__ import annotations

from collections.abc import Iterator

import seqkit
from seqkit.messages import message


@seqkit.hookimpl
def seqkit_trackers() -> Iterator[seqkit.Component]:
    checks = "seqkit_track.checks"
    yield seqkit.Component(
        "csv", "seqkit_track.csv_files:CSV", message("steps.csv and epochs.csv in the run directory")
    )
    yield seqkit.Component(
        "tensorboard",
        "seqkit_track.tensorboard:TensorBoard",
        message("event files for TensorBoard in the run directory"),
        f"{checks}:tensorboard",
    )
    yield seqkit.Component(
        "mlflow", "seqkit_track.mlflow:MLflow", message("a run of MLflow, on a server or in files"), f"{checks}:mlflow"
    )
