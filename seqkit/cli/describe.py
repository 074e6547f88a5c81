"""The description of a component, as `seqkit show` prints it."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

from seqkit.messages import message
from seqkit.recipe.descriptions import describe
from seqkit.recipe.parameters import Parameter, parameters
from seqkit.registry.records import Registered


def describe_component(entry: Registered) -> str:
    """Return provider and docstring of a component, and a line per parameter: name, type, default."""
    cls = entry.load()
    target = entry.component.target
    source = target if isinstance(target, str) else f"{cls.__module__}:{cls.__qualname__}"
    lines = [
        f"{entry.kind} {entry.name}: {entry.component.summary}",
        message("provided by {provider} ({source})", provider=entry.provider, source=source),
    ]
    if docstring := vars(cls).get("__doc__"):
        lines += ["", inspect.cleandoc(docstring)]
    found = parameters(cls)
    lines += ["", message("parameters:") if found else message("no parameters")]
    width = max((len(name) for name in found), default=0)
    for parameter in found.values():
        lines.append(f"  {parameter.name:<{width}}  {_describe_value(parameter)}; {_describe_default(parameter)}")
    return "\n".join(lines)


def component_as_data(entry: Registered) -> dict[str, Any]:
    """Return what `describe_component` prints, as JSON types."""
    cls = entry.load()
    target = entry.component.target
    return registered_as_data(entry) | {
        "source": target if isinstance(target, str) else f"{cls.__module__}:{cls.__qualname__}",
        "description": inspect.cleandoc(vars(cls).get("__doc__") or ""),
        "parameters": [
            {"name": parameter.name, "type": _describe_value(parameter), "required": parameter.required}
            | ({} if parameter.required else {"default": _as_json(parameter.default)})
            for parameter in parameters(cls).values()
        ],
    }


def registered_as_data(entry: Registered) -> dict[str, Any]:
    """Return the kind, name, summary and provider of a component."""
    return {
        "kind": entry.kind,
        "name": entry.name,
        "summary": entry.component.summary,
        "distribution": entry.distribution,
        "version": entry.version,
    }


def _describe_value(parameter: Parameter) -> str:
    if parameter.nested and parameter.is_list:
        return message("a list of {kind}s", kind=parameter.nested)
    return parameter.nested or describe(parameter.annotation)


def _describe_default(parameter: Parameter) -> str:
    if parameter.required:
        return message("required")
    return message("default {value}", value=_as_yaml(parameter.default))


def _as_json(value: Any) -> Any:
    return value if isinstance(value, bool | int | float | str | list | tuple | dict | None) else str(value)


def _as_yaml(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return str(value) if isinstance(value, Path | str) or not isinstance(value, tuple) else str(list(value))
