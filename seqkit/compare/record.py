"""What comparisons have measured in a folder of runs, so that a repeated command takes it and changes no width."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from seqkit._version import __version__
from seqkit.errors import DataError
from seqkit.messages import message
from seqkit.recipe.plan import Plan
from seqkit.runs.files import read_json, to_json, write_file

FILE = "compare.json"
"""The file in a folder of runs."""


class Record:
    """Measured values by key, in one JSON file.

    Args:
        folder: the folder of runs.
        writes: whether a new value is written to the file.

    Raises:
        DataError: the file is not JSON.
    """

    def __init__(self, folder: Path, *, writes: bool = True) -> None:
        self._file = folder / FILE
        self._writes = writes
        self._values = read_json(self._file) if self._file.is_file() else {}

    def get(self, kind: str, key: str, measure: Callable[[], Any]) -> Any:
        """Return a value, which is measured if it is not in the file.

        Args:
            kind: what was measured.
            key: of what: `key_of` a plan.
            measure: returns the value as JSON types.

        Raises:
            DataError: the file has something else.
        """
        values = self._values.setdefault(kind, {})
        if not isinstance(values, dict):
            raise DataError(message("{file}: corrupt: remove it, and it is measured again", file=self._file))
        if key not in values:
            values[key] = measure()
            if self._writes:
                self._file.parent.mkdir(parents=True, exist_ok=True)
                write_file(self._file, to_json(self._values))
        return values[key]


def key_of(*plans: Plan, extra: str = "") -> str:
    """Return a key for plans, whatever their seeds and names."""
    documents = [plan.as_data() | {"name": "", "seed": 0} for plan in plans]
    text = json.dumps([documents, extra, __version__], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
