"""Test cases of these components, for `seqkit check-plugin` and the tests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from seqkit.contracts import Example, Tokenizer
from seqkit.testing import Check, checks_for_head, checks_for_reader
from seqkit_seq2seq.dates import Dates
from seqkit_seq2seq.pairs import Pairs
from seqkit_seq2seq.translate import Translate

TSV = "good day\tguten Tag\nyes\tja\n"
EXPECTED = [("good day", "guten Tag"), ("yes", "ja")]
EXAMPLES = [Example("ab", "x"), Example("bca", "yx"), Example("c", "z"), Example("ccab", "zzyx")]


class LetterTokenizer(Tokenizer):
    """A minimal tokenizer of targets: the checks of a head depend on no particular tokenizer."""

    def fit(self, texts: Iterable[Any]) -> None:
        self.restore({"letters": "".join(sorted(set("".join(texts))))})

    def encode(self, text: Any) -> np.ndarray:
        return np.array([self.letters.index(letter) for letter in text], dtype=np.int64)

    def decode(self, ids: Sequence[int]) -> str:
        return "".join(self.letters[number] for number in ids)

    def state(self) -> dict[str, Any]:
        return {"letters": self.letters}

    def restore(self, state: Mapping[str, Any]) -> None:
        self.letters = str(state["letters"])
        self.vocab_size = len(self.letters)


def pairs() -> list[Check]:
    """Return the checks of the reader `pairs`."""
    return checks_for_reader(
        lambda path: Pairs(path=path), TSV, suffix=".tsv", expected=EXPECTED, broken={TSV + "no\n": 3}
    )


def dates() -> list[Check]:
    """Return the checks of the reader `dates`, for a generated corpus and for a file."""

    def from_file(path: Path) -> Dates:
        return Dates(path=path)

    generated = checks_for_reader(lambda: Dates(count=20))
    file = checks_for_reader(from_file, TSV, suffix=".tsv", expected=EXPECTED)
    return [check.named("generated") for check in generated] + [check.named("file") for check in file]


def translate() -> list[Check]:
    """Return the checks of the head `translate`, for three settings."""
    common: dict[str, Any] = {
        "tokenizer": LetterTokenizer,
        "hidden_size": 12,
        "max_length": 8,
        "bleu_tokenizer": "char",
    }
    settings = {
        "general": lambda: Translate(**common, dropout=0.3),
        "additive": lambda: Translate(**common, attention="additive", beam_size=3),
        "input feeding": lambda: Translate(**common, input_feeding=True, num_layers=2),
    }
    return [check.named(name) for name, head in settings.items() for check in checks_for_head(head, EXAMPLES)]
