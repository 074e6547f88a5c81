"""The options that change how the reader of a run reads another file: `--text`, `--label`, `--set`."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqkit.cli.stderr import aliases
from seqkit.errors import DataError, UsageError
from seqkit.look_alikes import explain_missing_equals
from seqkit.messages import listed, message
from seqkit.readers.files import copies

if TYPE_CHECKING:
    from seqkit.inference.run import Run


def reader_parameters(run: Run, changes: Iterable[str], **columns: str | None) -> dict[str, Any]:
    """Return the parameters of the reader that options set.

    Args:
        run: the run.
        changes: `key=value`, the value in YAML, as in an override of a recipe.
        columns: the name of a column by the parameter that names it, `text` or `label`; None if the option is missing.
            If the run reads several columns, several are separated by commas.

    Raises:
        UsageError: an option is not `key=value`, or the reader has no such column.
        RecipeError: a value is not valid YAML.
    """
    from seqkit.recipe.yaml_parser import parse_value

    parameters: dict[str, Any] = {}
    for change in changes:
        key, equals, text = change.partition("=")
        if not equals or not key:
            example = "--set encoding=gb18030"
            reason = message("--set '{change}' is not key=value, as in {example}", change=change, example=example)
            raise UsageError(reason + explain_missing_equals(change))
        parameters[key] = parse_value(text, f"--set {key}")
    for key, column in columns.items():
        if column is None:
            continue
        if key in parameters:
            raise UsageError(message("pass --{key} or --set {key}=…, not both", key=key))
        _check_names_column(run, key)
        are_several = "," in column and isinstance(run.recipe["data"][key], list)
        parameters[key] = [name.strip() for name in column.split(",")] if are_several else column
    return parameters


def _check_names_column(run: Run, key: str) -> None:
    """Check that a parameter of the reader names a column of its input. It may also be a text, or a column of targets.

    Raises:
        UsageError: it does not.
    """
    from seqkit.registry import load_registry

    section = run.recipe["data"]
    reader: Any = load_registry().check().get("reader", section["type"]).load()
    if key not in section or key in reader.path_specific or (key == "text" and reader.yields != "text"):
        others = listed(name for name in section if name not in ("type", "path", "split", "valid", "test"))
        raise UsageError(
            message(
                "--{key}: the reader '{reader}' names its columns otherwise: use --set KEY=VALUE with one of {keys}",
                key=key,
                reader=section["type"],
                keys=others,
            )
        )


def data_files(run: Run) -> list[Path]:
    """Return the files of the data of a run, wherever they are now."""
    data = run.recipe["data"]
    sections = [data, *(data[split] for split in ("valid", "test") if isinstance(data.get(split), dict))]
    return [run.path / section["path"] for section in sections if isinstance(section.get("path"), str)]


def with_option(error: DataError, keys: Collection[str], options: Collection[str]) -> DataError:
    """Return an error in a file that suggests a key of the recipe with the option that sets it: `--set label=…`.

    Args:
        error: the error.
        keys: the keys that can be set.
        options: those of them that have an option of their own.
    """
    for key, value in re.findall(r"`(\w+):(?: ([^`]*))?`", str(error)):
        if key in keys:
            value = value.strip() or "…"
            option = f"--{key} {value}" if key in options else f"--set {key}={value}"
            return DataError(message("{error} (here: {option})", error=error, option=option))
    return error


@contextmanager
def open_data(run: Run, data: Path) -> Iterator[Path]:
    """Return the file of `--data`. Standard input, `-`, is copied to a file with the ending of the recipe's.

    An error in the file that suggests a key of the recipe gets the option that sets it: `--set label=…`.
    """
    try:
        if str(data) != "-":
            yield data
            return
        import tempfile  # slow to import

        with tempfile.TemporaryDirectory(prefix="seqkit-") as folder:
            suffixes = Path(str(run.recipe["data"].get("path") or "")).suffixes
            file = Path(folder, "stdin").with_suffix("".join(suffixes[-1:]))
            with file.open("wb") as copy:
                shutil.copyfileobj(sys.stdin.buffer, copy)
            aliases[str(file)] = message("standard input")
            copies.add(file)
            yield file
    except DataError as error:
        raise with_option(error, run.recipe.get("data", {}), ("text", "label")) from None
