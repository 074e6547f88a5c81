"""Sentences with a word and its tag per line: which column is the word, and which the tag."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import groupby

from seqkit.contracts import Column, DataFile
from seqkit.messages import listed, message
from seqkit_tagging.spans import Scheme, invalid_tag, split_tag

MAX_TAGS = 120
"""More distinct values than this are no tags, unless the user names the column."""

MIN_FILLED = 0.99
"""The share of rows that have a word and a tag."""

_MIN_SENTENCES = 3
_MIN_EQUAL = 0.98
"""The share of lines that have the same number of columns."""

_MIN_COPIED = 0.3
"""A column that repeats this share of the words has their lemmas, or another form of them, and no tags."""

_CONLLU_COLUMNS, _CONLLU_TAG = 10, 4
_WORD_NUMBER = re.compile(r"\d+([-.]\d+)?")
_SCHEMES: tuple[Scheme, ...] = ("bio", "bmes")


@dataclass(frozen=True)
class WordLines:
    """Sentences in columns: lines of equally many columns, and a blank line after each sentence.

    Attributes:
        sentences: the cells of each line of each sentence, without comments.
        comment: what comments begin with, if the reader has to know it.
    """

    sentences: Sequence[Sequence[Sequence[str]]]
    comment: str | None = None

    @cached_property
    def columns(self) -> list[Column]:
        """The columns, called `column_1`, ….

        Their values are those of all sentences.
        """
        cells = zip(*(row for sentence in self.sentences for row in sentence), strict=True)
        return [Column(f"column_{number}", values) for number, values in enumerate(cells, start=1)]

    @cached_property
    def is_numbered(self) -> bool:
        """Whether the first of three or more columns has numbers, those of the words."""
        return len(self.columns) > 2 and _has_numbers(self.columns[0])

    @cached_property
    def is_conllu(self) -> bool:
        """Whether the columns are those of CoNLL-U."""
        return len(self.columns) == _CONLLU_COLUMNS and self.is_numbered

    def is_constant(self, place: int) -> bool:
        """Return whether a column has one value per sentence, such as the name of a document, or one in all."""
        return all(len({row[place] for row in sentence}) == 1 for sentence in self.sentences)


def find_word_lines(lines: Sequence[str]) -> WordLines | None:
    """Return the sentences of a file with a word per line; None for any other file."""
    has_tabs = 2 * sum("\t" in line for line in lines) > sum(bool(line.strip()) for line in lines)
    rows = [_cells(line, has_tabs) for line in lines]
    sentences = [list(group) for is_sentence, group in groupby(rows, key=bool) if is_sentence]
    words = [row for sentence in sentences for row in sentence if not _is_comment(row)]
    width, count = Counter(map(len, words)).most_common(1)[0] if words else (0, 0)
    if width < 2 or count < _MIN_EQUAL * len(words):
        return None
    complete = [[row for row in sentence if len(row) == width and not _is_comment(row)] for sentence in sentences]
    found = WordLines([sentence for sentence in complete if sentence])
    if found.is_conllu:  # the reader skips ranges of words and empty nodes
        found = WordLines([[row for row in sentence if row[0].isdigit()] for sentence in found.sentences])
    elif found.is_numbered and any(line.startswith("#") for line in lines):
        found = WordLines(found.sentences, "#")
    elif not has_tabs and width not in (widths := {len(row) for row in rows if row and row[0] == "#"}) and widths:
        found = WordLines(found.sentences, "# ")
    if len(found.sentences) < _MIN_SENTENCES or len(words) < 2 * len(found.sentences):
        return None
    return None if any(map(_has_texts, found.columns)) else found


def _cells(line: str, has_tabs: bool) -> list[str]:
    if not line.strip() or line.startswith("-DOCSTART-"):
        return []
    return [cell.strip() for cell in line.split("\t")] if has_tabs else line.split()


def _is_comment(row: Sequence[str]) -> bool:
    return row[0] == "#" or row[0].startswith("# ") or (row[0].startswith("#") and len(row) == 1)


def named_column(file: DataFile, lines: WordLines, name: str | None, option: str) -> Column | None:
    """Return the column that the user names: by its number, or as the columns of a table are called.

    Raises:
        UsageError: there is no such column.
    """
    if name is None:
        return None
    if len(file.columns) != len(lines.columns):
        file = replace(file, columns=lines.columns)
    return lines.columns[file.columns.index(file.named_column(name, option))]


def find_word(lines: WordLines, tag: Column | None) -> Column | None:
    """Return the column of the words: the first one that varies in a sentence and is no number; None without one.

    Args:
        lines: the sentences.
        tag: the column of the tags, if the user names it.
    """
    places = [place for place, column in enumerate(lines.columns) if column is not tag]
    if len(lines.columns) > 2:
        places = [place for place in places if not _has_numbers(lines.columns[place]) and not lines.is_constant(place)]
    if tag is None:  # tags of entities can come before the words
        places = [place for place in places if scheme_of(lines.columns[place].counts) == "none"] or places
    return lines.columns[places[0]] if places else None


def find_tags(lines: WordLines, word: Column) -> list[Column]:
    """Return the columns that can be tags, the most likely first: spans, then the first column after the words.

    Of several columns with spans, it is the last one; of those with the same types, which hold nested spans, the first,
    that of the outer ones. Columns without tags are left out: lemmas, numbers, and those with too few or too many
    distinct values.
    """
    suitable = [
        (place, column)
        for place, column in enumerate(lines.columns)
        if column is not word
        and column.filled_share >= MIN_FILLED
        and len(column.counts) <= MAX_TAGS
        and not lines.is_constant(place)
    ]
    texts = [(place, column) for place, column in suitable if not column.is_numeric]
    found = texts or [(place, column) for place, column in suitable if not _counts_words(lines, place)]
    behind = lines.columns.index(word)
    columns = [column for place, column in found if place > behind] or [column for _, column in found]
    columns = [column for column in columns if not _is_lemma(column, word)] or columns
    first = _outer_spans(columns) or next(iter(columns), None)
    if lines.is_conllu and lines.columns[_CONLLU_TAG - 1] in columns:
        first = lines.columns[_CONLLU_TAG - 1]
    return [column for column in columns if column is first] + [column for column in columns if column is not first]


def no_tags(lines: WordLines) -> str:
    """Return that no column has tags, and how to name one."""
    counts = listed(f"{len(column.counts):,}" for column in lines.columns)
    return message(
        "the columns have {counts} distinct values, and tags have 2 to {most}: name the columns of the word and of its "
        "tag with --text column_N --label column_M (data.word and data.tag of a recipe)",
        counts=counts,
        most=MAX_TAGS,
    )


def scheme_of(tags: Iterable[str]) -> Scheme:
    """Return how tags mark spans: in BIO, in BMES, with or without O, or not at all."""
    found = set(tags)
    if not any(tag[:2] in ("B-", "I-") for tag in found) and not {"B", "I"} <= found and not {"B", "E", "S"} <= found:
        return "none"
    return next((scheme for scheme in _SCHEMES if invalid_tag(found, scheme) is None), "none")


def _outer_spans(columns: Sequence[Column]) -> Column | None:
    """Return the last column with spans, or the first one with the same types of spans; None without spans."""
    kinds = [
        ({split_tag(tag)[1] for tag in column.counts} - {"_"}, column)
        for column in columns
        if scheme_of(column.counts) != "none"
    ]
    return next((column for kind, column in kinds if column is kinds[-1][1] or kind & kinds[-1][0]), None)


def _has_texts(column: Column) -> bool:
    """Return whether most cells have spaces, which only few words have, in few languages."""
    return 2 * sum(" " in cell for cell in column.values) > len(column.values)


def _has_numbers(column: Column) -> bool:
    """Return whether almost all cells are numbers of words: the first one can be the name of the column."""
    return sum(bool(_WORD_NUMBER.fullmatch(cell)) for cell in column.values) >= _MIN_EQUAL * len(column.values)


def _counts_words(lines: WordLines, place: int) -> bool:
    """Return whether a column numbers the words of each sentence."""
    return all(
        before[place].isdigit() and after[place].isdigit() and int(after[place]) - int(before[place]) == 1
        for sentence in lines.sentences
        for before, after in zip(sentence, sentence[1:], strict=False)
    )


def _is_lemma(column: Column, word: Column) -> bool:
    """Return whether a column has a form of the words: many of them, or nearly as many distinct values."""
    if scheme_of(column.counts) != "none":
        return False
    copied = sum(cell.casefold() == text.casefold() for cell, text in zip(column.values, word.values, strict=True))
    return copied > _MIN_COPIED * len(word.values) or 3 * len(column.counts) > 2 * len(word.counts)
