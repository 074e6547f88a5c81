"""Check the values of components and sections against their parameters, and fill in defaults.

pydantic checks and converts each value; the messages are those of `rules`.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

from seqkit.contracts.capabilities import class_name
from seqkit.errors import suggest
from seqkit.look_alikes import explain_missing_space, explain_short_form
from seqkit.messages import format_value, listed, message
from seqkit.recipe.parameters import Parameter, misplaced_parameters, parameters
from seqkit.recipe.rules import Problem, find_problems, why_rejected
from seqkit.recipe.section import Section

if TYPE_CHECKING:
    from pydantic import TypeAdapter

ClassesOf: TypeAlias = Callable[[str], Sequence[type]]
"""Returns the classes of the installed components of a kind."""

_WORDS_FOR_NULL = frozenset({"", "~", "null", "none", "off", "no"})
"""The texts, in lower case, that are written by mistake in place of null."""


def check_values(
    cls: type, values: Mapping[str, Any], classes_of: ClassesOf = lambda kind: []
) -> tuple[dict[str, Any], list[Problem]]:
    """Check and convert the values of parameters, except nested components.

    Args:
        cls: a component or a section.
        values: its values.
        classes_of: returns the components of a kind, whose keys may be meant by an unknown one.

    Returns:
        The value of each parameter (the default if no valid value is given), and the problems found.
    """
    known = parameters(cls)
    checked: dict[str, Any] = {}
    problems = [_unknown_key(cls, key, classes_of) for key in values if key not in known]
    for name, parameter in known.items():
        if parameter.nested:
            continue
        if not parameter.required:
            checked[name] = parameter.default
        if name not in values:
            if parameter.required:
                problems.append(Problem((name,), message("is required"), at_key=True))
            continue
        if parameter.sections:
            value, found = _check_sections(parameter, values[name], classes_of)
        else:
            value, found = _check_value(cls, parameter, values[name])
        problems += [problem._replace(path=(name, *problem.path)) for problem in found]
        if parameter.sections or not found:
            checked[name] = value
    return checked, problems


def section_of(key: str, cls: type, classes_of: ClassesOf) -> str | None:
    """Return the dotted path of the first section, or component of a section, below a section that has a key, or None.

    Args:
        key: the key.
        cls: the section; a component has none below it.
        classes_of: returns the components of a kind.
    """
    if not issubclass(cls, Section):
        return None
    known = parameters(cls).values()
    below = [(parameter.name, section) for parameter in known for section in parameter.sections]
    below += [
        (parameter.name, each)
        for parameter in known
        if parameter.nested and not parameter.is_list
        for each in classes_of(parameter.nested)
    ]
    for name, inner in below:
        if key in parameters(inner):
            return name
        if path := section_of(key, inner, classes_of):
            return f"{name}.{path}"
    return None


def _unknown_key(cls: type, key: str, classes_of: ClassesOf) -> Problem:
    known = list(parameters(cls))
    if key in misplaced_parameters(cls):
        reason = message("{name} takes it before the `*` of its constructor: put it after", name=class_name(cls))
        return Problem((key,), reason, at_key=True)
    if home := section_of(key, cls, classes_of):
        return Problem((key,), message("unknown key: move it to `{section}:`", section=home), at_key=True)
    if hint := suggest(key, known):
        return Problem((key,), message("unknown key{hint}", hint=hint), at_key=True, rejected=key)
    if known:
        text = message("unknown key; known: {keys}", keys=listed(known))
        return Problem((key,), text, at_key=True, rejected=key)
    return Problem((key,), message("unknown key: there are no parameters"), at_key=True, rejected=key)


def _check_sections(parameter: Parameter, value: Any, classes_of: ClassesOf) -> tuple[Any, list[Problem]]:
    """Return a section, or a tuple of sections, with the default in place of each invalid one, and the problems."""
    if not parameter.is_list:
        return _check_section(parameter, value, classes_of)
    if not isinstance(value, list | tuple):
        text = message(
            "must be a list of mappings with {keys}, not {value}",
            keys=_keys(parameter.sections),
            value=format_value(value),
        )
        return parameter.default, [Problem((), text, rejected=value)]
    sections, problems = [], []
    for place, item in enumerate(value):
        section, found = _check_section(replace(parameter, default=None), item, classes_of)
        sections.append(section)
        problems += [problem._replace(path=(str(place), *problem.path)) for problem in found]
    return (parameter.default if problems else tuple(sections)), problems


def _check_section(parameter: Parameter, value: Any, classes_of: ClassesOf) -> tuple[Section | None, list[Problem]]:
    """Return a section with the default in place of each invalid value, and the problems found."""
    tag = _tag(parameter.sections[0])
    if value is None and parameter.default is None and not parameter.is_list:
        return None, []
    is_name = isinstance(value, str) and "type" in parameters(parameter.sections[0])
    values = {"type": value} if is_name else value
    if not isinstance(values, dict):
        text = message(
            "must be a mapping with {keys}, not {value}", keys=_keys(parameter.sections), value=format_value(value)
        )
        if parameter.default is None and isinstance(value, str) and value.lower() in _WORDS_FOR_NULL:
            text += message("; write null for none")
        text += explain_missing_space(value) if isinstance(value, str) else ""
        return parameter.default, [Problem((), text)]
    section: type[Section] = parameter.sections[0]
    if len(parameter.sections) > 1:
        by_name = {_tag_value(section): section for section in parameter.sections}
        if tag not in values and not isinstance(parameter.default, Section):
            text = message("is required: one of {choices}", choices=listed(by_name))
            return parameter.default, [Problem((tag,), text, at_key=True)]
        name = values.get(tag, getattr(parameter.default, tag, None))
        if rejection := why_rejected(name, Literal[tuple(by_name)]):
            if is_name:
                return parameter.default, [Problem((), rejection + explain_short_form(value))]
            return parameter.default, [Problem((tag,), rejection, rejected=name)]
        section = by_name[str(name)]
    checked, problems = check_values(section, values, classes_of)
    problems = [_explain_other_section(problem, section, parameter.sections) for problem in problems]
    if any(each.required and each.name not in checked for each in parameters(section).values()):
        return parameter.default, problems
    built = section(**checked)
    if is_name:
        problems = [problem._replace(path=()) for problem in problems]
    return built, problems or list(built.conflicts())


def _explain_other_section(problem: Problem, section: type[Section], sections: Sequence[type[Section]]) -> Problem:
    """Return a problem; of an unknown key that another of the possible sections has, the remedy.

    Such a key can come from the recipe, into which an override is merged.
    """
    key = problem.path[0] if len(problem.path) == 1 else ""
    other = next((each for each in sections if key in parameters(each)), None)
    if other is None or key in parameters(section):
        return problem
    text = message(
        "needs `{tag}: {other}`, not `{tag}: {chosen}`: remove it; if an override sets the mapping, pass another one "
        "with null before it, as in `data.split=null`",
        tag=_tag(section),
        other=_tag_value(other),
        chosen=_tag_value(section),
    )
    return problem._replace(text=text)


def _check_value(cls: type, parameter: Parameter, value: Any) -> tuple[Any, list[Problem]]:
    from pydantic import ValidationError

    try:
        return _adapter(cls, parameter.name).validate_python(value), []
    except ValidationError as error:
        found = [
            problem._replace(
                text=problem.text + _other_type_hint(value, problem.path, parameter.annotation),
                rejected=_item(value, problem.path),
            )
            for problem in find_problems(value, parameter.annotation)
        ]
        if not found:  # an annotation that only pydantic knows
            reason = error.errors()[0]["msg"]
            text = message("is not valid: {reason}, not {value}", reason=reason, value=format_value(value))
            found = [Problem((), text, rejected=value)]
        return None, found


@cache
def _adapter(cls: type, name: str) -> TypeAdapter[Any]:
    from pydantic import ConfigDict, TypeAdapter

    config = ConfigDict(strict=True, allow_inf_nan=False, arbitrary_types_allowed=True)
    return TypeAdapter(_as_written(parameters(cls)[name].annotation), config=config)


def _as_written(annotation: Any) -> Any:
    """Return an annotation that accepts lists as tuples and strings as paths, which strict checking rejects."""
    from pydantic import Field

    if annotation is Path or typing.get_origin(annotation) is tuple:
        return Annotated[annotation, Field(strict=False)]
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return typing.Union[tuple(_as_written(member) for member in typing.get_args(annotation))]  # noqa: UP007
    return annotation


def _other_type_hint(value: Any, path: Sequence[str], annotation: Any) -> str:
    """Return a hint if a value would be accepted with quotes, or without, or null in place of `none`."""
    from seqkit.recipe.yaml_parser import scalar

    rejected = _item(value, path)
    if isinstance(rejected, str) and rejected.lower() in _WORDS_FOR_NULL:
        other, hint = None, message("; write null for none")
    elif isinstance(rejected, str):
        try:
            other, hint = scalar(rejected), message(" (remove the quotes)")
        except ValueError:
            return ""
    else:
        other, hint = str(rejected), message(" (quote it to make it a string)")
    if rejected is None or type(other) is type(rejected):
        return ""
    remaining = find_problems(_with_item(value, path, other), annotation)
    return "" if any(problem.path == tuple(path) for problem in remaining) else hint


def _item(value: Any, path: Sequence[str]) -> Any:
    for key in path:
        value = value[int(key)] if isinstance(value, list | tuple) else value[key]
    return value


def _with_item(value: Any, path: Sequence[str], item: Any) -> Any:
    if not path:
        return item
    inner = _with_item(_item(value, path[:1]), path[1:], item)
    if isinstance(value, dict):
        return {**value, path[0]: inner}
    return [inner if str(place) == path[0] else other for place, other in enumerate(value)]


def _keys(sections: Sequence[type[Section]]) -> str:
    """Return the keys of a section for a message."""
    if len(sections) > 1:
        choices = listed(_tag_value(section) for section in sections)
        return message("`{tag}:` (one of {choices})", tag=_tag(sections[0]), choices=choices)
    names = list(parameters(sections[0]))
    return message("any of {keys}", keys=listed(names if len(names) <= 8 else [*names[:4], "…"]))


def _tag(section: type[Section]) -> str:
    """Return the key that selects one of several sections: `by` for a split, `type` for all others."""
    return "by" if "by" in parameters(section) else "type"


def _tag_value(section: type[Section]) -> str:
    return str(parameters(section)[_tag(section)].default)
