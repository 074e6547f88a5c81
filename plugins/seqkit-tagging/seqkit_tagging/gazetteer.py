"""A tokenizer that finds the entries of a list of names, for the `gazetteers` of `words_and_characters`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from seqkit.contracts import Tokenizer, TrainingFile
from seqkit.errors import DataError
from seqkit.messages import message
from seqkit.readers.files import check_encoding, read_lines
from seqkit_tagging.word_splitting import join_words, split_words

OUTSIDE, BEGIN, INSIDE, END, SINGLE = range(5)
"""The ids of words: outside entries; the first, a middle and the last word of an entry; an entry of one word."""


class Gazetteer(Tokenizer):
    """Where the words of a text are an entry of a list of names: at its beginning, inside, at its end, or all of it.

    Entries may have several words. Of matches that share words, the longest counts; of those of the same length, the
    first (Chiu and Nichols, Named Entity Recognition with Bidirectional LSTM-CNNs, 2016).

    Args:
        path: a text file with one entry per line. Entries are split into words like texts: `St. John's` has the words
            `St.`, `John` and `'s`. The file is needed once, to train.
        lower: whether to match in lower case, so that `paris` and `PARIS` match the entry `Paris`.
        encoding: the encoding of the file.

    Attributes:
        name: the name of the file; empty in a run that is loaded.
    """

    takes_words = True
    vocab_size = 5

    def __init__(self, *, path: TrainingFile, lower: bool = True, encoding: str = "utf-8") -> None:
        self.path = path
        self.name = path.name if path else ""
        self.lower = lower
        self.encoding = check_encoding(encoding)

    def fit(self, texts: Iterable[str | Sequence[str]]) -> None:
        """Read the file.

        Raises:
            DataError: it cannot be read, or is not a list of entries.
        """
        self._set_entries({self._normalize(entry) for entry in self._read()})

    def _read(self) -> Iterator[list[str]]:
        """Yield the words of each entry of the file."""
        assert self.path is not None
        for number, line in enumerate(read_lines(self.path, self.encoding), start=1):
            if "\t" in line.strip():
                raise DataError(
                    message(
                        "{path}:{line}: contains a tab: write one entry per line, without other columns",
                        path=self.path,
                        line=number,
                    )
                )
            if words := split_words(line):
                yield words

    def encode(self, text: str | Sequence[str]) -> np.ndarray:
        """Return the id of each word, int64 (time,): `OUTSIDE`, `BEGIN`, `INSIDE`, `END` or `SINGLE`."""
        words = self._normalize(split_words(text) if isinstance(text, str) else text)
        matches = sorted(
            (-length, start)
            for start, word in enumerate(words)
            for length in self._lengths.get(word, ())
            if start + length <= len(words) and words[start : start + length] in self._entries
        )
        ids = np.full(len(words), OUTSIDE, dtype=np.int64)
        for negative_length, start in matches:
            match = ids[start : start - negative_length]
            if not match.any():
                match[:] = INSIDE
                match[0], match[-1] = (BEGIN, END) if len(match) > 1 else (SINGLE, SINGLE)
        return ids

    def decode(self, ids: Sequence[int]) -> str:
        """Return a text with these matches: an entry for each, and a replacement character for any other word."""
        words: list[str] = []
        start = 0
        for end, number in enumerate(ids, start=1):
            if number in (OUTSIDE, END, SINGLE):
                entry = next((entry for entry in self._sorted if len(entry) == end - start), ()) if number else ()
                words += entry or ["\N{REPLACEMENT CHARACTER}"] * (end - start)
                start = end
        return join_words([*words, *["\N{REPLACEMENT CHARACTER}"] * (len(ids) - start)])

    def words(self, text: str) -> list[str]:
        return split_words(text)

    def state(self) -> dict[str, Any]:
        return {"entries": [" ".join(entry) for entry in self._sorted]}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Restore what `state` returned.

        Raises:
            DataError: it is something else.
        """
        entries = state.get("entries") if isinstance(state, Mapping) else None
        if not (isinstance(entries, list) and entries and all(isinstance(entry, str) and entry for entry in entries)):
            raise DataError(message("the state of a gazetteer has no list of entries"))
        self._set_entries({tuple(entry.split(" ")) for entry in entries})

    def _set_entries(self, entries: set[tuple[str, ...]]) -> None:
        self._entries = entries
        self._sorted = sorted(entries)
        lengths: defaultdict[str, set[int]] = defaultdict(set)
        for entry in entries:
            lengths[entry[0]].add(len(entry))
        self._lengths = dict(lengths)

    def _normalize(self, words: Sequence[str]) -> tuple[str, ...]:
        return tuple(word.lower() for word in words) if self.lower else tuple(words)
