"""The objects of a JSON Lines file."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from seqkit.errors import DataError
from seqkit.messages import message
from seqkit.strict_json import parse_strict_json


def json_objects(lines: Iterable[str], source: str) -> Iterator[tuple[int, int, dict[str, Any]]]:
    """Yield the line number, as the number of a row too, and the object of each line that is not blank.

    Args:
        lines: the lines, without their ends.
        source: the name of the file, for messages.

    Raises:
        DataError: a line is not a JSON object.
    """
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        location = f"{source}:{number}"
        try:
            record = parse_strict_json(line)
        except json.JSONDecodeError as error:
            raise DataError(
                message(
                    "{location}: invalid JSON: {reason} at character {column}: write one JSON object per line",
                    location=location,
                    reason=error.msg,
                    column=error.pos + 1,
                )
            ) from None
        except ValueError as error:  # NaN, a repeated key, a number that is too large
            raise DataError(message("{location}: invalid JSON: {reason}", location=location, reason=error)) from None
        if not isinstance(record, dict):
            raise DataError(message("{location}: not a JSON object: write one JSON object per line", location=location))
        yield number, number, record


def flattened(record: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return the fields of an object and of the objects within it, by their names: `tweet.text`."""
    found: dict[str, Any] = {}
    for name, value in record.items():
        if isinstance(value, Mapping) and value:
            found |= flattened(value, f"{prefix}{name}.")
        else:
            found[prefix + name] = value
    return found


def with_nested(record: dict[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """Return an object with the fields of the objects within it that are named, such as `tweet.text`, added to it."""
    missing = [name for name in names if name not in record]
    if not any("." in name for name in missing):
        return record
    found = flattened(record)
    return {**record, **{name: found[name] for name in missing if name in found}}


def names_in(record: Mapping[str, Any]) -> list[str]:
    """Return the names of the fields of an object and of the objects within it."""
    return list(flattened(record))
