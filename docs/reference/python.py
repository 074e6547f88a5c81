"""The pages about Python: what seqkit, its contracts, and the helpers and checks for plugins export."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from functools import cache, cached_property
from types import ModuleType
from typing import Any

import seqkit
from reference.markdown import code, documented, head, text
from reference.words import Words
from seqkit import hookspecs, layers

MODULES = {
    "Python": ["seqkit", "seqkit.explain.explanation", "seqkit.reports.picture", "seqkit.sklearn"],
    "Contracts": ["seqkit.contracts"],
    "Helpers": [
        "seqkit.readers.files",
        "seqkit.errors",
        "seqkit.messages",
        "seqkit.heads.exhibits",
        *(f"seqkit.layers.{module.name}" for module in pkgutil.iter_modules(layers.__path__)),
    ],
    "Checks": ["seqkit.testing"],
}
"""The public modules, by page."""


def python(words: Words) -> Iterator[str]:
    """Yield the page of `seqkit` and `seqkit.sklearn`."""
    return _page(words, "Python")


def contracts(words: Words) -> Iterator[str]:
    """Yield the page of `seqkit.contracts`."""
    return _page(words, "Contracts")


def helpers(words: Words) -> Iterator[str]:
    """Yield the page of what plugins may also import."""
    return _page(words, "Helpers")


def checks(words: Words) -> Iterator[str]:
    """Yield the page of `seqkit.testing`."""
    return _page(words, "Checks")


def hooks(words: Words) -> Iterator[str]:
    """Yield the page of the hooks."""
    yield from head(words, "Hooks", "from-docstrings")
    yield text(inspect.cleandoc(hookspecs.__doc__ or ""))
    for name, function in vars(hookspecs).items():
        if name.startswith("seqkit_") and inspect.isfunction(function):
            yield from documented(words, name, function, "##")


def public_names(module: ModuleType) -> list[str]:
    """Return what a module exports: `__all__`, or without it what it defines under a public name.

    What `seqkit` exports is not repeated on the page of the module that defines it.
    """
    if hasattr(module, "__all__"):
        found = {name for name in module.__all__ if not inspect.ismodule(getattr(module, name))}
    else:
        defined = {name for name, item in vars(module).items() if getattr(item, "__module__", "") == module.__name__}
        found = {name for name in defined | set(_assignments(module)) if not name.startswith("_")}
    elsewhere = set() if module is seqkit else set(seqkit.__all__)
    return sorted(found - elsewhere - {"__version__"}, key=lambda name: (name.lower(), name))


def title_of(module: ModuleType, name: str) -> str:
    """Return the heading of what a module exports, under that of the module: as programs write it."""
    return f"seqkit.{name}" if module is seqkit else name


def public_members(cls: type) -> dict[str, Any]:
    """Return the public methods and properties of a class by name, with what it inherits from a class of seqkit.

    What it inherits from a class with an entry is left out.
    """
    found: dict[str, Any] = {}
    for base in (cls, *_hidden_bases(cls)):
        for name, member in vars(base).items():
            is_method = inspect.isfunction(member) or isinstance(member, classmethod | staticmethod)
            if (is_method or isinstance(member, property | cached_property)) and not name.startswith("_"):
                found.setdefault(name, member)
    return found


def _hidden_bases(cls: type) -> list[type]:
    return [base for base in cls.__mro__[1:] if base.__module__.startswith("seqkit") and base not in _entries()]


@cache
def _entries() -> set[type]:
    modules = [importlib.import_module(name) for names in MODULES.values() for name in names]
    items = [getattr(module, name) for module in modules for name in public_names(module)]
    return {item for item in items if inspect.isclass(item)}


def _page(words: Words, title: str) -> Iterator[str]:
    yield from head(words, title, "from-docstrings")
    for name in MODULES[title]:
        module = importlib.import_module(name)
        yield f"## {name}"
        yield text(inspect.cleandoc(module.__doc__ or ""))
        for exported in public_names(module):
            yield from _exported(words, module, exported)


def _exported(words: Words, module: ModuleType, name: str) -> Iterator[str]:
    item, path = getattr(module, name), title_of(module, name)
    if not (inspect.isfunction(item) or inspect.isclass(item)) or name in _assignments(module):
        source, docstring = _assignments(module)[name]
        yield f"### {path}"
        yield code("python", source)
        yield text(docstring)
        return
    bases = _hidden_bases(item) if inspect.isclass(item) else []
    yield from documented(words, path, item, "###", _own_docstring(item), bases)
    if inspect.isclass(item):
        for member, found in public_members(item).items():
            function = getattr(found, "__func__", found)
            docstring = inspect.getdoc(getattr(item, member)) if function.__doc__ is None else None
            yield from documented(words, f"{name}.{member}", function, "####", docstring)


def _own_docstring(item: Any) -> str:
    """Return the docstring of a function or a class; nothing for that which Python writes for a dataclass."""
    docstring = vars(item).get("__doc__") if inspect.isclass(item) else item.__doc__
    is_signature = bool(docstring) and docstring.startswith(f"{item.__name__}(")
    return "" if docstring is None or is_signature else docstring


@cache
def _assignments(module: ModuleType) -> dict[str, tuple[str, str]]:
    """Return the source of each assignment at the top of a module, or of what it imports from, and its docstring."""
    found: dict[str, tuple[str, str]] = {}
    names = [f"{module.__name__}.{each.name}" for each in pkgutil.iter_modules(getattr(module, "__path__", ()))]
    for each in [*map(importlib.import_module, names if hasattr(module, "__all__") else ()), module]:
        source = inspect.getsource(each)
        body = ast.parse(source).body
        for node, following in zip(body, [*body[1:], None], strict=True):
            target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
            if isinstance(target, ast.Name):
                has_docstring = isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant)
                docstring = inspect.cleandoc(str(following.value.value)) if has_docstring else ""
                found[target.id] = (ast.get_source_segment(source, node) or "", docstring)
    return found
