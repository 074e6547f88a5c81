"""Check a value against an annotation. No pydantic is imported here.

    why_rejected(0, Annotated[int, Ge(1), Le(100)])  # "must be an integer, 1 to 100, not 0"
    why_rejected(7, Annotated[int, Ge(1), Le(100)])  # None

Recipes, the options of commands and the arguments of functions take their messages from here, so that the same mistake
reads the same everywhere. A value is JSON-like: None, bool, int, float, str, list, dict; a tuple is a list. Integers
are numbers; booleans are not; numbers are finite. The annotations known here are those types, `Literal`, unions,
`list`, `tuple`, `dict`, `pathlib.Path` (given as text), and `Annotated` with bounds of annotated-types or `Satisfies`.
A value of any other annotation is accepted if it is an instance of it.

`seqkit.recipe.parameters.parameters(cls)` returns the annotations and defaults of a component's constructor, and of a
section of a recipe such as `seqkit.recipe.generation.Generate`, without pydantic too.
"""

from __future__ import annotations

import math
import types
import typing
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from annotated_types import Ge, Gt, Le, Lt, MaxLen, MinLen, Predicate

from seqkit.errors import suggest
from seqkit.messages import format_value, message
from seqkit.recipe.descriptions import constrained, describe, split_annotation, union_members
from seqkit.strict_json import is_number


class Problem(typing.NamedTuple):
    """Something wrong inside a value, before its place in a file is known.

    Attributes:
        path: the keys that lead to it inside the value; an item of a list by its number.
        text: what is wrong.
        at_key: whether the problem is the key, not its value.
        rejected: the value or the key, if it is wrong by itself.
    """

    path: tuple[str, ...]
    text: str
    at_key: bool = False
    rejected: Any = None


def why_rejected(value: object, annotation: Any) -> str | None:
    """Return why a value is rejected, `must be …, not …`; None if it is accepted.

    Args:
        value: JSON-like.
        annotation: of the parameter.
    """
    return _rejection(value, annotation) if find_problems(value, annotation) else None


def find_problems(value: object, annotation: Any) -> list[Problem]:
    """Return what is wrong with a value, item by item where it is a list or a mapping; empty if it is accepted."""
    base, constraints = split_annotation(annotation)
    origin, arguments = typing.get_origin(base), typing.get_args(base)

    def rejected() -> list[Problem]:
        return [Problem((), _rejection(value, annotation))]

    if origin in (typing.Union, types.UnionType):
        return _union_problems(value, annotation, [constrained(member, constraints) for member in arguments])
    if origin is Literal:
        accepted = any(value == item and type(value) is type(item) for item in arguments)
        return [] if accepted else rejected()
    if origin in (list, tuple, dict) and isinstance(value, list | tuple if origin is not dict else dict):
        items = _items(value, origin, arguments)
        if items is None or not _satisfies(value, constraints):
            return rejected()
        return [
            Problem((key, *problem.path), problem.text)
            for key, item, inner in items
            for problem in find_problems(item, inner)
        ]
    return [] if _is_instance(value, origin or base) and _satisfies(value, constraints) else rejected()


def _rejection(value: object, annotation: Any) -> str:
    bases = [split_annotation(member)[0] for member in union_members(annotation)]
    if isinstance(value, float) and not math.isfinite(value) and float in bases:
        return message("must be a finite number, not {value}", value=format_value(value))
    literals = [choice for base in bases if typing.get_origin(base) is Literal for choice in typing.get_args(base)]
    choices = [choice for choice in literals if isinstance(choice, str)]
    hint = suggest(value, choices) if choices and isinstance(value, str) else ""
    return message("must be {wanted}, not {value}", wanted=describe(annotation), value=format_value(value)) + hint


def _union_problems(value: object, annotation: Any, members: Sequence[Any]) -> list[Problem]:
    """Return the problems of the member that fits best: one in which only items are wrong, if there is one."""
    by_member = [find_problems(value, member) for member in members]
    if not all(by_member):
        return []
    only_items = [problems for problems in by_member if all(problem.path for problem in problems)]
    return only_items[0] if only_items else [Problem((), _rejection(value, annotation))]


def _items(value: Any, origin: type, arguments: tuple[Any, ...]) -> list[tuple[str, object, Any]] | None:
    """Return key, value and annotation of each item; None if the number of items is wrong."""
    if not arguments:
        return []
    if origin is dict:
        if not all(_is_instance(key, arguments[0]) for key in value):
            return None
        return [(str(key), item, arguments[1]) for key, item in value.items()]
    if origin is list or (len(arguments) == 2 and arguments[1] is Ellipsis):
        return [(str(place), item, arguments[0]) for place, item in enumerate(value)]
    if len(value) != len(arguments):
        return None
    return [(str(place), item, inner) for place, (item, inner) in enumerate(zip(value, arguments, strict=True))]


def _is_instance(value: object, cls: Any) -> bool:
    if cls is Any or cls is object:
        return True
    if cls in (None, types.NoneType):
        return value is None
    if cls is float:
        return is_number(value) and _is_finite(value)
    if cls is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if cls is tuple:
        return isinstance(value, list | tuple)
    if cls is Path:
        return isinstance(value, str | Path)
    return isinstance(value, cls) if isinstance(cls, type) else True


def _is_finite(value: Any) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer that is too large for a float
        return False


def _satisfies(value: Any, constraints: Sequence[Any]) -> bool:
    for constraint in constraints:
        match constraint:
            case Ge(bound):
                fits = value >= bound
            case Gt(bound):
                fits = value > bound
            case Le(bound):
                fits = value <= bound
            case Lt(bound):
                fits = value < bound
            case MinLen(length):
                fits = len(value) >= length
            case MaxLen(length):
                fits = len(value) <= length
            case Predicate():
                fits = bool(constraint.func(value))
            case _:
                fits = True
        if not fits:
            return False
    return True
