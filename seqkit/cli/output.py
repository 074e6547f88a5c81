"""Print results as strict JSON, and check the files that are written."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from seqkit.errors import DataError, UsageError
from seqkit.messages import listed, message, translate

if TYPE_CHECKING:
    from seqkit.registry.registry import Registry

PAGE = (".html", ".htm")
"""The endings of a page."""


def echo(text: str = "", *, err: bool = False) -> None:
    """Print a line for a person, in the language of the command line."""
    click.echo(translate(text), err=err)


def print_json(value: Any) -> None:
    """Print a value as indented JSON. Raises as `to_json` does."""
    print(to_json(value, _INDENTED))


def print_json_lines(items: Iterable[Mapping[str, Any]]) -> None:
    """Print a JSON object per line, while the items are computed. Raises as `to_json` does."""
    for item in items:
        sys.stdout.write(to_json(item) + "\n")


def _plain(value: Any) -> Any:
    if hasattr(value, "tolist"):  # a NumPy number or array
        return value.tolist()
    return str(value)


_LINE = json.JSONEncoder(ensure_ascii=False, allow_nan=False, default=_plain)
_INDENTED = json.JSONEncoder(ensure_ascii=False, allow_nan=False, default=_plain, indent=2)


def to_json(value: Any, encoder: json.JSONEncoder = _LINE) -> str:
    """Return a value as strict JSON, Unicode unescaped; NumPy's numbers and arrays as numbers and lists.

    Raises:
        DataError: it contains a number that is not finite, which JSON cannot express.
    """
    try:
        return encoder.encode(value)
    except ValueError:
        text = json.dumps(value, ensure_ascii=False, default=_plain)
        raise DataError(
            message("a number is not finite, which JSON cannot express: {value:.200}", value=text)
        ) from None


def check_file_name(output: Path, option: str) -> None:
    """Check that the file of an option can be created or replaced, before anything is computed.

    Raises:
        UsageError: its folder does not exist, or it is a folder or a device.
    """
    if not output.parent.is_dir():
        raise UsageError(
            message(
                "{option} {file}: no such folder {folder}: create it first",
                option=option,
                file=output,
                folder=output.parent,
            )
        )
    if output.exists() and not output.is_file():
        raise UsageError(message("{option} {file}: not a regular file", option=option, file=output))


def check_named(output: Path, option: str, *endings: str, hint: str = "") -> None:
    """Check a file to write before anything is computed. The ending protects recipes, data and the files of a run.

    Args:
        output: the file.
        option: the option, for messages.
        endings: the endings that it can have, the usual one first.
        hint: what else the option takes, for the message of a wrong ending.

    Raises:
        UsageError: its ending is another one, its folder does not exist, or it cannot be a regular file.
    """
    if output.is_dir():
        example = output / f"name{endings[0]}"
        raise UsageError(
            message(
                "{option} {file}: a folder: name a file, such as {example}", option=option, file=output, example=example
            )
        )
    if output.suffix.lower() not in endings:
        raise UsageError(
            message(
                "{option} {file}: the ending must be {endings}{hint}",
                option=option,
                file=output,
                endings=endings[0] if len(endings) == 1 else message("one of {names}", names=listed(endings)),
                hint=hint,
            )
        )
    check_file_name(output, option)


def write_schema(output: Path, registry: Registry) -> None:
    """Write the JSON Schema of recipes to a file, which is replaced.

    Raises:
        UsageError: it cannot be written.
    """
    from seqkit.recipe.json_schema import recipe_schema
    from seqkit.runs.files import write_named

    write_named(output, to_json(recipe_schema(registry), _INDENTED) + "\n")
