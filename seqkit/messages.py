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
from functools import cache
from typing import Any, TypeAlias

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
            value = "" if name is None else _translated(self._fields[name], lookup)
            pieces += [literal, format(formatter.convert_field(value, conversion), spec or "")]
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


def untranslated(text: str) -> str:
    """Return a message as plain text, which stays English: one of which some parts have no translation."""
    return str.__str__(text)


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

    Args:
        pieces: literal texts and values in turn.
    """
    text = previous = ""
    for number, piece in enumerate(pieces):
        around_quotes = _AROUND_QUOTES[number % 2].fullmatch(previous[-1:] + piece[:1])
        text += " " if around_quotes or _BOUNDARY.fullmatch(text[-1:] + piece[:1]) else ""
        text += piece
        previous = piece
    return text


_BOUNDARY = re.compile(
    r"""[\u4e00-\u9fff] [!-~] (?<![,.;:!?)\]}'"/=|])
    | [!-~] (?<![(\[{'"/=|:]) [\u4e00-\u9fff]""",
    re.VERBOSE,
)
_AROUND_QUOTES = (re.compile("['\"][\u4e00-\u9fff]"), re.compile("[\u4e00-\u9fff]['\"]"))
"""A value in quotes before Chinese, and after it."""

_lookup: Callable[[str], str] | None = None
_templates: tuple[str, ...] = ()


def use_translation(lookup: Callable[[str], str] | None, templates: Iterable[str] = ()) -> None:
    """Set the function that returns the translation of a template; None for English.

    Args:
        lookup: the function.
        templates: the templates that it translates: those of the texts that `translate_stored` recognizes.
    """
    global _lookup, _templates
    _lookup, _templates = lookup, tuple(templates)
    _parsed_templates.cache_clear()


def translate(text: str) -> str:
    """Return a text for a person: a message in the language of the command line, and other text as it is."""
    return text if _lookup is None else _translated(text, _lookup)


def translate_stored(text: str) -> str:
    """Return a message that was read from a file, where it is English, in the language of the command line.

    It is recognized by its template: the one with the most letters among those that match. The values of its fields
    can be data, and stay as they are, unless they are messages of several words, as in `{name} (alpha {alphas})`. Pass
    only what seqkit or a plugin wrote: notes, titles, names of baselines.
    """
    if _lookup is None or isinstance(text, Message) or not text:
        return translate(text)
    return _translate_stored(text, _MAX_NESTED) or text


def _translate_stored(text: str, depth: int) -> str:
    """Return the translation of a stored message and of those nested in it, up to a depth; empty for other texts."""
    assert _lookup is not None
    if (known := _lookup(text)) != text:
        return known
    may_contain = depth > 0 and len(text) <= _MAX_COMPOSED
    for template, letters, pieces in _parsed_templates():
        if letters < _MIN_LETTERS and not may_contain:
            break
        if (values := _match(pieces, text)) is None:
            continue
        messages = {
            name: part
            for name, value in values.items()
            if may_contain and " " in value and (part := _translate_stored(value, depth - 1))
        }
        if letters >= _MIN_LETTERS or messages:
            parts, values = string.Formatter().parse(_lookup(template)), values | messages
            return _spaced(part for literal, name, *_ in parts for part in (literal, values.get(name or "", "")))
    location, colon, rest = text.partition(": ")
    translated = _translate_stored(rest, depth - 1) if may_contain and " " in rest else ""
    return location + colon + translated if translated else ""


Pieces: TypeAlias = Sequence[tuple[str, str | None, str | None]]
"""The parts of a template, as `string.Formatter.parse` returns them: a literal text, a field, and its format."""

_MIN_LETTERS = 8
"""The minimum number of letters outside the fields of a template that is compared with texts: `{name}: {value}` would
match nearly any text."""

_MIN_COMPOSED_LETTERS = 4
"""The same for a template one of whose values is a message in turn."""

_MAX_NESTED = 2
_MAX_COMPOSED = 1000
"""The depth to which values are compared with templates, and the number of characters of a text up to which they are: a
file of a run may be hostile, and its texts are compared in time in proportion to their length."""


@cache
def _parsed_templates() -> list[tuple[str, int, Pieces]]:
    """Return the templates with fields that are compared with texts, and their letters, those with the most first."""
    parsed = [
        (template, [(literal, name, spec) for literal, name, spec, _ in string.Formatter().parse(template)])
        for template in _templates
        if "{" in template
    ]
    letters = {template: sum(map(str.isalpha, "".join(piece[0] for piece in pieces))) for template, pieces in parsed}
    counted_templates = [(template, letters[template], pieces) for template, pieces in parsed]
    chosen = [each for each in counted_templates if each[1] >= _MIN_COMPOSED_LETTERS]
    return sorted(chosen, key=lambda each: -each[1])


def _match(pieces: Pieces, text: str) -> dict[str, str] | None:
    """Return the values of the fields in a text of a template; None if it is not one.

    A value ends where the next literal text first occurs: this takes time in proportion to the length of the text.
    """
    values: dict[str, str] = {}
    field: tuple[str, str | None] | None = None
    place = 0
    end = [] if pieces[-1][1] is None else [("", None, None)]
    for literal, name, spec in [*pieces, *end]:
        found = text.find(literal, place) if name is not None else len(text) - len(literal)
        if found < place or not text.startswith(literal, found) or (field is None and found != place):
            return None
        if field is not None:
            value = text[place:found]
            is_right = _NUMBER.fullmatch(value) if field[1] else value
            if not is_right or values.setdefault(field[0], value) != value:
                return None
        place = found + len(literal)
        field = None if name is None else (name, spec)
    return values


_NUMBER = re.compile(r"[-+.,%e\d]+")


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
