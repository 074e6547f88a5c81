"""Copies of the recipes that installed packages ship, with what they extend and their data."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from seqkit.errors import UsageError, describe_os_error
from seqkit.messages import message
from seqkit.recipe.shipped import ShippedRecipe, without_modeline
from seqkit.recipe.source import read_recipe
from seqkit.runs.files import write_new

_EXTENDS = re.compile(r"^extends:\s*(\S+)", re.MULTILINE)
_PLUGINS = re.compile(r"^plugins:.*$", re.MULTILINE)
_SOURCE = " @ .."
"""Where a recipe says that its plugin is in the folder above, which is not so for a copy."""


def copy_recipe(recipe: ShippedRecipe, folder: Path) -> Path:
    """Copy a recipe, what it extends and its data, and return the path of the copy.

    Args:
        recipe: the recipe.
        folder: the folder to copy it to, which is created.

    Raises:
        UsageError: a file exists with another content, or cannot be written. Nothing is overwritten.
    """
    contents = {folder / name: _content(file) for name, file in _parts(recipe.file).items()}
    try:
        existing = {target: target.read_bytes() for target in contents if target.exists()}
        for target in existing:
            if existing[target] != contents[target]:
                raise UsageError(message("{file}: exists: move it, or choose another folder", file=target))
        for target in [each for each in contents if each not in existing]:
            target.parent.mkdir(parents=True, exist_ok=True)
            write_new(target, contents[target])
    except OSError as error:
        raise UsageError(
            message(
                "{file}: cannot be written: {reason}", file=error.filename or folder, reason=describe_os_error(error)
            )
        ) from None
    return folder / recipe.file.name


def _parts(file: Path) -> dict[str, Path]:
    """Return the files that a recipe consists of, by their paths relative to its folder, itself included."""
    folder = file.parent
    parts = {file.name: file}
    chain = file
    while extends := _EXTENDS.search(chain.read_text(encoding="utf-8")):
        chain = folder / extends[1]
        parts[extends[1]] = chain
    data = (value for value in _texts(read_recipe(file).data.get("data")) if (folder / value).is_file())
    return parts | {value: folder / value for value in data}


def _texts(value: Any) -> Iterator[str]:
    """Yield the strings of a section that can be the names of files."""
    if isinstance(value, dict):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, str) and "\n" not in value and len(value) < 200:
        yield value


def _content(file: Path) -> bytes:
    if file.suffix != ".yaml":
        return file.read_bytes()
    text = without_modeline(file.read_text(encoding="utf-8"))
    return _PLUGINS.sub(lambda line: line[0].replace(_SOURCE, ""), text).encode()
