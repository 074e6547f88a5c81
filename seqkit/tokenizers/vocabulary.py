"""A fitted set of symbols and the policy for what is not among them; shared by `char` and `word`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import numpy as np

from seqkit.errors import DataError, UnknownText

UnknownPolicy = Literal["error", "skip", "mark"]
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


class Vocabulary:
    """Symbols in sorted order, each with its place as its id.

    Args:
        unknown: what a symbol outside the vocabulary becomes: `error` refuses the text, `skip` leaves the symbol out,
            `mark` gives it an id of its own, one past the last symbol's.
        min_count: symbols that the training texts hold fewer times are left out, so that the unknown's id is trained
            too; it needs `skip` or `mark`.
    """

    def __init__(self, *, unknown: UnknownPolicy, min_count: int) -> None:
        if min_count > 1 and unknown == "error":
            raise ValueError("min_count leaves symbols out of the training text itself: set `unknown: mark` or `skip`")
        self.unknown = unknown
        self.min_count = min_count
        self.symbols: list[str] = []
        self._ids: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self.symbols) + (self.unknown == "mark")

    def fit(self, texts: Iterable[Iterable[str]]) -> None:
        counts: Counter[str] = Counter()
        for symbols in texts:
            counts.update(symbols)
        self.learn(counts)

    def learn(self, counts: Mapping[str, int]) -> None:
        """Takes the symbols that the training texts hold, each with how often."""
        self._set(sorted(symbol for symbol, count in counts.items() if count >= self.min_count))
        if not self.symbols:
            raise DataError("the training text holds no symbol often enough to be learned")

    def encode(self, symbols: Iterable[str]) -> np.ndarray:
        """Returns int64 (time,).

        Raises:
            UnknownText: naming the symbol and its place, under `unknown: error`.
        """
        if self.unknown == "mark":
            mark = len(self.symbols)
            ids = [self._ids.get(symbol, mark) for symbol in symbols]
        elif self.unknown == "skip":
            ids = [self._ids[symbol] for symbol in symbols if symbol in self._ids]
        else:
            symbols = list(symbols)
            try:
                ids = [self._ids[symbol] for symbol in symbols]
            except KeyError:
                place, symbol = next((place, symbol) for place, symbol in enumerate(symbols) if symbol not in self._ids)
                raise self.refusal(symbol, place) from None
        return np.array(ids, dtype=np.int64)

    def refusal(self, symbol: str, place: int) -> UnknownText:
        """Returns the error of a text that has an unknown symbol at a place."""
        remedy = "write it otherwise, or train with `tokenizer.unknown: mark` or `skip`"
        return UnknownText(_named(symbol), place, f"is not in the vocabulary of {len(self)}: {remedy}")

    def decode(self, ids: Sequence[int]) -> list[str]:
        """Returns the symbols; U+FFFD for the unknown's id."""
        return [self.symbols[number] if number < len(self.symbols) else REPLACEMENT for number in ids]

    def state(self) -> dict[str, Any]:
        return {"symbols": self.symbols}

    def restore(self, state: Mapping[str, Any]) -> None:
        symbols = state.get("symbols") if isinstance(state, Mapping) else None
        if not (isinstance(symbols, list) and symbols and all(isinstance(item, str) and item for item in symbols)):
            raise DataError("the tokenizer's state holds no list of symbols")
        if len(set(symbols)) != len(symbols):
            raise DataError("the tokenizer's state holds a symbol twice")
        self._set(symbols)

    def _set(self, symbols: list[str]) -> None:
        self.symbols = symbols
        self._ids = {symbol: number for number, symbol in enumerate(symbols)}


def _named(symbol: str) -> str:
    if len(symbol) > 1:
        return f"'{symbol}'"
    return f"'{symbol}' (U+{ord(symbol):04X})" if symbol.isprintable() else f"U+{ord(symbol):04X}"
