"""Parse JSON by its standard, RFC 8259, which Python's json module extends.

NaN and Infinity, numbers that no floating-point number can hold, and a key that occurs twice in an object are errors.
"""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn, TypeGuard

from seqkit.messages import format_value, message

MAX_DIGITS = 308
"""The maximum number of digits of an integer: with more, it is too large for a floating-point number."""


def parse_strict_json(text: str) -> Any:
    """Return the value of a JSON text.

    Raises:
        json.JSONDecodeError: the text is not JSON.
        ValueError: it is JSON for Python, but not by the standard; or a value is too large or nested too deeply.
    """
    try:
        return json.loads(
            text,
            parse_constant=_reject_constant,
            parse_float=_parse_float,
            parse_int=_parse_int,
            object_pairs_hook=_unique_keys,
        )
    except RecursionError:
        raise ValueError(message("brackets are nested too deeply")) from None


def _reject_constant(text: str) -> NoReturn:
    raise ValueError(message("{value} is not JSON (a missing value is null)", value=text))


def _parse_float(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(message("{value} is too large for a floating-point number", value=format_value(text)))
    return number


def _parse_int(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise ValueError(message("an integer of {count:,} digits is too large", count=len(text.lstrip("-"))))
    return int(text)


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        repeated = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(message("the key {key} occurs twice", key=format_value(repeated)))
    return found


def is_number(value: object) -> TypeGuard[int | float]:
    """Return whether a JSON value is a number: `true` and `false` are none, though Python counts with them."""
    return isinstance(value, int | float) and not isinstance(value, bool)
