"""Tests that the checks of readers, tokenizers and embeddings detect common mistakes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from seqkit.contracts import Embedding, Example, Lookup, Reader, Tokenizer
from seqkit.errors import DataError, UnknownText
from seqkit.readers.files import read_text
from seqkit.testing import (
    Check,
    ContractViolation,
    check_embedding,
    check_reader,
    check_tokenizer,
    checks_for_embedding,
    checks_for_reader,
    checks_for_tokenizer,
)


def faulty_class(base: type, **attributes: Any) -> type:
    """Return a subclass with some attributes replaced."""
    return type("Faulty", (base,), attributes)


def assert_detected(checks: list[Check], name: str, message: str) -> None:
    (check,) = [each for each in checks if each.name == name]
    with pytest.raises(ContractViolation) as caught:
        check()
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


# Readers


class Lines(Reader):
    """A reader of lines `label: text`."""

    def __init__(self, *, path: Path) -> None:
        self.path = path

    def read(self) -> Iterator[Example]:
        for number, line in enumerate(self.lines(), start=1):
            if not line.strip():
                continue
            label, colon, text = line.partition(": ")
            if not colon or not text:
                raise self.line_error(number)
            yield self.example(text, label, f"{self.path}:{number}")

    def lines(self) -> list[str]:
        return read_text(self.path, "utf-8").split("\n")

    def line_error(self, number: int) -> Exception:
        return DataError(f"{self.path}:{number}: no label: write `label: text`")

    def example(self, text: str, label: str, location: str) -> Example:
        return Example(text, label, location)


class Spectra(Lines):
    """A reader of the same lines that yields one feature per character."""

    yields = "features"
    buffer = np.zeros((80, 1))

    def example(self, text: str, label: str, location: str) -> Example:
        return Example(np.array([[float(ord(letter))] for letter in text]), label, location)


class ReadsOnce(Lines):
    def __init__(self, *, path: Path) -> None:
        super().__init__(path=path)
        self.source = iter(Lines.lines(self))

    def lines(self) -> Any:
        return self.source


class PathIsText(Lines):
    def __init__(self, *, path: str) -> None:
        super().__init__(path=Path(path))


class OpensInConstructor(Lines):
    def __init__(self, *, path: Path) -> None:
        super().__init__(path=path)
        path.read_text()


class CachesInDataFolder(Lines):
    def lines(self) -> list[str]:
        (self.path.parent / "cache").write_text("read")
        return super().lines()


def example_in_shared_buffer(self: Any, text: str, label: str, location: str) -> Example:
    self.buffer[: len(text), 0] = [ord(letter) for letter in text]
    return Example(self.buffer[: len(text)], label, location)


SAMPLE = "glad: a good day\nsad: rain\n\nglad: sun, 太阳\n"
EXPECTED = [("a good day", "glad"), ("rain", "sad"), ("sun, 太阳", "glad")]
BROKEN_FILES = {SAMPLE + "no label here\n": 5, "glad: good\nbad\n": 2}

READERS: dict[str, tuple[type, str, str]] = {
    "the path is a text": (PathIsText, "contract", "path is not annotated as pathlib.Path"),
    "the first line is treated as a header": (
        faulty_class(Lines, lines=lambda self: ["", *Lines.lines(self)[1:]]),
        "expected_examples",
        "2 examples are read, but 3 are expected",
    ),
    "the last line is lost": (
        faulty_class(Lines, lines=lambda self: Lines.lines(self)[:-1]),
        "no_final_newline",
        "do not drop",
    ),
    "input and target are swapped": (
        faulty_class(Lines, example=lambda self, text, label, location: Example(label, text, location)),
        "expected_examples",
        "the input of example 1 is 'glad', not 'a good day'",
    ),
    "labelled is wrong": (
        faulty_class(Lines, labelled=False),
        "labelled",
        "labelled is False, but example 1 has a target",
    ),
    "text_file is wrong": (
        faulty_class(Lines, text_file=lambda self: (self.path, "utf-8")),
        "text_file",
        "read does not yield exactly the text of text_file",
    ),
    "yields is wrong": (faulty_class(Lines, yields="features"), "examples", "the input is"),
    "lines are counted from 0": (
        faulty_class(Lines, line_error=lambda self, number: DataError(f"{self.path}:{number - 1}: no label")),
        "error_locations",
        "name the place as FILE:5",
    ),
    "an error without a location": (
        faulty_class(Lines, line_error=lambda self, number: ValueError("no label")),
        "error_locations",
        "raises ValueError: no label",
    ),
    "examples have no location": (
        faulty_class(Lines, example=lambda self, text, label, location: Example(text, label)),
        "locations",
        "example 1 has no location",
    ),
    "locations are counted from 0": (
        faulty_class(
            Lines,
            example=lambda self, text, label, location: Example(
                text, label, f"{self.path}:{int(location.rpartition(':')[2]) - 1}"
            ),
        ),
        "locations",
        "the location of example 1 is line 0",
    ),
    "it can be read once": (ReadsOnce, "repeated_read", "open the source in read"),
    "the constructor opens the file": (OpensInConstructor, "constructor_reads_nothing", "open it in read"),
    "Windows line endings are not converted": (
        faulty_class(Lines, lines=lambda self: self.path.read_bytes().decode("utf-8-sig").split("\n")),
        "windows_line_endings",
        "treat \\r\\n as \\n",
    ),
    "a byte order mark is not removed": (
        faulty_class(Lines, lines=lambda self: self.path.read_text(encoding="utf-8").split("\n")),
        "byte_order_mark",
        "remove it",
    ),
    "an empty file is an example": (
        faulty_class(Lines, read=lambda self: iter([Example(self.path.read_text(errors="replace"), "", "f:1")])),
        "empty_file",
        "an empty file is read as an example",
    ),
    "invalid bytes raise UnicodeDecodeError": (
        faulty_class(Lines, lines=lambda self: self.path.read_bytes().decode().split("\n")),
        "corrupt_file",
        "raises UnicodeDecodeError",
    ),
    "it creates a file next to its source": (
        CachesInDataFolder,
        "source_unchanged",
        "write nothing to the data folder",
    ),
    "features share one buffer": (
        faulty_class(Spectra, example=example_in_shared_buffer),
        "independent_arrays",
        "yield a copy of the buffer",
    ),
}


@pytest.mark.parametrize("base", [Lines, Spectra])
def test_correct_readers_pass(base: type) -> None:
    expected = EXPECTED if base is Lines else None
    check_reader(lambda path: base(path=path), SAMPLE, expected=expected, broken=BROKEN_FILES)


@pytest.mark.parametrize(("faulty", "name", "message"), READERS.values(), ids=READERS)
def test_reader_faults_are_detected(faulty: Any, name: str, message: str) -> None:
    checks = checks_for_reader(lambda path: faulty(path=path), SAMPLE, expected=EXPECTED, broken=BROKEN_FILES)
    assert_detected(checks, name, message)


# Tokenizers


class Letters(Tokenizer):
    """A tokenizer with one id per character, sorted, and one more for unknown characters."""

    def fit(self, texts: Iterable[str]) -> None:
        self.letters = self.sorted({letter for text in texts for letter in text})
        self.size()

    def sorted(self, letters: set[str]) -> list[str]:
        return sorted(letters)

    def size(self) -> None:
        self.vocab_size = len(self.letters) + 1

    def encode(self, text: str) -> np.ndarray:
        return np.array([self.id_of(letter) for letter in text], dtype=np.int64)

    def id_of(self, letter: str) -> int:
        return self.letters.index(letter) if letter in self.letters else len(self.letters)

    def decode(self, ids: Sequence[int]) -> str:
        return "".join([*self.letters, "?"][number] for number in ids)

    def state(self) -> dict[str, Any]:
        return {"letters": self.letters}

    def restore(self, state: Mapping[str, Any]) -> None:
        self.letters = list(state["letters"])
        self.size()

    @property
    def suppressed_ids(self) -> Sequence[int]:
        return [len(self.letters)]


class LearnsInEncode(Letters):
    """A tokenizer that adds new characters to the vocabulary in `encode`."""

    def id_of(self, letter: str) -> int:
        self.letters.append(letter)
        return super().id_of(letter)


class Accumulating(Letters):
    letters: list[str] = []

    def sorted(self, letters: set[str]) -> list[str]:
        return sorted(letters | set(self.letters))


class IteratesTwice(Letters):
    def fit(self, texts: Iterable[str]) -> None:
        self.longest = max((len(text) for text in texts), default=0)
        super().fit(texts)


class NumericKeys(Letters):
    """A tokenizer whose state is a mapping from ids, whose keys JSON turns into text."""

    def state(self) -> dict[Any, Any]:
        return dict(enumerate(self.letters))

    def restore(self, state: Mapping[Any, Any]) -> None:
        self.letters = [state[number] for number in sorted(state)]
        self.size()


class ReversesState(Letters):
    def restore(self, state: Mapping[str, Any]) -> None:
        self.letters = list(state["letters"])[::-1]
        self.size()


class CachesArrays(Letters):
    def encode(self, text: str) -> np.ndarray:
        cache = self.__dict__.setdefault("cache", {})
        if text not in cache:
            cache[text] = super().encode(text)
        return cache[text]


class RaisesKeyError(Letters):
    def id_of(self, letter: str) -> int:
        return {letter: number for number, letter in enumerate(self.letters)}[letter]


class RaisesUnknownText(Letters):
    def id_of(self, letter: str) -> int:
        if letter not in self.letters:
            raise UnknownText(f"'{letter}' is not in the vocabulary")
        return super().id_of(letter)


TOKENIZERS: dict[str, tuple[type, str, str]] = {
    "a flag is assigned on the instance": (
        faulty_class(Letters, __init__=lambda self: setattr(self, "chunkable", False)),
        "contract",
        "assigns chunkable to the instance",
    ),
    "chunkable is wrong for encode": (
        faulty_class(Letters, chunkable=True, encode=lambda self, text: Letters.encode(self, text.capitalize())),
        "chunkable",
        "has other ids if it is split after 'I'",
    ),
    "chunkable is wrong for fit": (
        faulty_class(Letters, chunkable=True, fit=lambda self, texts: Letters.fit(self, [text[1:] for text in texts])),
        "chunkable",
        "fit learns another state from the single characters",
    ),
    "UnknownText of a chunkable tokenizer has no position": (
        type("Faulty", (RaisesUnknownText,), {"chunkable": True}),
        "chunkable",
        "pass the index of the unknown token",
    ),
    "ids begin at 1": (
        faulty_class(Letters, id_of=lambda self, letter: Letters.id_of(self, letter) + 2),
        "id_range",
        "count every id in vocab_size",
    ),
    "the id of unknown characters is not counted": (
        faulty_class(Letters, size=lambda self: setattr(self, "vocab_size", len(self.letters))),
        "unknown_text",
        "count it in vocab_size",
    ),
    "vocab_size is not set": (
        faulty_class(Letters, size=lambda self: None),
        "vocab_size",
        "vocab_size is None after fit",
    ),
    "decode is off by one": (
        faulty_class(Letters, decode=lambda self, ids: "".join(self.letters[number - 1] for number in ids)),
        "decode_round_trip",
        "make decode the inverse of encode",
    ),
    "an unknown character raises KeyError": (
        RaisesKeyError,
        "unknown_text",
        "raises KeyError: raise seqkit.errors.UnknownText",
    ),
    "ids are int32": (
        faulty_class(Letters, encode=lambda self, text: Letters.encode(self, text).astype(np.int32)),
        "encode_output",
        "encode returns an array (43,) of int32",
    ),
    "an end mark is added": (
        faulty_class(Letters, encode=lambda self, text: np.append(Letters.encode(self, text), 0)),
        "empty_text",
        "the ids without an end mark",
    ),
    "it learns in encode": (LearnsInEncode, "state_unchanged", "learn in fit only"),
    "fit adds to an earlier fit": (Accumulating, "refit", "start each fit with an empty vocabulary"),
    "fit iterates over the texts twice": (IteratesTwice, "fit_single_pass", "iterate over the texts once"),
    "the keys of the state are numbers": (
        NumericKeys,
        "state_round_trip",
        "JSON turns the keys of a mapping into text",
    ),
    "restore has another order": (ReversesState, "state_round_trip", "a text has other ids"),
    "the state contains an array": (
        faulty_class(Letters, state=lambda self: {"letters": np.array(self.letters)}),
        "state_round_trip",
        "the state is not JSON",
    ),
    "arrays are shared": (CachesArrays, "independent_arrays", "return a copy"),
    "the id of unknown characters cannot be decoded": (
        faulty_class(Letters, decode=lambda self, ids: "".join(self.letters[number] for number in ids)),
        "all_ids_decodable",
        "raises IndexError",
    ),
    "the vocabulary is shuffled": (
        faulty_class(Letters, sorted=lambda self, letters: list(np.random.permutation(sorted(letters)))),
        "determinism",
        "two tokenizers fitted to the same texts return other ids",
    ),
    "all characters have one id": (
        faulty_class(Letters, id_of=lambda self, letter: 0),
        "injective",
        "give different tokens different ids",
    ),
}


@pytest.mark.parametrize("base", [Letters, RaisesUnknownText])
def test_correct_tokenizers_pass(base: type) -> None:
    check_tokenizer(base)


@pytest.mark.parametrize(("faulty", "name", "message"), TOKENIZERS.values(), ids=TOKENIZERS)
def test_tokenizer_faults_are_detected(faulty: type, name: str, message: str) -> None:
    assert_detected(checks_for_tokenizer(faulty), name, message)


# Embeddings


class Table(nn.Module, Embedding):
    """An embedding with one vector per id."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        super().__init__()
        self.output_size = 4
        self.vectors = nn.Parameter(torch.randn(self.height(tokenizer), 4))

    def height(self, tokenizer: Tokenizer) -> int:
        return tokenizer.vocab_size

    def forward(self, ids: Tensor) -> Tensor:
        return self.vectors[ids]


class Centered(nn.Module, Embedding):
    """An embedding that subtracts the mean of the training data from features."""

    takes = "features"
    mean: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.output_size = width
        self.register_buffer("mean", torch.zeros(width))

    def fit(self, inputs: Iterable[np.ndarray]) -> None:
        self.mean.copy_(torch.from_numpy(np.concatenate(list(inputs)).mean(axis=0)))

    def forward(self, features: Tensor) -> Tensor:
        return features - self.mean


class Unregistered(Centered):
    def __init__(self, width: int) -> None:
        super().__init__(width)
        self.learned = torch.zeros(width)

    def fit(self, inputs: Iterable[np.ndarray]) -> None:
        self.learned = torch.from_numpy(np.concatenate(list(inputs)).mean(axis=0))

    def forward(self, features: Tensor) -> Tensor:
        return features - self.learned


def add_mean(self: Any, inputs: Iterable[np.ndarray]) -> None:
    self.mean.add_(torch.from_numpy(np.concatenate(list(inputs)).mean(axis=0)))


def sample_mean(self: Any, inputs: Iterable[np.ndarray]) -> None:
    rows = np.concatenate(list(inputs))
    self.mean.copy_(torch.from_numpy(rows[np.random.permutation(len(rows))[:5]].mean(axis=0)))


EMBEDDINGS: dict[str, tuple[type, str, str]] = {
    "vectors depend on the position": (
        faulty_class(Table, forward=lambda self, ids: self.vectors[ids] + torch.arange(ids.shape[1])[:, None]),
        "position_independence",
        "into an encoder",
    ),
    "the mean of the batch is subtracted": (
        faulty_class(Centered, forward=lambda self, features: features - features.mean(dim=(0, 1))),
        "batch_independence",
        "do not average over the batch",
    ),
    "output_size is wrong": (
        faulty_class(Table, forward=lambda self, ids: self.vectors[ids][..., :3]),
        "shapes",
        "set output_size to their width",
    ),
    "the table lacks a row": (
        faulty_class(Table, height=lambda self, tokenizer: tokenizer.vocab_size - 1),
        "all_ids_embedded",
        "create a table of vocab_size rows",
    ),
    "what fit learns is not in a buffer": (Unregistered, "weights_round_trip", "store what fit learns in buffers"),
    "fit adds to an earlier fit": (faulty_class(Centered, fit=add_mean), "refit", "assign what fit learns"),
    "fit uses random numbers": (
        faulty_class(Centered, fit=sample_mean),
        "fit_side_effects",
        "fit uses the global random generator of numpy",
    ),
    "features are modified in place": (
        faulty_class(Centered, forward=lambda self, features: features.sub_(self.mean)),
        "inputs_unchanged",
        "the argument inputs is modified in place",
    ),
    "vectors have a fixed dtype": (
        faulty_class(
            Centered, forward=lambda self, features: features - self.mean + torch.zeros(1, dtype=torch.float64)
        ),
        "dtype",
        "vectors are torch.float64",
    ),
    "takes is wrong": (faulty_class(Centered, takes="ids"), "contract", "set takes = 'features'"),
    "a lookup differs from forward": (
        faulty_class(
            Table,
            forward=lambda self, ids: 2 * self.vectors[ids],
            as_lookup=lambda self, ids: Lookup(ids, self.vectors),
        ),
        "lookup_matches_forward",
        "return None if a vector is not a row of the table",
    ),
    "a lookup is a tuple": (
        faulty_class(Table, as_lookup=lambda self, ids: (ids, self.vectors)),
        "lookup_matches_forward",
        "as_lookup returns a tuple",
    ),
    "all ids have the same vector": (
        faulty_class(Table, forward=lambda self, ids: self.vectors[ids * 0]),
        "injective",
        "compute vectors from the inputs",
    ),
    "vectors are detached": (
        faulty_class(Table, forward=lambda self, ids: self.vectors.detach()[ids]),
        "gradient_flow",
        "no gradient reaches the weights vectors",
    ),
}


@pytest.mark.parametrize(("base", "width"), [(Table, None), (Centered, 3)])
def test_correct_embeddings_pass(base: type, width: int | None) -> None:
    check_embedding(base, width=width)


@pytest.mark.parametrize(("faulty", "name", "message"), EMBEDDINGS.values(), ids=EMBEDDINGS)
def test_embedding_faults_are_detected(faulty: type, name: str, message: str) -> None:
    width = 3 if issubclass(faulty, Centered) else None
    assert_detected(checks_for_embedding(faulty, width=width), name, message)
