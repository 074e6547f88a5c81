"""The vocabulary of the tokenizers `char` and `word`: symbols and their ids."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal

import numpy as np

from seqkit.contracts import SpecialToken
from seqkit.errors import DataError, UnknownText
from seqkit.messages import format_value, message

UnknownPolicy = Literal["error", "skip", "mark"]
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


class Vocabulary:
    """A sorted list of symbols, each with its index as its id.

    Args:
        unknown: how to encode symbols outside the vocabulary: `error` raises an error, `skip` omits them, `mark` gives
            all of them one additional id, the last.
        min_count: the minimum number of occurrences of a symbol in the training texts. More than 1 requires `skip` or
            `mark`.

    Raises:
        ValueError: `min_count` is more than 1 and `unknown` is `error`.
    """

    def __init__(self, *, unknown: UnknownPolicy, min_count: int) -> None:
        if min_count > 1 and unknown == "error":
            raise ValueError(
                message("min_count above 1 makes parts of the training text unknown: set `unknown: mark` or `skip`")
            )
        self.unknown = unknown
        self.min_count = min_count
        self.symbols: list[str] = []
        self._ids: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self.symbols) + (self.unknown == "mark")

    def __contains__(self, symbol: str) -> bool:
        return symbol in self._ids

    @property
    def special_ids(self) -> dict[SpecialToken, int]:
        """The additional id of unknown symbols, if there is one."""
        return {"unknown": len(self.symbols)} if self.unknown == "mark" else {}

    def fit(self, texts: Iterable[Iterable[str]]) -> None:
        """Learn the symbols of the training texts."""
        counts: Counter[str] = Counter()
        for symbols in texts:
            counts.update(symbols)
        self.fit_counts(counts)

    def fit_counts(self, counts: Mapping[str, int]) -> None:
        """Learn the symbols, given how often each occurs in the training texts.

        Raises:
            DataError: none occurs `min_count` times.
        """
        self._set(sorted(symbol for symbol, count in counts.items() if count >= self.min_count))
        if not self.symbols:
            raise DataError(
                message(
                    "no token occurs {min_count} times or more in the training text: lower tokenizer.min_count, or "
                    "provide more text",
                    min_count=self.min_count,
                )
            )

    def encode(self, symbols: Iterable[str]) -> np.ndarray:
        """Return the ids of symbols, int64 (time,).

        Raises:
            UnknownText: a symbol is unknown, under `unknown: error`.
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
                position, symbol = next(pair for pair in enumerate(symbols) if pair[1] not in self._ids)
                raise self.unknown_error(symbol, position) from None
        return np.array(ids, dtype=np.int64)

    def unknown_error(self, symbol: str, position: int) -> UnknownText:
        """Return the error for a text with an unknown symbol at an index."""
        return UnknownText(
            _quoted(symbol),
            position,
            message(
                "is not in the vocabulary of {size}: change it, or train with `tokenizer.unknown: mark` or `skip`",
                size=len(self),
            ),
        )

    def decode(self, ids: Sequence[int]) -> list[str]:
        """Return the symbols of ids; U+FFFD for the additional id of unknown symbols."""
        return [self.symbols[number] if number < len(self.symbols) else REPLACEMENT for number in ids]

    def state(self) -> dict[str, Any]:
        """Return the symbols, as JSON types."""
        return {"symbols": self.symbols}

    def restore(self, state: Mapping[str, Any], is_symbol: Callable[[str], bool] = bool) -> None:
        """Restore what `state` returned.

        Args:
            state: what `state` returned.
            is_symbol: returns whether a text can be a symbol; by default, any but an empty one.

        Raises:
            DataError: the state is something else.
        """
        symbols = state.get("symbols") if isinstance(state, Mapping) else None
        if not (isinstance(symbols, list) and symbols and all(isinstance(item, str) for item in symbols)):
            raise DataError(message("the tokenizer's state has no list of symbols"))
        if invalid := [symbol for symbol in symbols if not is_symbol(symbol)]:
            raise DataError(
                message("the tokenizer's state has an invalid symbol, {symbol}", symbol=format_value(invalid[0]))
            )
        if len(set(symbols)) != len(symbols):
            raise DataError(message("the tokenizer's state has a duplicate symbol"))
        if symbols != sorted(symbols):
            raise DataError(message("the symbols of the tokenizer's state are not sorted"))
        self._set(symbols)

    def _set(self, symbols: list[str]) -> None:
        self.symbols = symbols
        self._ids = {symbol: number for number, symbol in enumerate(symbols)}


def _quoted(symbol: str) -> str:
    """Return a symbol in quotes, a character with its code point, and an unprintable one as its code point alone."""
    if len(symbol) > 1:
        return f"'{symbol}'"
    return f"'{symbol}' (U+{ord(symbol):04X})" if symbol.isprintable() else f"U+{ord(symbol):04X}"
