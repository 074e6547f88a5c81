"""What comparisons have measured in a folder of runs, so that a repeated command takes it and changes no width."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any

from seqkit._version import __version__
from seqkit.errors import DataError
from seqkit.messages import message
from seqkit.recipe.plan import Plan
from seqkit.runs.exhibits import from_json
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

    def get(self, name: str, key: str, kind: Any, measure: Callable[[], Any]) -> Any:
        """Return a value, which is measured if it is not in the file.

        Args:
            name: what was measured.
            key: of what: `key_of` a plan.
            kind: the type of the value: a dataclass, or JSON types.
            measure: returns the value.

        Raises:
            DataError: the file has something else.
        """
        values = self._values.setdefault(name, {})
        place = message("{file} (remove it to measure again): {name}", file=self._file, name=name)
        if not isinstance(values, dict):
            raise DataError(message("{file}: corrupt", file=place))
        if key not in values:
            value = measure()
            values[key] = asdict(value) if is_dataclass(value) and not isinstance(value, type) else value
            if self._writes:
                self._file.parent.mkdir(parents=True, exist_ok=True)
                write_file(self._file, to_json(self._values))
        return from_json(values[key], kind, place)


def key_of(*plans: Plan, extra: str = "") -> str:
    """Return a key for plans, whatever their seeds and names."""
    documents = [plan.as_data() | {"name": "", "seed": 0} for plan in plans]
    text = json.dumps([documents, extra, __version__], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
