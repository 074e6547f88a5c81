"""The checks of the trackers for `seqkit check-plugin`: no server is contacted."""

from __future__ import annotations

import tempfile
from pathlib import Path

from seqkit.testing import Check, checks_for_tracker
from seqkit_track.mlflow import MLflow
from seqkit_track.tensorboard import TensorBoard


def tensorboard() -> list[Check]:
    """Return the checks of the tracker `tensorboard`, with histograms."""
    return checks_for_tracker(lambda: TensorBoard(histograms=2))


def mlflow() -> list[Check]:
    """Return the checks of the tracker `mlflow`, with a store in a temporary folder."""
    store = Path(tempfile.mkdtemp(prefix="seqkit-check-"), "mlflow.db")
    return checks_for_tracker(lambda: MLflow(tracking_uri=f"sqlite:///{store}"))
