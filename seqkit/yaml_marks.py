"""YAML into plain data, with the line and column of every key and value.

A recipe is data from strangers, so only a plain part of YAML is read: no anchors, aliases, merge keys, tags or second
documents, and a duplicate key is an error. Scalars follow the core schema of YAML 1.2: `1e-3` is a number, `no` a
string. Values are built from the parser's events, so no constructor of the YAML library ever runs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import yaml

from seqkit.errors import Fault, RecipeError

Path = tuple[str, ...]
"""Where a value stands: the keys that lead to it; an item of a list by its number, as text."""

MAX_DEPTH = 40

_NULL = re.compile(r"null|Null|NULL|~|")
_TRUE = re.compile(r"true|True|TRUE")
_FALSE = re.compile(r"false|False|FALSE")
_INT = re.compile(r"[-+]?[0-9]+")
_OCTAL = re.compile(r"0o([0-7]+)")
_HEXADECIMAL = re.compile(r"0x([0-9a-fA-F]+)")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_INFINITY = re.compile(r"([-+]?)\.(inf|Inf|INF)")
_NAN = re.compile(r"\.(nan|NaN|NAN)")


class Mark(NamedTuple):
    """A place in a file; line and column count from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


class Marked(NamedTuple):
    """Data and its places.

    Attributes:
        data: of dict, list, str, int, float, bool and None.
        keys: the place of each key.
        values: the place of each value.
    """

    data: Any
    keys: dict[Path, Mark]
    values: dict[Path, Mark]


def parse(text: str, file: str) -> Marked:
    """Reads one YAML document.

    Raises:
        RecipeError: naming the place of each fault; a fault of syntax ends the reading.
    """
    return _Builder(file).build(text)


def scalar(text: str) -> Any:
    """Returns the value of a plain (unquoted) scalar by YAML 1.2's core schema."""
    if _NULL.fullmatch(text):
        return None
    if _TRUE.fullmatch(text):
        return True
    if _FALSE.fullmatch(text):
        return False
    if _INT.fullmatch(text):
        # Python refuses to read more than 4,300 digits; no setting has as many as 30.
        return int(text) if len(text) < 30 else text
    if match := _OCTAL.fullmatch(text):
        return int(match[1], 8)
    if match := _HEXADECIMAL.fullmatch(text):
        return int(match[1], 16)
    if _FLOAT.fullmatch(text):
        return float(text)
    if match := _INFINITY.fullmatch(text):
        return float(match[1] + "inf")
    return float("nan") if _NAN.fullmatch(text) else text


class _Builder:
    def __init__(self, file: str) -> None:
        self.file = file
        self.keys: dict[Path, Mark] = {}
        self.values: dict[Path, Mark] = {}
        self.faults: list[Fault] = []

    def build(self, text: str) -> Marked:
        data = None
        try:
            events = iter(yaml.parse(text, Loader=yaml.SafeLoader))
            for event in events:
                if isinstance(event, yaml.DocumentStartEvent):
                    if self.values:
                        self.fault(event, (), "a second document: a recipe is one")
                        break
                    data = self.node(next(events), events, ())
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            if error.context_mark and re.search("flow|quoted", error.context or ""):
                mark = error.context_mark  # what was opened and never closed, not the end of the file
            place = Mark(self.file, mark.line + 1, mark.column + 1) if mark else Mark(self.file, 0, 0)
            message = f"not YAML: {error.problem or error.context}"
            if error.context and error.problem:
                message += f" ({error.context})"
            if "\\t" in message:
                message += "; indent with spaces"
            self.faults.append(Fault(str(place), "", message))
        except yaml.reader.ReaderError as error:
            line = text.count("\n", 0, error.position) + 1
            column = error.position - (text.rfind("\n", 0, error.position) + 1) + 1
            character = f"U+{ord(text[error.position]):04X}"
            self.faults.append(
                Fault(str(Mark(self.file, line, column)), "", f"not YAML: {character} may not stand here")
            )
        if self.faults:
            raise RecipeError(self.faults)
        return Marked(data, self.keys, self.values)

    def fault(self, event: yaml.Event, path: Path, message: str) -> None:
        self.faults.append(Fault(str(self.mark(event)), ".".join(path), message))

    def mark(self, event: Any) -> Mark:
        return Mark(self.file, event.start_mark.line + 1, event.start_mark.column + 1)

    def node(self, event: Any, events: Iterator[yaml.Event], path: Path) -> Any:
        self.values[path] = self.mark(event)
        if isinstance(event, yaml.AliasEvent):
            self.fault(event, path, f"the alias *{event.anchor}: a recipe has no anchors; write the value out")
            return None
        if event.anchor:
            self.fault(event, path, f"the anchor &{event.anchor}: a recipe has no anchors; write the value out")
        if event.tag:
            self.fault(event, path, f"the tag {event.tag}: a recipe has no tags; write a plain value")
        if len(path) > MAX_DEPTH:
            self.fault(event, path, f"nested more than {MAX_DEPTH} deep")
            raise RecipeError(self.faults)
        if isinstance(event, yaml.ScalarEvent):
            return scalar(event.value) if event.style is None else event.value
        if isinstance(event, yaml.SequenceStartEvent):
            return self.sequence(events, path)
        return self.mapping(events, path)

    def sequence(self, events: Iterator[yaml.Event], path: Path) -> list[Any]:
        items: list[Any] = []
        while not isinstance(event := next(events), yaml.SequenceEndEvent):
            items.append(self.node(event, events, (*path, str(len(items)))))
        return items

    def mapping(self, events: Iterator[yaml.Event], path: Path) -> dict[str, Any]:
        items: dict[str, Any] = {}
        while not isinstance(event := next(events), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent):
                self.fault(event, path, "a key must be a word")
                self.node(event, events, (*path, "?"))
                self.node(next(events), events, (*path, "?"))
                continue
            key, here = event.value, (*path, event.value)
            if event.anchor or event.tag:
                self.fault(event, here, "a recipe has no anchors or tags; write the key alone")
            if key == "<<" and event.style is None:
                self.fault(event, here, "a recipe has no merge keys; use `extends:` to start from another recipe")
            elif key in items:
                self.fault(event, here, f"given twice; the first is on line {self.keys[here].line}")
            first_mark, self.keys[here] = self.keys.get(here), self.mark(event)
            value = self.node(next(events), events, here)
            if first_mark is None:
                items[key] = value
        return items
