"""Tests that the checks of readers and tokenizers detect further mistakes: of long inputs, encodings and instances."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_data_faults import EXPECTED, SAMPLE, Letters, Lines, assert_detected, faulty_class

from seqkit.contracts import Example, PositiveInt
from seqkit.readers.files import read_text
from seqkit.testing import check_reader, check_tokenizer, checks_for_reader, checks_for_tokenizer


class Decoded(Lines):
    """A reader with a parameter `encoding`, which it uses."""

    def __init__(self, *, path: Path, encoding: str = "utf-8") -> None:
        super().__init__(path=path)
        self.encoding = encoding

    def lines(self) -> list[str]:
        return read_text(self.path, self.encoding).split("\n")


class IgnoresEncoding(Decoded):
    def lines(self) -> list[str]:
        return read_text(self.path, "utf-8").split("\n")


class LeavesOpen(Lines):
    opened: list[Any] = []

    def lines(self) -> list[str]:
        self.opened.append(self.path.open(encoding="utf-8"))  # noqa: SIM115
        return super().lines()


class CachesByPath(Lines):
    cache: dict[Path, list[str]] = {}

    def lines(self) -> list[str]:
        return self.cache.setdefault(self.path, super().lines())


class OneList(Lines):
    """A reader of words that yields the same list each time."""

    def __init__(self, *, path: Path) -> None:
        super().__init__(path=path)
        self.words: list[str] = []

    def example(self, text: str, label: str, location: str) -> Example:
        self.words[:] = text.split()
        return Example(self.words, label, location)


class Collects(Lines):
    collected: list[Example] = []

    def read(self) -> Iterator[Example]:
        self.collected.extend(super().read())
        yield from self.collected


READERS: dict[str, tuple[type, str, str]] = {
    "encoding is ignored": (IgnoresEncoding, "encoding", "UTF-16"),
    "the file stays open": (LeavesOpen, "file_closed", "the file is open after reading"),
    "lines are cached by path": (CachesByPath, "changed_file", "cache nothing by path"),
    "at most 100 lines are read": (
        faulty_class(Lines, lines=lambda self: Lines.lines(self)[:100]),
        "long_file",
        "read to the end of the file",
    ),
    "all examples have one list": (OneList, "independent_arrays", "create a list for each"),
    "the number of dates is ignored": (
        faulty_class(
            Lines,
            read=lambda self: (replace(each, next_dates=lambda count: ["2024", "2025"]) for each in Lines.read(self)),
        ),
        "next_dates",
        "return the dates of the 3 time steps after the input",
    ),
    "examples belong to the class": (Collects, "determinism", "a second reader of the same source"),
}


@pytest.mark.parametrize(("faulty", "name", "message"), READERS.values(), ids=READERS)
def test_reader_faults_are_detected(faulty: Any, name: str, message: str) -> None:
    assert_detected(checks_for_reader(lambda path: faulty(path=path), SAMPLE), name, message)


def test_correct_reader_passes() -> None:
    check_reader(lambda path: Decoded(path=path), SAMPLE, expected=EXPECTED)


class Grows(Letters):
    """A tokenizer that gives a new character a new id."""

    def id_of(self, letter: str) -> int:
        if letter not in self.letters:
            self.letters.append(letter)
        return self.letters.index(letter)


class GrowsSilently(Letters):
    """A tokenizer whose vocab_size grows, but not its state."""

    def id_of(self, letter: str) -> int:
        if letter not in self.letters:
            self.vocab_size += 1
        return super().id_of(letter)


class OfTheClass(Letters):
    """A tokenizer whose letters belong to the class."""

    shared: list[str] = []

    def size(self) -> None:
        self.shared[:] = self.letters
        super().size()

    def id_of(self, letter: str) -> int:
        return self.shared.index(letter) if letter in self.shared else len(self.letters)


class MaximumLength(Letters):
    """A tokenizer that truncates texts because a parameter says so."""

    def __init__(self, *, max_length: PositiveInt = 100) -> None:
        self.max_length = max_length

    def encode(self, text: str) -> np.ndarray:
        return super().encode(text)[: self.max_length]


class LongTextsDiffer(Letters):
    """A tokenizer with an error in the path for long texts."""

    chunkable = True

    def encode(self, text: str) -> np.ndarray:
        ids = super().encode(text)
        return ids if len(ids) < 64 else ids[::-1].copy()


class WordsDiffer(Letters):
    """A tokenizer of words whose `words` are in lower case, but not what it encodes."""

    takes_words = True

    def fit(self, texts: Any) -> None:
        super().fit([self.split(text) for text in texts])

    def encode(self, text: Any) -> np.ndarray:
        return super().encode(self.split(text))  # type: ignore[arg-type]

    def split(self, text: Any) -> list[str]:
        return text.split() if isinstance(text, str) else list(text)

    def words(self, text: str) -> list[str]:
        return text.lower().split()

    def decode(self, ids: Any) -> str:
        return " ".join([*self.letters, "?"][number] for number in ids)


class ForgetsSize(Letters):
    def restore(self, state: Mapping[str, Any]) -> None:
        self.letters = list(state["letters"])


TOKENIZERS: dict[str, tuple[type, str, str]] = {
    "encode adds new characters": (Grows, "state_unchanged", "with new tokens changes the state"),
    "unknown characters have a known id": (
        faulty_class(Letters, id_of=lambda self, letter: self.letters.index(letter) if letter in self.letters else 5),
        "unknown_characters",
        "give them an id of their own",
    ),
    "vocab_size grows": (GrowsSilently, "state_unchanged", "or vocab_size"),
    "instances share the vocabulary": (OfTheClass, "independent_instances", "set attributes of self"),
    "texts are cut at 128": (
        faulty_class(Letters, encode=lambda self, text: Letters.encode(self, text)[:128]),
        "long_texts",
        "do not truncate texts",
    ),
    "long texts are encoded differently": (LongTextsDiffer, "long_texts", "other ids than its characters"),
    "words differ from the text": (WordsDiffer, "word_lists", "the words of a text have other ids"),
    "restore does not set vocab_size": (ForgetsSize, "state_round_trip", "AttributeError"),
}


@pytest.mark.parametrize(("faulty", "name", "message"), TOKENIZERS.values(), ids=TOKENIZERS)
def test_tokenizer_faults_are_detected(faulty: type, name: str, message: str) -> None:
    assert_detected(checks_for_tokenizer(faulty), name, message)


def test_maximum_length_as_a_parameter_is_correct() -> None:
    check_tokenizer(MaximumLength)
