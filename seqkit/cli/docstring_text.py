"""Docstrings as `seqkit show` prints them: as they are in English, and otherwise translated and wrapped again."""

from __future__ import annotations

import textwrap
from collections.abc import Callable

from seqkit.recipe.docstrings import parse_docstring, translate_paragraph
from seqkit.terminal import display_width, wrap

WIDTH = 110
"""The number of columns of the lines."""

Lookup = Callable[[str], str]
"""Returns the translation of a description in one line, or the description."""


def docstring_text(docstring: str, lookup: Lookup) -> str:
    """Return a docstring, or a part of it, translated. What has no translation keeps its lines.

    Args:
        docstring: the docstring without the indentation of the code.
        lookup: translates its paragraphs, and the entries of its sections, such as Args.
    """
    return "\n\n".join(_translate_block(block, lookup) for block in docstring.split("\n\n"))


def _translate_block(block: str, lookup: Lookup) -> str:
    """Return a paragraph or a section, translated and wrapped."""
    text, sections = parse_docstring(f"\n{block}")  # after an empty line, the first one has no other margin
    if text or not sections:
        paragraph = translate_paragraph(block, lookup)
        return block if paragraph == block else "\n".join(wrap(paragraph, WIDTH))
    translated = {
        lookup(f"{heading}:"): {name: lookup(entry) for name, entry in entries.items()}
        for heading, entries in sections.items()
    }
    if [*translated.values()] == [*sections.values()]:
        return block
    lines = []
    for heading, entries in translated.items():
        lines.append(heading)
        for name, entry in entries.items():
            first, *rest = indented_lines(f"{name}: {entry}" if name else entry, 8) or [""]
            lines += [first[4:], *rest]
    return "\n".join(lines)


def indented_lines(text: str, indent: int) -> list[str]:
    """Return the lines of a description of one line that is wrapped behind spaces."""
    is_wide = display_width(text) > len(text)
    lines = wrap(text, WIDTH - indent) if is_wide else textwrap.wrap(text, WIDTH - indent)
    return [" " * indent + line for line in lines]
