"""Find the component of a plugin that raised an error, for a message that names it."""

from __future__ import annotations

import sys
import traceback
from itertools import chain

from seqkit.errors import describe_error
from seqkit.hookspecs import KINDS
from seqkit.messages import message
from seqkit.registry import load_registry
from seqkit.registry.records import Registered, RegisteredCommand


def describe_failure(error: BaseException) -> str:
    """Return which component or command of a plugin raised an error, where in its code, and the error.

    Of several in the traceback, the innermost is meant: an encoder in another one, or a head that a command calls.

    Returns:
        The text; empty if the error was not raised in a plugin.
    """
    by_class, by_module = _loaded()
    failed, package, place = None, "", ""
    cause = error.__cause__  # Python raises a RuntimeError from a StopIteration in a generator
    for frame, line in chain(*(traceback.walk_tb(each.__traceback__) for each in (error, cause) if each)):
        module = frame.f_globals.get("__name__", "")
        bases = type(frame.f_locals.get("self")).__mro__
        cls = next((base for base in bases if base in by_class), None)
        found = by_class[cls] if cls is not None else by_module.get(module)
        if found is not None and found is not failed:
            failed, package, place = found, _package(cls.__module__ if cls is not None else module), ""
        if failed is not None and (not place or _package(module) == package):
            place = f"{frame.f_code.co_filename}:{line}"
    if failed is None:
        return ""
    return message("; ").join(
        [
            message(
                "{component} failed at {place}: {error}",
                component=failed.label,
                place=place,
                error=describe_error(error),
            ),
            *getattr(error, "__notes__", ()),
        ]
    )


def _loaded() -> tuple[dict[type, Registered], dict[str, RegisteredCommand]]:
    """Return the components of plugins by class and their commands by module, of those that were imported."""
    registry = load_registry()
    by_class: dict[type, Registered] = {}
    for component in (each for kind in KINDS for each in registry.all(kind) if each.distribution != "seqkit"):
        cls: object = component.record.target
        if isinstance(cls, str):
            module, _, name = cls.partition(":")
            cls = getattr(sys.modules.get(module), name, None)
        if isinstance(cls, type):
            by_class.setdefault(cls, component)
    return by_class, {each.record.target.partition(":")[0]: each for each in registry.commands.values()}


def _package(module: str) -> str:
    return module.partition(".")[0]
