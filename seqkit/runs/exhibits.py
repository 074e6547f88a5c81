"""Exhibits as JSON, as report.json contains them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from seqkit.contracts import Exhibit, Matrix, Series, Spans, Table, Texts, Transcripts
from seqkit.errors import DataError
from seqkit.messages import message

if TYPE_CHECKING:
    from pydantic import TypeAdapter

T = TypeVar("T")

EXHIBITS: dict[str, type[Exhibit]] = {
    each.__name__.lower(): each for each in (Table, Matrix, Series, Texts, Spans, Transcripts)
}
"""The classes of exhibits, by their `type` in report.json."""


def exhibit_as_json(exhibit: Exhibit) -> dict[str, Any]:
    """Return an exhibit as a JSON object, whose `type` is the name of its class in lower case."""
    return {"type": type(exhibit).__name__.lower()} | dataclasses.asdict(exhibit)


def exhibit_from_json(value: Mapping[str, Any], place: object) -> Exhibit:
    """Return an exhibit from its JSON object, which may come from an untrusted file.

    Args:
        value: the JSON object.
        place: where it is, for messages.

    Raises:
        DataError: it is not an exhibit.
    """
    kind = EXHIBITS.get(str(value.get("type")))
    if kind is None:
        raise DataError(
            message("{file}: corrupt: an exhibit has the type '{type}'", file=place, type=str(value.get("type"))[:40])
        )
    return from_json({key: item for key, item in value.items() if key != "type"}, kind, place)


def from_json(value: object, kind: type[T], place: object) -> T:
    """Return a JSON value as an instance of a dataclass. Keys that it does not have are ignored.

    Args:
        value: the JSON value.
        kind: the dataclass.
        place: where the value is, for messages.

    Raises:
        DataError: it is something else.
    """
    from pydantic import ValidationError

    try:
        return _adapter(kind).validate_python(value)  # type: ignore[arg-type]  # a class is hashable
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(map(str, first["loc"]))[:80] or message("the value")
        raise DataError(message("{file}: corrupt: {key}: {reason}", file=place, key=key, reason=first["msg"])) from None


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    """Return the validator of a dataclass, which takes milliseconds to build."""
    from pydantic import TypeAdapter

    return TypeAdapter(kind)
