"""Print results as strict JSON, and write predictions to a file."""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from seqkit.cli.signals import unfinished
from seqkit.errors import DataError, UsageError, describe_os_error
from seqkit.messages import listed, message, translate

if TYPE_CHECKING:
    from seqkit.contracts import Example
    from seqkit.registry.registry import Registry

Record = tuple[dict[str, Any], Mapping[str, Any]]
"""The row number and the other columns of an example, and its prediction."""

STANDARD_OUTPUT = "-"

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


def check_output(output: Path, inputs: Iterable[Path], option: str = "--output") -> None:
    """Check the file of predictions before anything is computed.

    Args:
        output: the file; `-` for standard output.
        inputs: files that must not be replaced.
        option: the option, for messages.

    Raises:
        UsageError: its ending is unknown, it cannot be a file, or it is one of the inputs.
    """
    if str(output) == STANDARD_OUTPUT:
        return
    check_named(output, option, *_WRITERS, hint=message("; - prints JSON Lines"))
    for path in inputs:
        if output.exists() and path.exists() and output.samefile(path):
            raise UsageError(
                message("{option} {file}: is a file that is read: choose another name", option=option, file=output)
            )


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


def write_predictions(
    output: Path,
    pairs: Iterable[tuple[Example, Mapping[str, Any]]],
    time_step_fields: frozenset[str] = frozenset(),
) -> None:
    """Write examples with their predictions to a file, which appears under its name when it is complete.

    Args:
        output: the file, whose ending is its format; `-` prints JSON Lines.
        pairs: the examples and their predictions.
        time_step_fields: the fields of a prediction that become a row per time step in a table.

    Raises:
        UsageError: the file cannot be written.
        DataError: a prediction does not fit the format.
    """
    records = ((_columns(example, prediction), prediction) for example, prediction in pairs)
    if str(output) == STANDARD_OUTPUT:
        print_json_lines(columns | dict(prediction) for columns, prediction in records)
        return
    target = output.resolve()  # a symbolic link stays one
    staged = target.with_name(f".{target.name}.{os.getpid()}")
    unfinished.add(staged)
    try:
        with staged.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
            for line in _WRITERS[output.suffix.lower()](records, time_step_fields):
                file.write(line)
            file.flush()
            os.fsync(file.fileno())
        staged.replace(target)
    except OSError as error:
        raise UsageError(
            message("{file}: cannot be written: {reason}", file=output, reason=describe_os_error(error))
        ) from None
    finally:
        with suppress(OSError):
            staged.unlink(missing_ok=True)
        unfinished.discard(staged)


def _columns(example: Example, prediction: Mapping[str, Any]) -> dict[str, Any]:
    """Return the row number and the other columns of an example.

    A column whose name a field of the prediction has too, such as `label`, is called `input_label`.
    """
    columns: dict[str, Any] = {} if example.row is None else {"row": example.row}
    taken = {*columns, *prediction}
    for name, value in example.columns.items():
        while name in taken:
            name = f"input_{name}"
        taken.add(name)
        columns[name] = value
    return columns


def _json_lines(records: Iterable[Record], time_step_fields: frozenset[str]) -> Iterator[str]:
    return (to_json(columns | dict(prediction)) + "\n" for columns, prediction in records)


def _csv_lines(records: Iterable[Record], time_step_fields: frozenset[str]) -> Iterator[str]:
    import csv

    buffer = io.StringIO()
    writer = csv.writer(buffer)  # whose line end, \r\n, has it quote every field that contains either character
    for _, fields in _table(records, time_step_fields):
        writer.writerow(fields)
        yield buffer.getvalue().removesuffix("\r\n") + "\n"
        buffer.seek(0)
        buffer.truncate()


def _tsv_lines(records: Iterable[Record], time_step_fields: frozenset[str]) -> Iterator[str]:
    for number, fields in _table(records, time_step_fields):
        for field in fields:
            if any(character in field for character in "\t\n\r"):
                raise DataError(
                    message(
                        "prediction {number}: a field contains a tab or a line break, which a TSV file cannot express: "
                        "write a .csv or .jsonl file",
                        number=number,
                    )
                )
        yield "\t".join(fields) + "\n"


_WRITERS: dict[str, Callable[[Iterable[Record], frozenset[str]], Iterator[str]]] = {
    ".csv": _csv_lines,
    ".tsv": _tsv_lines,
    ".jsonl": _json_lines,
    ".ndjson": _json_lines,
}


def _table(records: Iterable[Record], time_step_fields: frozenset[str]) -> Iterator[tuple[int, list[str]]]:
    """Yield the header, and the rows of each record with its number: one, or one per time step.

    A mapping in a prediction becomes a column per key, `probabilities.neg`; any other value that is not a string is
    written as JSON.

    Raises:
        DataError: a record has a column that the first one has not.
    """
    header: Sequence[str] = ()
    rows = (
        (number, columns | fields)
        for number, (columns, prediction) in enumerate(records, start=1)
        for fields in _rows(prediction, time_step_fields)
    )
    for number, fields in rows:
        if not header:
            header = list(fields)
            yield 0, list(header)
        if extra := fields.keys() - set(header):
            raise DataError(
                message(
                    "prediction {number}: '{column}' is not among the columns of the first: write a .jsonl file",
                    number=number,
                    column=min(extra),
                )
            )
        yield number, [_field(fields.get(column)) for column in header]


def _rows(prediction: Mapping[str, Any], time_step_fields: frozenset[str]) -> Iterator[dict[str, Any]]:
    """Yield the fields of each row of a prediction: one row, or one per time step.

    The lists in a mapping become a column each: `forecast.sales`, `quantiles.0.1.sales`.
    """
    others = dict(_flat({name: value for name, value in prediction.items() if name not in time_step_fields}))
    lists = dict(_lists({name: value for name, value in prediction.items() if name in time_step_fields}))
    if not lists:
        yield others
    for values in zip(*lists.values(), strict=True):
        yield others | dict(zip(lists, values, strict=True))


def _lists(fields: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, list[Any]]]:
    for name, value in fields.items():
        if isinstance(value, Mapping):
            yield from _lists(value, f"{prefix}{name}.")
        else:  # a blank line of `--file` has null
            yield prefix + name, [None] if value is None else value


def _flat(prediction: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in prediction.items():
        if isinstance(value, Mapping):
            yield from ((f"{name}.{key}", item) for key, item in value.items())
        else:
            yield name, value


def _field(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else to_json(value)


def write_schema(output: Path, registry: Registry) -> None:
    """Write the JSON Schema of recipes to a file, which is replaced.

    Raises:
        UsageError: it cannot be written.
    """
    from seqkit.recipe.json_schema import recipe_schema
    from seqkit.runs.files import write_named

    write_named(output, to_json(recipe_schema(registry), _INDENTED) + "\n")
