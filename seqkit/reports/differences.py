"""What differs between run directories. Nothing here imports torch."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from seqkit.messages import format_value
from seqkit.reports.contents import RunContents
from seqkit.runs.calibration import read_temperature
from seqkit.runs.numbers import numbers_of

ABSENT = object()
"""The value of a key that a document does not have."""

Differences = dict[str, tuple[Any, ...]]
"""For each key that differs, its value in each document, or ABSENT."""


def different(documents: Sequence[Mapping[str, Any]]) -> Differences:
    """Return the values that differ between documents, by their dotted keys, in the order of the documents."""
    flat = [dict(_flatten(each)) for each in documents]
    return {
        key: tuple(each.get(key, ABSENT) for each in flat)
        for key in dict.fromkeys(key for each in flat for key in each)
        if len({repr(each.get(key, ABSENT)) for each in flat}) > 1  # `format_value` would cut long values
    }


def recipe_differences(runs: Sequence[RunContents]) -> Differences:
    """Return what differs between the recipes of runs. Paths of files with equal contents do not differ."""
    digests = [_mapping(run.plan.get("files_sha256")) for run in runs]
    found = different([run.plan["recipe"] for run in runs])
    return {
        key: values
        for key, values in found.items()
        if digests[0].get(key) is None or len({str(each.get(key)) for each in digests}) > 1
    }


def run_differences(one: RunContents, other: RunContents) -> dict[str, Differences]:
    """Return what differs between two runs, by part: recipe, data, versions, weights and metrics.

    `weights` are the shapes of the tensors, and their number of numbers as `total`.
    """
    runs = (one, other)
    return {
        "recipe": recipe_differences(runs),
        "data": different([_data(run) for run in runs]),
        "versions": different([_versions(run) for run in runs]),
        "weights": different([_weights(run) for run in runs]),
        "metrics": different([_metrics(run) for run in runs]),
    }


def shown_value(value: Any) -> str:
    """Return a value of a document as text; an empty text for one that is absent."""
    return "" if value is ABSENT else format_value(value)


def _data(run: RunContents) -> dict[str, Any]:
    return {
        "examples": run.result.examples if run.result else {},
        "sha256": _mapping(run.plan.get("data_sha256")),
        "files": _mapping(run.plan.get("files_sha256")),
    }


def _versions(run: RunContents) -> dict[str, Any]:
    return _mapping(run.plan.get("versions")) | {
        key: run.plan[key] for key in ("git_commit", "processes") if key in run.plan
    }


def _weights(run: RunContents) -> dict[str, Any]:
    # The name of a tensor has dots, as a dotted key has.
    shapes = {name: " x ".join(map(str, shape)) or "1" for name, shape in run.shapes.items()}
    return shapes | {"total": sum(math.prod(shape) for shape in run.shapes.values())}


def _metrics(run: RunContents) -> dict[str, Any]:
    """Return the metrics of the result that are numbers, those of the baseline, and the training seconds.

    Also the temperature of a calibrated run, whose predictions are not those of the same run without it.
    """
    if run.result is None:
        return {}
    scores = run.result.metrics | ({"baseline": run.result.baseline} if run.result.baseline else {})
    numbers: dict[str, Any] = {name: numbers_of(each) for name, each in scores.items()}
    temperature = read_temperature(run.directory)
    if temperature is not None:
        numbers["temperature"] = temperature
    return numbers | {
        key: value for key, value in run.result.timing.items() if key in ("train_seconds", "tokens_per_second")
    }


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _flatten(value: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, item in value.items():
        if isinstance(item, dict) and item:
            yield from _flatten(item, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", item
