"""Texts and their translations, a pair a line, without a header."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from seqkit.contracts import Example, PositiveInt, Reader
from seqkit.errors import DataError
from seqkit.readers.files import check_encoding, read_text


class Pairs(Reader):
    """A text and its translation a line, in columns set apart by tabs, without a header; or in two files, line by line.

    What has a header is read by `table`.

    Args:
        path: the file with the texts, and with the translations unless `target_suffix` is given.
        source: the column of the text, counted from 1.
        target: the column of the translation. Other columns are not read.
        target_suffix: the translations are the lines of another file, named as `path` is but for what follows its last
            point: for `corpus/train.en` and `.zh`, `corpus/train.zh`.
        empty: what becomes of a pair of which a half is empty: `error` refuses the file, `skip` passes it over.
        encoding: of the file. A byte order mark is dropped.
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
            raise ValueError(
                "path is required: a file to read, as `path:` here or `data.path=FILE` on the command line"
            )
        if source == target and target_suffix is None:
            raise ValueError(f"target is the same column as source, {source}")
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
                raise ValueError(f"target_suffix must be the ending of a file's name, not {target_suffix!r}") from None
            if self.target_path == path:
                raise ValueError(f"target_suffix leads back to {path.name} itself")

    def read(self) -> Iterator[Example]:
        count = skipped = 0
        for where, text, translation in self._columns() if self.target_path is None else self._two_files():
            halves = {"text": text.strip(), "translation": translation.strip()}
            missing = [half for half, value in halves.items() if not value]
            if missing and self.empty == "skip":
                skipped += 1
                continue
            if missing:
                raise DataError(
                    f"{where}: the {missing[0]} is empty: fill it in, or pass over such pairs with `empty: skip`"
                )
            count += 1
            yield Example(halves["text"], halves["translation"], where)
        if not count:
            raise DataError(f"{self.path}: there is no pair that is filled in, of {skipped}")

    def _columns(self) -> Iterator[tuple[str, str, str]]:
        for number, line in enumerate(read_text(self.path, self.encoding).split("\n"), start=1):
            if not line.strip():
                continue
            where, columns = f"{self.path}:{number}", line.split("\t")
            wanted = max(self.source, self.target)
            if len(columns) < wanted:
                raise DataError(
                    f"{where}: {len(columns)} column{'s' if len(columns) > 1 else ''}, where column {wanted} is asked "
                    "for: set text and translation apart by a tab"
                )
            yield where, columns[self.source - 1], columns[self.target - 1]

    def _two_files(self) -> Iterator[tuple[str, str, str]]:
        assert self.target_path is not None
        texts, translations = (_lines(path, self.encoding) for path in (self.path, self.target_path))
        if len(texts) != len(translations):
            raise DataError(
                f"{self.target_path}: {len(translations):,} lines, where {self.path} has {len(texts):,}: a line must "
                "translate the line of the same number"
            )
        for number, (text, translation) in enumerate(zip(texts, translations, strict=True), start=1):
            if text.strip() or translation.strip():
                file = self.path if translation.strip() else self.target_path
                yield f"{file}:{number}", text, translation


def _lines(path: Path, encoding: str) -> list[str]:
    return read_text(path, encoding).removesuffix("\n").split("\n")
