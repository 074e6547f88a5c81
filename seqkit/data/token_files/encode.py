"""Encode the long texts of a plan into a token file, once, without holding them in memory.

The result is that of `read_splits` and the tokenizer for the whole texts. It requires a reader with a `text_file`, a
tokenizer that is `chunkable` and a head that `takes_long_texts`; otherwise whole texts are read, however long they are.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from seqkit.contracts import Example, Head, LongText, Reader, Tokenizer
from seqkit.contracts.capabilities import class_name
from seqkit.data.dataset import fit_tokenizer
from seqkit.data.splits import SPLITS, by_order, empty_part_error
from seqkit.data.token_files import cache as token_cache
from seqkit.data.token_files.format import BLOCK, FORMAT, TokenFile, TokenWriter, smallest_type
from seqkit.errors import DataError, PluginError, UnknownText
from seqkit.messages import message
from seqkit.readers.files import open_file, open_text, read_chunks
from seqkit.registry.records import SESSION

if TYPE_CHECKING:
    from seqkit.recipe.plan import Plan

MIN_BYTES = 4_000_000
"""The minimum total size of the files for encoding chunk by chunk. Smaller ones take less than a second, and less
memory than torch."""


@dataclass(frozen=True)
class LongTexts:
    """The examples of each split, and a note that says where their ids are."""

    splits: dict[str, list[Example]]
    note: str


@dataclass(frozen=True)
class _TextPart:
    """A part of a text file, by characters.

    Attributes:
        path: the file.
        encoding: the encoding of the file.
        start: the first character.
        end: the character after the last; None for the end of the file.
    """

    path: Path
    encoding: str
    start: int = 0
    end: int | None = None

    def chunks(self) -> Iterator[str]:
        """Yield the text of the part."""
        first = 0  # the position of a chunk's first character in the file
        for chunk in read_chunks(self.path, self.encoding):
            if self.end is not None and first >= self.end:
                return
            wanted = chunk[max(self.start - first, 0) : None if self.end is None else self.end - first]
            if wanted:
                yield wanted
            first += len(chunk)


def read_long_texts(
    plan: Plan,
    readers: Mapping[str, Reader],
    tokenizer: Tokenizer | None,
    head: Head,
    is_fitted: bool = False,
) -> LongTexts | None:
    """Encode the texts of a plan, or find them in the cache, if they are long and the components support it.

    Args:
        plan: the plan, which contains the split of the text of `train`.
        readers: the readers of `train` and of the splits that have separate files.
        tokenizer: the tokenizer, which is fitted to the training split.
        head: the head of the plan.
        is_fitted: whether the tokenizer is fitted already. The texts are then not split.

    Returns:
        The examples; None if the texts have to be read as a whole.

    Raises:
        DataError: a file is unreadable, a split is empty, or the tokenizer rejects a text.
        PluginError: the tokenizer violates its contract.
    """
    parts = _text_parts(plan, readers, tokenizer, head)
    if parts is None or tokenizer is None:
        return None
    whole = next(iter(parts.values()))
    splits = {*parts, *([] if is_fitted else _boundaries(plan, 0))}
    versions = [_FileVersion.of(part.path) for part in parts.values()]
    key = _cache_key(plan, parts, tokenizer, is_fitted)
    if key and (cached := token_cache.get(key)) and _restore(cached[0], tokenizer, is_fitted, splits):
        tokens = cached[0]
        note = message("the text is already encoded: its ids are read from {file}", file=cached[1])
    else:
        if not is_fitted:
            parts = _split_parts(plan, parts)
            fit_tokenizer(plan, tokenizer, parts["train"].chunks())

        def write(file: BinaryIO) -> None:
            writer = TokenWriter(file, key, smallest_type(tokenizer.vocab_size))
            for split in sorted(parts, key=SPLITS.index):
                _write_part(writer, split, parts[split], tokenizer)
            for version in versions:
                version.check()  # else the ids would be stored under the key of the earlier text
            writer.finish(tokenizer.state())

        tokens, note = token_cache.put(key, write)
    examples = {}
    for split, tokenized in tokens.texts.items():
        facts = tokenized.facts
        text = LongText(facts["characters"], tokenized.ids, facts["sha256"], facts["next_sha256"])
        examples[split] = [Example(text, location=str(parts.get(split, whole).path))]
    return LongTexts(examples, note)


def _text_parts(
    plan: Plan, readers: Mapping[str, Reader], tokenizer: Tokenizer | None, head: Head
) -> dict[str, _TextPart] | None:
    """Return the files of a plan's texts, each as a whole; None if they are not to be read chunk by chunk."""
    if not plan.train.sequence_length or (plan.split is not None and plan.split.by != "order"):
        return None
    if tokenizer is None or not tokenizer.chunkable or not head.takes_long_texts:
        return None
    parts = {}
    for split, reader in readers.items():
        source = reader.text_file()
        if source is None:
            return None
        parts[split] = _TextPart(*source)
    sizes = [_text_size(part.path) for part in parts.values()]
    return parts if all(sizes) and sum(sizes) >= MIN_BYTES else None


def _boundaries(plan: Plan, characters: int) -> dict[str, tuple[int, int]]:
    """Return the start and the end of each split in a text of this length; an empty mapping if it is not split."""
    if plan.split is None or plan.split.by != "order":
        return {}
    return by_order(characters, plan.split.valid, plan.split.test)


def _text_size(path: Path) -> int:
    """Return the size of a text in bytes, decompressed; at most `MIN_BYTES`, but 1 if it is not empty."""
    with open_text(path) as file:
        return len(file.read(max(MIN_BYTES, 1)))


@dataclass(frozen=True)
class _FileVersion:
    """The size and the modification time of a file; used to detect changes of its content."""

    path: Path
    size: int
    modified: int

    @classmethod
    def of(cls, path: Path) -> _FileVersion:
        with open_file(path) as file:
            found = os.fstat(file.fileno())
        return cls(path, found.st_size, found.st_mtime_ns)

    def check(self) -> None:
        """Raise DataError if the file has changed."""
        if _FileVersion.of(self.path) != self:
            raise DataError(message("{file}: changed while it was read: run the command again", file=self.path))


def _split_parts(plan: Plan, parts: Mapping[str, _TextPart]) -> dict[str, _TextPart]:
    """Return the part of each split: a part of the training text, or the separate file of the split."""
    whole = parts["train"]
    found = {"train": whole}
    if plan.split is not None:
        characters = sum(len(chunk) for chunk in whole.chunks())
        for split, (start, end) in _boundaries(plan, characters).items():
            if start == end:
                raise empty_part_error(split, characters)
            found[split] = replace(whole, start=start, end=end)
    return found | {split: part for split, part in parts.items() if split != "train"}


def _write_part(writer: TokenWriter, split: str, part: _TextPart, tokenizer: Tokenizer) -> None:
    """Encode a part and write its ids, with its length and digest."""
    facts: dict[str, Any] = {"characters": 0}
    content = _StrippedDigest()

    def blocks() -> Iterator[np.ndarray]:
        for chunk in chain.from_iterable(map(_in_blocks, part.chunks())):
            try:
                ids = tokenizer.encode(chunk)
            except UnknownText as error:
                raise UnknownText(
                    message("{file}: {problem}", file=part.path, problem=error.shift(facts["characters"]))
                ) from None
            if ids.ndim != 1 or (len(ids) and not 0 <= ids.min() <= ids.max() < tokenizer.vocab_size):
                raise PluginError(
                    message(
                        "{tokenizer} is chunkable, but does not return ids (time,) below vocab_size",
                        tokenizer=class_name(type(tokenizer)),
                    )
                )
            content.add(chunk)
            facts["characters"] += len(chunk)
            facts["sha256"] = content.hexdigest()
            yield ids

    writer.add(split, blocks(), facts)


def _in_blocks(text: str) -> Iterator[str]:
    for start in range(0, len(text), BLOCK):
        yield text[start : start + BLOCK]


class _StrippedDigest:
    """The sha256 of a text that comes in chunks, without leading and trailing white space."""

    def __init__(self) -> None:
        self._has_started = False
        self._digest = hashlib.sha256()
        self._stripped = self._digest  # before the white space that may turn out to be trailing

    def add(self, chunk: str) -> None:
        chunk = chunk if self._has_started else chunk.lstrip()
        content = chunk.encode("utf-8", "surrogatepass")
        end = len(chunk.rstrip().encode("utf-8", "surrogatepass"))
        if end:
            self._has_started = True
            self._digest.update(content[:end])
            self._stripped = self._digest.copy()
        self._digest.update(content[end:])

    def hexdigest(self) -> str:
        return self._stripped.hexdigest()


def _restore(tokens: TokenFile, tokenizer: Tokenizer, is_fitted: bool, splits: set[str]) -> bool:
    """Restore a tokenizer from a cached file; return whether the file is usable."""
    if tokens.texts.keys() != splits:
        return False
    for tokenized in tokens.texts.values():
        types = {"characters": int, "sha256": str, "next_sha256": str}
        if any(type(tokenized.facts.get(name)) is not wanted for name, wanted in types.items()):
            return False
    if not is_fitted:
        try:
            tokenizer.restore(tokens.tokenizer_state)
        except Exception:  # a plugin may raise anything for an untrusted state
            return False
    return isinstance(getattr(tokenizer, "vocab_size", None), int) and tokens.largest < tokenizer.vocab_size


def _cache_key(plan: Plan, parts: Mapping[str, _TextPart], tokenizer: Tokenizer, is_fitted: bool) -> str:
    """Return what identifies these texts, splits and tokenizer; empty if the tokenizer cannot be identified."""
    assert plan.tokenizer is not None
    registered = plan.tokenizer.registered
    if registered.distribution == SESSION or any(
        spec.init_from or isinstance(value, Path) for spec in plan.tokenizer.walk() for value in spec.values.values()
    ):
        return ""
    content = {
        "format": FORMAT,
        "texts": {split: [_sha256(part.path), part.encoding] for split, part in parts.items()},
        "cut": plan.split.as_data() if plan.split and not is_fitted else None,
        "tokenizer": plan.tokenizer.as_data(),
        "provider": [registered.distribution, registered.version],
        "source": [_sha256(path) for path in _source_files(type(tokenizer))],
        "learned": tokenizer.state() if is_fitted else None,
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:32]


def _source_files(cls: type) -> list[Path]:
    """Return the files that define a class and its bases: a plugin can change without a new version."""
    modules = {each.__module__ for each in cls.__mro__}
    files = (getattr(sys.modules.get(name), "__file__", None) for name in sorted(modules))
    return [Path(file) for file in files if file]


def _sha256(path: Path) -> str:
    with open_file(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
