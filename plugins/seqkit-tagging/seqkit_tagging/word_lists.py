"""A reader of JSON Lines with lists of words and tags, as datasets of Hugging Face are exported."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from seqkit.contracts import Example, NonEmptyText, Reader
from seqkit.errors import DataError, explain_missing_column
from seqkit.messages import message
from seqkit.readers.files import check_encoding, check_path, read_objects


class WordLists(Reader):
    """Sentences in JSON Lines, one per line, with a list of words and a list of as many tags.

    `{"tokens": ["Ann", "sleeps"], "tags": ["B-person", "O"]}`. Tags are texts or integers: `3` is the tag 3.

    Args:
        path: the file.
        words: the key of the words.
        tags: the key of the tags; null to read words without tags.
        encoding: the encoding of the file. A byte order mark is removed.
    """

    table_columns = ("words", "tags")

    def __init__(
        self,
        *,
        path: Path | None = None,
        words: NonEmptyText = "tokens",
        tags: NonEmptyText | None = "tags",
        encoding: str = "utf-8",
    ) -> None:
        self.path = check_path(path)
        if words == tags:
            raise ValueError(message("tags must name a different key than words, '{words}'", words=words))
        self.words = words
        self.tags = tags
        self.labelled = tags is not None
        self.encoding = check_encoding(encoding)

    @classmethod
    def without_targets(cls, parameters: Mapping[str, Any]) -> dict[str, Any]:
        return {**parameters, "tags": None}

    def read(self) -> Iterator[Example]:
        is_empty = True
        for line, record in read_objects(self.path, self.encoding):
            is_empty = False
            location = f"{self.path}:{line}"
            words = self._list(record, "words", self.words, location)
            tags = None if self.tags is None else self._list(record, "tags", self.tags, location)
            if tags is not None and len(tags) != len(words):
                raise DataError(
                    message(
                        "{location}: {words} words, but {tags} tags: write one tag per word",
                        location=location,
                        words=len(words),
                        tags=len(tags),
                    )
                )
            yield Example(words, tags, location, row=line)
        if is_empty:
            raise DataError(message("{path}: there are no sentences in it", path=self.path))

    def _list(self, record: Mapping[str, Any], parameter: str, key: str, location: str) -> list[str]:
        """Return a list of texts.

        Raises:
            DataError: the key is missing, or its value is anything else.
        """
        if key not in record:
            raise DataError(
                message(
                    "{location}: '{key}' is missing{found}: set `{parameter}:` to the right key",
                    location=location,
                    key=key,
                    found=explain_missing_column(key, list(record), are_keys=True),
                    parameter=parameter,
                )
            )
        value = record[key]
        is_valid = isinstance(value, list) and value and all(type(item) in (str, int) for item in value)
        if not is_valid or not all(str(item).strip() for item in value):
            raise DataError(
                message(
                    "{location}: '{key}' must be a list of texts, none of them empty, not {value:.40}",
                    location=location,
                    key=key,
                    value=json.dumps(value),
                )
            )
        return [str(item) for item in value]
