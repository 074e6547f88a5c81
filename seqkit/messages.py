"""Message templates: every text of an error, a warning or a note, with named fields.

    raise DataError(message("{file}:{line}: the text is empty", file=path, line=number))

A template is a string literal, so that all templates can be collected from the source into a catalogue of translations.
A message is an English text, which is what is stored, compared and printed as JSON; it remembers its template, and the
command line translates it when it prints it to a person. What `__all__` lists is public.
"""

from __future__ import annotations

import itertools
import json
import math
import re
import reprlib
import string
from collections.abc import Callable, Iterable, Sequence
from typing import Any

__all__ = ["counted", "listed", "message", "translate"]


class Message(str):
    """A text in English that can be translated, with the messages that it is composed of.

    A message stays one through `str()`, `+` and `join`; other operations return plain text, which is not translated.
    """

    _template: str
    _fields: dict[str, Any]

    def __new__(cls, template: str, fields: dict[str, Any]) -> Message:
        self = super().__new__(cls, template.format(**fields))
        self._template, self._fields = template, fields
        return self

    def translated(self, lookup: Callable[[str], str]) -> str:
        """Return the text in another language.

        Args:
            lookup: returns the translation of a template, or the template.
        """
        if not self:
            return ""  # gettext translates the empty text to the header of the catalogue
        formatter, pieces = string.Formatter(), []
        for literal, name, spec, conversion in formatter.parse(lookup(self._template)):
            pieces.append(literal)
            if name is not None:
                value = formatter.convert_field(_translated(self._fields[name], lookup), conversion)
                pieces.append(format(value, spec or ""))
        return _spaced(pieces)

    def __str__(self) -> str:
        return self

    def __add__(self, other: str) -> Message:
        return _concatenate([self, other])

    def __radd__(self, other: str) -> Message:
        return _concatenate([other, self])

    def join(self, parts: Iterable[str], /) -> Message:
        return _concatenate([piece for part in parts for piece in (self, part)][1:])

    def __reduce__(self) -> tuple[type[str], tuple[str]]:
        return str, (super().__str__(),)


def without_name(text: str, name: str) -> str:
    """Return a message without the name that it starts with, and so does its translation."""
    return _Nameless(text, name)


class _Nameless(Message):
    def __new__(cls, text: str, name: str) -> _Nameless:
        self = str.__new__(cls, text.removeprefix(name).lstrip(": "))
        self._fields = {"text": text, "name": name}
        return self

    def translated(self, lookup: Callable[[str], str]) -> str:
        text, name = self._fields["text"], self._fields["name"]
        return str(_Nameless(_translated(text, lookup), name)) if self else ""


def _concatenate(pieces: Sequence[str]) -> Message:
    names = [f"_{number}" for number in range(len(pieces))]
    return Message("".join(f"{{{name}}}" for name in names), dict(zip(names, pieces, strict=True)))


def message(template: str, /, **fields: object) -> str:
    """Fill in a message template.

    Args:
        template: a string literal with named fields, as for `str.format`.
        fields: the value of each field.
    """
    return Message(template, fields)


def counted(count: int, one: str, several: str, /, **fields: object) -> str:
    """Fill in the message template for a number, which is its field `count`.

    Args:
        count: the number.
        one: the template for 1, a string literal as for `message`.
        several: the template for other numbers.
        fields: the value of each other field.
    """
    return Message(one if count == 1 else several, {"count": count, **fields})


def listed(items: Iterable[str]) -> str:
    """Return the items of a list as text: `a, b`, which is `a、b` in Chinese."""
    return message(", ").join(items)


def _spaced(pieces: Iterable[str]) -> str:
    """Join the pieces of a text, with a space where Chinese and Latin letters or digits meet, as in Chinese typography.

    The pieces themselves, which can be values of the user, do not change, nor do they get a space inside of quotes,
    or within a path or `KEY=VALUE`.
    """
    text = ""
    for piece in pieces:
        text += " " if _BOUNDARY.fullmatch(text[-1:] + piece[:1]) else ""
        text += piece
    return text


_BOUNDARY = re.compile(
    r"""[\u4e00-\u9fff] [!-~] (?<![,.;:!?)\]}'"/=|])
    | [!-~] (?<![(\[{'"/=|:]) [\u4e00-\u9fff]""",
    re.VERBOSE,
)
_lookup: Callable[[str], str] | None = None
_templates: tuple[str, ...] = ()


def use_translation(lookup: Callable[[str], str] | None, templates: Iterable[str] = ()) -> None:
    """Set the function that returns the translation of a template; None for English.

    Args:
        lookup: the function.
        templates: the templates that it translates, by which `translate_stored` recognizes texts.
    """
    global _lookup, _templates
    _lookup, _templates = lookup, tuple(templates)


def translate(text: str) -> str:
    """Return a text for a person: a message in the language of the command line, and other text as it is."""
    return text if _lookup is None else _translated(text, _lookup)


def translate_stored(text: str) -> str:
    """Return a message that was read from a file, where it is English, in the language of the command line.

    It is recognized by its template: the one that matches it with the most letters of its own. Only texts that seqkit
    or a plugin wrote are passed: notes, the names of baselines, the headings of exhibits; never data.
    """
    if _lookup is None or not text or isinstance(text, Message) or len(text) > _MAX_LENGTH:
        return translate(text)
    if (known := _lookup(text)) != text:
        return known
    best, found = _MIN_LETTERS - 1, None
    for template in _templates:
        literals = [literal for literal, *_ in string.Formatter().parse(template)]
        letters = sum(map(str.isalpha, "".join(literals)))
        is_candidate = letters > best and all(literal in text for literal in literals)
        if is_candidate and (match := re.fullmatch(_pattern(template), text, re.DOTALL)):
            best, found = letters, (template, match.groupdict())
    if found is None:
        return text
    template, values = found
    pieces = []
    for literal, name, *_ in string.Formatter().parse(_lookup(template)):
        pieces += [literal] if name is None else [literal, translate_stored(values.get(name, ""))]
    return _spaced(pieces)


_MIN_LETTERS = 8
"""The number of letters from which a template with fields is recognized: `{name}: {value}` would match any text."""

_MAX_LENGTH = 2000
"""The number of characters up to which a stored text is recognized."""


def _pattern(template: str) -> str:
    """Return a regular expression for the texts of a template; a field with a format is a number."""
    parts, names = [], set()
    for literal, name, spec, _ in string.Formatter().parse(template):
        parts.append(re.escape(literal))
        if name in names:
            parts.append(f"(?P={name})")
        elif name is not None:
            parts.append(f"(?P<{name}>{r'[-+.,%e0-9]+' if spec else '.+?'})")
            names.add(name)
    return "".join(parts)


def _translated(value: Any, lookup: Callable[[str], str]) -> Any:
    text = str(value) if isinstance(value, BaseException) else value
    return text.translated(lookup) if isinstance(text, Message) else value


def format_value(value: object) -> str:
    """Return a value as a recipe contains it, cut to 60 characters: `8`, `'eight'`, `true`, `['a', null]`, `.inf`."""
    text = _in_yaml(value, depth=3)
    return text if len(text) <= 60 else text[:59] + "…"


def format_object(value: object) -> str:
    """Return the start of the repr of a Python object, on one line: that of a table has many."""
    text = repr(value)
    return (" ".join(text.split()) if "\n" in text else text)[:40]


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
