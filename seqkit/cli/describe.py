"""The description of a component, or of a section of a recipe, as `seqkit show` prints it."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from seqkit.cli.docstring_text import Lookup, docstring_text, indented_lines
from seqkit.messages import message, translate
from seqkit.recipe.descriptions import describe
from seqkit.recipe.docstrings import parameter_descriptions, parse_docstring, summary
from seqkit.recipe.generation import Generate
from seqkit.recipe.parameters import Parameter, list_of, parameters
from seqkit.recipe.schema import Data, Settings, Train
from seqkit.recipe.section import Section, as_data
from seqkit.registry.records import NOUNS, Registered


def describe_component(entry: Registered, lookup: Lookup = str) -> str:
    """Return provider and docstring of a component, and a line per parameter: name, type, default; translated.

    Args:
        entry: the component.
        lookup: returns the translation of a description in one line, or the description.
    """
    cls = entry.load()
    lines = [
        message("{title}: {summary}", title=f"{entry.kind} {entry.name}", summary=entry.record.summary),
        message("provided by {provider} ({source})", provider=entry.provider, source=_source(entry, cls)),
    ]
    if docstring := vars(cls).get("__doc__"):
        lines += ["", docstring_text(inspect.cleandoc(docstring), lookup)]
    found = parameters(cls)
    lines += ["", message("parameters:") if found else message("no parameters")]
    width = max((len(name) for name in found), default=0)
    for parameter in found.values():
        lines.append(_parameter_line(parameter, _describe_value(parameter), width))
    return "\n".join(map(translate, lines))


def _parameter_line(parameter: Parameter, value: str, width: int) -> str:
    name = f"{parameter.name:<{width}}"
    return message("  {name}  {value}; {default}", name=name, value=value, default=_describe_default(parameter))


def component_as_data(entry: Registered) -> dict[str, Any]:
    """Return what `describe_component` prints, as JSON types. It is data, and in English whatever the language."""
    cls = entry.load()
    return registered_as_data(entry) | {
        "source": _source(entry, cls),
        "description": inspect.cleandoc(vars(cls).get("__doc__") or ""),
        "parameters": [
            {"name": parameter.name, "type": _describe_value(parameter), "required": parameter.required}
            | ({} if parameter.required else {"default": _as_json(parameter.default)})
            for parameter in parameters(cls).values()
        ],
    }


def _source(entry: Registered, cls: type) -> str:
    """Return where the class of a component is defined: `package.module:Class`."""
    target = entry.record.target
    return target if isinstance(target, str) else f"{cls.__module__}:{cls.__qualname__}"


SECTIONS: dict[str, type[Section]] = {"recipe": Settings, "data": Data, "train": Train, "generate": Generate}
"""The sections of a recipe that `seqkit show` documents; `recipe` has the keys at the top."""


def describe_section(name: str, lookup: Lookup = str) -> str:
    """Return the docstring of a section of a recipe, a line per key, and the same of the sections that it holds;
    translated.

    Args:
        name: `recipe`, or a key at its top.
        lookup: as for `describe_component`.
    """
    path = "" if name == "recipe" else name
    lines = _section_lines(path, SECTIONS[name], message("section {name}", name=name), lookup)
    return "\n".join(map(translate, lines))


def _section_lines(path: str, cls: type[Section], title: str, lookup: Lookup) -> Iterator[str]:
    yield message("{title}: {summary}", title=title, summary=lookup(summary(cls)))
    if rest := parse_docstring(vars(cls).get("__doc__"))[0].partition("\n\n")[2]:
        yield from ("", docstring_text(rest, lookup))
    descriptions = parameter_descriptions(cls)
    found = parameters(cls)
    width = max(map(len, found))
    yield ""
    for key in found.values():
        yield _parameter_line(key, _describe_key(key), width)
        if description := descriptions.get(key.name):
            yield from indented_lines(lookup(description), width + 4)
    for key in found.values():
        for section in key.sections if path else ():
            tag = next((each for each in ("by", "type") if each in parameters(section)), None)
            choice = f" ({tag}: {parameters(section)[tag].default})" if tag and len(key.sections) > 1 else ""
            yield ""
            yield from _section_lines(f"{path}.{key.name}", section, f"{path}.{key.name}{choice}", lookup)


def _describe_key(parameter: Parameter) -> str:
    if not parameter.sections:
        return _describe_value(parameter)
    return message("a list of mappings") if parameter.is_list else message("a mapping")


def section_as_data(name: str) -> dict[str, Any]:
    """Return what `describe_section` prints, as JSON types, in English."""
    return _section_as_data(name, SECTIONS[name])


def _section_as_data(name: str, cls: type[Section]) -> dict[str, Any]:
    descriptions = parameter_descriptions(cls)
    return {
        "name": name,
        "description": inspect.cleandoc(vars(cls).get("__doc__") or ""),
        "keys": [
            {"name": key.name, "type": _describe_key(key), "required": key.required}
            | ({} if key.required else {"default": [] if key.nested and key.is_list else as_data(key.default)})
            | {"description": descriptions.get(key.name, "")}
            | ({"sections": [_section_as_data(key.name, each) for each in key.sections]} if key.sections else {})
            for key in parameters(cls).values()
        ],
    }


def registered_as_data(entry: Registered) -> dict[str, Any]:
    """Return the kind, name, summary and provider of a component."""
    return {
        "kind": entry.kind,
        "name": entry.name,
        "summary": entry.record.summary,
        "distribution": entry.distribution,
        "version": entry.version,
    }


def _describe_value(parameter: Parameter) -> str:
    if parameter.nested and parameter.is_list:
        return list_of(parameter.nested)
    return NOUNS[parameter.nested] if parameter.nested else describe(parameter.annotation)


def _describe_default(parameter: Parameter) -> str:
    if parameter.required:
        return message("required")
    if isinstance(parameter.default, Section):
        return message("default: those of its keys")
    if parameter.nested and parameter.is_list:
        return message("default {value}", value="[]")
    return message("default {value}", value=_as_yaml(parameter.default))


def _as_json(value: Any) -> Any:
    return value if isinstance(value, bool | int | float | str | list | tuple | dict | None) else str(value)


def _as_yaml(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return str(value) if isinstance(value, Path | str) or not isinstance(value, tuple) else str(list(value))
