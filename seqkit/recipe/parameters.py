"""The parameters of components and sections, read from constructors.

The keyword-only parameters of a constructor are what a recipe can set, so an annotation is all that is needed to have
a value checked (`values`) and a mistake reported at its place.
"""

from __future__ import annotations

import inspect
import typing
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqkit.contracts import Embedding, Encoder, Optimizer
from seqkit.contracts.capabilities import class_name
from seqkit.contracts.parameters import Nested, ReadOnce, Requires
from seqkit.errors import PluginError
from seqkit.messages import message
from seqkit.recipe.section import Section
from seqkit.registry.records import NOUNS

if TYPE_CHECKING:
    pass


@dataclass(frozen=True)
class Parameter:
    """A parameter of a component, or a key of a section.

    Attributes:
        name: of the parameter.
        annotation: its type and bounds.
        default: None if it is required.
        required: whether it has no default.
        nested: the kind of component that it holds, if it does.
        is_list: whether it holds a list of components or sections.
        is_path: whether it is a path, which is relative to the recipe.
        is_read_once: whether it is the path of a file that is read in training alone.
        sections: the sections that it can be, or hold a list of.
        requires: the parameter without which it has no effect, if there is one.
    """

    name: str
    annotation: Any
    default: Any
    required: bool
    nested: str | None
    is_list: bool
    is_path: bool
    is_read_once: bool
    sections: tuple[type[Section], ...]
    requires: Requires | None


def parameters(cls: type) -> dict[str, Parameter]:
    """Return the parameters of a component class or a section by name.

    Raises:
        PluginError: a parameter has no annotation, or the constructor takes `**kwargs`.
    """
    return _read_parameters(cls)


@cache
def _read_parameters(cls: type) -> dict[str, Parameter]:
    name = class_name(cls)
    signature = _signature(cls)
    if any(item.kind is item.VAR_KEYWORD for item in signature):
        text = message("{name} takes **kwargs, which would hide a misspelt key: name every parameter", name=name)
        raise PluginError(text)
    keywords = [item for item in signature if item.kind is item.KEYWORD_ONLY]
    for item in keywords:
        if item.annotation is item.empty:
            raise PluginError(
                message(
                    "{name}: the parameter '{parameter}' has no annotation: state its type, as in `{parameter}: int`",
                    name=name,
                    parameter=item.name,
                )
            )
    annotations = _evaluate({item.name: item.annotation for item in keywords}, cls)
    known = {item.name: _parameter(item, annotations[item.name]) for item in keywords}
    for parameter in known.values():
        if parameter.requires and parameter.requires.name not in known:
            needed = parameter.requires.name
            raise PluginError(
                message(
                    "{name}: '{parameter}' requires '{needed}', which is no parameter",
                    name=name,
                    parameter=parameter.name,
                    needed=needed,
                )
            )
    return known


def misplaced_parameters(cls: type) -> list[str]:
    """Return the parameters before the `*` of a constructor that seqkit does not supply, so that nothing sets them."""
    supplied = sum(issubclass(cls, contract) for contract in (Embedding, Encoder, Optimizer))
    positional = [item.name for item in _signature(cls) if item.kind <= item.POSITIONAL_OR_KEYWORD]
    return positional[supplied:]


def is_integer(annotation: Any) -> bool:
    """Return whether an annotation is `int`, with bounds or without."""
    return annotation is int or typing.get_origin(annotation) is typing.Annotated and annotation.__origin__ is int


def with_article(kind: str) -> str:
    """Return a kind of component with its indefinite article."""
    noun = NOUNS[kind]
    return message("an {noun}", noun=noun) if kind[0] in "aeiou" else message("a {noun}", noun=noun)


def list_of(kind: str, *, at_least_one: bool = False) -> str:
    """Return the words for a list of components of a kind."""
    noun = NOUNS[kind]
    return (
        message("a list of at least one {noun}", noun=noun) if at_least_one else message("a list of {noun}s", noun=noun)
    )


def _signature(cls: type) -> list[inspect.Parameter]:
    owner = next(base for base in cls.__mro__ if "__init__" in vars(base))
    if owner is object or (owner.__module__, owner.__name__) == ("torch.nn.modules.module", "Module"):
        return []  # the inherited constructor accepts any argument, but there are no parameters
    return list(inspect.signature(owner.__init__).parameters.values())[1:]  # type: ignore[misc]


def _evaluate(annotations: dict[str, Any], cls: type) -> dict[str, Any]:
    """Evaluate annotations that are strings, in the module that contains them."""
    owner = next(base for base in cls.__mro__ if "__init__" in vars(base))
    holder = type(owner.__name__, (), {"__annotations__": annotations, "__module__": owner.__module__})
    try:
        return typing.get_type_hints(holder, include_extras=True)
    except NameError as error:
        text = message("{name}: cannot evaluate an annotation: {error}", name=class_name(cls), error=error)
        raise PluginError(text) from None


def _parameter(item: inspect.Parameter, annotation: Any) -> Parameter:
    nested, is_list = _nested_kind(annotation)
    extras = getattr(annotation, "__metadata__", ())
    is_read_once = any(isinstance(extra, ReadOnce) for extra in extras)
    if is_read_once:
        annotation = Path if item.default is item.empty else Path | None
    forms = (annotation, *typing.get_args(annotation))
    sections = tuple(form for form in forms if isinstance(form, type) and issubclass(form, Section))
    return Parameter(
        name=item.name,
        annotation=annotation,
        default=None if item.default is item.empty else item.default,
        required=item.default is item.empty,
        nested=nested,
        is_list=is_list or (bool(sections) and typing.get_origin(annotation) is tuple),
        is_path=Path in forms,
        is_read_once=is_read_once,
        sections=sections,
        requires=next((extra for extra in extras if isinstance(extra, Requires)), None),
    )


def _nested_kind(annotation: Any) -> tuple[str | None, bool]:
    """Return the kind of component that a parameter holds, and whether it holds a list of them."""
    for hint, is_list in [(annotation, False), *((inner, True) for inner in typing.get_args(annotation))]:
        for extra in getattr(hint, "__metadata__", ()):
            if isinstance(extra, Nested):
                return extra.kind, is_list and typing.get_origin(annotation) is list
    return None, False
