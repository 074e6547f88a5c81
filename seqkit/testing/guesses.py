"""What a component is tried on where its plugin names no checks: small values from its signature, common examples."""

from __future__ import annotations

import typing
from collections.abc import Callable
from typing import Any

from seqkit.contracts import Example
from seqkit.embeddings.learned import Learned
from seqkit.embeddings.scaled import Scaled
from seqkit.encoders.lstm import LSTM
from seqkit.registry import Registered, reason
from seqkit.signature import Parameter, check_parameters, parameters
from seqkit.testing.checks import Check
from seqkit.testing.embeddings import checks_for_embedding
from seqkit.testing.encoders import checks_for_encoder
from seqkit.testing.head_case import HeadCase
from seqkit.testing.heads import checks_for_head
from seqkit.testing.readers import checks_for_reader
from seqkit.testing.surroundings import conditions
from seqkit.testing.tokenizers import checks_for_tokenizer
from seqkit.tokenizers.char import Char

VALUES = (4, 2, 1, 3, 8, 0, 0.5, 0.1, 1.0, True)
EXAMPLES = {
    "labels": [
        Example("good", "glad", "sample:1"),
        Example("a bad thing", "sad", "sample:2"),
        Example("nice one", "glad", "sample:3"),
        Example("so awful", "sad", "sample:4"),
        Example("x", "none", "sample:5"),
    ],
    "tags": [
        Example(["Sarah", "bought", "apples"], ["A", "B", "C"], "sample:1"),
        Example(["apples", "Sarah"], ["C", "A"], "sample:2"),
        Example(["we", "bought", "two", "apples"], ["A", "B", "B", "C"], "sample:3"),
    ],
    "texts for texts": [
        Example("ab", "ba", "sample:1"),
        Example("cab", "bac", "sample:2"),
        Example("bcca", "accb", "sample:3"),
    ],
    "numbers": [
        Example("ab", 3.0, "sample:1"),
        Example("abbca", 5.5, "sample:2"),
        Example("cab", 1.0, "sample:3"),
    ],
    "texts": [
        Example("abcdefgh", None, "sample:1"),
        Example("bdfhac", None, "sample:2"),
        Example("hgfe", None, "sample:3"),
    ],
}


class NoGuess(Exception):
    """There is nothing to try a component on. Says what its plugin should give."""


def guessed_checks(registered: Registered) -> list[Check]:
    """Returns the checks of a component with small values for its parameters.

    Raises:
        NoGuess: its plugin has to say what it is tried on.
        PluginError: it cannot be loaded, or its parameters cannot be read.
    """
    cls: Any = registered.load()
    if registered.kind == "reader":
        return _reader(cls)
    values = _values(cls)

    def build(*supplied: Any) -> Any:
        return cls(*supplied, **values)

    if registered.kind == "encoder":
        return checks_for_encoder(build)
    if registered.kind == "tokenizer":
        return checks_for_tokenizer(build)
    if registered.kind == "embedding":
        return checks_for_embedding(build, width=3 if cls.takes == "features" else None)
    return _head(build)


def _values(cls: type) -> dict[str, Any]:
    """Returns a value for each parameter that has no default."""
    known = parameters(cls)
    given: dict[str, Any] = {}
    for parameter in known.values():
        if parameter.required:
            given[parameter.name] = _nested(parameter) if parameter.nested else _plain(cls, parameter)
    return given


def _plain(cls: type, parameter: Parameter) -> Any:
    choices = typing.get_args(parameter.annotation) if typing.get_origin(parameter.annotation) is typing.Literal else ()
    for value in (*choices, *VALUES):
        _, problems = check_parameters(cls, {parameter.name: value})
        if not any(problem.path[:1] == (parameter.name,) for problem in problems):
            return value
    raise NoGuess(f"no value can be guessed for its parameter '{parameter.name}'")


def _nested(parameter: Parameter) -> Any:
    known: dict[str, Any] = {
        "tokenizer": Char,
        "embedding": _any_embedding,
        "encoder": lambda size: LSTM(size, hidden_size=4),
    }
    inner = known.get(parameter.nested or "")
    if inner is None:
        raise NoGuess(f"no {parameter.nested} can be guessed for its parameter '{parameter.name}'")
    return [inner, inner] if parameter.is_list else inner


def _any_embedding(given: Any) -> Any:
    return Scaled(given) if isinstance(given, int) else Learned(given, dim=4)


def _reader(cls: Callable[[], Any]) -> list[Check]:
    """Tries a reader that reads no file, and so needs no sample of one."""
    try:
        next(iter(cls().read()))
    except Exception:
        raise NoGuess("no sample of what it reads can be guessed") from None
    return checks_for_reader(cls)


def _head(build: Callable[[], Any]) -> list[Check]:
    """Tries a head on the first of the common examples that it takes."""
    refused = ""
    for what, examples in EXAMPLES.items():
        case = HeadCase(build, examples, None, 8, 6)
        try:
            with conditions():
                head = case.build()
                if what == "texts" or "targets" in head.needs:
                    case.rows(head)
                    return checks_for_head(build, examples)
        except Exception as error:
            refused = refused or f" ({what}: {reason(error)})"
    raise NoGuess(f"no examples that it takes can be guessed{refused}")
