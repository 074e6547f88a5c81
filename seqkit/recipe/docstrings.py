"""What docstrings say about components and sections: their paragraphs and their Args, also in another language."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable

_SECTION = re.compile(r"^(Args|Attributes|Returns|Raises|Warns|Yields):\n((?:    .*\n|\n)+)", re.MULTILINE)
_ITEM = re.compile(r"^    (?! )([^:\n]+): *", re.MULTILINE)


def parse_docstring(docstring: str | None) -> tuple[str, dict[str, dict[str, str]]]:
    """Split a docstring into its text and its sections: `{"Args": {"dim": "the width"}, "Returns": {"": "…"}}`."""
    cleaned = inspect.cleandoc(docstring or "") + "\n"
    sections = {}
    for name, body in _SECTION.findall(cleaned):
        if name in ("Returns", "Yields"):
            sections[name] = {"": " ".join(body.split())}
        else:
            _, *items = _ITEM.split(body)
            sections[name] = {key: " ".join(text.split()) for key, text in zip(items[::2], items[1::2], strict=True)}
    return _SECTION.sub("", cleaned).strip(), sections


def parameter_descriptions(cls: type) -> dict[str, str]:
    """Return the description of each parameter of a class, from the Args or Attributes of its docstring, as one line.

    A class that inherits its constructor, or documents only its own parameters, inherits the descriptions.
    """
    found: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        _, sections = parse_docstring(vars(base).get("__doc__"))
        for entries in (sections.get("Args", {}), sections.get("Attributes", {})):
            found |= {name.partition(" (")[0]: text for name, text in entries.items()}
    return found


def summary(cls: type) -> str:
    """Return the first paragraph of the docstring of a class, as one line."""
    return " ".join(inspect.cleandoc(vars(cls).get("__doc__") or "").split("\n\n")[0].split())


def translate_paragraph(paragraph: str, lookup: Callable[[str], str]) -> str:
    """Return the translation of a paragraph of a docstring as one line; code, and what has none, as it is.

    Args:
        paragraph: the paragraph, of one or several lines.
        lookup: returns the translation of a paragraph in one line, or the paragraph.
    """
    line = " ".join(paragraph.split())
    if not line or paragraph.startswith("    "):
        return paragraph
    translation = lookup(line)
    return paragraph if translation == line else translation
