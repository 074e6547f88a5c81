"""Default checks, for components whose plugins name none: values chosen from signatures, and common examples."""

from __future__ import annotations

import typing
from collections.abc import Callable
from typing import Any

import torch

from seqkit.contracts import Contract, Embedding, Example, Head, Reader, Tokenizer
from seqkit.embeddings.learned import Learned
from seqkit.embeddings.scaled import Scaled
from seqkit.encoders.lstm import LSTM
from seqkit.errors import SeqkitError, describe_error
from seqkit.messages import listed, message
from seqkit.recipe.parameters import Parameter, parameters
from seqkit.recipe.values import check_values
from seqkit.registry.records import Registered
from seqkit.testing.checks import Check
from seqkit.testing.embedding import checks_for_embedding
from seqkit.testing.embedding.case import EmbeddingCase
from seqkit.testing.encoder import checks_for_encoder
from seqkit.testing.head import checks_for_head
from seqkit.testing.head.case import HeadCase
from seqkit.testing.isolation import isolated
from seqkit.testing.metric import checks_for_metric
from seqkit.testing.optimizer import checks_for_optimizer
from seqkit.testing.reader import checks_for_reader
from seqkit.testing.schedule import checks_for_schedule
from seqkit.testing.tokenizer import checks_for_tokenizer
from seqkit.testing.tokenizer.case import TEXTS
from seqkit.testing.tracker import checks_for_tracker
from seqkit.tokenizers.char import Char

CANDIDATE_VALUES = (4, 2, 1, 3, 8, 0, 0.5, 0.1, 1.0, True)
"""Values for required parameters. The first that a parameter accepts is used."""

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
    "translations": [
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
"""Examples for heads, by the kind of their targets. The first kind that a head accepts is used."""


class NoDefaultCase(Exception):
    """A component cannot be checked with default values or examples. The message says which are missing."""


class RejectedGuess(NoDefaultCase):
    """The constructor rejects the values that were chosen for its parameters. The message contains them."""


def default_checks(registered: Registered) -> list[Check]:
    """Return the checks of a component with values that its parameters accept and with common examples.

    Raises:
        NoDefaultCase: the plugin has to name a function that returns the checks.
        PluginError: the component cannot be loaded, or its parameters cannot be read.
    """
    cls: Any = registered.load()
    if registered.kind == "reader":
        return _reader_checks(cls)
    values = _required_values(cls)

    def build(*arguments: object) -> Any:
        return cls(*arguments, **values)

    if values:
        _try_values(registered.kind, cls, build, values)
    if registered.kind == "encoder":
        return checks_for_encoder(build)
    if registered.kind == "tokenizer":
        return checks_for_tokenizer(build)
    if registered.kind == "optimizer":
        return checks_for_optimizer(build)
    if registered.kind == "schedule":
        return checks_for_schedule(build)
    if registered.kind == "metric":
        return checks_for_metric(build)
    if registered.kind == "tracker":
        return checks_for_tracker(build)
    if registered.kind == "embedding":
        return checks_for_embedding(build, width=3 if cls.takes == "features" else None)
    return _head_checks(build)


def _try_values(kind: str, cls: Any, build: Callable[..., Any], values: dict[str, Any]) -> None:
    """Build a component with the values that were chosen for it.

    Raises:
        RejectedGuess: the constructor rejects them.
    """
    source: dict[str, Callable[[], tuple[Any, ...]]] = {
        "encoder": lambda: (3,),
        "optimizer": lambda: ([torch.nn.Parameter(torch.zeros(1, 1))],),
        "embedding": lambda: (EmbeddingCase(build, 3 if cls.takes == "features" else None, None, TEXTS).source,),
    }
    try:
        with isolated():
            build(*source.get(kind, tuple)())
    except (ValueError, AssertionError, LookupError, OSError, SeqkitError) as error:
        shown = [
            f"{name}=..." if isinstance(value, list) or callable(value) else f"{name}={value!r}"
            for name, value in values.items()
        ]
        raise RejectedGuess(
            message(
                "its constructor rejects the guessed values {values} ({error})",
                values=listed(shown),
                error=describe_error(error),
            )
        ) from None
    except Exception:
        return  # a check reports the error


def _required_values(cls: type[Contract]) -> dict[str, Any]:
    """Return a value for each parameter that has no default."""
    return {
        parameter.name: _nested_factory(parameter) if parameter.nested else _value(cls, parameter)
        for parameter in parameters(cls).values()
        if parameter.required
    }


def _value(cls: type[Contract], parameter: Parameter) -> Any:
    """Return the first candidate that a parameter accepts."""
    choices = typing.get_args(parameter.annotation) if typing.get_origin(parameter.annotation) is typing.Literal else ()
    for value in (*choices, *CANDIDATE_VALUES):
        _, problems = check_values(cls, {parameter.name: value})
        if not any(problem.path[:1] == (parameter.name,) for problem in problems):
            return value
    raise NoDefaultCase(message("there is no default value for its parameter '{name}'", name=parameter.name))


def _nested_factory(parameter: Parameter) -> Any:
    """Return the factory of a small component for a parameter that is a component, or a list of two of them."""
    factories: dict[str, Callable[..., Contract]] = {
        "tokenizer": Char,
        "embedding": _small_embedding,
        "encoder": lambda input_size: LSTM(input_size, hidden_size=4),
    }
    factory = factories.get(parameter.nested or "")
    if factory is None:
        raise NoDefaultCase(
            message("there is no default {kind} for its parameter '{name}'", kind=parameter.nested, name=parameter.name)
        )
    return [factory, factory] if parameter.is_list else factory


def _small_embedding(source: Tokenizer | int) -> Embedding:
    return Scaled(source) if isinstance(source, int) else Learned(source, dim=4)


def _reader_checks(cls: Callable[[], Reader]) -> list[Check]:
    """Return the checks of a reader that needs no parameters, and so no sample file."""
    try:
        next(iter(cls().read()))
    except Exception:
        raise NoDefaultCase(message("there is no default sample of its source")) from None
    return checks_for_reader(cls)


def _head_checks(build: Callable[[], Head]) -> list[Check]:
    """Return the checks of a head with the first of the common examples that it accepts."""
    first_error = ""
    for kind, examples in EXAMPLES.items():
        case = HeadCase(build, examples, None, output_size=8, final_size=6)
        try:
            with isolated():
                head = case.build()
                if kind == "texts" or "targets" in head.needs or isinstance(head.needs, str):  # which a check reports
                    case.rows(head)
                    return checks_for_head(build, examples)
        except Exception as error:
            first_error = first_error or message(" ({kind}: {error})", kind=kind, error=describe_error(error))
    raise NoDefaultCase(message("it accepts none of the default examples{error}", error=first_error))
