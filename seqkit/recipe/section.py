"""The base of the sections of a recipe that are not components.

A section is a class like a component: its keys are keyword-only parameters with annotations. No pydantic is imported
here.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from seqkit.recipe.rules import Problem


@dataclass(frozen=True, kw_only=True)
class Section:
    """The base of all sections."""

    def conflicts(self) -> Iterator[Problem]:
        """Yield the conflicts between the values of this section."""
        return iter(())

    def as_data(self, write_path: Callable[[Path], str] = str) -> dict[str, Any]:
        """Return the section as a recipe contains it, every key included.

        Args:
            write_path: converts a path to text.
        """
        return {field.name: as_data(getattr(self, field.name), write_path) for field in fields(self)}


def as_data(value: Any, write_path: Callable[[Path], str] = str) -> Any:
    """Return a value as a recipe contains it: sections and components as mappings, tuples as lists, paths as text."""
    if hasattr(value, "as_data"):
        return value.as_data(write_path)
    if isinstance(value, list | tuple):
        return [as_data(item, write_path) for item in value]
    if isinstance(value, dict):
        return {key: as_data(item, write_path) for key, item in value.items()}
    if isinstance(value, Path):  # a name that is not UTF-8 is shown with escapes
        return os.fsencode(write_path(value)).decode(errors="backslashreplace")
    return value
