"""What a value must be, read from an annotation, in words.

    describe(Annotated[int, Ge(1), Le(100)])  # "an integer, 1 to 100"

`rules` says which annotations are known, and checks values.
"""

from __future__ import annotations

import json
import types
import typing
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from annotated_types import Ge, GroupedMetadata, Gt, Le, Lt, MaxLen, MinLen, Predicate

from seqkit.messages import format_value, listed, message


@dataclass(frozen=True)
class Satisfies(Predicate):
    """A condition in an `Annotated` annotation, with the words for it. pydantic checks it as any `Predicate`.

    Attributes:
        func: whether a value satisfies it.
        words: what a value must be: `the name of a folder`.
    """

    func: Callable[[Any], bool]
    words: str = ""


def describe(annotation: Any) -> str:
    """Return what a value must be: `an integer, 1 to 100`, `one of error, skip, mark`, `a list of strings`.

    None is left out where another value is possible.
    """
    return _words(annotation, plural=False)


def split_annotation(annotation: Any) -> tuple[Any, list[Any]]:
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


def constrained(annotation: Any, constraints: Sequence[Any]) -> Any:
    """Return an annotation with constraints, those of the union that it is a member of."""
    return Annotated[annotation, *constraints] if constraints and annotation is not types.NoneType else annotation


def union_members(annotation: Any) -> list[Any]:
    """Return the members of a union, None left out where there are others; of anything else, itself."""
    base, constraints = split_annotation(annotation)
    if typing.get_origin(base) not in (typing.Union, types.UnionType):
        return [annotation]
    members = [member for member in typing.get_args(base) if member is not types.NoneType]
    return [constrained(member, constraints) for member in members]


def _words(annotation: Any, plural: bool) -> str:
    members = union_members(annotation)
    if len(members) > 1:
        *first, last = [_words(member, plural) for member in members]
        if len(first) > 1 or ", " in first[0]:
            return message("{first}, or {last}", first=listed(first), last=last)
        return message("{first} or {last}", first=first[0], last=last)
    base, constraints = split_annotation(members[0])
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
    known = listed(map(_choice, choices))
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
    return parts[0] if len(parts) == 1 else message("{first} and {last}", first=listed(parts[:-1]), last=parts[-1])


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
        items = listed(_words(argument, plural=False) for argument in arguments)
        return message("{noun} of {count} items ({items})", noun=noun, count=len(arguments), items=items)
    items = _words(arguments[0], plural=True)
    longest = next((constraint.max_length for constraint in constraints if isinstance(constraint, MaxLen)), None)
    for constraint in constraints:
        if isinstance(constraint, MinLen):
            if constraint.min_length == longest:
                return message("{noun} of {count} {items}", noun=noun, count=longest, items=items)
            return message("{noun} of at least {count} {items}", noun=noun, count=constraint.min_length, items=items)
    return message("{noun} of {items}", noun=noun, items=items)
