"""A component's parameters, read from its constructor: what may be written, what is checked, what is the default.

The keyword-only parameters of the constructor become the fields of a pydantic model, so an annotation is all that a
component needs to have its values checked and its recipe's faults placed.
"""

from __future__ import annotations

import inspect
import typing
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model

from seqkit.contracts import Nested
from seqkit.errors import PluginError
from seqkit.problems import Problem, problems


@dataclass(frozen=True)
class Parameter:
    """One parameter of a component, as `seqkit show` prints it."""

    name: str
    annotation: Any
    default: Any
    required: bool
    nested: str | None
    is_list: bool
    is_path: bool


@cache
def parameters(cls: type) -> dict[str, Parameter]:
    """Returns the recipe parameters of a component class by name.

    Raises:
        PluginError: a parameter lacks its annotation, or the constructor takes `**kwargs`.
    """
    where = f"{cls.__module__}.{cls.__qualname__}"
    own = [item for item in _signature(cls) if item.kind is item.KEYWORD_ONLY]
    if any(item.kind is item.VAR_KEYWORD for item in _signature(cls)):
        raise PluginError(f"{where} takes **{'kwargs'}: a typo in a recipe would vanish; name every parameter")
    for item in own:
        if item.annotation is item.empty:
            raise PluginError(f"{where}: the parameter '{item.name}' has no annotation")
    hints = _resolve({item.name: item.annotation for item in own}, cls)
    found = {}
    for item in own:
        nested, is_list = _nested(hints[item.name])
        required = item.default is item.empty
        found[item.name] = Parameter(
            item.name,
            hints[item.name],
            None if required else item.default,
            required,
            nested,
            is_list,
            Path in (hints[item.name], *typing.get_args(hints[item.name])),
        )
    return found


def check_parameters(cls: type, values: dict[str, Any]) -> tuple[dict[str, Any], list[Problem]]:
    """Checks the values of a component's parameters, nested components aside.

    Returns:
        Every parameter with its value, defaults filled in, and what is wrong.
    """
    known = parameters(cls)
    plain = {name: value for name, value in values.items() if name not in known or not known[name].nested}
    model = _model(cls)
    try:
        checked = model.model_validate(plain)
    except ValidationError as error:
        return {}, problems(error, model, plain, [name for name in known if known[name].nested])
    return {name: getattr(checked, name) for name in model.model_fields}, []


@cache
def _model(cls: type) -> type[BaseModel]:
    fields: dict[str, Any] = {}
    for parameter in parameters(cls).values():
        if parameter.nested:
            continue
        annotation = parameter.annotation
        forms = (annotation, *typing.get_args(annotation))
        if parameter.is_path or any(typing.get_origin(form) is tuple for form in forms):
            # Strict checking would take nothing but a Path or a tuple, and a recipe holds text and lists.
            annotation = Annotated[annotation, Field(strict=False)]
        fields[parameter.name] = (annotation, ... if parameter.required else parameter.default)
    config = ConfigDict(
        extra="forbid", strict=True, allow_inf_nan=False, arbitrary_types_allowed=True, protected_namespaces=()
    )
    return create_model(cls.__name__, __config__=config, **fields)


def _signature(cls: type) -> list[inspect.Parameter]:
    owner = next(base for base in cls.__mro__ if "__init__" in vars(base))
    if owner is object or (owner.__module__, owner.__name__) == ("torch.nn.modules.module", "Module"):
        return []  # it has no constructor of its own; what it inherits is said to take anything
    return list(inspect.signature(cls.__init__).parameters.values())[1:]  # type: ignore[misc]


def _resolve(annotations: dict[str, Any], cls: type) -> dict[str, Any]:
    """Evaluates annotations written as text, in the module that wrote them."""
    owner = next(base for base in cls.__mro__ if "__init__" in vars(base))
    holder = type(owner.__name__, (), {"__annotations__": annotations, "__module__": owner.__module__})
    try:
        return typing.get_type_hints(holder, include_extras=True)
    except NameError as error:
        raise PluginError(f"{cls.__module__}.{cls.__qualname__}: an annotation cannot be read: {error}") from None


def _nested(annotation: Any) -> tuple[str | None, bool]:
    """Returns the kind of component that a parameter holds, and whether it holds a list of them."""
    for hint, is_list in [(annotation, False), *((inner, True) for inner in typing.get_args(annotation))]:
        for extra in getattr(hint, "__metadata__", ()):
            if isinstance(extra, Nested):
                return extra.kind, is_list and typing.get_origin(annotation) is list
    return None, False
