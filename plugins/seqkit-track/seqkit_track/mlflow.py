"""The tracker `mlflow`: a run of MLflow."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import seqkit
from seqkit.contracts import NonEmptyText, PositiveInt
from seqkit_track.files import replace_file, require
from seqkit_track.scalars import ScalarTracker

FLUSH_SECONDS = 5.0
FLUSH_METRICS = 500
"""MLflow takes at most 1,000 metrics in one request."""

PARAMETERS_PER_REQUEST = 100
MAX_PARAMETER = 500
"""The number of characters of a parameter that every version and store of MLflow takes."""

FEW_RETRIES = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1", "MLFLOW_HTTP_REQUEST_TIMEOUT": "10"}
"""By default, MLflow waits minutes for a server that does not answer, and training with it."""


class MLflow(ScalarTracker):
    """Record the run with MLflow: the recipe as parameters, and the metrics.

    Where to is set as for MLflow itself: by the environment variables MLFLOW_TRACKING_URI, MLFLOW_EXPERIMENT_NAME and
    those of its credentials, or here. The id of the run is in mlflow.json in the run directory, so that a resumed run
    continues it, with each step once. A server that does not answer for 10 seconds, twice, is given up, unless
    MLFLOW_HTTP_REQUEST_TIMEOUT and MLFLOW_HTTP_REQUEST_MAX_RETRIES say otherwise.

    Args:
        every: the number of steps from one record of loss, learning rate and gradient norm to the next.
        experiment: the experiment; by default that of MLFLOW_EXPERIMENT_NAME, or `seqkit`. It is created if missing.
        tracking_uri: the server or store; by default that of MLFLOW_TRACKING_URI, or the local one of MLflow.
    """

    def __init__(
        self,
        *,
        every: PositiveInt = 1,
        experiment: NonEmptyText | None = None,
        tracking_uri: NonEmptyText | None = None,
    ) -> None:
        super().__init__(every=every)
        self.experiment = experiment
        self.tracking_uri = tracking_uri
        self._pending: list[Any] = []
        self._last_flush = 0.0
        require("mlflow")

    def open(self, run: Path, recipe: Mapping[str, Any], step: int) -> dict[str, int]:
        """Create a run of MLflow, or continue that of the run directory."""
        from mlflow import MlflowClient

        with _few_retries():
            self._client = MlflowClient(tracking_uri=self.tracking_uri)
            path = run / "mlflow.json"
            if path.exists():
                self._id = str(json.loads(path.read_text(encoding="utf-8"))["run_id"])
                self._client.set_terminated(self._id, status="RUNNING")
                return self._last_steps()
            self._id = self._create(run, recipe)
            replace_file(path, json.dumps({"run_id": self._id}).encode())
        return {}

    def write(self, step: int, values: Mapping[str, float]) -> None:
        """Record numbers, with the next request."""
        from mlflow.entities import Metric

        now = time.time()
        self._pending += [Metric(_key(name), float(value), int(now * 1000), step) for name, value in values.items()]
        if now - self._last_flush >= FLUSH_SECONDS or len(self._pending) >= FLUSH_METRICS:
            self._flush()

    @seqkit.hookimpl
    def seqkit_checkpoint(self) -> None:
        """Send all records of the steps that a resumed run does not repeat."""
        self._flush()

    def close(self, error: BaseException | None) -> None:
        """Send all records, and how the run ended."""
        self._flush()
        is_failed = isinstance(error, Exception) and getattr(error, "exit_code", 1) < 128  # else it was interrupted
        with _few_retries():
            self._client.set_terminated(self._id, status="FAILED" if is_failed else "KILLED" if error else "FINISHED")

    def _flush(self) -> None:
        if self._pending:
            with _few_retries():
                self._client.log_batch(self._id, metrics=self._pending)
            self._pending = []
        self._last_flush = time.time()

    def _create(self, run: Path, recipe: Mapping[str, Any]) -> str:
        from mlflow.entities import Param

        name = self.experiment or os.environ.get("MLFLOW_EXPERIMENT_NAME") or "seqkit"
        experiment = self._client.get_experiment_by_name(name)
        number = experiment.experiment_id if experiment else self._client.create_experiment(name)
        identifier: str = self._client.create_run(number, run_name=run.name).info.run_id
        parameters = [Param(_key(key), str(value)[:MAX_PARAMETER]) for key, value in _flat(recipe)]
        for start in range(0, len(parameters), PARAMETERS_PER_REQUEST):
            self._client.log_batch(identifier, params=parameters[start : start + PARAMETERS_PER_REQUEST])
        return identifier

    def _last_steps(self) -> dict[str, int]:
        """Return the last step at which each metric was recorded."""
        names = self._client.get_run(self._id).data.metrics
        return {name: max(each.step for each in self._client.get_metric_history(self._id, name)) for name in names}


@contextmanager
def _few_retries() -> Iterator[None]:
    """Set the environment variables of `FEW_RETRIES` for a time, except those that the user has set."""
    added = {name: value for name, value in FEW_RETRIES.items() if name not in os.environ}
    os.environ.update(added)
    try:
        yield
    finally:
        for name in added:
            os.environ.pop(name, None)


def _key(name: str) -> str:
    """Return a name with the characters that MLflow accepts."""
    return re.sub(r"[^\w.\- /]", "_", name, flags=re.ASCII)[:250]


def _flat(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the values of a recipe, each after its dotted key."""
    if isinstance(value, Mapping) and value:
        for key, item in value.items():
            yield from _flat(item, f"{path}.{key}" if path else str(key))
    else:
        yield path, value
