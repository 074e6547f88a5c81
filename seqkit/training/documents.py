"""The content of plan.json and tokenizer.json, and the comparison of the plans of two runs."""

from __future__ import annotations

import platform
import re
from importlib import metadata
from typing import Any

import numpy as np

from seqkit._version import __version__
from seqkit.data.prepare import PreparedData
from seqkit.data.splits import SPLITS
from seqkit.errors import DataError, UsageError
from seqkit.messages import format_value, message
from seqkit.recipe.plan import Plan
from seqkit.runs.directory import FORMAT, RunDirectory


def plan_document(plan: Plan, data: PreparedData) -> dict[str, Any]:
    """Return the content of plan.json: the resolved recipe, the components with their providers, and all versions."""
    return {
        "format": FORMAT,
        "recipe": plan.as_data(),
        "components": [
            {"kind": each.kind, "name": each.name, "distribution": each.distribution, "version": each.version}
            for each in (spec.registered for spec in plan.components)
        ],
        "data_sha256": data.digests(),
        "versions": {
            "python": platform.python_version(),
            "torch": metadata.version("torch"),
            "numpy": np.__version__,
            "seqkit": __version__,
        }
        | plan.providers(),
    }


def fitted_document(data: PreparedData) -> dict[str, Any]:
    """Return the content of tokenizer.json: what tokenizer and head learned from the data."""
    return {
        "tokenizer": data.tokenizer.state() if data.tokenizer else None,
        "head": data.head.state(),
        "features": data.features,
    }


def check_same_run(run: RunDirectory, document: dict[str, Any]) -> None:
    """Check that a recipe and its data are those of the run that is to be resumed. The data may have moved.

    Args:
        run: the run to resume.
        document: the content of plan.json for the given recipe.

    Raises:
        UsageError: the recipe differs.
        DataError: the data differs.
    """
    saved = run.read_plan()
    differences = _differences(saved["recipe"], document["recipe"])
    changes = {
        key: values for key, values in differences.items() if not re.fullmatch(r"data\.((valid|test)\.)?path", key)
    }
    if changes:
        raise UsageError(
            message(
                "{run}: the recipe differs from the saved run: {changes}: resume with the saved values",
                run=run.path,
                changes=", ".join(_describe_change(key, *changes[key]) for key in sorted(changes)),
            )
        )
    if splits := _differences(saved.get("data_sha256"), document["data_sha256"]):
        changed = ", ".join(split for split in SPLITS if split in splits) or message("all splits")
        raise DataError(
            message(
                "{run}: the data differs from that of the saved run ({splits}): resume with the same data, or start a "
                "new run",
                run=run.path,
                splits=changed,
            )
        )


def _describe_change(key: str, saved: Any, now: Any) -> str:
    return message("{key} (was {saved}, now {now})", key=key, saved=format_value(saved), now=format_value(now))


def _differences(one: Any, other: Any, path: str = "") -> dict[str, tuple[Any, Any]]:
    """Return the values that differ between two documents, by their dotted keys."""
    if isinstance(one, dict) and isinstance(other, dict):
        return {
            key: values
            for name in one.keys() | other.keys()
            for key, values in _differences(one.get(name), other.get(name), f"{path}.{name}" if path else name).items()
        }
    return {} if one == other else {path: (one, other)}
