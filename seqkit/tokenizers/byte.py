"""One id a byte."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from seqkit.contracts import PositiveInt, Tokenizer
from seqkit.errors import UnknownText


class Byte(Tokenizer):
    """One id a byte of the text's UTF-8: 256 ids, nothing to fit, and no text that is unknown.

    Args:
        max_length: keep so many bytes of a text, from its beginning; null keeps all.
    """

    vocab_size = 256

    def __init__(self, *, max_length: PositiveInt | None = None) -> None:
        self.max_length = max_length

    @property
    def piecewise(self) -> bool:  # type: ignore[override]
        return self.max_length is None

    def fit(self, texts: Iterable[str]) -> None:
        pass

    def encode(self, text: str) -> np.ndarray:
        try:
            content = text.encode("utf-8")
        except UnicodeEncodeError as error:
            half = f"U+{ord(text[error.start]):04X}, symbol {error.start + 1} of the text"
            raise UnknownText(f"{half}, is half a surrogate pair, which has no UTF-8") from None
        return np.frombuffer(content[: self.max_length], dtype=np.uint8).astype(np.int64)

    def decode(self, ids: Sequence[int]) -> str:
        """Returns the text; bytes that are not UTF-8 together become U+FFFD."""
        return bytes(map(int, ids)).decode("utf-8", errors="replace")

    def state(self) -> dict[str, Any]:
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:
        pass
