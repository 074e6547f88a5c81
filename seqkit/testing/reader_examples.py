"""What a reader owes in its examples."""

from __future__ import annotations

import numpy as np

from seqkit.contracts import Reader
from seqkit.data import read
from seqkit.errors import DataError, PluginError
from seqkit.readers.files import read_text
from seqkit.testing.checks import Broken, Checks, DoesNotApply
from seqkit.testing.modules import draws_nothing, is_component, leaves_settings
from seqkit.testing.reader_case import ReaderCase, all_same, same

check = Checks("reader")


@check
def contract(case: ReaderCase) -> None:
    """It is a seqkit.contracts.Reader whose parameters a recipe can check."""
    with case.reader() as (reader, _):
        is_component(reader, Reader, module=False)
        if reader.yields not in ("text", "features"):
            raise Broken(f"yields is {reader.yields!r}: set it to 'text' or 'features'")
        if not isinstance(reader.labelled, bool):
            raise Broken(f"labelled is {reader.labelled!r}: set it to True or False")


@check
def examples(case: ReaderCase) -> None:
    """It yields examples, none of them empty, with inputs of the kind that it says."""
    with case.reader() as (reader, _):
        try:
            found = read(reader, "tried")
        except (DataError, PluginError) as error:
            raise Broken(f"the sample is refused, {error}: yield one Example for each of its examples") from None
        for number, example in enumerate(found, start=1):
            if not len(example.input):
                raise Broken(f"example {number} is empty: pass it over, or refuse it with a DataError")
            is_text = isinstance(example.input, str) or (
                isinstance(example.input, list | tuple) and all(isinstance(word, str) for word in example.input)
            )
            if (reader.yields == "text") != is_text:
                raise Broken(
                    f"it says that it yields {reader.yields}, and example {number} holds a "
                    f"{type(example.input).__name__}: set yields to what it gives"
                )


@check
def text_file(case: ReaderCase) -> None:
    """Where it gives a text_file, its one example is that file's text, without a target."""
    with case.reader() as (reader, _):
        source = reader.text_file()
        if source is None:
            raise DoesNotApply("its examples are not a file's whole text")
        found = list(reader.read())
        if [(each.input, each.target) for each in found] != [(read_text(*source), None)]:
            raise Broken("read gives something else than the text of its text_file: return None there")


@check
def labelled(case: ReaderCase) -> None:
    """Where labelled is True every example has a target, else none has."""
    with case.reader() as (reader, _):
        for number, example in enumerate(reader.read(), start=1):
            if (example.target is not None) != reader.labelled:
                has = "a" if example.target is not None else "no"
                raise Broken(f"labelled is {reader.labelled}, and example {number} has {has} target: set what is so")


@check
def expected(case: ReaderCase) -> None:
    """The sample's examples are those that were given with it."""
    if case.expected is None:
        raise DoesNotApply("no expected examples were given with it")
    found = case.examples()
    if len(found) != len(case.expected):
        raise Broken(f"{len(found)} examples, where {len(case.expected)} are expected: is the first or last one lost?")
    for number, (example, (value, target)) in enumerate(zip(found, case.expected, strict=True), start=1):
        for name, got, wanted in (("input", example.input, value), ("target", example.target, target)):
            if type(got) is not type(wanted) or not same(got, wanted):
                raise Broken(f"the {name} of example {number} is {got!r:.80}, not {wanted!r:.80}: read it as expected")


@check
def where(case: ReaderCase) -> None:
    """Each example says where it stands, `file:line`, in the order of the file."""
    with case.reader() as (reader, path):
        before = 0
        for number, example in enumerate(reader.read(), start=1):
            if not example.where:
                raise Broken(
                    f"example {number} does not say where it stands: give Example(…, where=f'{{path}}:{{line}}')"
                )
            file, _, line = example.where.rpartition(":")
            if path is None or file != str(path) or not line.isdecimal() or not path.is_file():
                continue
            lines = len(path.read_bytes().splitlines())
            if not before <= int(line) <= lines or int(line) < 1:
                raise Broken(
                    f"example {number} says line {line}, after line {before}, of a file of {lines}: count lines from 1"
                )
            before = int(line)


@check
def again(case: ReaderCase) -> None:
    """Reading twice gives the same twice, and a reading that was broken off leaves nothing behind."""
    with case.reader() as (reader, _):
        first = list(reader.read())
        next(iter(reader.read()), None)
        if not all_same(first, list(reader.read())):
            raise Broken("a second reading gives other examples: open the source in read, not in the constructor")


@check
def determinism(case: ReaderCase) -> None:
    """Two readers of one source give the same examples, in the order of the source."""
    if not all_same(case.examples(), case.examples()):
        raise Broken("another reader of the same source gives other examples: keep their order, and draw nothing")


@check
def own_arrays(case: ReaderCase) -> None:
    """Each example has features of its own: writing into one changes no other."""
    found = [example.input for example in case.examples()]
    if not all(isinstance(value, np.ndarray) for value in found):
        raise DoesNotApply("it yields text")
    for number, value in enumerate(found[1:], start=2):
        if np.shares_memory(found[0], value):
            raise Broken(f"example {number} shares its numbers with the first: yield a copy, not one buffer")


@check
def random_state(case: ReaderCase) -> None:
    """Global random generators are neither seeded nor drawn from."""
    with case.reader() as (reader, path):
        draws_nothing(lambda: case.factory() if path is None else case.factory(path), lambda _: list(reader.read()))


@check
def settings(case: ReaderCase) -> None:
    """What the whole process shares is left alone: default dtype, csv's field limit, environment, current folder."""
    with case.reader() as (reader, _):
        leaves_settings(lambda: reader, lambda reader: list(reader.read()))
