"""Read a recipe: a YAML file with the files that it extends, or a dictionary, and the overrides.

Reading a recipe does not import torch.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Mapping
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from seqkit.errors import Fault, RecipeError, UsageError, describe_os_error
from seqkit.look_alikes import explain_missing_space
from seqkit.messages import message
from seqkit.recipe.recipe import DICTIONARY, Recipe, all_paths, merge, plain, too_deep
from seqkit.recipe.yaml_characters import Position, position_at
from seqkit.recipe.yaml_parser import MAX_DEPTH, parse

MAX_BYTES = 1_000_000

_DATA = frozenset({".csv", ".tsv", ".jsonl", ".ndjson", ".parquet", ".pq", ".conll", ".conllu"})
"""The suffixes of data files, which are passed in place of a recipe by mistake."""


def read_recipe(source: str | Path | Mapping[str, Any], overrides: Iterable[str] = ()) -> Recipe:
    """Read a recipe.

    Args:
        source: a file, or the recipe as a dictionary.
        overrides: `key=value`, the value in YAML: `encoder.hidden_size=64`.

    Raises:
        RecipeError: everything that is wrong with its form, with positions.
        UsageError: the file does not exist, or an override is not `key=value`.
    """
    recipe = _from_mapping(source) if isinstance(source, Mapping) else _from_file(Path(source), ())
    for override in overrides:
        recipe.override(override)
    return recipe


def _from_mapping(source: Mapping[str, Any]) -> Recipe:
    data = plain(source)
    recipe = Recipe(data, json.dumps(data, ensure_ascii=False, indent=2).encode() + b"\n")
    deep = next((path for path in all_paths(recipe.data, ()) if len(path) > MAX_DEPTH), None)
    if deep:
        raise RecipeError([Fault(DICTIONARY, ".".join(deep[:3]) + "…", too_deep())])
    if "extends" in recipe.data:
        base = recipe.data.pop("extends")
        if not isinstance(base, str):
            raise RecipeError([Fault(DICTIONARY, "extends", _not_a_path())])
        extended = _from_file(Path(base), ())
        extended.given, extended.origin = recipe.given, recipe.origin
        for key, value in recipe.data.items():
            extended.set((key,), value, DICTIONARY)
        return extended
    return recipe


def _from_file(file: Path, above: tuple[Path, ...]) -> Recipe:
    """Read a file and what it extends.

    Args:
        file: the file.
        above: the files that extend it, outermost first.
    """
    given = _read(file)
    document = parse(_decode(given, file), str(file))
    origin = Position(str(file), 1, 1)
    if document.data is None:
        raise RecipeError([Fault(str(origin), "", message("the recipe is empty"))])
    if not isinstance(document.data, dict):
        reason = message("a recipe is a mapping of sections: `name: …`")
        reason += explain_missing_space(document.data) if isinstance(document.data, str) else ""
        raise RecipeError([Fault(str(document.values[()]), "", reason)])
    recipe = Recipe(document.data, given, document.keys, document.values, origin)
    if "extends" not in recipe.data:
        return recipe
    extends = recipe.data.pop("extends")
    if not isinstance(extends, str) or not extends:
        raise RecipeError([recipe.fault(("extends",), _not_a_path())])
    base_file = file.parent / extends
    chain = (*above, file.resolve())
    try:
        found, resolved = base_file.is_file(), base_file.resolve()
    except (OSError, ValueError, RuntimeError):  # a name that no file can have
        found, resolved = False, base_file
    if not found:
        reason = message("the file {file} does not exist", file=base_file)
        raise RecipeError([recipe.fault(("extends",), reason, rejected=extends)])
    if resolved in chain:
        names = " extends ".join(other.name for other in (*chain[chain.index(resolved) :], resolved))
        raise RecipeError([recipe.fault(("extends",), message("circular: {files}", files=names))])
    return merge(_from_file(base_file, chain), recipe)


def _not_a_path() -> str:
    return message("must be the path of a recipe")


def _read(file: Path) -> bytes:
    if file.is_dir():
        hint = message(": the recipe of a run is {recipe}", recipe=file / "recipe.yaml")
        found = hint if (file / "recipe.yaml").is_file() else message(": pass a file")
        raise UsageError(message("{file}: cannot read the recipe: it is a folder{hint}", file=file, hint=found))
    if Path(file.name.lower().removesuffix(".gz")).suffix in _DATA and file.is_file():
        command = f"seqkit init {shlex.quote(str(file))}"
        raise UsageError(
            message("{file}: is data, not a recipe: write one for it: {command}", file=file, command=command)
        )
    try:
        if file.exists() and not file.is_file():  # a pipe can block, and a device has no end
            raise UsageError(message("{file}: cannot read the recipe: it is not a regular file", file=file))
        with file.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise UsageError(message("{file}: the recipe does not exist{hint}", file=file, hint=_copy_hint(file))) from None
    except (OSError, ValueError) as error:  # a ValueError is a name that no file can have
        cause = describe_os_error(error)
        raise UsageError(message("{file}: cannot read the recipe: {reason}", file=file, reason=cause)) from None
    if len(raw) > MAX_BYTES:
        reason = message("not a recipe: larger than {size:,} bytes", size=MAX_BYTES)
        raise RecipeError([Fault(str(file), "", reason)])
    return raw


def _copy_hint(file: Path) -> str:
    """Return how to copy the installed recipe that has the name of a missing file; empty without one."""
    from seqkit.recipe.shipped import shipped_recipes
    from seqkit.registry.discovery import ENTRY_POINT_GROUP

    providers = ["seqkit", *(point.dist.name for point in entry_points(group=ENTRY_POINT_GROUP) if point.dist)]
    if all(recipe.name != file.stem for recipe in shipped_recipes(providers)):
        return ""
    return message(
        ": `{command}` copies the recipe of this name",
        command=shlex.join(["seqkit", "recipes", file.stem, "--copy", "."]),
    )


def _decode(raw: bytes, file: Path) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = error.object[: error.start].decode()
        position = position_at(before, len(before), str(file))
        text = message("the byte 0x{byte:02x} is not UTF-8: save the recipe as UTF-8", byte=error.object[error.start])
        raise RecipeError([Fault(str(position), "", text)]) from None
