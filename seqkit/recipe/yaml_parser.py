"""YAML into plain data, with the line and column of every key and value.

A recipe can be untrusted, so only a plain part of YAML is read: no anchors, aliases, merge keys, tags or second
documents, and a duplicate key is an error. Scalars follow the core schema of YAML 1.2: `1e-3` is a number, `no` a
string. Values are built from the parser's events, so no constructor of the YAML library ever runs.
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterator
from typing import Any, NamedTuple, TypeAlias

import yaml

from seqkit.errors import Fault, RecipeError
from seqkit.look_alikes import explain_missing_space
from seqkit.messages import message
from seqkit.recipe.yaml_characters import (
    BYTE_ORDER_MARK,
    LINE_END,
    SURROGATE,
    Position,
    describe_character,
    explain_byte_order_mark,
    position_at,
    stand_ins,
)
from seqkit.recipe.yaml_syntax import explain_syntax, position_of

KeyPath: TypeAlias = tuple[str, ...]
"""The keys that lead to a value; an item of a list by its number, as text."""

MAX_DEPTH = 40

_NULL = re.compile(r"null|Null|NULL|~|")
_TRUE = re.compile(r"true|True|TRUE")
_FALSE = re.compile(r"false|False|FALSE")
_INT = re.compile(r"[-+]?[0-9]+")
_LARGEST = 2**63 - 1
"""The largest integer of torch and NumPy; longer ones are rejected before they are converted, which could take long."""

_OCTAL = re.compile(r"0o([0-7]+)")
_HEXADECIMAL = re.compile(r"0x([0-9a-fA-F]+)")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_INFINITY = re.compile(r"([-+]?)\.(inf|Inf|INF)")
_NAN = re.compile(r"\.(nan|NaN|NAN)")
_MARKS = frozenset(string.punctuation + "\t") - frozenset("~[]{}'\"")
"""Single characters that are text on the command line: YAML rejects most of them, and reads `#` as null."""

_START = yaml.Mark("", 0, 0, 0, None, 0)


class Document(NamedTuple):
    """Data and its positions in the file.

    Attributes:
        data: dict, list, str, int, float, bool or None.
        keys: the position of each key.
        values: the position of each value.
    """

    data: Any
    keys: dict[KeyPath, Position]
    values: dict[KeyPath, Position]


def parse(text: str, file: str) -> Document:
    """Parse one YAML document.

    Args:
        text: the document.
        file: its name, for positions.

    Raises:
        RecipeError: the faults with their positions; nothing is read after a syntax error.
    """
    return _Builder(file).build(text)


def parse_value(text: str, name: str) -> Any:
    """Return a value of the command line, in YAML; a single punctuation mark, such as the delimiter `,`, is text.

    So is a format of dates, `%d/%m/%Y`: no value in YAML begins with `%`.

    Raises:
        RecipeError: the faults with their positions in the value, which `name` names.
    """
    return text if text in _MARKS or text.startswith("%") else parse(text, name).data


def scalar(text: str) -> Any:
    """Return the value of a plain (unquoted) scalar in the core schema of YAML 1.2.

    Raises:
        ValueError: an integer that does not fit in 64 bits.
    """
    if _NULL.fullmatch(text):
        return None
    if _TRUE.fullmatch(text):
        return True
    if _FALSE.fullmatch(text):
        return False
    if _INT.fullmatch(text):
        return _integer(text, text.lstrip("+-0"), 10)
    if match := _OCTAL.fullmatch(text):
        return _integer(match[1], match[1].lstrip("0"), 8)
    if match := _HEXADECIMAL.fullmatch(text):
        return _integer(match[1], match[1].lstrip("0"), 16)
    if _FLOAT.fullmatch(text):
        return float(text)
    if match := _INFINITY.fullmatch(text):
        return float(match[1] + "inf")
    return float("nan") if _NAN.fullmatch(text) else text


def dump(data: Any) -> str:
    """Return plain data as YAML that `parse` reads back as the same data.

    PyYAML by itself does not quote texts such as `1e3` and `0o7`, which YAML 1.2 reads as numbers.
    """
    return yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)


def dump_inline(data: Any) -> str:
    """Return plain data as YAML on one line: `{type: lstm, hidden_size: 64}`."""
    text = yaml.dump(
        data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=float("inf"), default_flow_style=True
    )
    return text.removesuffix("\n").removesuffix("\n...")


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True

    def text(self, text: str) -> yaml.ScalarNode:
        # Only double quotes preserve every character: other styles fold some that YAML 1.1 takes for line breaks.
        plain = re.fullmatch(r"[ -~]*", text) or (text.isprintable() and "\ufeff" not in text)
        quote = not plain or _is_not_text(text)
        return self.represent_scalar("tag:yaml.org,2002:str", text, style='"' if quote else None)


_Dumper.add_representer(str, _Dumper.text)


def _is_not_text(text: str) -> bool:
    try:
        return not isinstance(scalar(text), str)
    except ValueError:
        return True


def _integer(text: str, digits: str, base: int) -> int:
    number = int(text, base) if len(digits) < 23 else _LARGEST + 1
    if not -_LARGEST - 1 <= number <= _LARGEST:
        raise ValueError(message("the integer does not fit in 64 bits"))
    return number


class _Builder:
    """Builds the data of one document from the parser's events.

    Attributes:
        faults: what is wrong so far.
        open: for each bracket or brace that is open, the event of its opening.
        last: the event before the current one.
        text: the document.
    """

    def __init__(self, file: str) -> None:
        self.file = file
        self.keys: dict[KeyPath, Position] = {}
        self.values: dict[KeyPath, Position] = {}
        self.faults: list[Fault] = []
        self.open: list[Any] = []
        self.last: Any = yaml.StreamStartEvent(_START, _START)
        self.text = ""
        self.originals: dict[int, str] = {}

    def build(self, text: str) -> Document:
        data = None
        self.text = text
        replaced = stand_ins(text)
        self.originals = {ord(stand_in): character for character, stand_in in replaced.items()}
        try:
            readable = text.translate({ord(character): stand_in for character, stand_in in replaced.items()})
            events = self.remember_last(yaml.parse(readable, Loader=yaml.SafeLoader))
            for event in events:
                if isinstance(event, yaml.DocumentStartEvent):
                    if self.values:
                        self.fault(event, (), message("a second document: write one recipe per file"))
                        break
                    data = self.node(next(events), events, ())
        except yaml.MarkedYAMLError as error:
            lines = LINE_END.split(text)
            position, reason = explain_syntax(error, lines, self.open[-1] if self.open else None, self.last)
            original = reason.translate(self.originals)
            reason = reason if original == reason else original  # a message stays one where nothing is replaced
            self.fault_at(position._replace(file=self.file), message("invalid YAML: {reason}", reason=reason))
        except yaml.reader.ReaderError as error:
            reason = message("invalid YAML: {reason}", reason=describe_character(text[error.position]))
            self.fault_at(position_at(text, error.position, self.file), reason)
        except (ValueError, OverflowError) as error:
            # PyYAML lets these through for a character beyond Unicode (`"\\UFFFFFFFF"`) and an absurd `%YAML` version.
            position = position_of(self.last.end_mark)._replace(file=self.file)
            self.fault_at(position, message("invalid YAML: cannot read what follows: {error}", error=error))
        if self.faults:
            raise RecipeError(self.faults)
        return Document(data, self.keys, self.values)

    def remember_last(self, events: Iterator[yaml.Event]) -> Iterator[yaml.Event]:
        for event in events:
            self.last = event
            yield event

    def fault(self, event: yaml.Event, path: KeyPath, text: str) -> None:
        self.faults.append(Fault(str(self.position(event)), ".".join(path), text))

    def fault_at(self, position: Position, text: str) -> None:
        self.faults.append(Fault(str(position), "", text))

    def position(self, event: Any) -> Position:
        return position_of(event.start_mark)._replace(file=self.file)

    def node(self, event: Any, events: Iterator[yaml.Event], path: KeyPath) -> Any:
        self.values[path] = self.position(event)
        if isinstance(event, yaml.AliasEvent):
            text = message("aliases (*{name}) are not allowed: write the value out", name=event.anchor)
            self.fault(event, path, text)
            return None
        if event.anchor:
            text = message("anchors (&{name}) are not allowed: write the value out", name=event.anchor)
            self.fault(event, path, text)
        if event.tag:
            tag = event.tag.replace("tag:yaml.org,2002:", "!!")
            self.fault(event, path, message("tags ({tag}) are not allowed: write a plain value", tag=tag))
        if len(path) > MAX_DEPTH:
            self.fault(event, path[:1], message("nested more than {depth} levels deep", depth=MAX_DEPTH))
            raise RecipeError(self.faults)
        if isinstance(event, yaml.ScalarEvent):
            return self.scalar(event, path)
        if event.flow_style:
            self.open.append(event)
        items = (self.sequence if isinstance(event, yaml.SequenceStartEvent) else self.mapping)(events, path)
        if event.flow_style:
            self.open.pop()
        return items

    def scalar(self, event: Any, path: KeyPath) -> Any:
        text = self.read(event, path)
        try:
            return scalar(text) if event.style is None else text
        except ValueError as error:
            self.fault(event, path, str(error))
            return None

    def read(self, event: Any, path: KeyPath) -> str:
        """Return the text of a scalar, and report what it cannot contain."""
        text: str = event.value.translate(self.originals)
        if event.style not in ("'", '"') and BYTE_ORDER_MARK in text:
            place = self.text.index(BYTE_ORDER_MARK, event.start_mark.index)
            self.fault_at(position_at(self.text, place, self.file), explain_byte_order_mark())
        if surrogate := SURROGATE.search(text):
            self.fault(event, path, describe_character(surrogate[0]))
        return text

    def sequence(self, events: Iterator[yaml.Event], path: KeyPath) -> list[Any]:
        items: list[Any] = []
        while not isinstance(event := next(events), yaml.SequenceEndEvent):
            items.append(self.node(event, events, (*path, str(len(items)))))
        return items

    def mapping(self, events: Iterator[yaml.Event], path: KeyPath) -> dict[str, Any]:
        items: dict[str, Any] = {}
        while not isinstance(event := next(events), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent):
                self.fault(event, path, message("a key must be a string, not a list or mapping"))
                self.node(event, events, (*path, "?"))
                self.node(next(events), events, (*path, "?"))
                continue
            key = self.read(event, path)
            here = (*path, key)
            if event.anchor or event.tag:
                self.fault(event, here, message("anchors and tags are not allowed: write the key alone"))
            if key == "<<" and event.style is None:
                text = message("merge keys are not allowed: use `extends:` to start from another recipe")
                self.fault(event, here, text)
            elif key in items:
                line = self.keys[here].line
                self.fault(event, here, message("duplicate key: already set on line {line}", line=line))
            first_position, self.keys[here] = self.keys.get(here), self.position(event)
            following = next(events)
            value = self.node(following, events, here)
            is_missing = isinstance(following, yaml.ScalarEvent) and following.value == "" and following.style is None
            if is_missing and event.style is None and (":" in key or "：" in key):
                self.fault(event, here, message("missing `: `") + explain_missing_space(key))
            if first_position is None:
                items[key] = value
        return items
