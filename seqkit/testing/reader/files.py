"""Checks of a reader with unusual and invalid files."""

from __future__ import annotations

import tempfile
from pathlib import Path

from seqkit.errors import DataError
from seqkit.messages import message
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
