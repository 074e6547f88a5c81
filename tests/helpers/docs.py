"""The pages of the documentation."""

from __future__ import annotations

import importlib
import re
import sys
from types import ModuleType

from helpers.recipes import PROJECT

DOCS = PROJECT / "docs"
CODE = re.compile(r"^```\w+\n.*?^```$", re.MULTILINE | re.DOTALL)


def outline(page: str) -> list[str]:
    """Return the shape of a page: levels of headings, widths of tables, items, blocks and pictures in their order."""
    shapes = {"#": lambda line: line.partition(" ")[0], "|": lambda line: f"row of {line.count('|')}"}
    shapes |= {"-": lambda _: "item", "!": lambda _: "picture", "`": lambda _: "block"}
    lines = CODE.sub("```", page).splitlines()
    return [shapes[line[0]](line) for line in lines if line[:2] in ("- ", "![", "``") or line[:1] in ("#", "|")]


def headings(page: str) -> list[str]:
    """Return the headings of a page."""
    return re.findall(r"^#+ (.+)$", CODE.sub("", page), re.MULTILINE)


def anchors(page: str) -> set[str]:
    """Return the anchors of the headings, as GitHub and the site make them."""
    return {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings(page)}


def import_docs(name: str) -> ModuleType:
    """Import a module of docs: `check`, `reference`, `reference.python`."""
    sys.path.insert(0, str(DOCS))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(str(DOCS))
