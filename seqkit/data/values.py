"""The values of data in memory: texts, features, targets and cells as readers of files yield them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Any

import numpy as np

from seqkit.contracts import TextPair
from seqkit.errors import DataError
from seqkit.messages import format_object, format_value, message
from seqkit.readers.sequences import label_text

_SURROGATE = re.compile("[\ud800-\udfff]")


def as_pair(value: Any) -> Any:
    """Return two texts in a list, a tuple or an array as a `TextPair`; any other value as it is."""
    is_pair = isinstance(value, list | tuple | np.ndarray) and len(value) == 2
    # A string of NumPy becomes Python's.
    return TextPair(*(str(text) if isinstance(text, str) else text for text in value)) if is_pair else value


def checked_pair(value: Any, location: str) -> TextPair:
    """Return a pair of texts.

    Raises:
        DataError: it is anything else.
    """
    if isinstance(value, TextPair) and isinstance(value.first, str) and isinstance(value.second, str):
        place = message("{location} of the data", location=location)
        return TextPair(checked_text(value.first, place), checked_text(value.second, place))
    raise DataError(
        message(
            "{location} of the data: must be a pair of texts, (first, second), not {value}",
            location=location,
            value=format_value(value),
        )
    )


def is_missing(value: Any) -> bool:
    """Return whether a value is None, NaN, the NA or NaT of pandas, or an empty text or sequence."""
    if is_nothing(value):
        return True
    if isinstance(value, TextPair):
        return is_missing(value.first) or is_missing(value.second)
    if isinstance(value, str):
        return not value.strip()
    return hasattr(value, "__len__") and len(value) == 0


def is_nothing(value: Any) -> bool:
    """Return whether a value is None, NaN, or the NA or NaT of pandas."""
    is_nan = isinstance(value, float) and value != value
    return value is None or is_nan or type(value).__name__ in ("NAType", "NaTType")


def is_list(value: Any) -> bool:
    """Return whether a target is a list of labels or numbers, which may be empty."""
    return isinstance(value, list | tuple | np.ndarray) or hasattr(value, "tolist")


def features_of(value: Any, location: str) -> np.ndarray:
    """Return features as float64 (time, features); a sequence of numbers has one feature.

    Raises:
        DataError: they are not numbers of that shape.
    """
    try:
        features = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        features = np.empty(0)
    if features.ndim == 1 and len(features):
        features = features[:, None]
    if features.ndim != 2 or not features.shape[1]:
        raise DataError(
            message(
                "{location} of the data: must be numbers of shape (time, features), not {value}",
                location=location,
                value=format_object(value),
            )
        )
    return features


def target_of(value: Any, place: str) -> Any:
    """Return a target as a reader yields it: a label or a number as text, several in a list.

    Args:
        value: the target; None for none.
        place: its place, for messages.

    Raises:
        DataError: it is bytes, a set or another object that is no label, or a value in a list is missing.
    """
    if callable(convert := getattr(value, "tolist", None)):
        value = convert()
    if isinstance(value, list | tuple):
        return [_item_of(item, place) for item in value]
    is_object = type(value).__str__ is object.__str__ and type(value).__repr__ is object.__repr__
    if is_object or isinstance(value, bytes | bytearray | memoryview | complex | Mapping | AbstractSet):
        raise DataError(
            message(
                "{place}: the target must be a label, a number or a list of them, not {value}",
                place=place,
                value=format_object(value),
            )
        )
    return checked_text(value, place).strip() if isinstance(value, str) else label_text(value)


def _item_of(item: Any, place: str) -> Any:
    """Return a target in a list. Raises as `target_of` does."""
    if is_nothing(item):
        raise DataError(message("{place}: a value in the list of targets is missing: remove it", place=place))
    return target_of(item, place)


def checked_text(text: str, place: str) -> str:
    """Return a text that a file in UTF-8 can contain; a string of NumPy becomes Python's.

    Raises:
        DataError: it contains half of a surrogate pair, as text does that was decoded with errors="surrogateescape".
    """
    text = str(text)
    if not text.isascii() and (surrogate := _SURROGATE.search(text)):
        raise DataError(
            message(
                "{place}: {value} contains U+{code:04X}, half of a surrogate pair: decode the text with its encoding",
                place=place,
                value=ascii(text[:20]),
                code=ord(surrogate[0]),
            )
        )
    return text


def cell_of(value: Any) -> Any:
    """Return a value of another column as a reader of files yields it: JSON, or else text; None if it is missing."""
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, str | list | dict):
        return value
    if is_missing(value):
        return None
    return value if isinstance(value, int | float) else str(value)


def content_of(part: Any) -> bytes:
    """Return a part of an example as bytes that no other has."""
    if isinstance(part, np.ndarray):
        return f"{part.shape}".encode() + np.ascontiguousarray(part).tobytes()
    part = [part.first, part.second] if isinstance(part, TextPair) else part
    return json.dumps(part, default=str).encode() + b"\n"
