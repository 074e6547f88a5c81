"""Checks of a reader with unusual and invalid files."""

from __future__ import annotations

import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

from seqkit.errors import DataError
from seqkit.messages import message
from seqkit.recipe.parameters import parameters
from seqkit.testing.checks import CheckSuite, ContractViolation, DoesNotApply
from seqkit.testing.comparison import shorten
from seqkit.testing.reader.case import ReaderCase, data_error, examples_equal

check = CheckSuite[ReaderCase]("reader")


@check
def constructor_reads_nothing(case: ReaderCase) -> None:
    """The constructor does not access the source: recipes are checked before data is read."""
    case.file_content()
    with tempfile.TemporaryDirectory() as folder:
        try:
            case.factory(Path(folder) / f"absent{case.suffix}")
        except (ValueError, OSError, DataError) as error:
            raise ContractViolation(
                message("the constructor accesses the file ({error}): open it in read", error=error)
            ) from None


@check
def missing_file(case: ReaderCase) -> None:
    """A missing file raises a DataError that names it."""
    case.file_content()
    with tempfile.TemporaryDirectory() as folder:
        name = f"absent{case.suffix}"
        error = data_error(case.factory(Path(folder) / name), message("a missing file"))
        if not error:
            raise ContractViolation(message("a missing file is read without an error: raise a DataError that names it"))
        if name not in error:
            raise ContractViolation(
                message("the error for a missing file does not contain its name ({error}): name it", error=error)
            )


@check
def directory_as_file(case: ReaderCase) -> None:
    """A directory in place of a file raises a DataError."""
    case.file_content()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"folder{case.suffix}"
        path.mkdir()
        if not data_error(case.factory(path), message("a directory in place of a file")):
            raise ContractViolation(
                message("a directory in place of a file is read without an error: raise a DataError that names it")
            )


@check
def empty_file(case: ReaderCase) -> None:
    """An empty file, or one of white space, raises a DataError."""
    case.file_content()
    for content, description in ((b"", message("an empty file")), (b" \n\n", message("a file of white space"))):
        with case.reader(content) as (reader, _):
            if not data_error(reader, description):
                raise ContractViolation(
                    message(
                        "{content} is read as an example: raise a DataError that names the file", content=description
                    )
                )


@check
def corrupt_file(case: ReaderCase) -> None:
    """A truncated or binary file is read, or raises a DataError."""
    content = case.file_content()
    middle = len(content) // 2
    for corrupt, description in (
        (content[: len(content) * 2 // 3], message("a truncated file")),
        (content[:middle] + b"\xff\xfe\x00\x81" + content[middle:], message("a file with invalid bytes")),
        (b"\x00" * 64, message("a file of zero bytes")),
    ):
        with case.reader(corrupt) as (reader, _):
            data_error(reader, description)


@check
def windows_line_endings(case: ReaderCase) -> None:
    """A file with Windows line endings gives the same examples."""
    text = case.file_text()
    if not examples_equal(case.examples(), case.examples(text.replace("\r\n", "\n").replace("\n", "\r\n").encode())):
        raise ContractViolation(
            message(
                "Windows line endings change the examples: treat \\r\\n as \\n, as seqkit.readers.files.read_text does"
            )
        )


@check
def no_final_newline(case: ReaderCase) -> None:
    """A file without a newline at its end gives the same examples."""
    text = case.file_text()
    if not examples_equal(case.examples(), case.examples(text.rstrip("\n").encode())):
        raise ContractViolation(
            message("without a newline at the end of the file the examples change: do not drop the last line")
        )


@check
def byte_order_mark(case: ReaderCase) -> None:
    """A file with a byte order mark gives the same examples."""
    text = case.file_text()
    if not examples_equal(case.examples(), case.examples(b"\xef\xbb\xbf" + text.encode())):
        raise ContractViolation(
            message("a byte order mark changes the examples: remove it, as seqkit.readers.files.read_text does")
        )


@check
def error_locations(case: ReaderCase) -> None:
    """An invalid file raises a DataError that names the file and the line."""
    if not case.broken:
        raise DoesNotApply(message("no broken files were given"))
    for content, line in case.broken.items():
        shown = shorten(content)
        with case.reader(content.encode()) as (reader, path):
            error = data_error(reader, message("the file {content}", content=shown))
            if not error:
                raise ContractViolation(
                    message(
                        "the file {content} is read without an error: raise a DataError that begins with FILE:{line}",
                        content=shown,
                        line=line,
                    )
                )
            if f"{path}:{line}:" not in error:
                raise ContractViolation(
                    message(
                        "the error for the file {content} is '{error}': name the place as FILE:{line}",
                        content=shown,
                        error=error.replace(f"{path}", "FILE"),
                        line=line,
                    )
                )


@check
def source_unchanged(case: ReaderCase) -> None:
    """Reading modifies no file and creates none next to the source."""
    content = case.file_content()
    with case.reader(content) as (reader, path):
        assert path is not None
        list(reader.read())
        if path.read_bytes() != content or len(list(path.parent.iterdir())) > 1:
            raise ContractViolation(
                message("reading modifies the file or creates another one next to it: write nothing to the data folder")
            )


@check
def long_file(case: ReaderCase) -> None:
    """A long file is read to its end."""
    text = case.file_text().rstrip("\n")
    last = text.rpartition("\n")[2]
    sizes = []
    for count in (0, 150, 300):
        with case.reader((text + f"\n{last}" * count + "\n").encode()) as (reader, _):
            try:
                sizes.append(sum(len(example.input) for example in reader.read()))
            except DataError as error:
                raise DoesNotApply(message("the last line cannot be repeated: {error}", error=error)) from None
    if sizes[0] < sizes[1] and sizes[2] - sizes[1] != sizes[1] - sizes[0]:
        raise ContractViolation(
            message(
                "the examples of files with 0, 150 and 300 more lines have {sizes} time steps in total: read to the "
                "end of the file",
                sizes=sizes,
            )
        )


@check
def changed_file(case: ReaderCase) -> None:
    """A file that has changed is read anew."""
    text = case.file_text().rstrip("\n")
    longer = f"{text}\n{text.rpartition(chr(10))[2]}\n".encode()
    with case.reader(case.file_content()) as (reader, path), case.reader(longer) as (expected, _):
        assert path is not None
        try:
            list(reader.read())
            path.write_bytes(longer)
            found, again = list(case.factory(path).read()), list(expected.read())
        except DataError as error:
            raise DoesNotApply(message("the last line cannot be repeated: {error}", error=error)) from None
        if not examples_equal(found, again):
            raise ContractViolation(message("a changed file gives the earlier examples: cache nothing by path"))


@check
def file_closed(case: ReaderCase) -> None:
    """The file is closed after reading."""
    folder = Path("/proc/self/fd")
    if not folder.is_dir():
        raise DoesNotApply(message("this system does not list open files"))
    with case.reader(case.file_content()) as (reader, path):
        list(reader.read())
        for descriptor in folder.iterdir():
            with suppress(OSError):
                if descriptor.readlink() == path:
                    raise ContractViolation(message("the file is open after reading: open it in a `with` statement"))


@check
def encoding(case: ReaderCase) -> None:
    """If a parameter `encoding` exists, the file is decoded with it."""
    text = case.file_text()
    with case.reader(text.encode()) as (reader, path), case.reader(text.encode("utf-16")) as (_, other):
        cls: Any = type(reader)
        if "encoding" not in parameters(cls):
            raise DoesNotApply(message("it has no parameter `encoding`"))
        try:
            expected = list(cls(path=path, encoding="utf-8").read())
        except Exception:
            raise DoesNotApply(message("`path` and `encoding` do not suffice to build it")) from None
        try:
            is_equal = examples_equal(expected, list(cls(path=other, encoding="utf-16").read()))
        except (DataError, UnicodeError):
            is_equal = False
        if not is_equal:
            raise ContractViolation(message("a file in UTF-16 is read differently: decode it with `encoding`"))
