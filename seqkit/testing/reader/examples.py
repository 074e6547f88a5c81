"""Checks of the examples that a reader yields."""

from __future__ import annotations

import numpy as np

from seqkit.contracts import Reader
from seqkit.data.dataset import read_examples
from seqkit.errors import DataError, PluginError
from seqkit.messages import message
from seqkit.readers.files import read_text
from seqkit.recipe.parameters import parameters
from seqkit.testing.assertions import (
    assert_component,
    assert_global_rng_unchanged,
    assert_global_settings_unchanged,
)
from seqkit.testing.checks import CheckSuite, ContractViolation, DoesNotApply, cause_of
from seqkit.testing.comparison import shorten
from seqkit.testing.reader.case import ReaderCase, examples_equal, values_equal

check = CheckSuite[ReaderCase]("reader")


@check
def contract(case: ReaderCase) -> None:
    """The reader inherits from seqkit.contracts.Reader, and a recipe can set its parameters."""
    with case.reader() as (reader, _):
        assert_component(reader, Reader, is_module=False)
        path = parameters(type(reader)).get("path")
        if path is not None and not path.is_path:
            raise ContractViolation(
                message("path is not annotated as pathlib.Path: only then is it relative to the recipe")
            )
        if reader.yields not in ("text", "features"):
            raise ContractViolation(
                message("yields is {yields!r}: set it to 'text' or 'features'", yields=reader.yields)
            )
        if not isinstance(reader.labelled, bool):
            raise ContractViolation(
                message("labelled is {labelled!r}: set it to True or False", labelled=reader.labelled)
            )


@check
def examples(case: ReaderCase) -> None:
    """The sample is read into examples that are not empty, with inputs of the declared kind."""
    with case.reader() as (reader, _):
        try:
            found = read_examples(reader, type(reader).__name__)
        except (DataError, PluginError) as error:
            raise ContractViolation(
                message(
                    "the sample cannot be read ({error}): yield a valid Example for each of its examples", error=error
                ),
                cause=cause_of(error.__cause__ or error),
            ) from None
        for number, example in enumerate(found, start=1):
            if not len(example.input):
                raise ContractViolation(
                    message("example {number} is empty: skip it, or raise a DataError", number=number)
                )
            names = example.feature_names
            if names and (reader.yields == "text" or len(names) != example.input.shape[1]):
                raise ContractViolation(
                    message(
                        "example {number} has the feature names {names}: give each feature of its input one name",
                        number=number,
                        names=shorten(names),
                    )
                )
            is_text = isinstance(example.input, str) or (
                isinstance(example.input, list | tuple) and all(isinstance(word, str) for word in example.input)
            )
            if (reader.yields == "text") != is_text:
                raise ContractViolation(
                    message(
                        "yields is {yields!r}, but the input of example {number} is a {type}: set yields to the kind "
                        "of the inputs",
                        yields=reader.yields,
                        number=number,
                        type=type(example.input).__name__,
                    )
                )


@check
def next_dates(case: ReaderCase) -> None:
    """`next_dates` returns the given number of dates, as text, and the first ones do not depend on the number."""
    with case.reader() as (reader, _):
        functions = [example.next_dates for example in reader.read() if example.next_dates is not None]
        if not functions:
            raise DoesNotApply(message("no example has next_dates"))
        for function in functions:
            found = list(function(3))
            if (
                len(set(found)) != 3
                or not all(isinstance(date, str) for date in found)
                or list(function(2)) != found[:2]
            ):
                raise ContractViolation(
                    message(
                        "next_dates(3) returns {found}: return the dates of the 3 time steps after the input, as text",
                        found=shorten(found),
                    )
                )


@check
def text_file(case: ReaderCase) -> None:
    """If text_file returns a file, the only example is the text of that file, without a target."""
    with case.reader() as (reader, _):
        source = reader.text_file()
        if source is None:
            raise DoesNotApply(message("text_file returns None"))
        found = list(reader.read())
        if [(example.input, example.target) for example in found] != [(read_text(*source), None)]:
            raise ContractViolation(
                message("read does not yield exactly the text of text_file: return None from text_file")
            )


@check
def labelled(case: ReaderCase) -> None:
    """All examples have a target if labelled is True, and none otherwise."""
    with case.reader() as (reader, _):
        for number, example in enumerate(reader.read(), start=1):
            if reader.labelled and example.target is None:
                raise ContractViolation(
                    message(
                        "labelled is True, but example {number} has no target: set its target, or labelled = False",
                        number=number,
                    )
                )
            if not reader.labelled and example.target is not None:
                raise ContractViolation(
                    message(
                        "labelled is False, but example {number} has a target: set labelled = True, or no target",
                        number=number,
                    )
                )


@check
def expected_examples(case: ReaderCase) -> None:
    """The examples of the sample are the expected ones, if these were given."""
    if case.expected is None:
        raise DoesNotApply(message("no expected examples were given"))
    found = case.examples()
    if len(found) != len(case.expected):
        raise ContractViolation(
            message(
                "{found} examples are read, but {expected} are expected: check the first and the last one",
                found=len(found),
                expected=len(case.expected),
            )
        )
    for number, (example, (value, target)) in enumerate(zip(found, case.expected, strict=True), start=1):
        for name, actual, expected in (("input", example.input, value), ("target", example.target, target)):
            if type(actual) is not type(expected) or not values_equal(actual, expected):
                raise ContractViolation(
                    message(
                        "the {name} of example {number} is {actual}, not {expected}",
                        name=name,
                        number=number,
                        actual=shorten(actual, 80),
                        expected=shorten(expected, 80),
                    )
                )


@check
def locations(case: ReaderCase) -> None:
    """Each example has a location, `file:line`, and lines are in the order of the file."""
    with case.reader() as (reader, path):
        previous = 0
        for number, example in enumerate(reader.read(), start=1):
            if not example.location:
                raise ContractViolation(
                    message(
                        "example {number} has no location: pass location=f'{{path}}:{{line}}' to Example", number=number
                    )
                )
            file, _, line = example.location.rpartition(":")
            if path is None or file != str(path) or not line.isdecimal() or not path.is_file():
                continue
            lines = len(path.read_bytes().splitlines())
            if not max(previous, 1) <= int(line) <= lines:
                raise ContractViolation(
                    message(
                        "the location of example {number} is line {line}, after line {previous} of a file of {lines} "
                        "lines: count lines from 1",
                        number=number,
                        line=line,
                        previous=previous,
                        lines=lines,
                    )
                )
            previous = int(line)


@check
def repeated_read(case: ReaderCase) -> None:
    """Reading again gives the same examples, also after an iteration that was not finished."""
    with case.reader() as (reader, _):
        first = list(reader.read())
        next(iter(reader.read()), None)
        if not examples_equal(first, list(reader.read())):
            raise ContractViolation(
                message("a second read gives other examples: open the source in read, not in the constructor")
            )


@check
def determinism(case: ReaderCase) -> None:
    """Two readers of the same source yield the same examples in the same order."""
    if not examples_equal(case.examples(), case.examples()):
        raise ContractViolation(
            message("a second reader of the same source yields other examples: keep their order, use no random numbers")
        )


@check
def independent_arrays(case: ReaderCase) -> None:
    """The inputs of different examples are different objects, and features do not share memory."""
    found = [example.input for example in case.examples()]
    if all(isinstance(value, list) for value in found) and len({id(value) for value in found}) < len(found):
        raise ContractViolation(message("several examples have the same list as input: create a list for each"))
    if not all(isinstance(value, np.ndarray) for value in found):
        raise DoesNotApply(message("it yields text"))
    for number, value in enumerate(found[1:], start=2):
        if np.shares_memory(found[0], value):
            raise ContractViolation(
                message(
                    "the features of examples 1 and {number} share memory: yield a copy of the buffer", number=number
                )
            )


@check
def global_rng_unchanged(case: ReaderCase) -> None:
    """Global random generators are not seeded or used."""
    with case.reader() as (reader, path):

        def build() -> Reader:
            return case.factory() if path is None else case.factory(path)

        assert_global_rng_unchanged(build, lambda _: list(reader.read()))


@check
def global_settings_unchanged(case: ReaderCase) -> None:
    """Process-wide settings do not change: default dtype, csv field size limit, environment, working directory."""
    with case.reader() as (reader, _):
        assert_global_settings_unchanged(lambda: reader, lambda reader: list(reader.read()))
