"""The JSON Schema of recipes: the shipped recipes fit it, and what `seqkit check` rejects by itself does not."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from annotated_types import Ge, Lt, MinLen

from helpers.recipes import PROJECT
from seqkit.recipe.json_schema import DIALECT, annotation_schema, recipe_schema
from seqkit.recipe.yaml_parser import parse
from seqkit.registry import load_registry

SHIPPED = sorted((PROJECT / "recipes").glob("*.yaml"))
TYPES = {
    "object": dict, "array": list, "string": str, "boolean": bool, "null": type(None),
}  # fmt: skip

Check = Callable[[Any, Any, dict[str, Any]], bool]


def is_valid(value: Any, schema: dict[str, Any], root: dict[str, Any]) -> bool:
    """Validate a value with the keywords of draft 2020-12 that the schema uses; another one is an error here."""
    return all(
        KEYWORDS[keyword](value, argument, {"schema": schema, "root": root}) for keyword, argument in schema.items()
    )


def _is_of_type(value: Any, name: str) -> bool:
    if name in ("integer", "number"):
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return is_number and (name == "number" or float(value).is_integer())
    return isinstance(value, TYPES[name])


def _referenced(path: str, root: dict[str, Any]) -> dict[str, Any]:
    return root["$defs"][path.removeprefix("#/$defs/")]


def _number(compare: Callable[[Any, Any], bool]) -> Check:
    return lambda value, bound, _: not _is_of_type(value, "number") or compare(value, bound)


def _sized(cls: type, compare: Callable[[int, int], bool]) -> Check:
    return lambda value, bound, _: not isinstance(value, cls) or compare(len(value), bound)


def _nothing(*_: Any) -> bool:
    return True


def _properties(value: Any, found: dict[str, Any], each: dict[str, Any]) -> bool:
    known = value if isinstance(value, dict) else {}
    return all(is_valid(known[name], schema, each["root"]) for name, schema in found.items() if name in known)


def _additional(value: Any, argument: Any, each: dict[str, Any]) -> bool:
    extra = value.keys() - each["schema"].get("properties", {}).keys() if isinstance(value, dict) else set()
    if argument is False:
        return not extra
    return all(is_valid(value[name], argument, each["root"]) for name in extra)


def _conditional(value: Any, argument: Any, each: dict[str, Any]) -> bool:
    branch = "then" if is_valid(value, argument, each["root"]) else "else"
    return is_valid(value, each["schema"].get(branch, {}), each["root"])


KEYWORDS: dict[str, Check] = {
    **dict.fromkeys(["$schema", "$defs", "title", "description", "default", "then", "else"], _nothing),
    "$ref": lambda value, path, each: is_valid(value, _referenced(path, each["root"]), each["root"]),
    "type": lambda value, name, _: _is_of_type(value, name),
    "const": lambda value, only, _: value == only,
    "enum": lambda value, choices, _: any(value == one and type(value) is type(one) for one in choices),
    "anyOf": lambda value, options, each: any(is_valid(value, option, each["root"]) for option in options),
    "required": lambda value, names, _: not isinstance(value, dict) or set(names) <= value.keys(),
    "properties": _properties,
    "additionalProperties": _additional,
    "if": _conditional,
    "items": lambda value, schema, each: (
        not isinstance(value, list) or all(is_valid(item, schema, each["root"]) for item in value)
    ),
    "prefixItems": lambda value, schemas, each: (
        not isinstance(value, list)
        or all(is_valid(item, schema, each["root"]) for item, schema in zip(value, schemas, strict=False))
    ),
    "minimum": _number(lambda value, bound: value >= bound),
    "maximum": _number(lambda value, bound: value <= bound),
    "exclusiveMinimum": _number(lambda value, bound: value > bound),
    "exclusiveMaximum": _number(lambda value, bound: value < bound),
    "minItems": _sized(list, lambda size, bound: size >= bound),
    "maxItems": _sized(list, lambda size, bound: size <= bound),
    "minLength": _sized(str, lambda size, bound: size >= bound),
}


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    return recipe_schema(load_registry())


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_recipes_fit(path: Path, schema: dict[str, Any]) -> None:
    assert is_valid(parse(path.read_text(encoding="utf-8"), path.name).data, schema, schema)


RECIPE = {"data": {"type": "text"}, "encoder": {"type": "lstm", "hidden_size": 4}, "head": "next_char"}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"train": {"optimizer": {"lr": 0.1}, "schedule": "linear", "average": "ema"}},
        {"train": {"average": {"type": "swa", "from_epoch": 2}, "groups": [{"parameters": "encoder.*"}]}},
        {"encoder": {"type": "stacked", "layers": [{"type": "lstm", "hidden_size": 4}]}},
        {"encoder": {"type": "lstm", "hidden_size": 4, "init_from": "runs/a-1"}},
        {"data": {"type": "table", "valid": {"path": "valid.csv"}, "split": {"by": "hash", "test": 0.1}}},
        {"predict": ["a", ["b", "c"]], "generate": {"stop": "x"}, "baseline": True, "seed": 3},
    ],
)
def test_right_recipes_fit(changes: dict[str, Any], schema: dict[str, Any]) -> None:
    assert is_valid({**RECIPE, **changes}, schema, schema)


@pytest.mark.parametrize(
    "changes",
    [
        {"encoder": {"type": "lstm", "hidden_size": 0}},
        {"encoder": {"type": "lstm"}},
        {"encoder": {"type": "lstm", "hidden_size": 4, "hidden_sise": 4}},
        {"encoder": "lstm"},
        {"encoder": {"type": "lstn", "hidden_size": 4}},
        {"encoder": {"type": "stacked", "layers": []}},
        {"train": {"epochs": "3"}},
        {"train": {"optimizer": {"lr": -1}}},
        {"train": {"optimizer": {"type": "adam", "lrr": 1}}},
        {"data": {"type": "text", "split": {"by": "hash", "valid": 1.0}}},
        {"data": {"type": "text", "split": {"valid": 0.1}}},
        {"data": {"type": "text", "encodin": "utf-8"}},
        {"generate": {"lenght": 3}},
        {"nam": "x"},
    ],
)
def test_wrong_recipes_do_not_fit(changes: dict[str, Any], schema: dict[str, Any]) -> None:
    assert not is_valid({**RECIPE, **changes}, schema, schema)


def test_a_recipe_that_extends_another_states_differences_alone(schema: dict[str, Any]) -> None:
    assert is_valid({"extends": "base.yaml", "encoder": {"dropout": 0.1}, "data": {"path": "x"}}, schema, schema)
    assert not is_valid({"extends": "base.yaml", "encodr": {}}, schema, schema)
    assert not is_valid({"encoder": {"type": "lstm", "hidden_size": 4}}, schema, schema)


def test_parameters_have_descriptions_bounds_and_defaults(schema: dict[str, Any]) -> None:
    lstm = schema["$defs"]["encoder.lstm"]["properties"]
    assert lstm["num_layers"] == {
        "type": "integer",
        "minimum": 1,
        "maximum": 100,
        "default": 1,
        "description": "the number of layers, each reading the outputs of the one below.",
    }
    train = schema["else"]["properties"]["train"]["properties"]
    missing = [name for name, each in train.items() if not each.get("description")]
    assert missing == []


@pytest.mark.parametrize(
    ("annotation", "expected"),
    [
        (Annotated[float, Ge(0), Lt(1)], {"type": "number", "minimum": 0, "exclusiveMaximum": 1}),
        (Annotated[str, MinLen(1)] | None, {"anyOf": [{"type": "string", "minLength": 1}, {"type": "null"}]}),
        (dict[str, bool] | Literal["on"], {
            "anyOf": [{"type": "object", "additionalProperties": {"type": "boolean"}}, {"enum": ["on"]}]
        }),
        (tuple[int, ...], {"type": "array", "items": {"type": "integer"}}),
    ],
)  # fmt: skip
def test_the_schema_of_an_annotation(annotation: Any, expected: dict[str, Any]) -> None:
    assert annotation_schema(annotation) == expected


def test_the_command_prints_or_writes_the_schema(tmp_path: Path, run_command) -> None:
    printed = run_command("schema")
    assert json.loads(printed.out)["$schema"] == DIALECT
    assert run_command("schema", "--output", "schema.json").out == "schema.json\n"
    assert (tmp_path / "schema.json").read_text() == printed.out
    error = run_command("schema", "--output", "none/schema.json").err
    assert error == "seqkit: --output none/schema.json: no such folder none: create it first\n"


@pytest.mark.parametrize("section", ["recipe", "data", "train", "generate"])
def test_show_documents_every_key_of_a_section(section: str, run_command) -> None:
    shown = run_command("show", section).out
    for key in json.loads(run_command("show", section, "--json").out)["keys"]:
        assert f"  {key['name']} " in shown
        assert key["description"] and key["description"].split()[-1] in shown
        for inner in key.get("sections", []) if section != "recipe" else []:
            assert all(each["description"] for each in inner["keys"] if each["name"] not in ("by", "type"))


def test_show_names_a_section_that_is_near(run_command) -> None:
    assert "there is no section 'trian' (did you mean 'train'?)" in run_command("show", "trian").err
    assert "seqkit show encoder NAME" in run_command("show", "encoder").err
