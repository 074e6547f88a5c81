"""The reader `pairs`: texts and their translations, without a header."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from seqkit.contracts import Example, PositiveInt, Reader
from seqkit.errors import DataError
from seqkit.readers.files import check_encoding, read_text


class Pairs(Reader):
    """Texts and their translations: one pair per line in tab-separated columns, or the lines of two files.

    The file has no header; files with a header are for the reader `table`.

    Args:
        path: the file of texts, which also contains the translations unless `target_suffix` is set.
        source: the column of the text, from 1.
        target: the column of the translation, from 1. Other columns are ignored.
        target_suffix: the suffix of a second file, which contains the translations and otherwise has the name of
            `path`: `zh` for `corpus/train.en` and `corpus/train.zh`.
        empty: what to do with a pair whose text or translation is empty: `error` or `skip`.
        encoding: the file encoding. A byte order mark is removed.
    """

    def __init__(
        self,
        *,
        path: Path | None = None,
        source: PositiveInt = 1,
        target: PositiveInt = 2,
        target_suffix: str | None = None,
        empty: Literal["error", "skip"] = "error",
        encoding: str = "utf-8",
    ) -> None:
        if path is None:
            raise ValueError("path is required: set `path:` here, or `data.path=FILE` on the command line")
        if source == target and target_suffix is None:
            raise ValueError(f"target must be a different column from source, {source}")
        self.path = path
        self.source = source
        self.target = target
        self.empty = empty
        self.encoding = check_encoding(encoding)
        self.target_path = None
        if target_suffix is not None:
            try:
                self.target_path = path.with_suffix(f".{target_suffix.removeprefix('.')}")
            except ValueError:
                raise ValueError(
                    f"target_suffix must be a file name suffix such as zh, not {target_suffix!r}"
                ) from None
            if self.target_path == path:
                raise ValueError(f"target_suffix must differ from the suffix of {path.name}")

    def read(self) -> Iterator[Example]:
        count = skipped = 0
        for location, text, translation in self._columns() if self.target_path is None else self._two_files():
            pair = {"text": text.strip(), "translation": translation.strip()}
            missing = [name for name, value in pair.items() if not value]
            if missing and self.empty == "skip":
                skipped += 1
                continue
            if missing:
                raise DataError(
                    f"{location}: the {missing[0]} is empty: fill it in, or set `empty: skip` to skip such pairs"
                )
            count += 1
            yield Example(pair["text"], pair["translation"], location)
        if not count:
            raise DataError(f"{self.path}: no pairs: the text or the translation is empty in all {skipped}")

    def _columns(self) -> Iterator[tuple[str, str, str]]:
        """Yield the location, the text and the translation of each line that is not blank."""
        for number, line in enumerate(read_text(self.path, self.encoding).split("\n"), start=1):
            if not line.strip():
                continue
            location, columns = f"{self.path}:{number}", line.split("\t")
            required = max(self.source, self.target)
            if len(columns) < required:
                raise DataError(
                    f"{location}: {len(columns)} column{'s' if len(columns) > 1 else ''}, but column {required} is "
                    "required: separate the text and the translation by a tab"
                )
            yield location, columns[self.source - 1], columns[self.target - 1]

    def _two_files(self) -> Iterator[tuple[str, str, str]]:
        """Yield the location, the text and the translation of each line that is not blank in both files."""
        assert self.target_path is not None
        texts, translations = (_lines(path, self.encoding) for path in (self.path, self.target_path))
        if len(texts) != len(translations):
            raise DataError(
                f"{self.target_path}: the number of lines ({len(translations):,}) differs from that of {self.path} "
                f"({len(texts):,}): each line must be the translation of the line with the same number"
            )
        for number, (text, translation) in enumerate(zip(texts, translations, strict=True), start=1):
            if text.strip() or translation.strip():
                file = self.path if translation.strip() else self.target_path
                yield f"{file}:{number}", text, translation


def _lines(path: Path, encoding: str) -> list[str]:
    return read_text(path, encoding).removesuffix("\n").split("\n")
