"""Sub-words by byte-pair encoding."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Any

import numpy as np
from annotated_types import Ge, Le

from seqkit.contracts import PositiveInt, Tokenizer
from seqkit.errors import DataError
from seqkit.messages import message
from seqkit.tokenizers.byte import Byte
from seqkit.tokenizers.pair_merges import learn_merges, merge_pairs
from seqkit.tokenizers.word import words

BYTES = 256
_LONGEST_RUN = 64
"""The maximum number of characters of a chunk, which bounds the time to encode a text without spaces."""
_MAX_TOKEN_BYTES = 4 * (_LONGEST_RUN + 1)
_MARKS = r"\u0300-\u036f\u0483-\u0487\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06ed\u0711\u0730-\u074a" + (
    r"\u0900-\u0963\u0971-\u0dff\u0e31-\u0e4e\u0eb1-\u0ece\u0f18-\u0f84\u102b-\u109d\u17b4-\u17d3\u200c\u200d"
)
"""Combining marks and vowel signs, which are no letters for Python: parts of words."""
_CHUNK = re.compile(
    rf" ?(?:[^\W\d_]|[{_MARKS}]){{1,{_LONGEST_RUN}}}"  # letters
    rf"| ?\d{{1,{_LONGEST_RUN}}}"
    rf"| ?(?:[^\w\s{_MARKS}]|_){{1,{_LONGEST_RUN}}}"  # punctuation and symbols
    rf"|\s{{1,{_LONGEST_RUN}}}(?!\S)"  # white space, of which the last belongs to the next chunk
    rf"|\s"
)
_MAX_CACHED = 100_000
"""The maximum number of chunks whose ids are cached."""


class BPE(Tokenizer):
    """Sub-words, learned from the training text: frequent words are one token, rare ones several, down to single bytes.

    Byte-pair encoding (Sennrich, Haddow and Birch, Neural Machine Translation of Rare Words with Subword Units, 2016)
    of the bytes of UTF-8 (Radford et al., Language Models are Unsupervised Multitask Learners, 2019). The vocabulary
    begins with the 256 bytes; as long as it is smaller than `vocab_size`, the pair of neighboring tokens that occurs
    most often becomes a token. No text is unknown, and `decode` returns exactly the text that was encoded.

    A token never extends across words: the text is first cut into letters, digits, punctuation and white space, each
    with the space before it. A prompt should therefore not end in a space, which is a part of the next word. Letters of
    scripts written without spaces are not cut into words, but a token never extends across 64 characters.

    A list of words is encoded like the text that they make with spaces between them, so that a head can predict a label
    for each word. The words of a text are those of the tokenizer `word`.

    Args:
        vocab_size: the maximum number of tokens. With little text there are fewer.
        min_count: a pair that occurs less often in the training text does not become a token.
        max_length: the maximum number of tokens; longer texts are truncated, but not inside a character. Null for no
            limit.
    """

    takes_words = True
    cuts_words = True

    def __init__(
        self,
        *,
        vocab_size: Annotated[int, Ge(BYTES), Le(2**20)] = 4000,
        min_count: PositiveInt = 2,
        max_length: PositiveInt | None = None,
    ) -> None:
        self._max_size = vocab_size
        self.min_count = min_count
        self.max_length = max_length
        self._byte = Byte()
        self._set([])

    @property
    def vocab_size(self) -> int:  # type: ignore[override]
        return len(self._bytes)

    def fit(self, texts: Iterable[str | Sequence[str]]) -> None:
        chunks: Counter[str] = Counter()
        for text in texts:
            for part in [text] if isinstance(text, str) else _spaced(text):
                chunks.update(_CHUNK.findall(part))
        counts = {tuple(self._byte.encode(chunk).tolist()): count for chunk, count in chunks.items()}
        self._set(learn_merges(counts, self._max_size - BYTES, self.min_count, first_id=BYTES))

    def encode(self, text: str | Sequence[str]) -> np.ndarray:
        ids = [number for part in ([text] if isinstance(text, str) else _spaced(text)) for number in self._ids(part)]
        return np.array(ids[: self._kept(ids)], dtype=np.int64)

    def encode_words(self, text: str | Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        by_word = [self._ids(word) for word in _spaced(self.words(text) if isinstance(text, str) else text)]
        ids = [number for word in by_word for number in word]
        indices = np.repeat(np.arange(len(by_word)), [len(word) for word in by_word])
        kept = self._kept(ids)
        return np.array(ids[:kept], dtype=np.int64), indices[:kept]

    def _kept(self, ids: list[int]) -> int:
        """Return the number of tokens of a text that remain. A truncated text does not end inside a character."""
        kept = len(ids) if self.max_length is None else min(len(ids), self.max_length)
        while kept < len(ids) and self._bytes[ids[kept]][0] & 0xC0 == 0x80:  # not the first byte of a character
            kept -= 1
        return kept

    def words(self, text: str) -> list[str]:
        return list(words(text))

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text. Bytes that are not valid UTF-8 become U+FFFD."""
        return b"".join([self._bytes[number] for number in ids]).decode("utf-8", errors="replace")

    def state(self) -> dict[str, Any]:
        return {"merges": [list(pair) for pair in self._merges]}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Restore what `state` returned.

        Raises:
            DataError: it is something else.
        """
        merges = state.get("merges") if isinstance(state, Mapping) else None
        if not isinstance(merges, list):
            raise DataError(message("the tokenizer's state has no list of merges"))
        lengths = [1] * BYTES
        for pair in merges:
            is_pair = isinstance(pair, list) and len(pair) == 2 and all(type(number) is int for number in pair)
            if not is_pair or not all(0 <= number < len(lengths) for number in pair):
                raise DataError(message("a merge of the tokenizer's state is not a pair of earlier ids"))
            lengths.append(lengths[pair[0]] + lengths[pair[1]])
            if lengths[-1] > _MAX_TOKEN_BYTES:
                raise DataError(message("a merge of the tokenizer's state is too long"))
        self._set([(first, second) for first, second in merges])
        if len(self._ids_of_pairs) < len(merges):
            raise DataError(message("the tokenizer's state has a duplicate merge"))

    def _set(self, merges: list[tuple[int, int]]) -> None:
        self._merges = merges
        self._ids_of_pairs = {pair: number for number, pair in enumerate(merges, start=BYTES)}
        self._bytes = [bytes([byte]) for byte in range(BYTES)]
        for first, second in merges:
            self._bytes.append(self._bytes[first] + self._bytes[second])
        self._cache: dict[str, list[int]] = {}

    def _ids(self, text: str) -> list[int]:
        ids: list[int] = []
        for chunk in _CHUNK.findall(text):
            known = self._cache.get(chunk)
            if known is None:
                known = merge_pairs(self._byte.encode(chunk).tolist(), self._ids_of_pairs)
                if len(self._cache) >= _MAX_CACHED:
                    self._cache.clear()
                self._cache[chunk] = known
            ids += known
        return ids


def _spaced(words_of_text: Sequence[str]) -> Iterator[str]:
    """Yield each word with the space before it, if it is not the first.

    Raises:
        DataError: a word is not text, or is empty.
    """
    for number, word in enumerate(words_of_text):
        if not isinstance(word, str):
            raise DataError(message("word {number} is {value!r:.40}, not text", number=number + 1, value=word))
        if not word.strip(" \t\r\n"):
            raise DataError(message("word {number} is empty: add it, or leave it out", number=number + 1))
        yield f" {word}" if number else word
