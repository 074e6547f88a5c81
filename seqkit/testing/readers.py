"""What a reader owes."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from seqkit.contracts import Example, Reader
from seqkit.data import read
from seqkit.errors import DataError, PluginError
from seqkit.testing.checks import Broken, Check, Checks, DoesNotApply, run
from seqkit.testing.modules import draws_nothing, is_component, leaves_settings

check = Checks("reader")

_AS_DATA_ERROR = "raise seqkit.errors.DataError that names file and line, as seqkit.readers.files.read_text does"


def checks_for_reader(
    factory: Callable[..., Any],
    sample: str | bytes | Path | None = None,
    *,
    suffix: str = ".txt",
    expected: Sequence[tuple[Any, Any]] | None = None,
    broken: Mapping[str, int] | None = None,
) -> list[Check]:
    """Returns the checks of a reader, for `parametrize_with_checks`.

    Args:
        factory: builds it from a path: `lambda path: Conll(path=path)`; from nothing where there is no sample.
        sample: what stands in a good file, which the checks write for themselves; or the path of such a file, or of a
            folder; None for a reader that reads no file.
        suffix: what the names of files end in.
        expected: the (input, target) of each example of the sample.
        broken: contents of files that are wrong, and the number of the line that the error must name.
    """
    return check.of(ReaderCase(factory, sample, suffix, expected, broken or {}))


def check_reader(
    factory: Callable[..., Any],
    sample: str | bytes | Path | None = None,
    *,
    suffix: str = ".txt",
    expected: Sequence[tuple[Any, Any]] | None = None,
    broken: Mapping[str, int] | None = None,
) -> None:
    """Tries a reader with every check. Arguments as for `checks_for_reader`.

    Raises:
        CheckFailure: with what is wrong and how to mend it.
    """
    run(checks_for_reader(factory, sample, suffix=suffix, expected=expected, broken=broken), "this reader")


class ReaderCase:
    """A reader to be built, and files for it."""

    def __init__(
        self,
        factory: Callable[..., Any],
        sample: str | bytes | Path | None,
        suffix: str,
        expected: Sequence[tuple[Any, Any]] | None,
        broken: Mapping[str, int],
    ) -> None:
        self.factory = factory
        self.sample = sample.encode() if isinstance(sample, str) else sample
        self.suffix = sample.suffix if isinstance(sample, Path) else suffix
        self.expected = expected
        self.broken = broken

    @contextmanager
    def reader(self, content: bytes | None = None) -> Iterator[tuple[Any, Path | None]]:
        """Yields a reader on a file of this content, or else on the sample, and the file."""
        if self.sample is None:
            yield self.factory(), None
        elif isinstance(self.sample, Path) and content is None:
            yield self.factory(self.sample), self.sample
        else:
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / f"sample{self.suffix}"
                path.write_bytes(self.sample if content is None else content)  # type: ignore[arg-type]
                yield self.factory(path), path

    def examples(self, content: bytes | None = None) -> list[Example]:
        with self.reader(content) as (reader, _):
            return list(reader.read())

    def needs_file(self) -> bytes:
        """Returns what stands in the sample's file, or raises DoesNotApply where there is none."""
        if self.sample is None:
            raise DoesNotApply("it reads no file")
        if isinstance(self.sample, bytes):
            return self.sample
        if not self.sample.is_file():
            raise DoesNotApply("it reads a folder")
        return self.sample.read_bytes()

    def text(self) -> str:
        """Returns the text of the sample, or raises DoesNotApply where it is none in UTF-8."""
        try:
            return self.needs_file().decode("utf-8")
        except UnicodeDecodeError:
            raise DoesNotApply("its file is no text in UTF-8") from None


def same(one: Any, other: Any) -> bool:
    """Compares inputs or targets; white space at the end of a text may come from the end of its file."""
    if isinstance(one, str) and isinstance(other, str):
        return one.rstrip() == other.rstrip()
    if one is None or other is None:
        return one is other
    if len(np.atleast_1d(np.asarray(one, dtype=object))) != len(np.atleast_1d(np.asarray(other, dtype=object))):
        return False
    return bool(np.all(np.asarray(one) == np.asarray(other)))


def all_same(one: Sequence[Example], other: Sequence[Example]) -> bool:
    return len(one) == len(other) and all(
        same(mine.input, theirs.input) and same(mine.target, theirs.target)
        for mine, theirs in zip(one, other, strict=True)
    )


def refusal(reader: Any, what: str) -> str:
    """Reads what can't be read; returns the message of the DataError, or nothing where it could be read after all."""
    try:
        read(reader, "tried")
    except DataError as error:
        if not str(error) or "\n" in str(error):
            raise Broken(f"{what} is refused in {len(str(error).splitlines())} lines: say all in one") from None
        return str(error)
    except Exception as error:
        raise Broken(f"{what} raises {type(error).__name__}: {error}: {_AS_DATA_ERROR}") from None
    return ""


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
        next(iter(reader.read()))
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
def building_reads_nothing(case: ReaderCase) -> None:
    """It is built without a look at its source, since recipes are checked before data is read."""
    case.needs_file()
    with tempfile.TemporaryDirectory() as folder:
        try:
            case.factory(Path(folder) / f"absent{case.suffix}")
        except ValueError as error:
            raise Broken(f"the constructor refuses a file that is not there ({error}): look at it in read") from None
        except (OSError, DataError) as error:
            raise Broken(f"the constructor looks for the file ({error}): open it in read") from None


@check
def missing_file(case: ReaderCase) -> None:
    """A file that isn't there is a DataError that names it."""
    case.needs_file()
    with tempfile.TemporaryDirectory() as folder:
        message = refusal(case.factory(Path(folder) / f"absent{case.suffix}"), "a file that is not there")
        if f"absent{case.suffix}" not in message:
            told = f"is refused without its name ({message})" if message else "is read as if it were"
            raise Broken(f"a file that is not there {told}: name it")


@check
def folder_for_file(case: ReaderCase) -> None:
    """A folder in place of a file is a DataError."""
    case.needs_file()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"folder{case.suffix}"
        path.mkdir()
        if not refusal(case.factory(path), "a folder in place of a file"):
            raise Broken(f"a folder in place of a file is read as if it were one: {_AS_DATA_ERROR}")


@check
def empty_file(case: ReaderCase) -> None:
    """An empty file, and one of white space, is a DataError."""
    case.needs_file()
    for content, what in ((b"", "an empty file"), (b" \n\n", "a file of white space")):
        with case.reader(content) as (reader, _):
            if not refusal(reader, what):
                raise Broken(f"{what} is read as an example: {_AS_DATA_ERROR}")


@check
def spoilt_file(case: ReaderCase) -> None:
    """A file that is cut short or holds bytes of another kind is read, or a DataError: nothing else."""
    content = case.needs_file()
    for spoilt, what in (
        (content[: len(content) * 2 // 3], "a file that is cut short"),
        (
            content[: len(content) // 2] + b"\xff\xfe\x00\x81" + content[len(content) // 2 :],
            "a file with odd bytes in it",
        ),
        (b"\x00" * 64, "a file of zero bytes"),
    ):
        with case.reader(spoilt) as (reader, _):
            refusal(reader, what)


@check
def line_ends(case: ReaderCase) -> None:
    """A file with the line ends of Windows gives the same examples."""
    text = case.text()
    if not all_same(case.examples(), case.examples(text.replace("\r\n", "\n").replace("\n", "\r\n").encode())):
        raise Broken("line ends of Windows give other examples: take \\r\\n as \\n, as read_text does")


@check
def last_line(case: ReaderCase) -> None:
    """Whether the last line ends with a line end makes no difference."""
    text = case.text()
    if not all_same(case.examples(), case.examples(text.rstrip("\n").encode())):
        raise Broken("without a line end after the last line the examples are others: keep the last one")


@check
def byte_order_mark(case: ReaderCase) -> None:
    """A byte order mark before the first line is no part of it."""
    text = case.text()
    if not all_same(case.examples(), case.examples(b"\xef\xbb\xbf" + text.encode())):
        raise Broken("a byte order mark gives other examples: drop it, as read_text does")


@check
def errors_name_the_line(case: ReaderCase) -> None:
    """What is wrong in a file is a DataError that names file and line."""
    if not case.broken:
        raise DoesNotApply("no broken files were given with it")
    for content, line in case.broken.items():
        with case.reader(content.encode()) as (reader, path):
            message = refusal(reader, f"the file {content!r:.60}")
            if f"{path}:{line}:" not in message:
                told = (
                    f"is refused with '{message.replace(f'{path}', 'FILE')}'" if message else "is read without a word"
                )
                raise Broken(f"the file {content!r:.60} {told}: name FILE:{line}")


@check
def source_unchanged(case: ReaderCase) -> None:
    """The source is not written into."""
    content = case.needs_file()
    with case.reader(content) as (reader, path):
        assert path is not None
        list(reader.read())
        if path.read_bytes() != content or len(list(path.parent.iterdir())) > 1:
            raise Broken("reading changes the file, or leaves another beside it: write nothing where data is")


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
