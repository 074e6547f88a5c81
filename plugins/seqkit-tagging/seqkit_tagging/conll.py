"""A reader of sentences in columns: one word and its tag per line."""

from __future__ import annotations

import re
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Annotated, Any, Literal

from annotated_types import Ge

from seqkit.contracts import DataNote, Example, PositiveInt, Reader
from seqkit.errors import DataError
from seqkit.messages import counted, message
from seqkit.readers.files import check_encoding, check_path, read_text

_WORD_NUMBER = re.compile(r"\d+([-.]\d+)?")
_RANGE_OR_EMPTY_NODE = re.compile(r"\d+[-.]\d+")
_DOCUMENT_START = "-DOCSTART-"


class Conll(Reader):
    """Sentences in columns: one word and its tag per line, and a blank line after each sentence.

    All lines of a file have the same number of columns. In CoNLL-U files (ten columns, the first of which is a number),
    lines numbered `3-4` or `8.1` (word ranges, empty nodes) and lines that begin with `#` are skipped. So are the
    `-DOCSTART-` lines of CoNLL-2003. A file with a single column has words without tags, whatever `word` is: use it
    with `seqkit predict`.

    Args:
        path: the file.
        word: the column of the word, counted from 1.
        tag: the column of the tag, counted from 1; -1 is the last column, -2 the one before it. Null to read words
            without tags.
        separator: what separates columns: a `tab`; or `space`, which means spaces and tabs. Any other white space, such
            as a no-break space, is a character of a word. With `auto` a tab, if most lines have one. Words in
            tab-separated columns can contain spaces.
        comment: skip lines that begin with this text. When null, lines of tab-separated files that begin with `#` and
            have no tab are skipped, so `#` can also be a word.
        alternatives: what to do with a tag such as `B-person,B-group`, where annotators disagree: `first` uses the
            first tag, `skip` skips the sentence; both are counted. When null, the text with commas is used as the tag.
        invalid_lines: what to do with a sentence that has a line with more or fewer columns than the others, or without
            a word or a tag: `error`, or `skip` to skip and count it.
        encoding: the encoding of the file. A byte order mark is ignored.
    """

    def __init__(
        self,
        *,
        path: Path | None = None,
        word: PositiveInt = 1,
        tag: Annotated[int, Ge(-100)] | None = -1,
        separator: Literal["auto", "tab", "space"] = "auto",
        comment: str | None = None,
        alternatives: Literal["first", "skip"] | None = None,
        invalid_lines: Literal["error", "skip"] = "error",
        encoding: str = "utf-8",
    ) -> None:
        self.path = check_path(path)
        if tag == 0:
            raise ValueError(message("tag must not be 0: columns are counted from 1, or from -1 at the end"))
        if tag == word:
            raise ValueError(
                message("tag is the same column as the word, {word}: set tag or word to another column", word=word)
            )
        if comment == "":
            raise ValueError(message("comment is empty: give the text that comments begin with, or null"))
        self.word = word
        self.tag = tag
        self.separator = separator
        self.comment = comment
        self.alternatives = alternatives
        self.invalid_lines = invalid_lines
        self.encoding = check_encoding(encoding)

    @classmethod
    def without_targets(cls, parameters: Mapping[str, Any]) -> dict[str, Any]:
        return {**parameters, "tag": None}

    def read(self) -> Iterator[Example]:
        rows = list(self._rows(read_text(self.path, self.encoding).split("\n")))
        counts = Counter(len(columns) for _, columns in rows if columns)
        if not counts:
            raise DataError(
                message(
                    "{path}: the file has only comments and no words: add sentences, or set `comment:`", path=self.path
                )
            )
        num_columns = counts.most_common(1)[0][0]
        first_line = next(number for number, columns in rows if len(columns) == num_columns)
        self._check_columns(num_columns, first_line)
        is_empty = True
        for is_sentence, sentence in groupby(rows, key=lambda row: bool(row[1])):
            if is_sentence and (example := self._example(list(sentence), num_columns, first_line)):
                is_empty = False
                yield example
        if is_empty:
            raise DataError(message("{path}: no sentences: all are skipped", path=self.path))

    def _rows(self, lines: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
        """Yield the number of each line with its columns; with none between two sentences."""
        first = next((line for line in lines if line.strip() and not line.startswith("#")), "").split("\t")
        is_conllu = self.word > 1 and len(first) == 10 and bool(_WORD_NUMBER.fullmatch(first[0]))
        tabs = self.separator == "tab" or (self.separator == "auto" and self._has_tabs(lines))
        for number, line in enumerate(lines, start=1):
            if line.strip() and self._is_comment(line, tabs, is_conllu):
                continue
            columns = line.split("\t") if tabs else re.split(r"[ \t]+", line.strip(" \t"))
            if not line.strip() or _DOCUMENT_START in (columns[0], *columns[self.word - 1 : self.word]):
                yield number, []
            elif not (is_conllu and _RANGE_OR_EMPTY_NODE.fullmatch(columns[0])):
                yield number, columns

    def _has_tabs(self, lines: Sequence[str]) -> bool:
        """Return whether most lines have a tab, without blank lines, comments and the beginnings of documents."""
        skipped = (_DOCUMENT_START, *([self.comment] if self.comment else []))
        has_tab = [
            "\t" in line
            for line in lines
            if line.strip() and not line.startswith(skipped) and not (line.startswith("#") and "\t" not in line)
        ]
        return 2 * sum(has_tab) > len(has_tab)

    def _is_comment(self, line: str, tabs: bool, is_conllu: bool) -> bool:
        if self.comment is not None:
            return line.startswith(self.comment)
        return line.startswith("#") and (is_conllu or (tabs and "\t" not in line))

    def _example(self, rows: Sequence[tuple[int, list[str]]], num_columns: int, first_line: int) -> Example | None:
        """Return a sentence, or None if it is skipped.

        Args:
            rows: the number and the columns of each line.
            num_columns: the number of columns of the file.
            first_line: the first line with this number of columns.

        Raises:
            DataError: a line is invalid.
        """
        words: list[str] = []
        tags: list[str] = []
        location = f"{self.path}:{rows[0][0]}"
        has_alternatives = False
        for number, columns in rows:
            try:
                if len(columns) != num_columns:
                    raise self._inconsistent_columns(columns, number, num_columns, first_line)
                words.append(self._column(columns, self._word_index(num_columns), "word", number))
                if num_columns > 1 and self.tag is not None:
                    tags.append(self._column(columns, self._tag_index(num_columns, self.tag), "tag", number))
            except DataError:
                if self.invalid_lines == "error":
                    raise
                note = DataNote(
                    message("skipped: a line of the sentence is invalid"),
                    f"{self.path}:{number}",
                )
                warnings.warn(note, stacklevel=2)
                return None
            if self.alternatives and tags and (alternatives := _split_alternatives(tags[-1])):
                has_alternatives = True
                tags[-1] = alternatives[0]
        if has_alternatives:
            is_skipped = self.alternatives == "skip"
            text = (
                message("skipped: a word has several tags")
                if is_skipped
                else message("used the first of several tags of a word")
            )
            warnings.warn(DataNote(text, location), stacklevel=2)
            if is_skipped:
                return None
        return Example(words, tags or None, location, row=rows[0][0])

    def _check_columns(self, num_columns: int, number: int) -> None:
        """Check that a file with several columns has those of the word and of the tag."""
        if num_columns == 1:
            return
        location = message("{path}:{line}: {columns}", path=self.path, line=number, columns=_count_columns(num_columns))
        for parameter, column in (("word", self.word), ("tag", self.tag)):
            if column is not None and not -num_columns <= column <= num_columns:
                raise DataError(
                    message(
                        "{place}, so column {column} does not exist: set `{parameter}:` to the right column, or "
                        "`separator:` to what separates columns",
                        place=location,
                        column=column,
                        parameter=parameter,
                    )
                )
        if self.tag is not None and self._tag_index(num_columns, self.tag) == self.word - 1:
            raise DataError(
                message(
                    "{place}, so tag {tag} is the column of the word: set `tag:` to another column",
                    place=location,
                    tag=self.tag,
                )
            )

    def _word_index(self, num_columns: int) -> int:
        """Return the index of the word's column, from 0."""
        return 0 if num_columns == 1 else self.word - 1

    def _tag_index(self, num_columns: int, tag: int) -> int:
        """Return the index of the tag's column, from 0."""
        return tag - 1 if tag > 0 else tag + num_columns

    def _inconsistent_columns(
        self, columns: Sequence[str], number: int, num_columns: int, first_line: int
    ) -> DataError:
        remedy = message("set `separator:` to what separates columns")
        if columns[0].startswith("#"):
            remedy = message('skip comments with `comment: "#"`')
        return DataError(
            message(
                "{path}:{line}: {columns}, but line {first_line} has {expected}: correct the line, or {remedy}, or set "
                "`invalid_lines: skip` to skip such sentences",
                path=self.path,
                line=number,
                columns=_count_columns(len(columns)),
                first_line=first_line,
                expected=num_columns,
                remedy=remedy,
            )
        )

    def _column(self, columns: Sequence[str], index: int, name: str, number: int) -> str:
        """Return the word or the tag of a line. Raises DataError if it is empty."""
        text = columns[index].strip(" ")
        if not text:
            fields = {"path": self.path, "line": number, "column": index + 1}
            raise DataError(
                message(
                    "{path}:{line}: the word (column {column}) is empty: add it, or set `invalid_lines: skip` to skip "
                    "such sentences",
                    **fields,
                )
                if name == "word"
                else message(
                    "{path}:{line}: the tag (column {column}) is empty: add it, or set `invalid_lines: skip` to skip "
                    "such sentences",
                    **fields,
                )
            )
        return text


def _split_alternatives(tag: str) -> list[str]:
    """Return the alternatives of a tag such as `B-person,B-group`; an empty list for any other, including `,`."""
    alternatives = tag.split(",")
    return alternatives if len(alternatives) > 1 and all(alternatives) else []


def _count_columns(count: int) -> str:
    return counted(count, "{count} column", "{count} columns")
