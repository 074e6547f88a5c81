"""The rules of values: their words, their checks, and that pydantic accepts and refuses the same values."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import pytest
from annotated_types import Ge, Gt, Interval, Le, Len, Lt, MinLen
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import Field, ValidationError

from seqkit.contracts import (
    Fraction,
    NonEmptyText,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    Probability,
    Requires,
)
from seqkit.hookspecs import KINDS
from seqkit.recipe.descriptions import Satisfies, describe
from seqkit.recipe.parameters import parameters
from seqkit.recipe.rules import find_problems, why_rejected
from seqkit.recipe.schema import Data, Settings
from seqkit.recipe.values import check_values
from seqkit.registry import load_registry

Even = Annotated[int, Satisfies(lambda number: number % 2 == 0, "an even integer")]

DESCRIPTIONS = [
    (int, "an integer"),
    (float, "a number"),
    (str, "a string"),
    (bool, "true or false"),
    (None, "null"),
    (Path, "a path"),
    (list, "a list"),
    (dict, "a mapping"),
    (complex, "a complex object"),
    (PositiveInt, "a positive integer"),
    (NonNegativeInt, "a non-negative integer"),
    (Annotated[int, Ge(1)], "a positive integer"),
    (Annotated[int, Ge(1), Le(100)], "an integer, 1 to 100"),
    (Annotated[int, Ge(0), Lt(2**32)], "an integer, 0 to 4294967295"),
    (Annotated[int, Interval(ge=1, le=5)], "an integer, 1 to 5"),
    (Annotated[int, Field(ge=1, le=5)], "an integer, 1 to 5"),
    (Annotated[int, Ge(2)], "an integer of at least 2"),
    (Annotated[int, Le(-1)], "an integer of at most -1"),
    (PositiveFloat, "a positive number"),
    (NonNegativeFloat, "a non-negative number"),
    (Probability, "a number greater than 0 and at most 1"),
    (Fraction, "a number of at least 0 and less than 1"),
    (Annotated[float, Ge(0), Le(1)], "a number, 0 to 1"),
    (Annotated[float, Gt(0), Lt(1)], "a number greater than 0 and less than 1"),
    (Annotated[float, Lt(1)], "a number less than 1"),
    (NonEmptyText, "a non-empty string"),
    (Literal["error", "skip", "mark"], "one of error, skip, mark"),
    (Literal["balanced"], "'balanced'"),
    (Literal["on", 1, True], "one of on, 1, true"),
    (Literal["auto", ",", "\t"], 'one of auto, ",", "\\t"'),
    (PositiveInt | None, "a positive integer"),
    (Annotated[int, Ge(1), Le(9)] | Literal["auto"], "an integer, 1 to 9, or 'auto'"),
    (Annotated[int | None, Ge(1), Le(9)], "an integer, 1 to 9"),
    (Union[str, int, bool], "a string, an integer, or true or false"),  # noqa: UP007
    (list[str], "a list of strings"),
    (list[str | int] | None, "a list of strings or integers"),
    (list[Literal["a", "b"]], "a list of values from a, b"),
    (list[Path], "a list of paths"),
    (list[list[bool]], "a list of lists of true or false"),
    (list[complex], "a list of complex objects"),
    (Annotated[list[int], Len(2)], "a list of at least 2 integers"),
    (tuple[NonEmptyText, ...], "a list of non-empty strings"),
    (tuple[Fraction, Fraction], "a list of 2 numbers of at least 0 and less than 1"),
    (tuple[int, float], "a list of 2 items (an integer, a number)"),
    (dict[str, PositiveFloat] | Literal["balanced"] | None, "a mapping of names to positive numbers or 'balanced'"),
    (list[dict], "a list of mappings"),
    (Even, "an even integer"),
]


@pytest.mark.parametrize(("annotation", "words"), DESCRIPTIONS, ids=[words for _, words in DESCRIPTIONS])
def test_an_annotation_is_described_in_words(annotation: Any, words: str) -> None:
    assert describe(annotation) == words


@pytest.mark.parametrize(
    ("value", "annotation", "text"),
    [
        (0, Annotated[int, Ge(1), Le(100)], "must be an integer, 1 to 100, not 0"),
        (True, int, "must be an integer, not true"),
        ("3", PositiveInt | None, "must be a positive integer, not '3'"),
        (float("inf"), PositiveFloat, "must be a finite number, not .inf"),
        (float("nan"), PositiveFloat | None, "must be a finite number, not .nan"),
        ("skp", Literal["error", "skip"], "must be one of error, skip, not 'skp' (did you mean 'skip'?)"),
        (["a", 3], list[str], "must be a list of strings, not ['a', 3]"),
        ("", NonEmptyText, "must be a non-empty string, not ''"),
        (3, Even, "must be an even integer, not 3"),
        (2**2000, float, f"must be a number, not 0x1{56 * chr(48)}…"),
    ],
)
def test_a_rejected_value_is_explained(value: Any, annotation: Any, text: str) -> None:
    assert why_rejected(value, annotation) == text


@pytest.mark.parametrize(
    ("value", "annotation"),
    [
        (100, Annotated[int, Le(100)]),
        (None, PositiveInt | None),
        (1, float),
        ((0.5, 0), tuple[float, float]),
        (4, Even),
    ],
)
def test_an_accepted_value_is_not_explained(value: Any, annotation: Any) -> None:
    assert why_rejected(value, annotation) is None


@pytest.mark.parametrize(
    ("value", "annotation", "problems"),
    [
        (["a", "", 3], list[NonEmptyText], {"1": "a non-empty string, not ''", "2": "a non-empty string, not 3"}),
        ({"good": 1, "bad": 0}, dict[str, PositiveFloat] | None, {"bad": "a positive number, not 0"}),
        ([[1], ["x"]], list[list[int]], {"1.0": "an integer, not 'x'"}),
        ([0.5, 1], tuple[Fraction, Fraction], {"1": "a number of at least 0 and less than 1, not 1"}),
        ([0.5], tuple[Fraction, Fraction], {"": "a list of 2 numbers of at least 0 and less than 1, not [0.5]"}),
        (["a", 3], NonEmptyText | tuple[NonEmptyText, ...], {"1": "a non-empty string, not 3"}),
        (3, NonEmptyText | tuple[NonEmptyText, ...], {"": "a non-empty string or a list of non-empty strings, not 3"}),
    ],
)
def test_the_items_of_a_collection_are_reported_by_their_paths(value: Any, annotation: Any, problems: dict) -> None:
    found = {".".join(problem.path): problem.text for problem in find_problems(value, annotation)}
    assert found == {path: f"must be {text}" for path, text in problems.items()}


def annotations_in_use() -> Iterator[Any]:
    """Yield the annotations of the parameters of all built-in components and of all sections."""
    classes = [Settings, Data]
    classes += [entry.load() for kind in KINDS for entry in load_registry().all(kind)]
    while classes:
        for parameter in parameters(classes.pop()).values():
            classes += parameter.sections
            if not (parameter.sections or parameter.nested):
                yield without_requirement(parameter.annotation)


def without_requirement(annotation: Any) -> Any:
    """Return an annotation without the mark that names another parameter, which says nothing of the value."""
    if get_origin(annotation) is not Annotated:
        return annotation
    base, *marks = get_args(annotation)
    kept = [mark for mark in marks if not isinstance(mark, Requires)]
    return Annotated[(base, *kept)] if kept else base


MORE = [
    dict[str, PositiveFloat] | Literal["balanced"] | None,
    tuple[PositiveInt, Fraction],
    tuple[Annotated[float, Ge(-60), Le(120)], ...],
    list[str | int] | None,
    list[Annotated[float, Gt(0), Lt(1)]] | None,
    list[list[NonNegativeInt]],
    Annotated[list[int], MinLen(1)],
    Annotated[int | None, Ge(2)],
    Path | None,
    bool | float,
]
"""Annotations that plugins use."""

numbers = st.integers(-3, 130) | st.integers() | st.floats(-2, 2) | st.floats()
scalars = st.none() | st.booleans() | numbers | st.sampled_from(["", "a", "on", "auto", "cpu", "cuda:1", "7", "a b"])
json_values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=2),
    max_leaves=5,
)


def literals(annotation: Any) -> list[Any]:
    inner = [choice for part in getattr(annotation, "__args__", ()) for choice in literals(part)]
    return list(annotation.__args__) if getattr(annotation, "__origin__", None) is Literal else inner


def check_as_pydantic(value: Any, annotation: Any, adapter: Any) -> None:
    problems = find_problems(value, annotation)
    try:
        adapter.validate_python(value)
    except ValidationError:
        assert problems
        assert why_rejected(value, annotation)
    else:
        assert problems == []
        assert why_rejected(value, annotation) is None


@settings(max_examples=100)  # each for all annotations, because generating a value takes longer than checking it
@given(json_values)
def test_pydantic_accepts_and_rejects_the_same_values(value: Any) -> None:
    for annotation, adapter in zip(ALL, ADAPTERS, strict=True):
        check_as_pydantic(value, annotation, adapter)


def test_pydantic_accepts_and_rejects_the_same_literals() -> None:
    for value in [literal for annotation in ALL for literal in literals(annotation)]:
        for annotation, adapter in zip(ALL, ADAPTERS, strict=True):
            check_as_pydantic(value, annotation, adapter)


def adapter_of(annotation: Any) -> Any:
    """Return pydantic's validator of a parameter with an annotation."""
    from seqkit.recipe.values import _adapter

    def constructor(self: object, *, value: Any) -> None: ...

    constructor.__annotations__["value"] = annotation
    return _adapter(type("Component", (), {"__init__": constructor}), "value")


ALL = [*dict.fromkeys(annotations_in_use()), *MORE]
ADAPTERS = [adapter_of(annotation) for annotation in ALL]


def test_an_annotation_that_only_pydantic_knows_is_checked_too() -> None:
    class Dated:
        def __init__(self, *, code: Annotated[str, Field(pattern="^[A-Z]+$")] = "A") -> None: ...

    assert check_values(Dated, {"code": "B"}) == ({"code": "B"}, [])
    _, [problem] = check_values(Dated, {"code": "b"})
    assert problem.text == "is not valid: String should match pattern '^[A-Z]+$', not 'b'"


def test_generation_options_are_checked_without_pydantic() -> None:
    source = """
        import sys
        from seqkit.recipe.parameters import parameters
        from seqkit.recipe.rules import why_rejected
        from seqkit.recipe.generation import Generate
        print(why_rejected(0, parameters(Generate)["length"].annotation), parameters(Generate)["length"].default)
        print([name for name in ("pydantic", "torch", "yaml") if name in sys.modules])
        """
    source = "\n".join(line.strip() for line in source.splitlines())
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["must be a positive integer, not 0 100", "[]"]
