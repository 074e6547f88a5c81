"""Long texts of a plan, encoded into a file once and never held in memory.

What is read, cut, learned and encoded is what `data.read_splits` and the tokenizer would give for the whole texts. It
takes a reader with a `text_file`, a tokenizer that is `piecewise` and a head that `takes_long_texts`; where one of them
says nothing of this, whole texts are read, however long they are.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from seqkit import token_cache
from seqkit.claims import stands_by
from seqkit.contracts import Example, Head, LongText, Reader, Tokenizer
from seqkit.data import SPLITS, by_order, fit_tokenizer, nothing_falls_into
from seqkit.errors import DataError, Interrupted, PluginError, UnknownText
from seqkit.readers.files import opened, read_pieces
from seqkit.registry import SESSION
from seqkit.token_file import BLOCK, FORMAT, TokenFile, TokenWriter, smallest_type

if TYPE_CHECKING:
    from seqkit.plan import Plan

LONG = 4_000_000
"""Files of so many bytes together are read in pieces. Fewer take less than a second and less memory than torch."""


@dataclass(frozen=True)
class LongTexts:
    """The examples of each split, and a line on where their ids are."""

    splits: dict[str, list[Example]]
    note: str


@dataclass(frozen=True)
class _Part:
    """A part of a text file, by characters; `end` is None where it goes on to the file's end."""

    path: Path
    encoding: str
    stop: Callable[[], int]
    start: int = 0
    end: int | None = None

    def pieces(self) -> Iterator[str]:
        """Yields the part's text.

        Raises:
            Interrupted: `stop` gives the number of a signal.
        """
        first = 0  # the place of a piece's first character in the file
        for piece in read_pieces(self.path, self.encoding):
            if number := self.stop():
                raise Interrupted(number, "stopped while the text was read: there is nothing to save yet")
            if self.end is not None and first >= self.end:
                return
            wanted = piece[max(self.start - first, 0) : None if self.end is None else self.end - first]
            if wanted:
                yield wanted
            first += len(piece)


def read_long_texts(
    plan: Plan,
    readers: Mapping[str, Reader],
    tokenizer: Tokenizer | None,
    head: Head,
    is_fitted: bool = False,
    stop: Callable[[], int] = int,
) -> LongTexts | None:
    """Encodes the texts of a plan, or finds them encoded, where they are long and its components let them be read so.

    Args:
        readers: of `train`, which is cut as the plan says, and of splits with files of their own.
        tokenizer: left fitted to the training part.
        is_fitted: whether it is already; the texts are then not cut.
        stop: returns the number of a signal that asks to stop, or 0.

    Returns:
        None where the texts have to be read whole.

    Raises:
        DataError: a file is unreadable, a part is empty, or holds what the tokenizer refuses.
        Interrupted: `stop` asked for it.
        PluginError: the tokenizer is not what its contract says.
    """
    parts = _parts(plan, readers, tokenizer, head, stop)
    if parts is None or tokenizer is None:
        return None
    whole = next(iter(parts.values()))
    sides = {*parts, *([] if is_fitted else _cuts(plan, 0))}
    before = [_Version.of(part.path) for part in parts.values()]
    key = _key(plan, parts, tokenizer, is_fitted)
    if key and (cached := token_cache.found(key)) and _restored(cached[0], tokenizer, is_fitted, sides):
        tokens, note = cached[0], f"the text was encoded before: its ids are read from {cached[1]}"
    else:
        if not is_fitted:
            parts = _cut(plan, parts)
            fit_tokenizer(plan, tokenizer, parts["train"].pieces())

        def write(file: BinaryIO) -> None:
            writer = TokenWriter(file, key, smallest_type(tokenizer.vocab_size))
            for side in sorted(parts, key=SPLITS.index):
                _write(writer, side, parts[side], tokenizer)
            for version in before:
                version.check()  # or else the ids would be kept under the name of what the text was
            writer.finish(tokenizer.state())

        tokens, where = token_cache.kept(key, write)
        note = f"the text is encoded once: its ids are kept {where}"
    splits = {}
    for side, encoded in tokens.texts.items():
        facts = encoded.facts
        text = LongText(facts["characters"], encoded.ids, facts["sha256"], facts["next_sha256"])
        splits[side] = [Example(text, where=str(parts.get(side, whole).path))]
    return LongTexts(splits, note)


def _parts(
    plan: Plan, readers: Mapping[str, Reader], tokenizer: Tokenizer | None, head: Head, stop: Callable[[], int]
) -> dict[str, _Part] | None:
    """Returns the files of a plan's texts, whole; None where they are not to be read in pieces."""
    if not plan.train.sequence_length or (plan.split is not None and plan.split.by != "order"):
        return None
    if not stands_by(tokenizer, "piecewise", "fit", "encode"):
        return None
    if not stands_by(head, "takes_long_texts", "fit", "rows", "metrics", "baseline"):
        return None
    parts = {}
    for side, reader in readers.items():
        source = reader.text_file() if stands_by(reader, "text_file", "read") else None
        if source is None:
            return None
        parts[side] = _Part(*source, stop)
    sizes = [_size(part.path) for part in parts.values()]
    return parts if all(sizes) and sum(sizes) >= LONG else None


def _cuts(plan: Plan, characters: int) -> dict[str, tuple[int, int]]:
    """Returns where each split starts and ends in a text of so many characters; nothing where it is not cut."""
    if plan.split is None or plan.split.by != "order":
        return {}
    return by_order(characters, plan.split.valid, plan.split.test)


def _size(path: Path) -> int:
    """Returns a file's size; 0 for what is none, or cannot be gone through more than once."""
    try:
        found = path.stat()
    except (OSError, ValueError):
        return 0
    return found.st_size if stat.S_ISREG(found.st_mode) else 0


@dataclass(frozen=True)
class _Version:
    """A file as it was when it was first looked at."""

    path: Path
    marks: tuple[int, int]

    @classmethod
    def of(cls, path: Path) -> _Version:
        with opened(path) as file:
            found = os.fstat(file.fileno())
        return cls(path, (found.st_size, found.st_mtime_ns))

    def check(self) -> None:
        if _Version.of(self.path) != self:
            raise DataError(f"{self.path}: was changed while it was read: start again")


def _cut(plan: Plan, parts: Mapping[str, _Part]) -> dict[str, _Part]:
    """Returns the parts of a plan, the training text cut into those that have no file of their own."""
    whole = parts["train"]
    cut = {"train": whole}
    if plan.split is not None:
        for side, (start, end) in _cuts(plan, sum(len(piece) for piece in whole.pieces())).items():
            if start == end:
                raise nothing_falls_into(side, 1)
            cut[side] = replace(whole, start=start, end=end)
    return cut | {side: part for side, part in parts.items() if side != "train"}


def _write(writer: TokenWriter, side: str, part: _Part, tokenizer: Tokenizer) -> None:
    facts: dict[str, Any] = {"characters": 0}
    content = _StrippedDigest()

    def blocks() -> Iterator[np.ndarray]:
        for piece in chain.from_iterable(map(_shortened, part.pieces())):
            try:
                ids = tokenizer.encode(piece)
            except UnknownText as error:
                raise UnknownText(f"{part.path}: {error.after(facts['characters'])}") from None
            if ids.ndim != 1 or (len(ids) and not 0 <= ids.min() <= ids.max() < tokenizer.vocab_size):
                raise PluginError(f"{_named(tokenizer)} is piecewise, and gives no (time,) of ids below vocab_size")
            content.add(piece)
            facts["characters"] += len(piece)
            facts["sha256"] = content.hexdigest()
            yield ids

    writer.add(side, blocks(), facts)


def _shortened(piece: str) -> Iterator[str]:
    for start in range(0, len(piece), BLOCK):
        yield piece[start : start + BLOCK]


class _StrippedDigest:
    """The sha256 of a text that comes in pieces, without the white space around it."""

    def __init__(self) -> None:
        self._begun = False
        self._digest = hashlib.sha256()
        self._kept = self._digest  # as it was before the white space that may be the last

    def add(self, piece: str) -> None:
        piece = piece if self._begun else piece.lstrip()
        content = piece.encode("utf-8", "surrogatepass")
        end = len(piece.rstrip().encode("utf-8", "surrogatepass"))
        if end:
            self._begun = True
            self._digest.update(content[:end])
            self._kept = self._digest.copy()
        self._digest.update(content[end:])

    def hexdigest(self) -> str:
        return self._kept.hexdigest()


def _restored(tokens: TokenFile, tokenizer: Tokenizer, is_fitted: bool, sides: set[str]) -> bool:
    """Has a tokenizer take what it learned from these texts before; returns whether all of it is possible."""
    if tokens.texts.keys() != sides:
        return False
    for encoded in tokens.texts.values():
        kinds = {"characters": int, "sha256": str, "next_sha256": str}
        if any(type(encoded.facts.get(name)) is not kind for name, kind in kinds.items()):
            return False
    if not is_fitted:
        try:
            tokenizer.restore(tokens.learned)
        except Exception:  # a plugin may trip over a stranger's state in any way
            return False
    return isinstance(getattr(tokenizer, "vocab_size", None), int) and tokens.largest < tokenizer.vocab_size


def _key(plan: Plan, parts: Mapping[str, _Part], tokenizer: Tokenizer, is_fitted: bool) -> str:
    """Returns what these texts, cut so, and this tokenizer are known by; nothing where it has no name for good."""
    assert plan.tokenizer is not None
    registered = plan.tokenizer.registered
    if registered.distribution == SESSION or any(
        isinstance(value, Path) for spec in plan.tokenizer.walk() for value in spec.values.values()
    ):
        return ""
    known = {
        "format": FORMAT,
        "texts": {side: [_sha256(part.path), part.encoding] for side, part in parts.items()},
        "cut": plan.split.model_dump(mode="json") if plan.split and not is_fitted else None,
        "tokenizer": plan.tokenizer.as_data(),
        "provider": [registered.distribution, registered.version],
        "source": [_sha256(path) for path in _sources(type(tokenizer))],
        "learned": tokenizer.state() if is_fitted else None,
    }
    return hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()[:32]


def _sources(cls: type) -> list[Path]:
    """Returns the files that a class and what it inherits are written in: a plugin's may change, its version not."""
    modules = {each.__module__ for each in cls.__mro__}
    files = (getattr(sys.modules.get(name), "__file__", None) for name in sorted(modules))
    return [Path(file) for file in files if file]


def _sha256(path: Path) -> str:
    with opened(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _named(component: object) -> str:
    return f"{type(component).__module__}.{type(component).__qualname__}"
