"""Mistakes that readers, tokenizers and embeddings are written with, and the checks that find them."""

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
    Broken,
    Check,
    check_embedding,
    check_reader,
    check_tokenizer,
    checks_for_embedding,
    checks_for_reader,
    checks_for_tokenizer,
)


def planted(base: type, **attributes: Any) -> type:
    """Returns the class with something of it replaced."""
    return type("Planted", (base,), attributes)


def assert_caught(checks: list[Check], name: str, message: str) -> None:
    (check,) = [each for each in checks if each.name == name]
    with pytest.raises(Broken) as caught:
        check()
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


# Readers


class Lines(Reader):
    """`label: text`, one a line."""

    def __init__(self, *, path: Path) -> None:
        self.path = path

    def read(self) -> Iterator[Example]:
        for number, line in enumerate(self.lines(), start=1):
            if not line.strip():
                continue
            label, colon, text = line.partition(": ")
            if not colon or not text:
                raise self.wrong(number)
            yield self.example(text, label, f"{self.path}:{number}")

    def lines(self) -> list[str]:
        return read_text(self.path, "utf-8").split("\n")

    def wrong(self, number: int) -> Exception:
        return DataError(f"{self.path}:{number}: there is no label: write `label: text`")

    def example(self, text: str, label: str, where: str) -> Example:
        return Example(text, label, where)


class Spectra(Lines):
    """The same lines, as a feature a character."""

    yields = "features"
    buffer = np.zeros((80, 1))

    def example(self, text: str, label: str, where: str) -> Example:
        return Example(np.array([[float(ord(letter))] for letter in text]), label, where)


class Once(Lines):
    def __init__(self, *, path: Path) -> None:
        super().__init__(path=path)
        self.source = iter(Lines.lines(self))

    def lines(self) -> Any:
        return self.source


class Early(Lines):
    def __init__(self, *, path: Path) -> None:
        super().__init__(path=path)
        path.read_text()


class Noting(Lines):
    def lines(self) -> list[str]:
        (self.path.parent / "cache").write_text("read")
        return super().lines()


def one_buffer(self: Any, text: str, label: str, where: str) -> Example:
    self.buffer[: len(text), 0] = [ord(letter) for letter in text]
    return Example(self.buffer[: len(text)], label, where)


SAMPLE = "glad: a good day\nsad: rain\n\nglad: sun, 太阳\n"
EXPECTED = [("a good day", "glad"), ("rain", "sad"), ("sun, 太阳", "glad")]
WRONG = {SAMPLE + "no label here\n": 5, "glad: good\nbad\n": 2}

READERS: dict[str, tuple[type, str, str]] = {
    "the first line is taken for a header": (
        planted(Lines, lines=lambda self: ["", *Lines.lines(self)[1:]]),
        "expected",
        "2 examples, where 3 are expected",
    ),
    "the last line is lost": (planted(Lines, lines=lambda self: Lines.lines(self)[:-1]), "last_line", "keep the last"),
    "input and target change places": (
        planted(Lines, example=lambda self, text, label, where: Example(label, text, where)),
        "expected",
        "the input of example 1 is 'glad', not 'a good day'",
    ),
    "labelled lies": (planted(Lines, labelled=False), "labelled", "labelled is False, and example 1 has a target"),
    "text_file lies": (
        planted(Lines, text_file=lambda self: (self.path, "utf-8")),
        "text_file",
        "read gives something else than the text of its text_file",
    ),
    "yields lies": (planted(Lines, yields="features"), "examples", "its input is"),
    "lines are counted from 0": (
        planted(Lines, wrong=lambda self, number: DataError(f"{self.path}:{number - 1}: no label")),
        "errors_name_the_line",
        "name FILE:5",
    ),
    "an error without a place": (
        planted(Lines, wrong=lambda self, number: ValueError("no label")),
        "errors_name_the_line",
        "raises ValueError: no label",
    ),
    "examples do not say where": (
        planted(Lines, example=lambda self, text, label, where: Example(text, label)),
        "where",
        "example 1 does not say where it stands",
    ),
    "examples say a line that is not there": (
        planted(
            Lines,
            example=lambda self, text, label, where: Example(
                text, label, f"{self.path}:{int(where.rpartition(':')[2]) - 1}"
            ),
        ),
        "where",
        "example 1 says line 0",
    ),
    "it can be read once": (Once, "again", "open the source in read"),
    "it opens its file when it is built": (Early, "building_reads_nothing", "open it in read"),
    "line ends of Windows stay": (
        planted(Lines, lines=lambda self: self.path.read_bytes().decode("utf-8-sig").split("\n")),
        "line_ends",
        "take \\r\\n as \\n",
    ),
    "a byte order mark stays": (
        planted(Lines, lines=lambda self: self.path.read_text(encoding="utf-8").split("\n")),
        "byte_order_mark",
        "drop it",
    ),
    "an empty file is an example": (
        planted(Lines, read=lambda self: iter([Example(self.path.read_text(errors="replace"), "", "f:1")])),
        "empty_file",
        "an empty file is read as an example",
    ),
    "odd bytes end in a UnicodeDecodeError": (
        planted(Lines, lines=lambda self: self.path.read_bytes().decode().split("\n")),
        "spoilt_file",
        "raises UnicodeDecodeError",
    ),
    "it leaves a file beside its source": (Noting, "source_unchanged", "write nothing where data is"),
    "features share one buffer": (planted(Spectra, example=one_buffer), "own_arrays", "yield a copy, not one buffer"),
}


@pytest.mark.parametrize("base", [Lines, Spectra])
def test_a_sound_reader_passes(base: type) -> None:
    expected = EXPECTED if base is Lines else None
    check_reader(lambda path: base(path=path), SAMPLE, expected=expected, broken=WRONG)


@pytest.mark.parametrize(("faulty", "name", "message"), READERS.values(), ids=READERS)
def test_a_readers_planted_fault_is_caught(faulty: Any, name: str, message: str) -> None:
    checks = checks_for_reader(lambda path: faulty(path=path), SAMPLE, expected=EXPECTED, broken=WRONG)
    assert_caught(checks, name, message)


# Tokenizers


class Letters(Tokenizer):
    """An id a character, in the characters' order, and one past them for what is unknown."""

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
    def unwritable(self) -> Sequence[int]:
        return [len(self.letters)]


class Growing(Letters):
    """Learns what it meets in `encode`."""

    def id_of(self, letter: str) -> int:
        self.letters.append(letter)
        return super().id_of(letter)


class Adding(Letters):
    letters: list[str] = []

    def sorted(self, letters: set[str]) -> list[str]:
        return sorted(letters | set(self.letters))


class Counting(Letters):
    def fit(self, texts: Iterable[str]) -> None:
        self.longest = max((len(text) for text in texts), default=0)
        super().fit(texts)


class Keyed(Letters):
    """Keeps a mapping from ids, whose keys JSON turns into text."""

    def state(self) -> dict[Any, Any]:
        return dict(enumerate(self.letters))

    def restore(self, state: Mapping[Any, Any]) -> None:
        self.letters = [state[number] for number in sorted(state)]
        self.size()


class Forgetful(Letters):
    def restore(self, state: Mapping[str, Any]) -> None:
        self.letters = list(state["letters"])[::-1]
        self.size()


class Caching(Letters):
    def encode(self, text: str) -> np.ndarray:
        kept = self.__dict__.setdefault("kept", {})
        if text not in kept:
            kept[text] = super().encode(text)
        return kept[text]


class Strict(Letters):
    def id_of(self, letter: str) -> int:
        return {letter: number for number, letter in enumerate(self.letters)}[letter]


class Refusing(Letters):
    def id_of(self, letter: str) -> int:
        if letter not in self.letters:
            raise UnknownText(f"'{letter}' is not in the vocabulary")
        return super().id_of(letter)


TOKENIZERS: dict[str, tuple[type, str, str]] = {
    "piecewise lies of encode": (
        planted(Letters, piecewise=True, encode=lambda self, text: Letters.encode(self, text.capitalize())),
        "piecewise",
        "has other ids taken apart after 'I'",
    ),
    "piecewise lies of fit": (
        planted(Letters, piecewise=True, fit=lambda self, texts: Letters.fit(self, [text[1:] for text in texts])),
        "piecewise",
        "fit learns something else from the letters",
    ),
    "a piecewise one does not say which symbol is unknown": (
        type("Planted", (Refusing,), {"piecewise": True}),
        "piecewise",
        "give it the place",
    ),
    "ids begin at 1": (
        planted(Letters, id_of=lambda self, letter: Letters.id_of(self, letter) + 2),
        "id_range",
        "count every id in vocab_size",
    ),
    "the unknown's id is not counted": (
        planted(Letters, size=lambda self: setattr(self, "vocab_size", len(self.letters))),
        "unknown_text",
        "count the unknown's id in vocab_size",
    ),
    "vocab_size is not set": (planted(Letters, size=lambda self: None), "vocab_size", "vocab_size is None after fit"),
    "decode is one off": (
        planted(Letters, decode=lambda self, ids: "".join(self.letters[number - 1] for number in ids)),
        "round_trip",
        "make decode undo encode",
    ),
    "an unknown letter is a KeyError": (Strict, "unknown_text", "raises KeyError: raise seqkit.errors.UnknownText"),
    "ids are int32": (
        planted(Letters, encode=lambda self, text: Letters.encode(self, text).astype(np.int32)),
        "encoded_type",
        "encode gives int32",
    ),
    "an end mark is added": (
        planted(Letters, encode=lambda self, text: np.append(Letters.encode(self, text), 0)),
        "empty_text",
        "add no marks of your own",
    ),
    "it learns in encode": (Growing, "state_unchanged", "learn in fit alone"),
    "fit goes on where it left off": (Adding, "fit_anew", "begin fit with an empty vocabulary"),
    "fit goes through the texts twice": (Counting, "fit_reads_once", "go through the texts once"),
    "keys of its state are numbers": (Keyed, "json_state", "keys of a mapping come back as text"),
    "restore has another order": (Forgetful, "json_state", "a text has other ids"),
    "its state holds an array": (
        planted(Letters, state=lambda self: {"letters": np.array(self.letters)}),
        "json_state",
        "its state is not JSON",
    ),
    "arrays are shared": (Caching, "fresh_arrays", "return a copy of what is kept"),
    "the unknown's id stands for nothing": (
        planted(Letters, decode=lambda self, ids: "".join(self.letters[number] for number in ids)),
        "every_id",
        "raises IndexError",
    ),
    "it shuffles": (
        planted(Letters, sorted=lambda self, letters: list(np.random.permutation(sorted(letters)))),
        "determinism",
        "two fits to the same texts give other ids",
    ),
    "every text is one id": (
        planted(Letters, id_of=lambda self, letter: 0),
        "distinguishes",
        "encode what stands there",
    ),
}


@pytest.mark.parametrize("base", [Letters, Refusing])
def test_a_sound_tokenizer_passes(base: type) -> None:
    check_tokenizer(base)


@pytest.mark.parametrize(("faulty", "name", "message"), TOKENIZERS.values(), ids=TOKENIZERS)
def test_a_tokenizers_planted_fault_is_caught(faulty: type, name: str, message: str) -> None:
    assert_caught(checks_for_tokenizer(faulty), name, message)


# Embeddings


class Table(nn.Module, Embedding):
    """A vector an id."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        super().__init__()
        self.output_size = 4
        self.vectors = nn.Parameter(torch.randn(self.height(tokenizer), 4))

    def height(self, tokenizer: Tokenizer) -> int:
        return tokenizer.vocab_size

    def forward(self, ids: Tensor) -> Tensor:
        return self.vectors[ids]


class Centred(nn.Module, Embedding):
    """Features less their mean in training."""

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


class Unkept(Centred):
    def __init__(self, width: int) -> None:
        super().__init__(width)
        self.learned = torch.zeros(width)

    def fit(self, inputs: Iterable[np.ndarray]) -> None:
        self.learned = torch.from_numpy(np.concatenate(list(inputs)).mean(axis=0))

    def forward(self, features: Tensor) -> Tensor:
        return features - self.learned


def added(self: Any, inputs: Iterable[np.ndarray]) -> None:
    self.mean.add_(torch.from_numpy(np.concatenate(list(inputs)).mean(axis=0)))


def sampled(self: Any, inputs: Iterable[np.ndarray]) -> None:
    rows = np.concatenate(list(inputs))
    self.mean.copy_(torch.from_numpy(rows[np.random.permutation(len(rows))[:5]].mean(axis=0)))


EMBEDDINGS: dict[str, tuple[type, str, str]] = {
    "it knows the place in the row": (
        planted(Table, forward=lambda self, ids: self.vectors[ids] + torch.arange(ids.shape[1])[:, None]),
        "windows",
        "belongs in an encoder",
    ),
    "it centres over the batch": (
        planted(Centred, forward=lambda self, features: features - features.mean(dim=(0, 1))),
        "company",
        "take no mean over the batch",
    ),
    "output_size lies": (
        planted(Table, forward=lambda self, ids: self.vectors[ids][..., :3]),
        "shapes",
        "make output_size say what it gives",
    ),
    "the table is a row too low": (
        planted(Table, height=lambda self, tokenizer: tokenizer.vocab_size - 1),
        "every_id",
        "make the table that high",
    ),
    "what fit learns is in no buffer": (Unkept, "weights", "keep what fit learns in buffers"),
    "fit adds on": (planted(Centred, fit=added), "fit_again", "set what was learned"),
    "fit draws": (planted(Centred, fit=sampled), "fit_draws_nothing", "fit draws from numpy's"),
    "it writes into features": (
        planted(Centred, forward=lambda self, features: features.sub_(self.mean)),
        "inputs_unchanged",
        "it writes into the inputs",
    ),
    "it has a type of its own": (
        planted(Centred, forward=lambda self, features: features - self.mean + torch.zeros(1, dtype=torch.float64)),
        "dtype",
        "vectors are torch.float64",
    ),
    "takes lies": (planted(Centred, takes="ids"), "contract", "set takes = 'features'"),
    "a lookup forgets what forward adds": (
        planted(
            Table,
            forward=lambda self, ids: 2 * self.vectors[ids],
            as_lookup=lambda self, ids: Lookup(ids, self.vectors),
        ),
        "lookup",
        "return None where a vector is more than a row",
    ),
    "a lookup is a tuple": (
        planted(Table, as_lookup=lambda self, ids: (ids, self.vectors)),
        "lookup",
        "as_lookup returns a tuple",
    ),
    "every id has one vector": (
        planted(Table, forward=lambda self, ids: self.vectors[ids * 0]),
        "distinguishes",
        "look up what is given",
    ),
    "its vectors are detached": (
        planted(Table, forward=lambda self, ids: self.vectors.detach()[ids]),
        "gradients",
        "no gradient reaches vectors",
    ),
}


@pytest.mark.parametrize(("base", "width"), [(Table, None), (Centred, 3)])
def test_a_sound_embedding_passes(base: type, width: int | None) -> None:
    check_embedding(base, width=width)


@pytest.mark.parametrize(("faulty", "name", "message"), EMBEDDINGS.values(), ids=EMBEDDINGS)
def test_an_embeddings_planted_fault_is_caught(faulty: type, name: str, message: str) -> None:
    width = 3 if issubclass(faulty, Centred) else None
    assert_caught(checks_for_embedding(faulty, width=width), name, message)
