"""The recipes that installed packages ship, in a folder `recipes` beside the package or in `share/NAME/recipes`.

A package that is installed in editable mode has its recipes in its source tree; any other one has them where its wheel
put them: `[tool.setuptools.data-files]` of `"share/seqkit-tagging/recipes" = ["recipes/*.yaml"]`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

from seqkit.errors import UsageError, describe_os_error, suggest
from seqkit.messages import message
from seqkit.recipe.source import read_recipe
from seqkit.runs.files import write_new

_EXTENDS = re.compile(r"^extends:\s*(\S+)", re.MULTILINE)
_PLUGINS = re.compile(r"^plugins:.*$", re.MULTILINE)
_MODELINE = re.compile(r"\A# yaml-language-server:.*\n")
_SOURCE = " @ .."
"""Where a recipe says that its plugin is in the folder above, which is not so for a copy."""


@dataclass(frozen=True)
class ShippedRecipe:
    """A recipe of an installed package.

    Attributes:
        file: its file.
        provider: the distribution that ships it.
    """

    file: Path
    provider: str

    @property
    def name(self) -> str:
        return self.file.stem

    @property
    def summary(self) -> str:
        """The first sentence of the comment that it begins with."""
        lines = []
        for line in _without_modeline(self.file.read_text(encoding="utf-8")).splitlines():
            if not line.startswith("# "):
                break
            lines.append(line.removeprefix("# "))
        return re.split(r"(?<=[.])\s", " ".join(lines), maxsplit=1)[0].removesuffix(".")


def shipped_recipes(distributions: Iterable[str]) -> list[ShippedRecipe]:
    """Return the recipes of packages, by package and name.

    Args:
        distributions: the names of the packages.
    """
    return [
        ShippedRecipe(file, name)
        for name in dict.fromkeys(distributions)
        for file in sorted(_recipe_files(name), key=lambda file: file.stem)
    ]


def find_recipe(name: str, recipes: list[ShippedRecipe]) -> ShippedRecipe:
    """Return the recipe of a name, with or without `.yaml`.

    Raises:
        UsageError: there is none.
    """
    wanted = name.removesuffix(".yaml")
    for recipe in recipes:
        if recipe.name == wanted:
            return recipe
    hint = suggest(wanted, [recipe.name for recipe in recipes]) or message(": `seqkit recipes` lists them")
    raise UsageError(message("no recipe '{name}'{hint}", name=name, hint=hint))


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


def _recipe_files(distribution: str) -> list[Path]:
    parent = ("share", distribution, "recipes")
    for found in metadata.distributions(name=distribution):  # a source tree on the path can be one more
        source = _editable_source(found)
        if source is not None:
            return list((source / "recipes").glob("*.yaml"))
        files = [
            Path(str(found.locate_file(file)))
            for file in found.files or ()
            if file.suffix == ".yaml" and file.parts[-4:-1] == parent
        ]
        if files:
            return files
    return []


def _editable_source(distribution: metadata.Distribution) -> Path | None:
    """Return the source tree of a package that is installed in editable mode (PEP 610); None for any other."""
    origin: Any = json.loads(distribution.read_text("direct_url.json") or "{}")
    if not origin.get("dir_info", {}).get("editable"):
        return None
    return Path(url2pathname(urlsplit(origin["url"]).path))


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


def _without_modeline(text: str) -> str:
    """Return a recipe without the line that names its JSON Schema to editors, by a path in the source tree."""
    return _MODELINE.sub("", text)


def _content(file: Path) -> bytes:
    if file.suffix != ".yaml":
        return file.read_bytes()
    text = _without_modeline(file.read_text(encoding="utf-8"))
    return _PLUGINS.sub(lambda line: line[0].replace(_SOURCE, ""), text).encode()
