"""What a value must be, read from an annotation: in words, and as a check. No pydantic is imported here.

    explain(0, Annotated[int, Ge(1), Le(100)])  # "must be an integer, 1 to 100, not 0"
    explain(7, Annotated[int, Ge(1), Le(100)])  # None

Recipes, the options of commands and the arguments of functions take their messages from here, so that the same mistake
reads the same everywhere. A value is JSON-like: None, bool, int, float, str, list, dict; a tuple is a list. Integers
are numbers; booleans are not; numbers are finite. The annotations known here are those types, `Literal`, unions,
`list`, `tuple`, `dict`, `pathlib.Path` (given as text), and `Annotated` with bounds of annotated-types or `Satisfies`.
A value of any other annotation is accepted if it is an instance of it.

`seqkit.recipe.parameters.parameters(cls)` returns the annotations and defaults of a component's constructor, and of a
section of a recipe such as `seqkit.recipe.generation.Generate`, without pydantic too.
"""

from __future__ import annotations

import json
import math
import types
import typing
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from annotated_types import Ge, GroupedMetadata, Gt, Le, Lt, MaxLen, MinLen, Predicate

from seqkit.errors import suggest
from seqkit.messages import format_value, message


class Problem(typing.NamedTuple):
    """Something wrong inside a value, before its place in a file is known.

    Attributes:
        path: the keys that lead to it inside the value; an item of a list by its number.
        text: what is wrong.
        at_key: whether the problem is the key, not its value.
    """

    path: tuple[str, ...]
    text: str
    at_key: bool = False


@dataclass(frozen=True)
class Satisfies(Predicate):
    """A condition in an `Annotated` annotation, with the words for it. pydantic checks it as any `Predicate`.

    Attributes:
        func: whether a value satisfies it.
        words: what a value must be: `the name of a folder`.
    """

    func: Callable[[Any], bool]
    words: str = ""


def explain(value: object, annotation: Any) -> str | None:
    """Return why a value is rejected, `must be …, not …`; None if it is accepted.

    Args:
        value: JSON-like.
        annotation: of the parameter.
    """
    return _refusal(value, annotation) if find_problems(value, annotation) else None


def find_problems(value: object, annotation: Any) -> list[Problem]:
    """Return what is wrong with a value, item by item where it is a list or a mapping; empty if it is accepted."""
    base, constraints = _split(annotation)
    origin, arguments = typing.get_origin(base), typing.get_args(base)

    def refused() -> list[Problem]:
        return [Problem((), _refusal(value, annotation))]

    if origin in (typing.Union, types.UnionType):
        return _union_problems(value, annotation, [_constrained(member, constraints) for member in arguments])
    if origin is Literal:
        accepted = any(value == item and type(value) is type(item) for item in arguments)
        return [] if accepted else refused()
    if origin in (list, tuple, dict) and isinstance(value, list | tuple if origin is not dict else dict):
        items = _items(value, origin, arguments)
        if items is None or not _satisfies(value, constraints):
            return refused()
        return [
            Problem((key, *problem.path), problem.text)
            for key, item, inner in items
            for problem in find_problems(item, inner)
        ]
    return [] if _is_instance(value, origin or base) and _satisfies(value, constraints) else refused()


def describe(annotation: Any) -> str:
    """Return what a value must be: `an integer, 1 to 100`, `one of error, skip, mark`, `a list of strings`.

    None is left out where another value is possible.
    """
    return _words(annotation, plural=False)


def _refusal(value: object, annotation: Any) -> str:
    bases = [_split(member)[0] for member in _members(annotation)]
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
    return only_items[0] if only_items else [Problem((), _refusal(value, annotation))]


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
        return _is_number(value) and _is_finite(value)
    if cls is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if cls is tuple:
        return isinstance(value, list | tuple)
    if cls is Path:
        return isinstance(value, str | Path)
    return isinstance(value, cls) if isinstance(cls, type) else True


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


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


def _split(annotation: Any) -> tuple[Any, list[Any]]:
    """Return an annotation without `Annotated`, and its constraints."""
    if typing.get_origin(annotation) is not Annotated:
        return annotation, []
    base, *metadata = typing.get_args(annotation)
    return base, list(_flat(metadata))


def _flat(metadata: Sequence[Any]) -> Iterator[Any]:
    for item in metadata:
        if isinstance(item, GroupedMetadata):
            yield from item
        else:
            yield from getattr(item, "metadata", [item])  # pydantic's Field holds a list of them


def _constrained(annotation: Any, constraints: Sequence[Any]) -> Any:
    return Annotated[annotation, *constraints] if constraints and annotation is not types.NoneType else annotation


def _members(annotation: Any) -> list[Any]:
    """Return the members of a union, None left out where there are others; of anything else, itself."""
    base, constraints = _split(annotation)
    if typing.get_origin(base) not in (typing.Union, types.UnionType):
        return [annotation]
    members = [member for member in typing.get_args(base) if member is not types.NoneType]
    return [_constrained(member, constraints) for member in members]


def _words(annotation: Any, plural: bool) -> str:
    members = _members(annotation)
    if len(members) > 1:
        *first, last = [_words(member, plural) for member in members]
        if len(first) > 1 or ", " in first[0]:
            return message("{first}, or {last}", first=", ".join(first), last=last)
        return message("{first} or {last}", first=first[0], last=last)
    base, constraints = _split(members[0])
    for constraint in constraints:
        if isinstance(constraint, Satisfies):
            return constraint.words
    origin, arguments = typing.get_origin(base), typing.get_args(base)
    if origin is Literal:
        return _literal_words(arguments, plural)
    if base in (int, float):
        return _number_words(base, constraints, plural)
    if (origin or base) in (list, tuple, dict):
        return _collection_words(origin or base, arguments, constraints, plural)
    if base is str:
        if any(isinstance(constraint, MinLen) for constraint in constraints):
            return message("non-empty strings") if plural else message("a non-empty string")
        return message("strings") if plural else message("a string")
    if base is bool:
        return message("true or false")
    if base in (None, types.NoneType):
        return message("null")
    if base is Path:
        return message("paths") if plural else message("a path")
    name = getattr(base, "__name__", str(base))
    return message("{name} objects", name=name) if plural else message("a {name} object", name=name)


def _choice(choice: object) -> str:
    """Return a choice as a recipe contains it: a string that is not a word needs quotes."""
    if not isinstance(choice, str):
        return format_value(choice)
    return choice if any(map(str.isalnum, choice)) else json.dumps(choice, ensure_ascii=False)


def _literal_words(choices: Sequence[Any], plural: bool) -> str:
    if len(choices) == 1 and not plural:
        return format_value(choices[0])
    known = ", ".join(map(_choice, choices))
    return message("values from {choices}", choices=known) if plural else message("one of {choices}", choices=known)


def _number_words(base: type, constraints: Sequence[Any], plural: bool) -> str:
    at_least: list[Any] = [constraint.ge for constraint in constraints if isinstance(constraint, Ge)]
    greater_than: list[Any] = [constraint.gt for constraint in constraints if isinstance(constraint, Gt)]
    at_most: list[Any] = [constraint.le for constraint in constraints if isinstance(constraint, Le)]
    less_than: list[Any] = [constraint.lt for constraint in constraints if isinstance(constraint, Lt)]
    if base is int:
        at_least, greater_than = at_least + [bound + 1 for bound in greater_than], []
        at_most, less_than = at_most + [bound - 1 for bound in less_than], []
    noun, positive, non_negative = _NUMBERS[base, plural]
    if at_least and at_most:
        return message("{number}, {least} to {most}", number=noun, least=max(at_least), most=min(at_most))
    if not at_most and not less_than and (at_least == [1] if base is int else greater_than == [0]):
        return positive
    if not at_most and not less_than and at_least == [0]:
        return non_negative
    bounds = [message("greater than {bound}", bound=bound) for bound in greater_than]
    bounds += [message("at least {bound}", bound=bound) for bound in at_least]
    bounds += [message("at most {bound}", bound=bound) for bound in at_most]
    bounds += [message("less than {bound}", bound=bound) for bound in less_than]
    if not bounds:
        return noun
    if at_least or (at_most and not greater_than):
        return message("{number} of {bounds}", number=noun, bounds=_and(bounds))
    return message("{number} {bounds}", number=noun, bounds=_and(bounds))


_NUMBERS = {
    (int, False): (message("an integer"), message("a positive integer"), message("a non-negative integer")),
    (int, True): (message("integers"), message("positive integers"), message("non-negative integers")),
    (float, False): (message("a number"), message("a positive number"), message("a non-negative number")),
    (float, True): (message("numbers"), message("positive numbers"), message("non-negative numbers")),
}
"""For integers and numbers, singular and plural: any, those greater than 0, and those of at least 0."""


def _and(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else message("{first} and {last}", first=", ".join(parts[:-1]), last=parts[-1])


def _collection_words(origin: type, arguments: tuple[Any, ...], constraints: Sequence[Any], plural: bool) -> str:
    noun = message("lists") if plural else message("a list")
    if origin is dict:
        noun = message("mappings") if plural else message("a mapping")
        if not arguments:
            return noun
        return message("{noun} of names to {values}", noun=noun, values=_words(arguments[1], plural=True))
    if not arguments:
        return noun
    if origin is tuple and arguments[-1] is not Ellipsis:
        if len(set(arguments)) == 1:
            items = _words(arguments[0], plural=True)
            return message("{noun} of {count} {items}", noun=noun, count=len(arguments), items=items)
        items = ", ".join(_words(argument, plural=False) for argument in arguments)
        return message("{noun} of {count} items ({items})", noun=noun, count=len(arguments), items=items)
    items = _words(arguments[0], plural=True)
    for constraint in constraints:
        if isinstance(constraint, MinLen):
            return message("{noun} of at least {count} {items}", noun=noun, count=constraint.min_length, items=items)
    return message("{noun} of {items}", noun=noun, items=items)
