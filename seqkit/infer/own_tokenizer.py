"""One of seqkit's own tokenizers from a resolved recipe: without pydantic, whose import costs more than the work."""

from __future__ import annotations

import inspect
import operator
import typing
from collections.abc import Mapping
from importlib import import_module
from types import NoneType, UnionType
from typing import Any

from seqkit import builtin
from seqkit.contracts import Tokenizer
from seqkit.rundir import shown


def own_tokenizer(section: Mapping[str, Any]) -> Tokenizer:
    """Returns the tokenizer of a recipe's section, not yet fitted.

    Raises:
        ValueError: a parameter is not one of this tokenizer, or its value is not what it must be.
    """
    values = dict(section)
    name = values.pop("type")
    target = next(str(entry.target) for entry in builtin.seqkit_tokenizers() if entry.name == name)
    module, _, attribute = target.partition(":")
    cls = getattr(import_module(module), attribute)
    annotations = typing.get_type_hints(cls.__init__, include_extras=True) if inspect.isfunction(cls.__init__) else {}
    for key, value in values.items():
        if key not in annotations or not _fits(value, annotations[key]):
            raise ValueError(f"{key} cannot be {shown(value)}")
    return cls(**values)


def _fits(value: Any, annotation: Any) -> bool:
    """Returns whether a JSON value is what a parameter is annotated to take."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (typing.Union, UnionType):
        return any(_fits(value, argument) for argument in arguments)
    if origin is typing.Literal:
        return isinstance(value, str | int | None) and value in arguments
    if origin is typing.Annotated:
        return _fits(value, arguments[0]) and all(_within(value, bound) for bound in arguments[1:])
    if annotation is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if annotation in (int, str, bool, NoneType):
        return type(value) is annotation
    return isinstance(value, origin or annotation)


def _within(value: Any, bound: Any) -> bool:
    tests = {"gt": operator.gt, "ge": operator.ge, "lt": operator.lt, "le": operator.le}
    return all(test(value, getattr(bound, name)) for name, test in tests.items() if hasattr(bound, name))
