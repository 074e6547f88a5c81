"""What `generate` is told: the options of a call, else the recipe's, else the defaults, each within its bounds."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from numbers import Integral, Real
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from seqkit.errors import DataError, UsageError
from seqkit.infer.sampling import Drawing
from seqkit.rundir import shown


class Writing(NamedTuple):
    """What to write.

    Attributes:
        prompts: what to go on from; one, or several that are written on side by side.
        samples: how many continuations of the one prompt to draw; None where one is wanted, and no list.
        length: how many tokens at most.
        drawing: how a next id is chosen.
        seed: of the draws.
        stop: end before the first of these texts.
    """

    prompts: list[str]
    samples: int | None
    length: int
    drawing: Drawing
    seed: int
    stop: list[str]


def writing(given: Mapping[str, Any], recipe: Mapping[str, Any], plan: Path) -> Writing:
    """Returns what to write.

    Args:
        given: the options of this call; None stands for one that is not given.
        recipe: resolved.
        plan: the file that the recipe stands in.

    Raises:
        UsageError: an option is not what it must be, or goes with no other; or there is no prompt.
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
    drawing = Drawing(settings["temperature"], settings["top_k"], settings["top_p"])
    samples = given.get("samples")
    if samples is not None:
        try:
            samples = _whole(samples, 1)
        except ValueError:
            raise UsageError(f"samples must be a whole number of at least 1, not {shown(samples)}") from None
    prompts = given.get("prompts")
    if prompts is None:
        if not settings["prompt"]:
            raise UsageError("a prompt is needed, to go on from: the recipe has none, and an empty one is none")
        if samples and samples > 1 and not drawing.temperature:
            raise UsageError("samples: at temperature 0 they would all be the same; give a temperature")
        prompts = [settings["prompt"]]
    else:
        if samples is not None:
            raise UsageError("samples are of one prompt, and there is a list of them")
        if not isinstance(prompts, list | tuple):
            raise UsageError(f"prompt must be text, or a list of texts, not {shown(prompts)}")
        for number, text in enumerate(prompts, start=1):
            if not isinstance(text, str) or not text:
                which = f"prompt {number} of {len(prompts)}"
                raise UsageError(f"{which} must be a text that is not empty, not {shown(text)}")
    return Writing(list(prompts), samples, settings["length"], drawing, settings["seed"], settings["stop"])


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
