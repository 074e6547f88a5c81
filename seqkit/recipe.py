"""A recipe: what a YAML file, the files it extends, and the command line say, with the place of every word.

Nothing here knows what a key means; `plan.py` does. A recipe may be read without importing torch.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from seqkit.errors import Fault, RecipeError, UsageError
from seqkit.yaml_marks import MAX_DEPTH, Mark, parse
from seqkit.yaml_marks import Path as KeyPath

MAX_BYTES = 1_000_000
COMMAND_LINE = "command line"
DICTIONARY = "recipe"
SHORT_FORMS = frozenset({"data", "tokenizer", "embedding", "encoder", "head", "optimizer", "schedule"})
"""Keys whose value may be a name alone: `encoder: lstm` stands for `encoder: {type: lstm}`. So may a list's items."""


@dataclass
class Recipe:
    """A recipe before anything in it has been looked up.

    Attributes:
        data: sections by name, as plain data.
        text: the file as given, or the dictionary as JSON (which is YAML): what a run directory keeps.
        keys: the place of each key.
        values: the place of each value.
    """

    data: dict[str, Any]
    text: str
    keys: dict[KeyPath, Mark] = field(default_factory=dict)
    values: dict[KeyPath, Mark] = field(default_factory=dict)
    origin: Mark = Mark(DICTIONARY, 0, 0)

    @property
    def default_name(self) -> str:
        """The name of a run whose recipe gives none: the file's, as far as it can name a folder."""
        if not self.origin.line:
            return "run"
        stem = Path(self.origin.file).stem
        plain_stem = "".join(letter if letter.isalnum() and letter.isascii() else "-" for letter in stem)
        return plain_stem.strip("-")[:64] or "run"

    def fault(self, path: KeyPath, message: str, *, at_key: bool = False) -> Fault:
        """Returns a fault at a value, or at its key; at the closest thing above it when it isn't written anywhere."""
        marks = self.keys if at_key else self.values
        place = marks.get(path)
        for length in range(len(path) - 1, 0, -1):
            place = place or self.keys.get(path[:length]) or self.values.get(path[:length])
        return Fault(str(place or self.origin), ".".join(key or "''" for key in path), message)

    def folder(self, path: KeyPath) -> Path:
        """Returns the folder that a path written at this key is relative to."""
        mark = self.values.get(path, self.origin)
        return Path(mark.file).parent if mark.line else Path.cwd()

    def set(self, path: KeyPath, value: Any, source: str) -> None:
        """Replaces or merges in one value, as a line of the command line or a keyword argument does."""
        place: Any = self.data
        for depth, key in enumerate(path[:-1]):
            here, below = path[: depth + 1], _child(place, key)
            if not isinstance(below, dict | list):
                _assign(place, key, {}, here, source)
                if not self._grow(place, key, here, below):
                    self._forget(here)
                    self.keys[here] = self.values[here] = Mark(source, 0, 0)
            place = _child(place, key)
        old = _child(place, path[-1])
        if isinstance(value, Mapping) and "type" not in value and self._grow(place, path[-1], path, old):
            old = _child(place, path[-1])
        if isinstance(old, dict) and isinstance(value, Mapping):
            for key, item in value.items():
                self.set((*path, str(key)), item, source)
            return
        _assign(place, path[-1], value, path, source)
        self._forget(path)
        for below in _paths(value, path):
            self.keys[below] = self.values[below] = Mark(source, 0, 0)

    def _grow(self, place: Any, key: str, path: KeyPath, value: Any) -> bool:
        """Writes a component in short form in its long form, so that it can be given parameters."""
        if not isinstance(value, str) or not (key in SHORT_FORMS or isinstance(place, list)):
            return False
        place[int(key) if isinstance(place, list) else key] = {"type": value}
        if path in self.values:
            self.values[*path, "type"] = self.values[path]
        return True

    def _forget(self, path: KeyPath) -> None:
        for marks in (self.keys, self.values):
            for stale in [known for known in marks if known[: len(path)] == path]:
                del marks[stale]


def read_recipe(source: str | Path | Mapping[str, Any], overrides: Iterable[str] = ()) -> Recipe:
    """Reads a recipe.

    Args:
        source: a file, or the recipe itself as a dictionary.
        overrides: `key=value` lines, the value in YAML: `encoder.hidden_size=64`.

    Raises:
        RecipeError: every fault of form, with its place.
        UsageError: the file is not there, or an override is not `key=value`.
    """
    recipe = _from_mapping(source) if isinstance(source, Mapping) else _from_file(Path(source), ())
    for line in overrides:
        key, equals, text = line.partition("=")
        path = tuple(key.strip().split("."))
        if not equals or not all(path):
            raise UsageError(f"'{line}' is not key=value: write encoder.hidden_size=64")
        recipe.set(path, parse(text, f"{COMMAND_LINE}: {key}").data, COMMAND_LINE)
    return recipe


def plain(value: Any) -> Any:
    """Returns what Python holds as what a recipe could: paths as text, NumPy scalars as numbers, tuples as lists.

    Raises:
        RecipeError: it holds something else.
    """
    try:
        text = json.dumps(value, ensure_ascii=False, default=_as_plain)
        text.encode()  # half a surrogate pair is no text
        return json.loads(text)
    except (TypeError, ValueError) as error:
        raise RecipeError([Fault(DICTIONARY, "", f"a recipe holds plain values only: {error}")]) from None
    except RecursionError:
        raise RecipeError([Fault(DICTIONARY, "", f"nested more than {MAX_DEPTH} deep")]) from None


def _from_mapping(source: Mapping[str, Any]) -> Recipe:
    data = plain(source)
    recipe = Recipe(data, json.dumps(data, ensure_ascii=False, indent=2) + "\n")
    deep = next((path for path in _paths(recipe.data, ()) if len(path) > MAX_DEPTH), None)
    if deep:
        raise RecipeError([Fault(DICTIONARY, ".".join(deep[:3]) + "…", f"nested more than {MAX_DEPTH} deep")])
    if "extends" in recipe.data:
        base = recipe.data.pop("extends")
        if not isinstance(base, str):
            raise RecipeError([Fault(DICTIONARY, "extends", "must be the path of a recipe")])
        extended = _from_file(Path(base), ())
        extended.text, extended.origin = recipe.text, recipe.origin
        for key, value in recipe.data.items():
            extended.set((key,), value, DICTIONARY)
        return extended
    return recipe


def _from_file(file: Path, above: tuple[Path, ...]) -> Recipe:
    text = _read(file)
    marked = parse(text, str(file))
    origin = Mark(str(file), 1, 1)
    if marked.data is None:
        raise RecipeError([Fault(str(origin), "", "the recipe is empty")])
    if not isinstance(marked.data, dict):
        raise RecipeError([Fault(str(marked.values[()]), "", "a recipe is a mapping of sections: `name: …`")])
    recipe = Recipe(marked.data, text, marked.keys, marked.values, origin)
    if "extends" not in recipe.data:
        return recipe
    extends = recipe.data.pop("extends")
    if not isinstance(extends, str) or not extends:
        raise RecipeError([recipe.fault(("extends",), "must be the path of a recipe")])
    base_file = file.parent / extends
    chain = (*above, file.resolve())
    try:
        found, resolved = base_file.is_file(), base_file.resolve()
    except (OSError, ValueError, RuntimeError):  # a name that no file can have
        found, resolved = False, base_file
    if not found:
        raise RecipeError([recipe.fault(("extends",), f"there is no file {base_file}")])
    if resolved in chain:
        ring = " extends ".join(other.name for other in (*chain[chain.index(resolved) :], resolved))
        raise RecipeError([recipe.fault(("extends",), f"goes round in a circle: {ring}")])
    return _merge(_from_file(base_file, chain), recipe)


def _merge(base: Recipe, top: Recipe) -> Recipe:
    """Lays one recipe over another: sections merge key by key, everything else is replaced whole."""
    merged = Recipe(copy.deepcopy(base.data), top.text, dict(base.keys), dict(base.values), top.origin)

    def lay(below: dict[str, Any], above: dict[str, Any], path: KeyPath) -> None:
        for key, value in above.items():
            here = (*path, key)
            if isinstance(value, dict) and "type" not in value:
                merged._grow(below, key, here, below.get(key))
            if isinstance(below.get(key), dict) and isinstance(value, dict):
                lay(below[key], value, here)
                # A fault of the whole section is best looked for where it was last written to.
                merged.keys[here], merged.values[here] = top.keys[here], top.values[here]
                continue
            merged._forget(here)
            below[key] = value
            for marks, theirs in ((merged.keys, top.keys), (merged.values, top.values)):
                marks |= {known: mark for known, mark in theirs.items() if known[: len(here)] == here}

    lay(merged.data, top.data, ())
    return merged


def _read(file: Path) -> str:
    try:
        if file.stat().st_size > MAX_BYTES:
            raise RecipeError([Fault(str(file), "", f"larger than {MAX_BYTES:,} bytes: this is not a recipe")])
        raw = file.read_bytes()
    except FileNotFoundError:
        raise UsageError(f"{file}: there is no such recipe") from None
    except (OSError, ValueError) as error:  # a ValueError is a name that no file can have
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"{file}: cannot read the recipe: {reason}") from None
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        column = error.start - (raw.rfind(b"\n", 0, error.start) + 1) + 1
        message = f"byte 0x{raw[error.start]:02x} is not UTF-8: save the recipe as UTF-8"
        raise RecipeError([Fault(f"{file}:{line}:{column}", "", message)]) from None


def _child(place: Any, key: str) -> Any:
    if isinstance(place, list):
        return place[int(key)] if key.isdecimal() and int(key) < len(place) else None
    return place.get(key)


def _assign(place: Any, key: str, value: Any, path: KeyPath, source: str) -> None:
    if isinstance(place, list):
        if not (key.isdecimal() and int(key) < len(place)):
            known = f"items 0 to {len(place) - 1}" if place else "no items: give the whole list, `[…]`"
            raise RecipeError([Fault(source, ".".join(path), f"the list has {known}")])
        place[int(key)] = value
    else:
        place[key] = value


def _paths(value: Any, path: KeyPath) -> Iterable[KeyPath]:
    yield path
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in children:
        yield from _paths(item, (*path, str(key)))


def _as_plain(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "item"):  # a NumPy scalar
        return value.item()
    raise TypeError(f"{value!r} is not a string, number, list or mapping")
