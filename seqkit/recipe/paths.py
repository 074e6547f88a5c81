"""The paths of a recipe: what they are relative to, and whether their files exist."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from seqkit.errors import DataError, MissingFilesError, RecipeError, describe_os_error, sort_faults
from seqkit.messages import format_value, message
from seqkit.recipe.plan import BuildError, Plan, Spec
from seqkit.recipe.recipe import Recipe
from seqkit.recipe.yaml_parser import KeyPath

SIDES = ("valid", "test")
"""The splits that can have a separate reader, under `data`."""


def written_path(recipe: Recipe, path: KeyPath, or_missing: bool = False) -> KeyPath:
    """Return where a parameter is set: those of `data.valid` and `data.test` are often those of `data`.

    Args:
        recipe: the recipe.
        path: of the parameter.
        or_missing: whether one that is set in neither place belongs in `data`.
    """
    if path[:1] != ("data",) or len(path) < 3 or path[1] not in SIDES or recipe.contains(path):
        return path
    inherited = ("data", *path[2:])
    return inherited if or_missing or recipe.contains(inherited) else path


def absolute_path(recipe: Recipe, path: Path, given: Any, here: KeyPath) -> Path:
    """Return a path relative to the file that contains it, as an absolute path.

    Args:
        recipe: the recipe.
        path: the path.
        given: the value in the recipe, for the message.
        here: where it is set.

    Raises:
        ValueError: no file can have this path.
    """
    try:
        expanded = path.expanduser()
    except RuntimeError:
        user = path.parts[0].removeprefix("~")
        text = message("the home folder of '{user}' is unknown: write ./~ for a file name", user=user)
        raise ValueError(text) from None
    joined = recipe.folder(here).absolute() / expanded
    in_quotes = str(given).startswith(("“", "‘"))
    if given == "" or "\0" in str(path) or (in_quotes and not (joined.exists() or recipe.restored_from)):
        raise ValueError(message("must be the path of a file, not {value}", value=format_value(given)))
    normal = Path(os.path.normpath(joined))  # without `..`, unless a link makes that another file
    return normal if os.path.realpath(normal) == os.path.realpath(joined) else joined


def check_files(recipe: Recipe, plan: Plan) -> None:
    """Check that the files or folders that a recipe names exist and can be read. Nothing is read.

    Raises:
        MissingFilesError: what is wrong with each file, at its place in the recipe.
    """
    faults = [
        recipe.fault(written_path(recipe, (*spec.path, name)), reason)
        for spec, name, path in _paths(plan)
        if (reason := why_unusable(path, is_resumed=bool(recipe.run)))
    ]
    if faults:
        raise MissingFilesError(sort_faults(faults))


@contextmanager
def recipe_errors(recipe: Recipe, plan: Plan) -> Iterator[None]:
    """Report errors of reading the data and of building the components at their keys of the recipe.

    Raises:
        RecipeError: in place of a BuildError.
        MissingFilesError: in place of a DataError, if files are missing.
    """
    try:
        yield
    except BuildError as error:
        raise RecipeError([recipe.fault(error.path, str(error))]) from error
    except DataError:
        check_files(recipe, plan)
        raise


def _paths(plan: Plan) -> Iterator[tuple[Spec, str, Path]]:
    for spec in plan.components:
        for name, value in spec.values.items():
            if isinstance(value, Path) and not (spec.restored_from and name in spec.training_files):
                yield spec, name, value


def why_unusable(path: Path, is_resumed: bool) -> str:
    """Return why a file cannot be read, or nothing.

    Args:
        path: the file.
        is_resumed: whether the recipe is that of a run to resume, whose data can have moved.
    """
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        if is_resumed:
            return message(
                "the file {file} does not exist: restore it or, if it has moved, pass data.path=FILE", file=path
            )
        return message("the file {file} does not exist", file=path)
    except (OSError, ValueError) as error:
        return message("{file}: cannot be read: {reason}", file=path, reason=describe_os_error(error))
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        return message("{file}: is not a regular file", file=path)
    return "" if os.access(path, os.R_OK) else message("{file}: cannot be read: permission denied", file=path)
