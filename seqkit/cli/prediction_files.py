"""Write examples with their predictions to a file: a table, or JSON Lines."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqkit.cli.output import check_named, print_json_lines, to_json
from seqkit.cli.signals import unfinished
from seqkit.errors import DataError, UsageError, describe_os_error
from seqkit.messages import listed, message

if TYPE_CHECKING:
    from seqkit.contracts import Example

Record = tuple[dict[str, Any], Mapping[str, Any]]
"""The row number and the other columns of an example, and its prediction."""

Row = tuple[int, list[str]]
"""The number of a record, 0 for the header, and the cells of a row of the table."""

STANDARD_OUTPUT = "-"


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
    check_named(output, option, *_TABLE_WRITERS, *_JSON_LINES, hint=message("; - prints JSON Lines"))
    for path in inputs:
        if output.exists() and path.exists() and output.samefile(path):
            raise UsageError(
                message("{option} {file}: is a file that is read: choose another name", option=option, file=output)
            )


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
            for line in _lines(output.suffix.lower(), records, time_step_fields):
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


def _lines(suffix: str, records: Iterable[Record], time_step_fields: frozenset[str]) -> Iterator[str]:
    if suffix in _JSON_LINES:
        return _json_lines(records)
    return _TABLE_WRITERS[suffix](_table(records, time_step_fields))


def _json_lines(records: Iterable[Record]) -> Iterator[str]:
    return (to_json(columns | dict(prediction)) + "\n" for columns, prediction in records)


def _csv_lines(rows: Iterable[Row]) -> Iterator[str]:
    import csv

    buffer = io.StringIO()
    writer = csv.writer(buffer)  # whose line end, \r\n, has it quote every field that contains either character
    for _, fields in rows:
        writer.writerow(fields)
        yield buffer.getvalue().removesuffix("\r\n") + "\n"
        buffer.seek(0)
        buffer.truncate()


def _tsv_lines(rows: Iterable[Row]) -> Iterator[str]:
    for number, fields in rows:
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


_TABLE_WRITERS: dict[str, Callable[[Iterable[Row]], Iterator[str]]] = {".csv": _csv_lines, ".tsv": _tsv_lines}
_JSON_LINES = (".jsonl", ".ndjson")


def _table(records: Iterable[Record], time_step_fields: frozenset[str]) -> Iterator[Row]:
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

    Raises:
        DataError: the fields of time steps are not lists of one length.
    """
    others = dict(_flat({name: value for name, value in prediction.items() if name not in time_step_fields}))
    lists = dict(_lists({name: value for name, value in prediction.items() if name in time_step_fields}))
    if not all(isinstance(values, list) for values in lists.values()) or len({*map(len, lists.values())}) > 1:
        raise DataError(
            message(
                "the head must return lists of one length for its time_step_fields, {names}",
                names=listed(sorted(time_step_fields)),
            )
        )
    steps = len(next(iter(lists.values()), ()))
    if not steps:
        yield others | dict.fromkeys(lists)
    for step in range(steps):
        yield others | {name: values[step] for name, values in lists.items()}


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
