"""What docstrings say about the parameters of components and the keys of sections."""

from __future__ import annotations

import inspect
import re

_HEADINGS = re.compile(r"(Args|Attributes):")
_ENTRY = re.compile(r"    (\w+)(?: \([^)]*\))?: (.*)")


def parameter_descriptions(cls: type) -> dict[str, str]:
    """Return the description of each parameter of a class, from the Args or Attributes of its docstring, as one line.

    A class that inherits its constructor, or documents only its own parameters, inherits the descriptions.
    """
    found: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        if docstring := vars(base).get("__doc__"):
            found |= _entries(inspect.cleandoc(docstring))
    return found


def summary(cls: type) -> str:
    """Return the first paragraph of the docstring of a class, as one line."""
    return " ".join(inspect.cleandoc(vars(cls).get("__doc__") or "").split("\n\n")[0].split())


def _entries(docstring: str) -> dict[str, str]:
    found: dict[str, list[str]] = {}
    name, is_inside = "", False
    for line in docstring.splitlines():
        if line and not line.startswith(" "):
            is_inside, name = bool(_HEADINGS.fullmatch(line)), ""
        elif is_inside and (entry := _ENTRY.match(line)):
            name = entry[1]
            found[name] = [entry[2]]
        elif is_inside and name and line.strip():
            found[name].append(line.strip())
    return {key: " ".join(lines) for key, lines in found.items()}
