"""Sentences with a word and its tag a line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

from annotated_types import Ge

from seqkit.contracts import Example, PositiveInt, Reader
from seqkit.errors import DataError
from seqkit.readers.files import check_encoding, read_text

_RANGE_OR_EMPTY_NODE = re.compile(r"\d+[-.]\d+")
_DOCUMENT = "-DOCSTART-"


class Conll(Reader):
    """Sentences in columns: a word a line with its tag, and a blank line after each sentence.

    All lines of a file have as many columns. Of CoNLL-U's ten, lines numbered `3-4` or `8.1` (a range, an empty node)
    are passed over, and so are the `-DOCSTART-` lines of CoNLL-2003. A file of one column is words without tags, which
    a trained run can be asked to tag, whatever `word` says.

    Args:
        path: a file.
        word: the column with the word, counted from 1.
        tag: the column with the tag; -1 is the last one, -2 the one before it.
        separator: what stands between columns: a `tab`, or any white `space`; when `auto`, a tab where any line has
            one. Between tabs, words may hold spaces.
        comment: leave out lines that begin with this. When null, a line of a file with tabs is left out that begins
            with `#` and holds no tab: where `#` is a word, its line has one.
        alternatives: what becomes of a tag such as `B-person,B-group`, on which annotators did not agree: `first` takes
            the first one, `skip` leaves the sentence out. When null, the commas are taken as part of the tag.
        encoding: of the file. A byte order mark is dropped.
    """

    def __init__(
        self,
        *,
        path: Path | None = None,
        word: PositiveInt = 1,
        tag: Annotated[int, Ge(-100)] = -1,
        separator: Literal["auto", "tab", "space"] = "auto",
        comment: str | None = None,
        alternatives: Literal["first", "skip"] | None = None,
        encoding: str = "utf-8",
    ) -> None:
        if path is None:
            raise ValueError(
                "path is required: a file to read, as `path:` here or `data.path=FILE` on the command line"
            )
        if tag == 0:
            raise ValueError("tag is counted from 1, or from the end by -1; there is no column 0")
        if tag == word:
            raise ValueError(f"tag is the same column as the word, {word}")
        if comment == "":
            raise ValueError("comment is empty: give what comments begin with, or null")
        self.path = path
        self.word = word
        self.tag = tag
        self.separator = separator
        self.comment = comment
        self.alternatives = alternatives
        self.encoding = check_encoding(encoding)

    def read(self) -> Iterator[Example]:
        words: list[str] = []
        tags: list[str] = []
        began = found = 0
        # A blank line after the last ends the last sentence too.
        for number, row in [*self._rows(read_text(self.path, self.encoding)), (0, None)]:
            if row is not None:
                if not words:
                    began = number
                words.append(row[0])
                tags += row[1:]
            elif words:
                found += 1
                example = Example(words, tags or None, f"{self.path}:{began}")
                words, tags = [], []
                if self.alternatives == "skip" and example.target and any(map(_alternatives, example.target)):
                    continue
                yield example
        if not found:
            raise DataError(f"{self.path}: there is no word in it, only comments")

    def _rows(self, text: str) -> Iterator[tuple[int, list[str] | None]]:
        """Yields each line's number with its word and, where there is one, its tag; or with None where it is blank."""
        lines = text.split("\n")
        tabs = self.separator == "tab" or (
            self.separator == "auto" and any("\t" in line for line in lines if line.strip())
        )
        width = first = 0
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                yield number, None
                continue
            if self._is_comment(line, tabs):
                continue
            columns = line.split("\t") if tabs else line.split()
            if not width:
                width, first = len(columns), number
                self._check_columns(width, number)
            if len(columns) != width:
                raise self._uneven(line, number, f"{_columns(len(columns))}, where line {first} has {width}")
            numbered = width == 10 and self.word > 1 and _RANGE_OR_EMPTY_NODE.fullmatch(columns[0])
            if not numbered and columns[self._word_at(width)] != _DOCUMENT:
                yield number, self._word_and_tag(columns, number)

    def _is_comment(self, line: str, tabs: bool) -> bool:
        if self.comment is not None:
            return line.startswith(self.comment)
        return tabs and line.startswith("#") and "\t" not in line

    def _check_columns(self, width: int, number: int) -> None:
        """Refuses a file whose columns are fewer than the recipe says, a single column of words aside."""
        if width == 1:
            return
        for parameter, column in (("word", self.word), ("tag", self.tag)):
            if not -width <= column <= width:
                raise DataError(
                    f"{self.path}:{number}: {_columns(width)}, so there is no column {column}: "
                    f"name the right one with `{parameter}:`, or what stands between columns with `separator:`"
                )
        if self._tag_at(width) == self.word - 1:
            raise DataError(f"{self.path}:{number}: {_columns(width)}, so tag {self.tag} is the word: set `tag:`")

    def _word_at(self, width: int) -> int:
        """Returns the word's column counted from 0."""
        return 0 if width == 1 else self.word - 1

    def _tag_at(self, width: int) -> int:
        """Returns the tag's column counted from 0."""
        return self.tag - 1 if self.tag > 0 else self.tag + width

    def _uneven(self, line: str, number: int, counted: str) -> DataError:
        remedy = "mend the line"
        if line.startswith("#"):
            remedy += ', or leave out comments with `comment: "#"`'
        elif "\t" not in line:
            remedy += ", or say what stands between columns with `separator:`"
        return DataError(f"{self.path}:{number}: {counted}: {remedy}")

    def _word_and_tag(self, columns: list[str], number: int) -> list[str]:
        word = columns[self._word_at(len(columns))].strip()
        if not word:
            raise DataError(f"{self.path}:{number}: the word, column {self.word}, is empty: write one")
        if len(columns) == 1:
            return [word]
        tag = columns[self._tag_at(len(columns))].strip()
        if not tag:
            raise DataError(f"{self.path}:{number}: '{word}' has an empty tag, column {self.tag}: write one")
        if self.alternatives == "first" and (several := _alternatives(tag)):
            tag = several[0]
        return [word, tag]


def _alternatives(tag: str) -> list[str]:
    """Returns the tags that a tag gives the choice of, or nothing; a comma alone is a tag."""
    several = tag.split(",")
    return several if len(several) > 1 and all(several) else []


def _columns(count: int) -> str:
    return f"{count} column{'s' if count > 1 else ''}"
