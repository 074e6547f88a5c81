"""A recipe before it is checked: plain data with the position of every key and value, and how it is changed.

Nothing here depends on what a key means: see `resolve`.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqkit.errors import Fault, RecipeError, UsageError
from seqkit.look_alikes import explain_look_alike, explain_missing_equals
from seqkit.messages import format_object, message
from seqkit.recipe.run_name import run_name_of
from seqkit.recipe.yaml_characters import Position
from seqkit.recipe.yaml_parser import MAX_DEPTH, KeyPath, parse_value

if TYPE_CHECKING:
    from seqkit.contracts import Reader
    from seqkit.recipe.plan import Spec

COMMAND_LINE = message("command line")
DICTIONARY = "recipe"
ARGUMENT = "argument"
"""The source of an override in Python."""

SHORT_FORMS = frozenset({"data", "tokenizer", "embedding", "encoder", "head", "optimizer", "schedule"})
"""Keys whose value can be a name alone: `encoder: lstm` means `encoder: {type: lstm}`. So can the items of a list."""

ALTERNATIVES: dict[KeyPath, KeyPath] = {
    ("train", "epochs"): ("train", "steps"),
    ("train", "steps"): ("train", "epochs"),
}
"""For a key, the key that cannot be set besides it. An override, or a recipe that extends another, replaces the other
key; to set both in one place is an error."""


@dataclass
class Recipe:
    """A recipe before it is checked.

    Attributes:
        data: the sections by name, as plain data.
        given: the content of the file, or the dictionary as JSON, which is YAML: it is saved in the run directory.
        keys: the position of each key.
        values: the position of each value.
        origin: the position of the recipe as a whole.
        overrides: the overrides, `key=value`.
        left_over: the keys of components whose `type` an override, or an extending recipe, has replaced since.
        command: the command line that reads it; empty in Python.
        run: the run directory that it is the recipe of, if it was read from one.
        restored_from: the run directory whose state replaces files that are read in training alone: `run`, or another
            that the recipe resumes.
        memory: for data in memory, a function that returns the reader of it, given the reader that the recipe names.
    """

    data: dict[str, Any]
    given: bytes = b""
    keys: dict[KeyPath, Position] = field(default_factory=dict)
    values: dict[KeyPath, Position] = field(default_factory=dict)
    origin: Position = Position(DICTIONARY, 0, 0)
    overrides: list[str] = field(default_factory=list)
    left_over: set[KeyPath] = field(default_factory=set)
    command: str = ""
    run: Path | None = None
    restored_from: Path | None = None
    memory: Callable[[Spec], Reader] | None = None

    def __post_init__(self) -> None:
        """A recipe that is read from a run needs none of its training files."""
        self.restored_from = self.restored_from or self.run

    @property
    def default_name(self) -> str:
        """The name of the run if the recipe sets none: that of its file, reduced to what a folder can be called."""
        if not self.origin.line:
            return "run"
        return run_name_of(Path(self.origin.file).stem) or "run"

    def fault(self, path: KeyPath, text: str, *, at_key: bool = False, rejected: Any = None) -> Fault:
        """Return a fault at a value, or at its key.

        Args:
            path: of the value.
            text: what is wrong.
            at_key: whether the key is wrong, not its value.
            rejected: the value or the key, if it is wrong by itself; characters in it that look like others are named.
        """
        position = self.position(path, at_key=at_key)
        if isinstance(rejected, str) and path != ("name",):  # no punctuation mends a Chinese name
            text += explain_look_alike(rejected)
        return Fault(str(position), ".".join(key or "''" for key in path), text)

    def position(self, path: KeyPath, *, at_key: bool = False) -> Position:
        """Return the position of a value, or of its key; if it is not in the recipe, of the innermost section above."""
        if position := (self.keys if at_key else self.values).get(path):
            return position
        for length in range(len(path) - 1, 0, -1):
            if position := self.keys.get(path[:length]) or self.values.get(path[:length]):
                return position
        return self.origin

    def value(self, path: KeyPath) -> Any:
        """Return a value; None if the recipe does not set it."""
        value: Any = self.data
        for key in path:
            value = _child(value, key)
        return value

    def contains(self, path: KeyPath) -> bool:
        """Return whether the recipe sets a key."""
        parent = self.value(path[:-1])
        if isinstance(parent, dict):
            return path[-1] in parent
        return isinstance(parent, list) and path[-1].isdecimal() and int(path[-1]) < len(parent)

    def folder(self, path: KeyPath) -> Path:
        """Return the folder that a file name at this key is relative to."""
        position = self.values.get(path, self.origin)
        return Path(position.file).parent if position.line else Path.cwd()

    def override(self, text: str) -> None:
        """Apply an override of the command line, `key=value`. Raises as `parse_override` and `set` do."""
        path, value = parse_override(text)
        self.set(path, value, COMMAND_LINE)
        one_line = text if text.isprintable() else f"{'.'.join(path)}={json.dumps(value, ensure_ascii=False)}"
        self.overrides.append(one_line)

    def set_argument(self, key: str, value: Any) -> None:
        """Apply an override in Python.

        Args:
            key: a section, or a key of one: `encoder__hidden_size`.
            value: the value.

        Raises:
            RecipeError: the value is not plain data.
        """
        path = tuple(key.replace("__", ".").split("."))
        try:
            value = plain(value)
        except RecipeError as error:
            raise RecipeError([Fault(ARGUMENT, ".".join(path), fault.message) for fault in error.faults]) from None
        self.set(path, value, ARGUMENT)
        self.overrides.append(f"{'.'.join(path)}={json.dumps(value, ensure_ascii=False)}")

    def set(self, path: KeyPath, value: Any, source: str) -> None:
        """Replace one value, or merge into it, as an override does.

        Args:
            path: of the value.
            value: plain data.
            source: where it comes from, for messages.

        Raises:
            RecipeError: the path leads to an item that a list does not have.
        """
        parent: Any = self.data
        for depth, key in enumerate(path[:-1]):
            here, below = path[: depth + 1], _child(parent, key)
            if not isinstance(below, dict | list):
                _assign(parent, key, {}, here, source)
                if not self._expand(parent, key, here, below):
                    self._forget(here)
                    self.keys[here] = self.values[here] = Position(source, 0, 0)
            parent = _child(parent, key)
        old = _child(parent, path[-1])
        if isinstance(value, Mapping) and "type" not in value and self._expand(parent, path[-1], path, old):
            old = _child(parent, path[-1])
        if isinstance(old, dict) and isinstance(value, Mapping):
            for key, item in value.items():
                self.set((*path, str(key)), item, source)
            return
        other = ALTERNATIVES.get(path)
        if other and value is not None and self.values.get(other, self.origin) != Position(source, 0, 0):
            self._remove(other)
        if path[-1] == "type" and old != value:
            self._replace_type(parent, path[:-1], source)
        _assign(parent, path[-1], value, path, source)
        self._forget(path)
        for below in all_paths(value, path):
            self.keys[below] = self.values[below] = Position(source, 0, 0)

    def _expand(self, parent: Any, key: str, path: KeyPath, value: Any) -> bool:
        """Replace the short form of a component by its long form, which can have parameters."""
        if not isinstance(value, str) or not (key in SHORT_FORMS or isinstance(parent, list)):
            return False
        parent[int(key) if isinstance(parent, list) else key] = {"type": value}
        if path in self.values:
            self.values[*path, "type"] = self.values[path]
        return True

    def _replace_type(self, section: Mapping[str, Any], path: KeyPath, source: str) -> None:
        """Record which keys of a component were set for the type that a source (a file, the command line) replaces."""
        here = {key: (*path, key) for key in section if key != "type"}
        self.left_over |= {below for below in here.values() if self.position(below, at_key=True).file != source}

    def _remove(self, path: KeyPath) -> None:
        """Remove a key of a section, if it is there."""
        parent = self.data.get(path[0])
        if isinstance(parent, dict):
            parent.pop(path[1], None)
        self._forget(path)

    def _forget(self, path: KeyPath) -> None:
        """Remove what is known of a value and of everything in it."""
        for positions in (self.keys, self.values):
            for known in [known for known in positions if known[: len(path)] == path]:
                del positions[known]
        self.left_over -= {known for known in self.left_over if known[: len(path)] == path}


def parse_override(text: str) -> tuple[KeyPath, Any]:
    """Return the key and the value of an override.

    Args:
        text: `key=value`, the value in YAML.

    Raises:
        RecipeError: the value is not valid YAML.
        UsageError: the override is not `key=value`.
    """
    key, equals, value = text.partition("=")
    path = tuple(key.strip().split("."))
    if not equals or not all(path):
        example = "encoder.hidden_size=64"
        reason = message("'{override}' is not key=value, as in {example}", override=text, example=example)
        raise UsageError(reason + explain_missing_equals(text))
    return path, parse_value(value, f"{COMMAND_LINE}: {key}")


def plain(value: Any) -> Any:
    """Return a Python value as plain data: paths as strings, NumPy scalars as numbers, tuples as lists.

    Raises:
        RecipeError: it contains anything else.
    """
    try:
        text = json.dumps(value, ensure_ascii=False, default=_as_plain)
        text.encode()  # a surrogate cannot be encoded
        return json.loads(text)
    except (TypeError, ValueError) as error:
        reason = message("a recipe contains plain values only: {error}", error=error)
        raise RecipeError([Fault(DICTIONARY, "", reason)]) from None
    except RecursionError:
        raise RecipeError([Fault(DICTIONARY, "", too_deep())]) from None


def merge(base: Recipe, top: Recipe) -> Recipe:
    """Return a recipe merged into the one that it extends: sections key by key, everything else replaced as a whole."""
    merged = Recipe(copy.deepcopy(base.data), top.given, dict(base.keys), dict(base.values), top.origin)
    merged.left_over |= base.left_over

    def merge_section(below: dict[str, Any], above: dict[str, Any], path: KeyPath) -> None:
        for key, value in above.items():
            here = (*path, key)
            if isinstance(value, dict) and "type" not in value:
                merged._expand(below, key, here, below.get(key))
            if isinstance(below.get(key), dict) and isinstance(value, dict):
                merge_section(below[key], value, here)
                # The position of a section is where it was changed last.
                merged.keys[here], merged.values[here] = top.keys[here], top.values[here]
                continue
            other = ALTERNATIVES.get(here)
            if other and value is not None and not top.contains(other):
                merged._remove(other)
            if key == "type" and below.get(key, value) != value:
                merged._replace_type(below, path, top.origin.file)
            merged._forget(here)
            below[key] = value
            for positions, others in ((merged.keys, top.keys), (merged.values, top.values)):
                positions |= {known: position for known, position in others.items() if known[: len(here)] == here}

    merge_section(merged.data, top.data, ())
    return merged


def too_deep() -> str:
    """Return that a recipe is nested too deeply."""
    return message("nested more than {depth} levels deep", depth=MAX_DEPTH)


def _child(parent: Any, key: str) -> Any:
    if isinstance(parent, list):
        return parent[int(key)] if key.isdecimal() and int(key) < len(parent) else None
    return parent.get(key) if isinstance(parent, dict) else None


def _assign(parent: Any, key: str, value: Any, path: KeyPath, source: str) -> None:
    if isinstance(parent, dict):
        parent[key] = value
        return
    if not (key.isdecimal() and int(key) < len(parent)):
        text = message("the list is empty: set the whole list, `[…]`")
        if parent:
            text = message("the list has items 0 to {last}", last=len(parent) - 1)
        raise RecipeError([Fault(source, ".".join(path), text)])
    parent[int(key)] = value


def all_paths(value: Any, path: KeyPath) -> Iterator[KeyPath]:
    """Yield the path of a value and of everything in it."""
    yield path
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in children:
        yield from all_paths(item, (*path, str(key)))


def _as_plain(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "item"):  # a NumPy scalar
        return value.item()
    raise TypeError(message("{value} is not a string, number, list or mapping", value=format_object(value)))
