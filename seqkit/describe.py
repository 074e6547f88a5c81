"""What `seqkit show` says of a component."""

from __future__ import annotations

import inspect
import typing
from pathlib import Path
from types import NoneType
from typing import Any

from seqkit.registry import Registered
from seqkit.signature import parameters


def description(entry: Registered) -> str:
    """Returns a component's provider, docstring, and a line a parameter: name, type, default."""
    cls = entry.load()
    target = entry.component.target
    shown = target if isinstance(target, str) else f"{cls.__module__}:{cls.__qualname__}"
    lines = [f"{entry.kind} {entry.name}: {entry.component.summary}", f"provided by {entry.provider} ({shown})"]
    own = vars(cls).get("__doc__")
    if own:
        lines += ["", inspect.cleandoc(own)]
    found = parameters(cls)
    lines += ["", "parameters:" if found else "no parameters"]
    width = max((len(name) for name in found), default=0)
    for parameter in found.values():
        default = "required" if parameter.required else f"default {_plain(parameter.default)}"
        kind = parameter.nested and (f"list of {parameter.nested}s" if parameter.is_list else parameter.nested)
        lines.append(f"  {parameter.name:<{width}}  {kind or annotation_text(parameter.annotation)}; {default}")
    return "\n".join(lines)


def annotation_text(annotation: Any) -> str:
    """Returns an annotation as a reader of recipes would say it."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        bounds = [_bound(extra) for extra in arguments[1:]]
        return " ".join([annotation_text(arguments[0]), *[bound for bound in bounds if bound]])
    if origin is typing.Literal:
        return " | ".join(_plain(value) for value in arguments)
    if arguments and origin in (list, tuple):
        return f"list of {annotation_text(arguments[0])}"
    if arguments and origin is dict:
        return f"mapping to {annotation_text(arguments[1])}"
    if arguments:
        return " | ".join(annotation_text(argument) for argument in arguments)
    words = {int: "whole number", float: "number", str: "text", bool: "true | false", Path: "path", NoneType: "null"}
    return words.get(annotation, getattr(annotation, "__name__", str(annotation)))


def _bound(extra: Any) -> str:
    for attribute, words in (("gt", "above"), ("ge", "at least"), ("lt", "below"), ("le", "at most")):
        if (value := getattr(extra, attribute, None)) is not None:
            return f"{words} {value}"
    return ""


def _plain(value: Any) -> str:
    return (
        {None: "null", True: "true", False: "false"}.get(value, str(value))
        if value is None or isinstance(value, bool)
        else str(value)
    )
