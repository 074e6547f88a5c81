"""Find numbers that JSON cannot represent: results are JSON, on the command line and in the run directory."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any


def find_not_finite(value: Any) -> float | None:
    """Return the first number in nested lists and mappings that is infinite or not a number; None if all are finite."""
    if isinstance(value, float):
        return None if math.isfinite(value) else value
    members = value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else ()
    return next((found for found in map(find_not_finite, members) if found is not None), None)
