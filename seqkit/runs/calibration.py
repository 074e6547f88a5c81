"""The temperature of a run, which is stored beside its weights when it is calibrated."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from seqkit.errors import DataError
from seqkit.messages import format_value, message
from seqkit.runs.directory import RunDirectory
from seqkit.runs.files import read_json, to_json, write_file
from seqkit.strict_json import is_number


def read_temperature(run: RunDirectory) -> float | None:
    """Return the temperature by which the logits of a run are divided; None if it is not calibrated.

    Raises:
        DataError: the file is corrupt.
    """
    if not run.calibration.exists():
        return None
    value = read_json(run.calibration).get("temperature")
    if not is_number(value) or not 0 < value < math.inf:
        raise DataError(
            message(
                "{file}: corrupt: 'temperature' must be a number above 0, not {value}",
                file=run.calibration,
                value=format_value(value),
            )
        )
    return float(value)


def write_calibration(run: RunDirectory, content: Mapping[str, Any]) -> None:
    """Store a temperature, and what it was fitted to.

    Raises:
        UsageError: the file cannot be written.
    """
    write_file(run.calibration, to_json(content))
