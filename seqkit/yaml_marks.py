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
_LARGEST = 2**63 - 1
"""What fits in 64 bits, as torch and NumPy need; it also keeps a number of a million digits from being worked out."""

_OCTAL = re.compile(r"0o([0-7]+)")
_HEXADECIMAL = re.compile(r"0x([0-9a-fA-F]+)")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_INFINITY = re.compile(r"([-+]?)\.(inf|Inf|INF)")
_NAN = re.compile(r"\.(nan|NaN|NAN)")
_SURROGATE = re.compile("[\\ud800-\\udfff]")
_START = yaml.Mark("", 0, 0, 0, None, 0)


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
    """Returns the value of a plain (unquoted) scalar by YAML 1.2's core schema.

    Raises:
        ValueError: a whole number that does not fit in 64 bits.
    """
    if _NULL.fullmatch(text):
        return None
    if _TRUE.fullmatch(text):
        return True
    if _FALSE.fullmatch(text):
        return False
    if _INT.fullmatch(text):
        return _whole(text, text.lstrip("+-0"), 10)
    if match := _OCTAL.fullmatch(text):
        return _whole(match[1], match[1].lstrip("0"), 8)
    if match := _HEXADECIMAL.fullmatch(text):
        return _whole(match[1], match[1].lstrip("0"), 16)
    if _FLOAT.fullmatch(text):
        return float(text)
    if match := _INFINITY.fullmatch(text):
        return float(match[1] + "inf")
    return float("nan") if _NAN.fullmatch(text) else text


def dump(data: Any) -> str:
    """Returns plain data as YAML that `parse` reads back as the same data.

    PyYAML by itself leaves text such as `1e3` and `0o7` unquoted, which YAML 1.2 reads as numbers.
    """
    return yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True

    def text(self, text: str) -> yaml.ScalarNode:
        # Only double quotes keep every character: the other styles fold some that YAML 1.1 takes for line breaks.
        plain = re.fullmatch(r"[ -~]*", text) or (text.isprintable() and "\ufeff" not in text)
        quote = not plain or _is_not_text(text)
        return self.represent_scalar("tag:yaml.org,2002:str", text, style='"' if quote else None)


_Dumper.add_representer(str, _Dumper.text)


def _is_not_text(text: str) -> bool:
    try:
        return not isinstance(scalar(text), str)
    except ValueError:
        return True


def _whole(text: str, digits: str, base: int) -> int:
    number = int(text, base) if len(digits) < 23 else _LARGEST + 1
    if not -_LARGEST - 1 <= number <= _LARGEST:
        raise ValueError("a whole number beyond 64 bits, larger than any setting")
    return number


class _Builder:
    def __init__(self, file: str) -> None:
        self.file = file
        self.keys: dict[Path, Mark] = {}
        self.values: dict[Path, Mark] = {}
        self.faults: list[Fault] = []
        self.open: list[Any] = []
        """The brackets and braces that are open, each by the event of its opening."""
        self.last: Any = yaml.StreamStartEvent(_START, _START)

    def build(self, text: str) -> Marked:
        data = None
        try:
            events = self.remembered(yaml.parse(text, Loader=yaml.SafeLoader))
            for event in events:
                if isinstance(event, yaml.DocumentStartEvent):
                    if self.values:
                        self.fault(event, (), "a second document: a recipe is one")
                        break
                    data = self.node(next(events), events, ())
        except yaml.MarkedYAMLError as error:
            mark, message = _syntax(error, text.split("\n"), self.open[-1] if self.open else None, self.last)
            self.faults.append(Fault(str(mark._replace(file=self.file)), "", f"not YAML: {message}"))
        except yaml.reader.ReaderError as error:
            line = text.count("\n", 0, error.position) + 1
            column = error.position - (text.rfind("\n", 0, error.position) + 1) + 1
            character = f"U+{ord(text[error.position]):04X}"
            self.faults.append(
                Fault(str(Mark(self.file, line, column)), "", f"not YAML: {character} may not stand here")
            )
        except (ValueError, OverflowError) as error:
            # PyYAML lets these through for a character beyond Unicode (`"\\UFFFFFFFF"`) and an absurd `%YAML` version.
            place = _place(self.last.end_mark)._replace(file=self.file)
            self.faults.append(Fault(str(place), "", f"not YAML: what follows cannot be read: {error}"))
        if self.faults:
            raise RecipeError(self.faults)
        return Marked(data, self.keys, self.values)

    def remembered(self, events: Iterator[yaml.Event]) -> Iterator[yaml.Event]:
        for event in events:
            self.last = event
            yield event

    def fault(self, event: yaml.Event, path: Path, message: str) -> None:
        self.faults.append(Fault(str(self.mark(event)), ".".join(path), message))

    def mark(self, event: Any) -> Mark:
        return _place(event.start_mark)._replace(file=self.file)

    def node(self, event: Any, events: Iterator[yaml.Event], path: Path) -> Any:
        self.values[path] = self.mark(event)
        if isinstance(event, yaml.AliasEvent):
            self.fault(event, path, f"the alias *{event.anchor}: a recipe has no anchors; write the value out")
            return None
        if event.anchor:
            self.fault(event, path, f"the anchor &{event.anchor}: a recipe has no anchors; write the value out")
        if event.tag:
            tag = event.tag.replace("tag:yaml.org,2002:", "!!")
            self.fault(event, path, f"the tag {tag}: a recipe has no tags; write a plain value")
        if len(path) > MAX_DEPTH:
            self.fault(event, path[:1], f"nested more than {MAX_DEPTH} deep")
            raise RecipeError(self.faults)
        if isinstance(event, yaml.ScalarEvent):
            return self.scalar(event, path)
        if event.flow_style:
            self.open.append(event)
        items = (self.sequence if isinstance(event, yaml.SequenceStartEvent) else self.mapping)(events, path)
        if event.flow_style:
            self.open.pop()
        return items

    def scalar(self, event: Any, path: Path) -> Any:
        try:
            value = scalar(event.value) if event.style is None else event.value
        except ValueError as error:
            self.fault(event, path, str(error))
            return None
        if isinstance(value, str) and (lone := _SURROGATE.search(value)):
            self.fault(event, path, f"U+{ord(lone[0]):04X} is half of a character, not text")
        return value

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
            if lone := _SURROGATE.search(key):
                self.fault(event, path, f"U+{ord(lone[0]):04X} is half of a character, not text")
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


def _place(mark: Any) -> Mark:
    return Mark("", mark.line + 1, mark.column + 1)


def _syntax(error: yaml.MarkedYAMLError, lines: list[str], opened: Any, last: Any) -> tuple[Mark, str]:
    """Returns the place to edit and what to do there, for what PyYAML says in its own terms.

    Args:
        lines: of the file.
        opened: the event of the innermost bracket or brace that is open, if any.
        last: the event before the error.
    """
    problem, context = error.problem or "", error.context or ""
    begun, found = error.context_mark, error.problem_mark or error.context_mark
    if found is None:
        return Mark("", 1, 1), problem or context
    line = lines[found.line] if found.line < len(lines) else ""
    if "quoted" in context and "unexpected" in problem:
        return _place(begun), "the quote that opens here is never closed"
    if "quoted" in context:
        return _place(found), f"{problem}: double the backslash, or use single quotes"
    if getattr(last, "style", None) in ("'", '"') and last.start_mark.line < last.end_mark.line == found.line:
        return _place(last.start_mark), f"the quote that opens here is closed only on line {found.line + 1}"
    if opened and (found.line > opened.start_mark.line or "<stream end>" in problem):
        bracket = "[" if isinstance(opened, yaml.SequenceStartEvent) else "{"
        return _place(opened.start_mark), f"the {bracket} that opens here is not closed, or a comma is missing in it"
    if "simple key" in context:
        return _place(begun), "this line lacks its `: `"
    if problem.startswith("mapping values are not allowed"):
        above = next((number for number in range(found.line - 1, -1, -1) if lines[number].strip()), None)
        if above is not None and re.fullmatch(r"\s*[\w.]+(:\S.*|[^:]*)", lines[above]):
            indentation = len(lines[above]) - len(lines[above].lstrip())
            return Mark("", above + 1, indentation + 1), "this line lacks its `: ` (a colon and a space)"
        return _place(found), "a `:` may not stand here: check the indentation, and quote a text that holds `: `"
    if problem.startswith("expected <block end>"):
        if line[: found.column].strip():
            return _place(found), "something follows a value that has ended: put the whole value in quotes"
        return _place(found), "this line does not fit the lines above it: check its indentation"
    if "\\t" in problem:
        return _place(found), "a tab may not stand here: indent with spaces"
    if unexpected := re.fullmatch("expected the node content, but found ('.*')", problem):
        return _place(found), f"{unexpected[1]} stands where a value should begin"
    if "cannot start any token" in problem:
        return _place(found), f"a value may not begin with {line[found.column : found.column + 1]}: put it in quotes"
    return _place(found), f"{problem} ({context})" if context and "flow" not in context else problem
