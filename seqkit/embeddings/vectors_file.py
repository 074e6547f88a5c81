"""Word vectors in the text format of word2vec, GloVe and fastText."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path

import numpy as np

from seqkit.errors import DataError
from seqkit.messages import format_value, message
from seqkit.readers.files import read_lines

_NUMBERS = re.compile(r"[-+.0-9eE ]+")
_LARGEST = float(np.finfo(np.float32).max)


def read_vectors(path: Path, encoding: str, wanted: Collection[str]) -> tuple[dict[str, np.ndarray], int]:
    """Read the vectors of some words.

    A line is a word and the numbers of its vector, separated by spaces or tabs. The first line of word2vec and
    fastText, the number of vectors and their width, is optional. If a word occurs twice, its first vector counts. All
    lines are checked, but only the vectors of `wanted` words are stored.

    Args:
        path: the file, possibly compressed with gzip.
        encoding: its encoding.
        wanted: the words.

    Returns:
        The vectors that the file contains, float32 (width,) by word, and the width.

    Raises:
        DataError: the file cannot be read, a line has another width than the first, or a number is not finite.
    """
    vectors: dict[str, np.ndarray] = {}
    width = count = 0
    declared = None
    for number, line in enumerate(read_lines(path, encoding), start=1):
        fields = line.replace("\t", " ").strip(" ").split(" ")
        if fields == [""]:
            continue
        if number == 1 and len(fields) == 2 and all(field.isdecimal() for field in fields):
            declared, width = map(int, fields)
            continue
        width = width or len(fields) - 1
        place = f"{path}:{number}"
        word = _word(fields, width, place)
        numbers = fields[-width:]
        count += 1
        if word in wanted and word not in vectors:
            vectors[word] = _parse(numbers, place)
        elif not _NUMBERS.fullmatch(" ".join(numbers)):
            _parse(numbers, place)
    if not count:
        raise DataError(message("{path}: contains no vectors", path=path))
    if declared not in (None, count):
        raise DataError(
            message(
                "{path}:1: announces {declared:,} vectors, but there are {count:,}: the file is incomplete, or correct "
                "this line",
                path=path,
                declared=declared,
                count=count,
            )
        )
    return vectors, width


def _word(fields: list[str], width: int, place: str) -> str:
    """Return the word of a line, which may contain spaces.

    Raises:
        DataError: the line has another number of numbers.
    """
    extra = len(fields) - 1 - width
    if width < 1 or extra < 0 or any(map(_is_number, fields[1 : 1 + extra])):
        if width < 1:
            text = message("{place}: has no numbers: a line is a word and its vector", place=place)
        else:
            text = message(
                "{place}: has {actual} numbers, not {expected} as the lines before it",
                place=place,
                actual=len(fields) - 1,
                expected=width,
            )
        raise DataError(text)
    return " ".join(fields[: 1 + extra])


def _parse(numbers: list[str], place: str) -> np.ndarray:
    """Return a vector, float32 (width,).

    Raises:
        DataError: a number is invalid or not finite.
    """
    for position, text in enumerate(numbers, start=1):
        if not _is_number(text) or not abs(float(text)) <= _LARGEST:
            raise DataError(
                message(
                    "{place}: number {position} is {value}, not a finite number",
                    place=place,
                    position=position,
                    value=format_value(text),
                )
            )
    return np.array(numbers, dtype=np.float64).astype(np.float32)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return "_" not in text
