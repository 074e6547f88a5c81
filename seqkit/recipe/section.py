"""The base of the sections of a recipe that are not components.

A section is a class like a component: its keys are keyword-only parameters with annotations. No pydantic is imported
here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

from seqkit.recipe.rules import Problem


@dataclass(frozen=True, kw_only=True)
class Section:
    """The base of all sections."""

    def conflicts(self) -> Iterator[Problem]:
        """Yield the conflicts between the values of this section."""
        return iter(())

    def as_data(self) -> dict[str, Any]:
        """Return the section as a recipe contains it, every key included."""
        return {field.name: as_data(getattr(self, field.name)) for field in fields(self)}


def as_data(value: Any) -> Any:
    """Return a section's value as a recipe contains it: sections as mappings, tuples as lists."""
    if isinstance(value, Section):
        return value.as_data()
    return [as_data(item) for item in value] if isinstance(value, list | tuple) else value
