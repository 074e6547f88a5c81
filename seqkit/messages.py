"""Message templates: every text of an error, a warning or a note, with named fields.

    raise DataError(message("{file}:{line}: the text is empty", file=path, line=number))

A template is a string literal, so that all templates can be collected from the source into one catalogue and looked up
there for a translation. Fields are filled in afterwards and are never translated.
"""

from __future__ import annotations

import itertools
import json
import math
import reprlib


def message(template: str, /, **fields: object) -> str:
    """Fill in a message template.

    Args:
        template: a string literal with named fields, as for `str.format`.
        fields: the value of each field.
    """
    return template.format(**fields)


def format_value(value: object) -> str:
    """Return a value as a recipe contains it, cut to 60 characters: `8`, `'eight'`, `true`, `['a', null]`, `.inf`."""
    text = _in_yaml(value, depth=3)
    return text if len(text) <= 60 else text[:59] + "…"


def _in_yaml(value: object, depth: int) -> str:
    if isinstance(value, str):
        return f"'{value[:60]}'"
    if isinstance(value, float) and not math.isfinite(value):
        return {"inf": ".inf", "-inf": "-.inf"}.get(str(value), ".nan")
    if isinstance(value, int) and value.bit_length() > 1000:
        return hex(value)[:61]  # Python refuses to print very long integers in decimal
    if value is None or isinstance(value, bool | int | float):
        return json.dumps(value)
    if isinstance(value, list | tuple | dict) and not depth:
        return "…"
    if isinstance(value, list | tuple):
        return f"[{', '.join(_in_yaml(item, depth - 1) for item in value[:60])}]"
    if isinstance(value, dict):
        items = itertools.islice(value.items(), 60)
        return f"{{{', '.join(f'{key}: {_in_yaml(item, depth - 1)}' for key, item in items)}}}"
    return " ".join(reprlib.repr(value).split())
