"""What a reader owes whatever file it is given."""

from __future__ import annotations

import tempfile
from pathlib import Path

from seqkit.errors import DataError
from seqkit.testing.checks import Broken, Checks, DoesNotApply
from seqkit.testing.reader_case import AS_DATA_ERROR, ReaderCase, all_same, refusal

check = Checks("reader")


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
            raise Broken(f"a folder in place of a file is read as if it were one: {AS_DATA_ERROR}")


@check
def empty_file(case: ReaderCase) -> None:
    """An empty file, and one of white space, is a DataError."""
    case.needs_file()
    for content, what in ((b"", "an empty file"), (b" \n\n", "a file of white space")):
        with case.reader(content) as (reader, _):
            if not refusal(reader, what):
                raise Broken(f"{what} is read as an example: {AS_DATA_ERROR}")


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
