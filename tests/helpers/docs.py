"""The pages of the documentation."""

from __future__ import annotations

import importlib
import re
import sys
from types import ModuleType

import catalogue
from helpers.recipes import PROJECT

DOCS = PROJECT / "docs"
TRANSLATIONS = catalogue.read_translations(catalogue.CATALOGUE)
CODE = re.compile(r"^```\w+\n.*?^```$", re.MULTILINE | re.DOTALL)


def code(page: str) -> list[str]:
    """Return the blocks of a page; of what commands print, only the numbers of each line, sorted.

    The commands and their numbers are the same in both languages, the words and their order are not.
    """
    return [
        _without_words(block) if block.startswith(("```console", "```text")) else block for block in CODE.findall(page)
    ]


def _without_words(block: str) -> str:
    return "\n".join(
        line if line.startswith(("$ ", "```")) else " ".join(sorted(re.findall(r"\d(?:[\d.,]*\d)?", line)))
        for line in block.splitlines()
    )


def quoted(page: str) -> set[str]:
    """Return the code in the sentences of a page, but for headings of tables that commands print in Chinese."""
    found = {re.sub(r"\s+", " ", text) for text in re.findall(r"(?<!`)`([^`]+)`(?!`)", CODE.sub("", page))}
    return {text for text in found if TRANSLATIONS.get(text, text) == text}


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
