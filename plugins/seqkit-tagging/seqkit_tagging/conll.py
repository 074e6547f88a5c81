"""A reader of sentences in columns: one word and its tag per line."""

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
_DOCUMENT_START = "-DOCSTART-"


class Conll(Reader):
    """Sentences in columns: one word and its tag per line, and a blank line after each sentence.

    All lines of a file have the same number of columns. In CoNLL-U files (ten columns), lines numbered `3-4` or `8.1`
    (word ranges, empty nodes) are skipped; so are the `-DOCSTART-` lines of CoNLL-2003. A file with a single column has
    words without tags, whatever `word` is: use it with `seqkit predict`.

    Args:
        path: the file.
        word: the column of the word, counted from 1.
        tag: the column of the tag, counted from 1; -1 is the last column, -2 the one before it.
        separator: what separates columns: a `tab`, or any white `space`. With `auto` a tab, if the file has any. Words
            in tab-separated columns can contain spaces.
        comment: skip lines that begin with this text. When null, lines of tab-separated files that begin with `#` and
            have no tab are skipped, so `#` can also be a word.
        alternatives: what to do with a tag such as `B-person,B-group`, where annotators disagree: `first` uses the
            first tag, `skip` skips the sentence. When null, the text with commas is used as the tag.
        encoding: the encoding of the file. A byte order mark is ignored.
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
            raise ValueError("path is required: set `path:` here or pass `data.path=FILE` on the command line")
        if tag == 0:
            raise ValueError("tag must not be 0: columns are counted from 1, or from -1 at the end")
        if tag == word:
            raise ValueError(f"tag is the same column as the word, {word}: set tag or word to another column")
        if comment == "":
            raise ValueError("comment is empty: give the text that comments begin with, or null")
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
        first_line = num_sentences = 0
        # The additional blank line ends the last sentence.
        for number, row in [*self._rows(read_text(self.path, self.encoding)), (0, None)]:
            if row is not None:
                if not words:
                    first_line = number
                words.append(row[0])
                tags += row[1:]
            elif words:
                num_sentences += 1
                example = Example(words, tags or None, f"{self.path}:{first_line}")
                words, tags = [], []
                if self.alternatives == "skip" and example.target and any(map(_split_alternatives, example.target)):
                    continue
                yield example
        if not num_sentences:
            raise DataError(f"{self.path}: the file has only comments and no words: add sentences, or set `comment:`")

    def _rows(self, text: str) -> Iterator[tuple[int, list[str] | None]]:
        """Yield the number of each line with [word, tag], with [word] if there are no tags, or with None if blank."""
        lines = text.split("\n")
        tabs = self.separator == "tab" or (
            self.separator == "auto" and any("\t" in line for line in lines if line.strip())
        )
        num_columns = first_line = 0
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                yield number, None
                continue
            if self._is_comment(line, tabs):
                continue
            columns = line.split("\t") if tabs else line.split()
            if not num_columns:
                num_columns, first_line = len(columns), number
                self._check_columns(num_columns, number)
            if len(columns) != num_columns:
                difference = f"{_count_columns(len(columns))}, but line {first_line} has {num_columns}"
                raise self._inconsistent_columns(line, number, difference)
            is_extra_line = num_columns == 10 and self.word > 1 and _RANGE_OR_EMPTY_NODE.fullmatch(columns[0])
            if not is_extra_line and columns[self._word_index(num_columns)] != _DOCUMENT_START:
                yield number, self._word_and_tag(columns, number)

    def _is_comment(self, line: str, tabs: bool) -> bool:
        if self.comment is not None:
            return line.startswith(self.comment)
        return tabs and line.startswith("#") and "\t" not in line

    def _check_columns(self, num_columns: int, number: int) -> None:
        """Check that a file with several columns has those of the word and of the tag."""
        if num_columns == 1:
            return
        location = f"{self.path}:{number}: {_count_columns(num_columns)}"
        for parameter, column in (("word", self.word), ("tag", self.tag)):
            if not -num_columns <= column <= num_columns:
                raise DataError(
                    f"{location}, so column {column} does not exist: set `{parameter}:` to the right column, or "
                    "`separator:` to what separates columns"
                )
        if self._tag_index(num_columns) == self.word - 1:
            raise DataError(f"{location}, so tag {self.tag} is the column of the word: set `tag:` to another column")

    def _word_index(self, num_columns: int) -> int:
        """Return the index of the word's column, from 0."""
        return 0 if num_columns == 1 else self.word - 1

    def _tag_index(self, num_columns: int) -> int:
        """Return the index of the tag's column, from 0."""
        return self.tag - 1 if self.tag > 0 else self.tag + num_columns

    def _inconsistent_columns(self, line: str, number: int, difference: str) -> DataError:
        remedy = "correct the line"
        if line.startswith("#"):
            remedy += ', or skip comments with `comment: "#"`'
        elif "\t" not in line:
            remedy += ", or set `separator:` to what separates columns"
        return DataError(f"{self.path}:{number}: {difference}: {remedy}")

    def _word_and_tag(self, columns: list[str], number: int) -> list[str]:
        word = columns[self._word_index(len(columns))].strip()
        if not word:
            raise DataError(f"{self.path}:{number}: the word (column {self.word}) is empty: add it")
        if len(columns) == 1:
            return [word]
        tag = columns[self._tag_index(len(columns))].strip()
        if not tag:
            raise DataError(f"{self.path}:{number}: the tag of '{word}' (column {self.tag}) is empty: add it")
        if self.alternatives == "first" and (alternatives := _split_alternatives(tag)):
            tag = alternatives[0]
        return [word, tag]


def _split_alternatives(tag: str) -> list[str]:
    """Return the alternatives of a tag such as `B-person,B-group`; an empty list for any other, including `,`."""
    alternatives = tag.split(",")
    return alternatives if len(alternatives) > 1 and all(alternatives) else []


def _count_columns(count: int) -> str:
    return f"{count} column{'s' if count > 1 else ''}"
