"""What `generate` is told: the options of a call, else the recipe's, else the defaults, each within its bounds."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from numbers import Integral, Real
from pathlib import Path
from typing import Any, NoReturn

from seqkit.errors import DataError, UsageError
from seqkit.rundir import shown


def writing_settings(given: Mapping[str, Any], recipe: Mapping[str, Any], plan: Path) -> dict[str, Any]:
    """Returns prompt, length, temperature, top_k, top_p, seed and stop.

    Args:
        given: the options of this call; None stands for one that is not given.
        recipe: resolved.
        plan: the file that the recipe stands in.

    Raises:
        UsageError: an option is not what it must be, or there is no prompt.
        DataError: a value of the recipe is not, which nobody who ran it can have written.
    """
    section = recipe.get("generate") or {}
    if not isinstance(section, dict):
        raise DataError(f"{plan}: damaged: generate is not a mapping")
    written = {"seed": recipe.get("seed")} | {name: value for name, value in section.items() if value is not None}
    settings: dict[str, Any] = {}
    for name, (default, wanted, convert) in _SETTINGS.items():
        value, own = given.get(name), True
        if value is None:
            value, own = written.get(name, default), False
        try:
            settings[name] = None if value is None else convert(value)
        except ValueError:
            if own:
                raise UsageError(f"{name.replace('_', '-')} must be {wanted}, not {shown(value)}") from None
            raise DataError(f"{plan}: damaged: {name} must be {wanted}, not {shown(value)}") from None
    if not settings["prompt"]:
        raise UsageError("a prompt is needed, to go on from: the recipe has none, and an empty one is none")
    return settings


def _text(value: Any) -> str:
    return value if isinstance(value, str) else _refuse()


def _texts(value: Any) -> list[str]:
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, Sequence) or not all(isinstance(text, str) and text for text in texts):
        _refuse()
    return list(texts)


def _whole(value: Any, least: int) -> int:
    if not isinstance(value, Integral) or isinstance(value, bool) or int(value) < least:
        _refuse()
    return int(value)


def _number(value: Any, holds: Callable[[float], bool]) -> float:
    if not isinstance(value, Real) or isinstance(value, bool):
        _refuse()
    try:
        number = float(value)
    except OverflowError:  # a whole number beyond them
        _refuse()
    return number if holds(number) else _refuse()


def _refuse() -> NoReturn:
    raise ValueError


_SETTINGS: dict[str, tuple[Any, str, Callable[[Any], Any]]] = {
    "prompt": (None, "text", _text),
    "length": (100, "a whole number of at least 1", lambda value: _whole(value, 1)),
    "temperature": (0.0, "at least 0 and finite", lambda value: _number(value, lambda number: 0 <= number < math.inf)),
    "top_k": (None, "a whole number of at least 1", lambda value: _whole(value, 1)),
    "top_p": (None, "above 0 and at most 1", lambda value: _number(value, lambda number: 0 < number <= 1)),
    "seed": (0, "a whole number of at least 0", lambda value: _whole(value, 0)),
    "stop": ((), "texts, none of them empty", _texts),
}
"""Each setting's default, what a value of it must be, and what turns one into that or raises ValueError."""
