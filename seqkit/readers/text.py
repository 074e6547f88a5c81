"""Plain text."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from seqkit.contracts import Example, Reader
from seqkit.errors import DataError
from seqkit.messages import message
from seqkit.readers.files import check_encoding, check_path, read_lines, read_text, supports_chunks


class Text(Reader):
    """Plain text from a file, or from the recipe itself.

    Args:
        path: the file.
        text: the text itself, instead of a file.
        unit: what an example is: the whole `text`, or each `line` that is not blank.
        encoding: the encoding of the file. A byte order mark is removed.
    """

    labelled = False
    path_specific = frozenset({"text"})

    def __init__(
        self,
        *,
        path: Path | None = None,
        text: str | None = None,
        unit: Literal["text", "line"] = "text",
        encoding: str = "utf-8",
    ) -> None:
        if text is None:
            check_path(path)
        if path is not None and text is not None:
            raise ValueError(message("text cannot be combined with path: remove one of them"))
        self.path = path
        self.text = text
        self.unit = unit
        self.encoding = check_encoding(encoding)

    def read(self) -> Iterator[Example]:
        location = "data.text" if self.path is None else str(self.path)
        if self.text is not None and not self.text.strip():
            raise DataError(message("{location}: the text is empty", location=location))
        if self.unit == "text":
            text = self.text if self.path is None else read_text(self.path, self.encoding)
            yield Example(text, location=location)
            return
        lines = (self.text or "").split("\n") if self.path is None else read_lines(self.path, self.encoding)
        for number, line in enumerate(lines, start=1):
            if line.strip():
                yield Example(line, location=f"{location}:{number}", row=number)

    def text_file(self) -> tuple[Path, str] | None:
        if self.path is None or self.unit != "text" or not supports_chunks(self.encoding):
            return None
        return self.path, self.encoding
