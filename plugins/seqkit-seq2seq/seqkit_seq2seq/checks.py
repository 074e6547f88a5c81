"""What `seqkit check-plugin` and the tests try these components on."""

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
EXAMPLES = [Example("ab", "x"), Example("bca", "yx"), Example("c", "z"), Example("ccab", "zzy")]


class Letters(Tokenizer):
    """An id a letter, for targets: the checks ask nothing of a tokenizer but its contract."""

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
    return checks_for_reader(
        lambda path: Pairs(path=path), TSV, suffix=".tsv", expected=EXPECTED, broken={TSV + "no\n": 3}
    )


def dates() -> list[Check]:
    def of_file(path: Path) -> Dates:
        return Dates(path=path)

    drawn = [check.named("drawn") for check in checks_for_reader(lambda: Dates(count=20))]
    return drawn + [check.named("file") for check in checks_for_reader(of_file, TSV, suffix=".tsv", expected=EXPECTED)]


def translate() -> list[Check]:
    tries = {
        "general": lambda: Translate(tokenizer=Letters, hidden_size=12, dropout=0.3, max_length=8),
        "additive": lambda: Translate(
            tokenizer=Letters, hidden_size=12, attention="additive", beam_size=3, max_length=8
        ),
        "fed": lambda: Translate(tokenizer=Letters, hidden_size=12, input_feeding=True, num_layers=2, max_length=8),
    }
    return [check.named(name) for name, head in tries.items() for check in checks_for_head(head, EXAMPLES)]
