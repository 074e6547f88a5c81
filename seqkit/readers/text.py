"""Plain text."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from seqkit.contracts import Example, Reader
from seqkit.errors import DataError
from seqkit.readers.files import can_be_read_in_pieces, check_encoding, read_text


class Text(Reader):
    """Plain text, from a file or written in the recipe itself.

    Args:
        path: a file.
        text: the text itself, in place of a file.
        unit: what one example is: the whole `text`, or each `line` that is not blank.
        encoding: of the file. A byte order mark is dropped.
    """

    labelled = False
    own_file = frozenset({"text"})

    def __init__(
        self,
        *,
        path: Path | None = None,
        text: str | None = None,
        unit: Literal["text", "line"] = "text",
        encoding: str = "utf-8",
    ) -> None:
        if path is None and text is None:
            raise ValueError(
                "path is required: a file to read, as `path:` here or `data.path=FILE` on the command line"
            )
        if path is not None and text is not None:
            raise ValueError("text cannot stand beside path: leave one out")
        self.path = path
        self.text = text
        self.unit = unit
        self.encoding = check_encoding(encoding)

    def read(self) -> Iterator[Example]:
        text = self.text if self.path is None else read_text(self.path, self.encoding)
        where = "data.text" if self.path is None else str(self.path)
        if not text or not text.strip():
            raise DataError(f"{where}: the text is empty")
        if self.unit == "text":
            yield Example(text, where=where)
            return
        for number, line in enumerate(text.split("\n"), start=1):
            if line.strip():
                yield Example(line, where=f"{where}:{number}")

    def text_file(self) -> tuple[Path, str] | None:
        if self.path is None or self.unit != "text" or not can_be_read_in_pieces(self.encoding):
            return None
        return self.path, self.encoding
