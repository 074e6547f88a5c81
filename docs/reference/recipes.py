"""The pages about recipes: the keys, and the components of each kind."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from reference.markdown import anchor, head, table, text, value
from reference.words import Words
from seqkit.cli.describe import SECTIONS, component_as_data
from seqkit.recipe.descriptions import describe
from seqkit.recipe.docstrings import parameter_descriptions, parse_docstring
from seqkit.recipe.initialization import KINDS as INITIALIZED
from seqkit.recipe.initialization import InitFrom
from seqkit.recipe.json_schema import recipe_schema
from seqkit.recipe.parameters import Parameter, parameters
from seqkit.recipe.paths import SIDES
from seqkit.recipe.plan import DEFAULTS
from seqkit.recipe.plan import SECTIONS as COMPONENTS
from seqkit.recipe.section import Section, as_data
from seqkit.registry import load_registry
from seqkit.registry.records import Registered

Row = tuple[str, str, str, str]
_TAGS = ("by", "type")


def recipe_keys(words: Words) -> Iterator[str]:
    """Yield the page of the keys of a recipe that are not parameters of components."""
    yield from head(words, "Recipe keys")
    schema = recipe_schema(load_registry().check())
    extends = schema["then"]["properties"]["extends"]["description"]
    sides = schema["$defs"]["data.table"]["properties"]
    extra: dict[str, list[Row]] = {
        "recipe": [
            ("`extends`", words.translate(describe(str)), "`null`", words.describe(extends)),
            *(_component(words, key, kind) for key, kind in COMPONENTS.items()),
        ],
        "data": [
            (f"`{side}`", _link("reader"), "`null`", words.describe(sides[side]["description"])) for side in SIDES
        ],
    }
    for title, cls in sections().items():
        yield f"## {words['top'] if title == 'recipe' else title}"
        yield words["keys"] if title == "recipe" else text(words.describe(parse_docstring(cls.__doc__)[0]))
        keys = parameters(cls).values()
        meanings = parameter_descriptions(cls)
        rows = [_row(words, title, key, words.describe(meanings.get(key.name, ""))) for key in keys]
        names = (words["key"], words["value"], words["default"], words["meaning"])
        yield table(names, [*extra.get(title, []), *rows])
        if cls is InitFrom:
            yield ", ".join(f"[{words[kind]}]({kind}s.md)" for kind in INITIALIZED)


def sections() -> dict[str, type[Section]]:
    """Return all sections of a recipe by title, each with those that it holds after it: `train.average: ema`."""
    found: dict[str, type[Section]] = {}
    for name, cls in SECTIONS.items():
        found |= _with_nested(name, cls)
    return found | {"init_from": InitFrom}


def _with_nested(title: str, cls: type[Section]) -> dict[str, type[Section]]:
    found = {title: cls}
    for key in parameters(cls).values() if title != "recipe" else ():  # its sections have names in SECTIONS
        for name, section in _titles(title, key).items():
            found |= _with_nested(name, section)
    return found


def _titles(title: str, key: Parameter) -> dict[str, type[Section]]:
    """Return the sections that a key of a section can be, by title."""
    path = key.name if title == "recipe" else f"{title}.{key.name}"
    if len(key.sections) == 1:
        return {path: key.sections[0]}
    return {f"{path}: {parameters(section)[_tag(section)].default}": section for section in key.sections}


def _tag(section: type[Section]) -> str:
    """Return the key that selects a section among those that a key can be."""
    return next(name for name in _TAGS if name in parameters(section))


def _row(words: Words, title: str, key: Parameter, meaning: str) -> Row:
    if key.nested:
        kind = _link(key.nested)
    elif key.sections:
        kind = words["or"].join(f"[{name}](#{anchor(name)})" for name in _titles(title, key))
    else:
        kind = words.translate(describe(key.annotation))
    if (key.nested or key.sections) and key.is_list:
        kind = words["list-of"].format(kind)
    if not meaning and key.name in _TAGS:
        kind, meaning = value(key.default), words["tag"]
    return f"`{key.name}`", kind, _default(words, key), meaning


def _default(words: Words, key: Parameter) -> str:
    if key.required:
        return words["required"]
    if isinstance(key.default, Section):
        return words["its-keys"]
    return value([] if key.nested and key.is_list else as_data(key.default))


def _component(words: Words, key: str, kind: str) -> Row:
    default = value(DEFAULTS[key]) if key in DEFAULTS else words["required"]
    return f"`{key}`", _link(kind), default, words.meaning(kind)


def _link(kind: str) -> str:
    return f"[{kind}]({kind}s.md)"


def components(words: Words, kind: str) -> Iterator[str]:
    """Yield the page of the components of a kind, those of plugins too."""
    yield from head(words, kind)
    for entry in load_registry().check().all(kind):
        yield from component(words, entry)


def component(words: Words, entry: Registered) -> Iterator[str]:
    """Yield the part of a page about a component."""
    data = component_as_data(entry)
    description, _ = parse_docstring(data["description"])
    meanings = parameter_descriptions(entry.load())
    yield f"## {entry.name}"
    yield f"{words['provider']}{data['distribution']} {data['version']}"
    yield text(words.describe(description) if description else words.translate(data["summary"]))
    rows = [_parameter(words, parameter, meanings) for parameter in data["parameters"]]
    yield table((words["parameter"], words["value"], words["default"], words["meaning"]), rows)


def _parameter(words: Words, parameter: dict[str, Any], meanings: dict[str, str]) -> Row:
    default = words["required"] if parameter["required"] else value(parameter["default"])
    meaning = words.describe(meanings.get(parameter["name"], ""))
    return f"`{parameter['name']}`", words.translate(parameter["type"]), default, meaning
