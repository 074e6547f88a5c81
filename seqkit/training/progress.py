"""The progress of a training run, which a checkpoint stores besides weights and random states."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from seqkit.messages import format_value, message

_KEYS = {"evals_without_improvement": "stale"}
"""The keys of state.json that differ from the names of the fields."""

_LARGEST = 10**18
"""A limit that no run reaches. The name of a checkpoint has no more digits."""


@dataclass
class Progress:
    """The progress of training.

    Attributes:
        epoch: the number of finished epochs.
        step: the number of optimizer steps in total.
        step_in_epoch: the number of optimizer steps in the current epoch.
        loss_total: the loss summed over the current epoch.
        loss_count: the number of items summed in `loss_total`.
        best: the best value of `train.metric` so far; None while it is undefined.
        best_loss: the validation loss of the best epoch; None before the first evaluation, or if it is undefined.
        metric_varies: whether `train.metric` has had two different values. Until then the loss chooses the best epoch.
        best_epoch: the best epoch so far.
        evals_without_improvement: the number of evaluations since then.
        seconds: the time spent in optimizer steps.
        tokens: the number of time steps trained on.
        metrics_bytes: the length of metrics.jsonl.
        uses_average: whether the best weights are averaged ones (`train.average`).
        ended: the reason for which a plugin ended training; empty if none did.
    """

    epoch: int = 0
    step: int = 0
    step_in_epoch: int = 0
    loss_total: float = 0.0
    loss_count: float = 0.0
    best: float | None = None
    best_loss: float | None = None
    metric_varies: bool = False
    best_epoch: int = 0
    evals_without_improvement: int = 0
    seconds: float = 0.0
    tokens: int = 0
    metrics_bytes: int = 0
    ended: str = ""
    uses_average: bool = False

    def as_json(self) -> dict[str, Any]:
        """Return the entry `progress` of state.json. `uses_average` is there only if it is true."""
        values = {_KEYS.get(field.name, field.name): getattr(self, field.name) for field in fields(self)}
        return {key: value for key, value in values.items() if value or key != "uses_average"}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Progress:
        """Read the entry `progress` of state.json, which may come from an untrusted file.

        Raises:
            TypeError, ValueError, OverflowError: a key is unknown or a value is invalid.
        """
        keys = {_KEYS.get(field.name, field.name): field for field in fields(cls)}
        if unknown := values.keys() - keys.keys():
            raise ValueError(message("unknown key {key}", key=format_value(min(unknown))))
        # In a checkpoint without `best_loss`, the metric alone chose the best epoch.
        progress = cls(metric_varies="best_loss" not in values and values.get("best") is not None)
        for key, value in values.items():
            field = keys[key]
            wanted = int | float | None if key in ("best", "best_loss") else type(field.default)
            integer_for_float = isinstance(value, int) and wanted is float
            is_boolean = isinstance(value, bool)
            if is_boolean is not (wanted is bool) or not (isinstance(value, wanted) or integer_for_float):
                raise TypeError(message("invalid {key}: {value}", key=key, value=format_value(value)))
            if key not in ("best", "best_loss", "loss_total", "ended") and not 0 <= value <= _LARGEST:
                raise ValueError(message("invalid {key}: {value}", key=key, value=format_value(value)))
            # JSON does not distinguish 1.0 from 1.
            is_float = wanted not in (int, bool) and isinstance(value, int)
            setattr(progress, field.name, float(value) if is_float else value)
        if progress.step_in_epoch and not progress.loss_count:
            raise ValueError(message("loss_count is 0 after a step"))
        return progress
