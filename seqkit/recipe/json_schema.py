"""A JSON Schema (draft 2020-12) of recipes, from the components that are installed: for editors, and for other tools.

It describes what a parameter can be by itself. What contradicts another part of the recipe, `seqkit check` finds.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

from annotated_types import Ge, Gt, Le, Lt, MaxLen, MinLen

from seqkit.contracts.parameters import INIT_FROM
from seqkit.hookspecs import KINDS
from seqkit.messages import message
from seqkit.recipe.descriptions import Satisfies, constrained, split_annotation
from seqkit.recipe.docstrings import parameter_descriptions, summary
from seqkit.recipe.initialization import KINDS as INITIALIZED
from seqkit.recipe.initialization import InitFrom
from seqkit.recipe.parameters import Parameter, parameters
from seqkit.recipe.paths import SIDES
from seqkit.recipe.plan import DEFAULTS, SECTIONS
from seqkit.recipe.schema import Data, Settings
from seqkit.recipe.section import Section, as_data
from seqkit.registry.records import Registered
from seqkit.registry.registry import Registry

DIALECT = "https://json-schema.org/draft/2020-12/schema"

Schema = dict[str, Any]

_BOUNDS = {
    Ge: ("minimum", "ge"),
    Gt: ("exclusiveMinimum", "gt"),
    Le: ("maximum", "le"),
    Lt: ("exclusiveMaximum", "lt"),
}


def recipe_schema(registry: Registry) -> Schema:
    """Return the JSON Schema of recipes.

    Raises:
        PluginError: a component cannot be loaded.
    """
    definitions: Schema = {}
    for kind in KINDS:
        for entry in registry.all(kind):
            definitions[f"{kind}.{entry.name}"] = _component(entry)
        definitions[kind] = _any_component(kind, registry, definitions)
    for entry in registry.all("reader"):
        reader = definitions[f"reader.{entry.name}"]
        definitions[f"data.{entry.name}"] = {**reader, "properties": {**reader["properties"], **_data_keys()}}
    definitions["data"] = {
        "anyOf": [
            {"enum": registry.names("reader")},
            *_of_type("data", registry.names("reader")),
        ]
    }
    definitions["reader.keys"] = _keys_without_type(registry.all("reader"), _data_keys())
    properties = {
        "extends": {"type": "string", "description": message("a recipe, of which this one states the differences")},
        **_section(Settings)["properties"],
        **{section: {"$ref": f"#/$defs/{'data' if section == 'data' else kind}"} for section, kind in SECTIONS.items()},
    }
    partial = {
        section: {"anyOf": [{"$ref": f"#/$defs/{'data' if section == 'data' else kind}"}, _partial(kind)]}
        for section, kind in SECTIONS.items()
    }
    required = [section for section in SECTIONS if section not in DEFAULTS]
    return {
        "$schema": DIALECT,
        "title": message("seqkit recipe"),
        "type": "object",
        "if": {"required": ["extends"]},
        "then": {"properties": {**properties, **partial}, "additionalProperties": False},
        "else": {"properties": properties, "additionalProperties": False, "required": required},
        "$defs": definitions,
    }


def _any_component(kind: str, registry: Registry, definitions: Schema) -> Schema:
    """Return the schema of a component of a kind: a mapping with its type and its parameters, or its name alone."""
    names = registry.names(kind)
    alone = [name for name in names if "required" not in definitions[f"{kind}.{name}"]]
    return {"anyOf": [*([{"enum": alone}] if alone else []), *_of_type(kind, names)]}


def _of_type(kind: str, names: Iterable[str]) -> list[Schema]:
    return [{"$ref": f"#/$defs/{kind}.{name}", "required": ["type"]} for name in names]


def _partial(kind: str) -> Schema:
    """Return the schema of what a recipe changes in a component of the recipe that it extends."""
    return {"$ref": "#/$defs/reader.keys"} if kind == "reader" else {"type": "object"}


def _component(entry: Registered) -> Schema:
    cls = entry.load()
    found = _of_class(cls)
    if entry.kind in INITIALIZED and INIT_FROM not in found["properties"]:
        found["properties"][INIT_FROM] = {
            "anyOf": [{"type": "string"}, _section(InitFrom)],
            "description": message("the run that the component begins with"),
        }
    return {
        "type": "object",
        "description": f"{entry.record.summary}. {summary(cls)}".strip(),
        **found,
        "properties": {"type": {"const": entry.name}, **found["properties"]},
        "additionalProperties": False,
    }


def _section(cls: type[Section]) -> Schema:
    return {"type": "object", "description": summary(cls), **_of_class(cls), "additionalProperties": False}


def _of_class(cls: type) -> Schema:
    """Return `properties` and `required` for the parameters of a component or the keys of a section."""
    descriptions = parameter_descriptions(cls)
    properties = {
        name: _parameter(parameter, descriptions.get(name, "")) for name, parameter in parameters(cls).items()
    }
    required = [name for name, parameter in parameters(cls).items() if parameter.required]
    return {"properties": properties} | ({"required": required} if required else {})


def _parameter(parameter: Parameter, description: str) -> Schema:
    if parameter.nested:
        found = _nested(parameter)
    elif parameter.sections:
        found = _sections(parameter)
    else:
        found = annotation_schema(parameter.annotation)
    if description:
        found = {**found, "description": description}
    if not parameter.required and _is_plain(default := as_data(parameter.default)):
        found = {**found, "default": default}
    return found


def _nested(parameter: Parameter) -> Schema:
    reference = {"$ref": f"#/$defs/{parameter.nested}"}
    if parameter.is_list:
        return {"type": "array", "items": reference} | ({"minItems": 1} if parameter.required else {})
    options: list[Schema] = [reference]
    if isinstance(parameter.default, str):  # its type can be left out: `optimizer: {lr: 0.01}`
        options.append({"$ref": f"#/$defs/{parameter.nested}.{parameter.default}"})
    if parameter.default is None and not parameter.required:
        options.append({"type": "null"})
    return {"anyOf": options} if len(options) > 1 else reference


def _sections(parameter: Parameter) -> Schema:
    options = [_tagged(section, parameter) for section in parameter.sections]
    if parameter.is_list:
        return {"type": "array", "items": {"anyOf": options} if len(options) > 1 else options[0]}
    if "type" in parameters(parameter.sections[0]):  # `average: ema`
        options.append({"enum": [parameters(section)["type"].default for section in parameter.sections]})
    if parameter.default is None:
        options.append({"type": "null"})
    return {"anyOf": options} if len(options) > 1 else options[0]


def _tagged(section: type[Section], parameter: Parameter) -> Schema:
    """Return the schema of a section; of one of several, the key that selects it is required."""
    found = _section(section)
    tag = next((name for name in ("by", "type") if name in found["properties"]), None)
    if tag is not None and len(parameter.sections) > 1:
        found["required"] = [tag, *found.get("required", [])]
    return found


def _data_keys() -> Schema:
    """Return the schemas of the keys of `data` that are not parameters of its reader."""
    side = {
        "$ref": "#/$defs/reader.keys",
        "description": message("the file of this split: the keys that differ from those of `data`"),
    }
    return {**_section(Data)["properties"], **dict.fromkeys(SIDES, side)}


def _keys_without_type(entries: Iterable[Registered], extra: Mapping[str, Any]) -> Schema:
    """Return the schema of a mapping with any parameters of the readers, whatever the type."""
    names = sorted({name for entry in entries for name in parameters(entry.load())})
    return {
        "type": "object",
        "properties": {"type": {"type": "string"}, **{name: {} for name in names}, **extra},
        "additionalProperties": False,
    }


def annotation_schema(annotation: Any) -> Schema:
    """Return the schema of the values that an annotation accepts (`seqkit.recipe.rules`)."""
    base, constraints = split_annotation(annotation)
    origin, arguments = typing.get_origin(base), typing.get_args(base)
    if origin in (typing.Union, types.UnionType):
        options = [annotation_schema(constrained(member, constraints)) for member in arguments]
        flat = [each for option in options for each in (option["anyOf"] if option.keys() == {"anyOf"} else [option])]
        return {"anyOf": flat}
    if origin is Literal:
        return {"enum": list(arguments)}
    if origin is dict:
        return {"type": "object"} | ({"additionalProperties": annotation_schema(arguments[1])} if arguments else {})
    found = _collection(origin or base, arguments) or _scalar(base)
    for constraint in constraints:
        found |= _constraint(constraint, found.get("type"))
    return found


def _collection(origin: Any, arguments: tuple[Any, ...]) -> Schema:
    if origin not in (list, tuple):
        return {}
    if origin is tuple and arguments and arguments[-1] is not Ellipsis:
        items = [annotation_schema(argument) for argument in arguments]
        return {"type": "array", "prefixItems": items, "minItems": len(items), "maxItems": len(items)}
    return {"type": "array"} | ({"items": annotation_schema(arguments[0])} if arguments else {})


def _scalar(base: Any) -> Schema:
    names = {bool: "boolean", int: "integer", float: "number", str: "string", Path: "string", dict: "object"}
    if base in (None, types.NoneType):
        return {"type": "null"}
    if isinstance(base, type) and issubclass(base, Section):
        return _section(base)
    return {"type": names[base]} if base in names else {}


def _constraint(constraint: Any, kind: str | None) -> Schema:
    for cls, (keyword, attribute) in _BOUNDS.items():
        if isinstance(constraint, cls):
            return {keyword: getattr(constraint, attribute)}
    if isinstance(constraint, MinLen):
        return {"minItems" if kind == "array" else "minLength": constraint.min_length}
    if isinstance(constraint, MaxLen):
        return {"maxItems" if kind == "array" else "maxLength": constraint.max_length}
    return {"description": constraint.words} if isinstance(constraint, Satisfies) and constraint.words else {}


def _is_plain(value: Any) -> bool:
    """Return whether a default can be in the schema: JSON types alone."""
    if isinstance(value, list):
        return all(map(_is_plain, value))
    if isinstance(value, dict):
        return all(map(_is_plain, value.values()))
    return value is None or isinstance(value, bool | int | float | str)
