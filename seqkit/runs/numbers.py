"""Numbers in results, which are JSON, on the command line and in the run directory."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from seqkit.strict_json import is_number

_SEQUENCES = (list, tuple)  # several times as fast to check as a union


def numbers_of(scores: Mapping[str, Any]) -> dict[str, int | float]:
    """Return the metrics that are numbers, without tables such as the confusion matrix."""
    return {name: value for name, value in scores.items() if is_number(value)}


def find_not_finite(value: Any) -> float | None:
    """Return the first number in nested lists and mappings that is infinite or not a number; None if all are finite."""
    if isinstance(value, float):
        return None if math.isfinite(value) else value
    if isinstance(value, dict):  # several times as fast to check as Mapping
        value = value.values()
    elif not isinstance(value, _SEQUENCES):
        return None
    for member in value:
        if (found := find_not_finite(member)) is not None:
            return found
    return None
