"""The recipes that installed packages ship, in a folder `recipes` beside the package or in `share/NAME/recipes`.

A package that is installed in editable mode has its recipes in its source tree; any other one has them where its wheel
put them: `[tool.setuptools.data-files]` of `"share/seqkit-tagging/recipes" = ["recipes/*.yaml"]`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

from seqkit.errors import UsageError, suggest
from seqkit.messages import message

_MODELINE = re.compile(r"\A# yaml-language-server:.*\n")


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
        for line in without_modeline(self.file.read_text(encoding="utf-8")).splitlines():
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
        UsageError: there is no such recipe.
    """
    wanted = name.removesuffix(".yaml")
    for recipe in recipes:
        if recipe.name == wanted:
            return recipe
    hint = suggest(wanted, [recipe.name for recipe in recipes]) or message(": `seqkit recipes` lists them")
    raise UsageError(message("no recipe '{name}'{hint}", name=name, hint=hint))


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


def without_modeline(text: str) -> str:
    """Return a recipe without the line that names its JSON Schema to editors, by a path in the source tree."""
    return _MODELINE.sub("", text)
