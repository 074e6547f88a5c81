"""One label and one text per line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from seqkit.contracts import Example, Reader
from seqkit.errors import DataError
from seqkit.readers.files import check_encoding, read_text


class Placeholder(Reader):
    """Lines of the form `label: text`. Blank lines and lines that begin with # are ignored.

    Args:
        path: the file.
        encoding: the encoding of the file.
    """

    def __init__(self, *, path: Path, encoding: str = "utf-8") -> None:
        self.path = path
        self.encoding = check_encoding(encoding)

    def read(self) -> Iterator[Example]:
        for number, line in enumerate(read_text(self.path, self.encoding).split("\n"), start=1):
            if not line.strip() or line.startswith("#"):
                continue
            location = f"{self.path}:{number}"
            label, _, text = (part.strip() for part in line.partition(":"))
            if not (label and text):
                raise DataError(f"{location}: must be `label: text`, not '{line:.40}'")
            yield Example(text, label, location)
