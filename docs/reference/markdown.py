"""Markdown of the reference: tables, code, and docstrings."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import Any

from reference.words import Words
from seqkit.recipe.docstrings import parse_docstring

LONGEST_LINE = 100
"""A longer signature has a line for each parameter."""

LONGEST_DEFAULT = 60
"""A longer default is left out of a signature."""

_COLUMNS = {"Args": "parameter", "Attributes": "attribute", "Raises": "error", "Warns": "warning"}


def head(words: Words, title: str, source: str = "from-code") -> Iterator[str]:
    """Yield the beginning of a page: its title, and where its texts are from."""
    yield f"# {words[title]}"
    yield words[source]


def table(names: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """Return a table; nothing if it has no rows."""
    lines = [" | ".join(_plain(" ".join(cell.split()), bar="\\|") for cell in row) for row in rows]
    if not lines:
        return ""
    return "\n".join(f"| {line} |" for line in (" | ".join(names), " | ".join("---" for _ in names), *lines))


def code(language: str, text: str) -> str:
    """Return a block of code."""
    return f"```{language}\n{text}\n```"


def value(given: Any) -> str:
    """Return a value as a recipe contains it."""
    if isinstance(given, bool | None):
        return f"`{json.dumps(given)}`"
    return f"`{list(given) if isinstance(given, tuple) else given}`"


def anchor(heading: str) -> str:
    """Return the anchor of a heading, as the site makes it (`toc.slugify` in docs/site.yml)."""
    return re.sub(r"[^\w\- ]", "", heading).lower().replace(" ", "-")


def text(docstring: str) -> str:
    """Return a text of the code as Markdown: examples stay blocks, and `<` is no HTML."""
    paragraphs = []
    for paragraph in docstring.split("\n\n"):
        if paragraph.startswith("\b\n"):  # click prints it as it is
            paragraph = "\n".join(f"    {line.strip()}" for line in paragraph.splitlines()[1:])
        paragraphs.append(paragraph if paragraph.startswith("    ") else _plain(paragraph))
    return "\n\n".join(paragraphs)


def documented(
    words: Words, name: str, item: Any, level: str, docstring: str | None = None, bases: Sequence[type] = ()
) -> Iterator[str]:
    """Yield the heading, the signature and the docstring of a function, a class or a property.

    Args:
        words: of the language.
        name: as it is called.
        item: the function, class or property.
        level: `##`.
        docstring: that of the item by default.
        bases: the classes whose attributes a class inherits that have no entry themselves.
    """
    description, parts = parse_docstring(item.__doc__ if docstring is None else docstring)
    for base in bases:
        inherited = parse_docstring(base.__doc__)[1].get("Attributes", {})
        parts |= {"Attributes": inherited | parts.get("Attributes", {})} if inherited else {}
    yield f"{level} {name}"
    if line := signature(name, item):
        yield code("python", line)
    yield text(description)
    for part, items in parts.items():
        if set(items) == {""}:
            yield f"**{words[part]}**: {_plain(items[''])}"
        else:
            yield f"**{words[part]}**"
            names = (words[_COLUMNS[part]], words["meaning"])
            yield table(names, [(f"`{key}`", meaning) for key, meaning in items.items()])


def signature(name: str, item: Any) -> str:
    """Return how a function or a class is called, or the type of a property; nothing where that is not known."""
    if isinstance(item, property | cached_property):
        function = item.fget if isinstance(item, property) else item.func
        return f"{name}: {inspect.signature(function).return_annotation}"
    if inspect.isclass(item) and not _has_own_constructor(item):
        return ""
    found = inspect.signature(item)
    parameters = [_shown(each) for each in found.parameters.values() if each.name not in ("self", "cls")]
    result = "" if found.return_annotation is found.empty or inspect.isclass(item) else f" -> {found.return_annotation}"
    line = f"{name}{inspect.Signature(parameters)}{result}"
    if len(line) <= LONGEST_LINE:
        return line
    return f"{name}(\n" + "".join(f"    {each},\n" for each in _apart(parameters)) + f"){result}"


class _Unquoted(str):
    """An annotation or a default that is written without quotation marks."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def _shown(parameter: inspect.Parameter) -> inspect.Parameter:
    """Return a parameter as a signature shows it: a short default, and an annotation without quotation marks."""
    annotation = getattr(parameter.annotation, "__forward_arg__", parameter.annotation)
    if isinstance(annotation, str):
        parameter = parameter.replace(annotation=_Unquoted(annotation))
    is_long = parameter.default is not parameter.empty and len(repr(parameter.default)) > LONGEST_DEFAULT
    return parameter.replace(default=_Unquoted("...")) if is_long else parameter


def _apart(parameters: Sequence[inspect.Parameter]) -> Iterator[str]:
    """Yield each parameter of a signature, and the `*` before those that are keyword-only."""
    kinds = [each.kind for each in parameters]
    for number, each in enumerate(parameters):
        if each.kind is each.KEYWORD_ONLY and not {each.KEYWORD_ONLY, each.VAR_POSITIONAL} & set(kinds[:number]):
            yield "*"
        yield str(inspect.Signature([each]))[1:-1].removeprefix("*, ")


def _has_own_constructor(cls: type) -> bool:
    own = [base for base in cls.__mro__ if base.__module__.startswith("seqkit")]
    return any("__init__" in vars(base) or "__new__" in vars(base) for base in own)


def _plain(line: str, *, bar: str = "|") -> str:
    """Return a text in which `<` outside of code is no HTML, and `|` outside of code is `bar`."""
    parts = line.split("`")
    parts[::2] = [part.replace("<", "&lt;").replace("|", bar) for part in parts[::2]]
    return "`".join(parts)
