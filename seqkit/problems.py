"""What pydantic finds wrong, in the words of a recipe's writer and at the place that the recipe gives it."""

from __future__ import annotations

import json
import math
import re
import typing
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ValidationError

from seqkit.errors import suggest
from seqkit.yaml_marks import scalar


class Problem(typing.NamedTuple):
    """Something wrong with a section: the path inside the section, the message, and whether its key is to blame."""

    path: tuple[str, ...]
    message: str
    at_key: bool = False


def problems(error: ValidationError, model: type[BaseModel], data: Any, nested: Sequence[str] = ()) -> list[Problem]:
    """Turns pydantic's errors into messages for the writer of a recipe.

    Args:
        error: what pydantic says.
        model: what was checked.
        data: the values that were checked.
        nested: keys beside the model's that may be written as well.
    """
    found = []
    for item in error.errors():
        kind, context, value = item["type"], item.get("ctx", {}), item["input"]
        path = _written(item["loc"], data, missing=kind == "missing")
        if kind == "extra_forbidden":
            sections = _models_at(model, item["loc"][:-1])
            fields = list(dict.fromkeys(name for section in sections for name in section.model_fields)) + [*nested]
            known = f"; known: {', '.join(fields)}" if fields else "; there are none"
            inside = next((inner for section in sections if (inner := home_of(path[-1], section))), None)
            hint = f"; write it inside `{inside}:`" if inside else suggest(path[-1], fields) or known
            found.append(Problem(path, f"no such key{hint}", at_key=True))
        elif kind == "missing" and isinstance(item["loc"][-1], int):
            found.append(Problem(path[:-1], f"must have {item['loc'][-1] + 1} items, not {show_value(value)}"))
        elif kind == "missing":
            found.append(Problem(path, "is required", at_key=True))
        elif kind == "value_error":
            message = str(context["error"])
            blamed = re.match(r"(\w+): ", message)
            if blamed:
                path, message = (*path, blamed[1]), message[blamed.end() :]
            found.append(Problem(path, message))
        elif kind in ("union_tag_not_found", "union_tag_invalid"):
            key = context["discriminator"].strip("'")
            tags = [_tag(section)[1] for section in _models_at(model, item["loc"])]
            if kind == "union_tag_not_found":
                found.append(Problem((*path, key), f"is required: one of {', '.join(tags)}", at_key=True))
            else:
                tag = value[key]
                hint = suggest(tag, tags) if isinstance(tag, str) else ""
                here = (*path, key) if isinstance(_value_at(data, path), dict) else path
                found.append(Problem(here, f"must be one of {', '.join(tags)}, not {show_value(tag)}{hint}"))
        elif kind in ("model_type", "model_attributes_type"):
            form = _form(_models_at(model, item["loc"]))
            found.append(Problem(path, f"must be a mapping{form}, not {show_value(value)}"))
        else:
            found.append(Problem(path, _explain(kind, context, value)))
    return list(_merge_alternatives(found))


def home_of(key: str, model: type[BaseModel]) -> str | None:
    """Returns the dotted path of the first section below a model that has this key, or None."""
    for name, field in model.model_fields.items():
        for section in _sections(field.annotation):
            if key in section.model_fields:
                return name
            if inner := home_of(key, section):
                return f"{name}.{inner}"
    return None


def _form(sections: list[type[BaseModel]]) -> str:
    """Returns what a section's mapping looks like, for who wrote something else in its place."""
    tags = [_tag(section) for section in sections]
    if len(sections) > 1:
        return f" with `{tags[0][0]}:` (one of {', '.join(tag for _, tag in tags)})"
    names = list(sections[0].model_fields) if sections else []
    shown = names if len(names) <= 8 else [*names[:4], "…"]
    return f" with any of {', '.join(shown)}" if names else ""


def _value_at(data: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        data = data[int(key)] if isinstance(data, list | tuple) else data[key]
    return data


def _explain(kind: str, context: dict[str, Any], value: Any) -> str:
    got = f"not {show_value(value)}"
    context = {
        key: int(bound) if isinstance(bound, float) and bound.is_integer() else bound for key, bound in context.items()
    }
    bounds = {
        "greater_than": "above {gt}",
        "greater_than_equal": "at least {ge}",
        "less_than": "below {lt}",
        "less_than_equal": "at most {le}",
    }
    if kind in bounds:
        return f"must be {bounds[kind].format(**context)}, {got}"
    types = {
        "int_type": "a whole number",
        "int_from_float": "a whole number",
        "float_type": "a number",
        "finite_number": "a finite number",
        "bool_type": "true or false",
        "string_type": "text",
        "path_type": "a path",
        "list_type": "a list",
        "tuple_type": "a list",
        "dict_type": "a mapping",
        "model_type": "a mapping",
        "model_attributes_type": "a mapping",
        "none_required": "null",
    }
    if kind in types:
        return f"must be {types[kind]}, {got}{_quoting_hint(kind, value)}"
    if kind == "literal_error":
        known = context["expected"].replace("'", "").replace(" or ", ", ").split(", ")
        hint = suggest(value, known) if isinstance(value, str) else ""
        choice = f"one of {', '.join(known)}" if len(known) > 1 else f"'{known[0]}'"
        return f"must be {choice}, {got}{hint}"
    if kind == "string_too_short":
        return "must not be empty"
    if kind == "string_pattern_mismatch":
        return f"must match {context['pattern']}, {got}"
    if kind in ("too_short", "too_long"):
        length = context.get("min_length", context.get("max_length"))
        return f"must have {'at least' if kind == 'too_short' else 'at most'} {length} items, {got}"
    return f"is not valid: {kind.replace('_', ' ')}, {got}"


def _quoting_hint(kind: str, value: Any) -> str:
    if kind == "string_type" and value is not None:
        return " (quote it to make it text)"
    wanted = {"int_type": int, "float_type": int | float, "bool_type": bool}.get(kind)
    if wanted and isinstance(value, str):
        try:
            unquoted = scalar(value)
        except ValueError:
            return ""
        if isinstance(unquoted, wanted) and isinstance(unquoted, bool) == (wanted is bool):
            return " (leave out its quotes)"
    return ""


def show_value(value: Any) -> str:
    """Returns a value as a recipe would write it, shortened where it is long."""
    if isinstance(value, str):
        text = f"'{value}'"
    elif isinstance(value, float) and not math.isfinite(value):
        text = {"inf": ".inf", "-inf": "-.inf"}.get(str(value), ".nan")
    else:
        text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else text[:57] + "…"


def _merge_alternatives(found: list[Problem]) -> typing.Iterator[Problem]:
    """A value that fits no member of a union fails once for each: one line says what would have fitted."""
    by_path: dict[tuple[str, ...], list[Problem]] = {}
    for problem in found:
        # A member of the union that failed further in came closest to what was meant.
        closer = any(other.path[: len(problem.path)] == problem.path != other.path for other in found)
        if not closer or not problem.message.startswith("must be "):
            by_path.setdefault(problem.path, []).append(problem)
    for path, group in by_path.items():
        wants = [problem.message.removeprefix("must be ").rsplit(", not ", 1) for problem in group]
        if len(group) > 1 and all(len(want) == 2 for want in wants):
            choices = list(dict.fromkeys(want[0] for want in wants))
            yield Problem(path, f"must be {' or '.join(choices)}, not {wants[0][1]}")
        else:
            yield group[0]


def _written(location: tuple[Any, ...], data: Any, missing: bool) -> tuple[str, ...]:
    """Keeps the parts of pydantic's location that a recipe holds, and drops those that name a choice of the schema."""
    kept: list[str] = []
    for position, part in enumerate(location):
        in_list = isinstance(data, list | tuple) and isinstance(part, int) and part < len(data)
        if in_list or (isinstance(data, dict) and part in data):
            data = data[part]
        elif not (missing and position == len(location) - 1):
            continue
        kept.append(str(part))
    return tuple(kept)


def _models_at(model: type[BaseModel], location: tuple[Any, ...]) -> list[type[BaseModel]]:
    """Returns the sections that may stand at a location: several where `type:` or `by:` chooses."""
    here = [model]
    for part in location:
        tagged = [member for member in here if _tag(member)[1] == part]
        annotations = [member.model_fields[part].annotation for member in here if part in member.model_fields]
        here = tagged or [member for annotation in annotations for member in _sections(annotation)]
    return here


def _sections(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [section for member in typing.get_args(annotation) for section in _sections(member)]


def _tag(model: type[BaseModel]) -> tuple[str, str]:
    """Returns the key by which a section is chosen, and the word that chooses it; empty where there is no choice."""
    for key in ("type", "by"):
        if key in model.model_fields:
            return key, str(typing.get_args(model.model_fields[key].annotation)[0])
    return "", ""


def with_article(kind: str) -> str:
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"


def leave_out(values: dict[str, Any], path: Sequence[str]) -> None:
    """Takes out what is at fault: the key itself, or the closest thing above it that a mapping holds."""
    holder: Any = values
    inmost, last = values, path[0]
    for key in path:
        if isinstance(holder, dict):
            if key not in holder:
                break
            inmost, last = holder, key
            holder = holder[key]
        elif isinstance(holder, list) and key.isdecimal() and int(key) < len(holder):
            holder = holder[int(key)]
        else:
            break
    inmost.pop(last, None)
