"""One token per byte."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from seqkit.contracts import PositiveInt, Tokenizer
from seqkit.errors import DataError, UnknownText
from seqkit.messages import message


class Byte(Tokenizer):
    """One token per byte of the text in UTF-8. The 256 ids need no fitting, and no text is unknown.

    Args:
        max_length: the maximum number of bytes; longer texts are truncated. Null for no limit.
    """

    vocab_size = 256

    def __init__(self, *, max_length: PositiveInt | None = None) -> None:
        self.max_length = max_length

    @property
    def chunkable(self) -> bool:  # type: ignore[override]
        return self.max_length is None

    def fit(self, texts: Iterable[str]) -> None:
        pass

    def encode(self, text: str) -> np.ndarray:
        try:
            content = text.encode("utf-8")
        except UnicodeEncodeError as error:
            raise UnknownText(
                message(
                    "U+{code:04X}, character {number} of the text, is an unpaired surrogate, which UTF-8 cannot encode",
                    code=ord(text[error.start]),
                    number=error.start + 1,
                )
            ) from None
        return np.frombuffer(content[: self.max_length], dtype=np.uint8).astype(np.int64)

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text. Bytes that are not valid UTF-8 become U+FFFD."""
        return bytes(map(int, ids)).decode("utf-8", errors="replace")

    def state(self) -> dict[str, Any]:
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Check the state, which is empty.

        Raises:
            DataError: it is that of another tokenizer.
        """
        if state != {}:
            raise DataError(message("the tokenizer `byte` has no state"))
