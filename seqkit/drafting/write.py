"""Write a recipe with comments, as a person would, in the language of the command line."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from seqkit.messages import translate
from seqkit.recipe.yaml_parser import dump_inline
from seqkit.terminal import wrap

WIDTH = 120
_BLOCKS = ("data", "train")
"""The sections that are written with a line per key; so is any other that is too long for one line."""


def recipe_text(
    recipe: Mapping[str, Any], head: Sequence[str], comments: Mapping[str, str], schema: str | None = None
) -> str:
    """Return the text of a recipe.

    Args:
        recipe: the sections.
        head: the paragraphs of the comment at the beginning.
        comments: comments by key: `data.label`.
        schema: the path of the JSON Schema for editors, relative to the recipe.
    """
    lines = [f"# yaml-language-server: $schema={schema}"] if schema else []
    for paragraph in head:
        indented = paragraph.startswith("  ")
        lines += [f"# {paragraph}"] if indented or not paragraph else _comment(paragraph, "")
    lines = [line.rstrip() for line in lines]
    for key, value in recipe.items():
        lines += _comment(comments[key], "") if key in comments else []
        line = f"{key}: {dump_inline(value)}"
        nested = [name for name in comments if name.startswith(f"{key}.")]
        if isinstance(value, Mapping) and (key in _BLOCKS or nested or len(line) > WIDTH):
            lines.append(f"{key}:")
            for name, item in value.items():
                path = f"{key}.{name}"
                lines += _comment(comments[path], "  ") if path in comments else []
                lines.append(f"  {name}: {dump_inline(item)}")
        else:
            lines.append(line)
    return "\n".join(lines) + "\n"


def _comment(text: str, indent: str) -> list[str]:
    text = translate(text)
    one_line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    prefix = f"{indent}# "
    return [prefix + line for line in wrap(one_line, WIDTH - len(prefix))]


def relative_path(path: Path, folder: Path) -> str:
    """Return the path of a file as a recipe in a folder names it; absolute if it is not below the folder's parents."""
    try:
        found = Path(os.path.relpath(path.resolve(), folder.resolve()))
    except ValueError:  # Windows: on another drive
        return str(path.resolve())
    return str(path.resolve()) if len([part for part in found.parts if part == ".."]) > 3 else found.as_posix()
