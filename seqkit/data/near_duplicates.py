"""Find texts that are nearly equal to one of another list, in a time that grows with the length of the lists alone.

MinHash (Broder, On the Resemblance and Containment of Documents, 1997) with bands of hashes (Leskovec, Rajaraman and
Ullman, Mining of Massive Datasets, 2014, chapter 3). Candidates are then compared exactly.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

SIMILARITY = 0.8
"""Texts are near duplicates from this Jaccard similarity of their shingles."""

SHINGLE = 5
"""The length of a shingle, in characters."""

_MAX_CHARACTERS = 5000
_HASHES, _BANDS = 64, 16
_CANDIDATES = 4
"""How many texts that share a band are compared, per band."""

_CHUNK = 2000


class NearDuplicate(NamedTuple):
    """A text and the most similar one of the other list, by their positions.

    Attributes:
        text: the position of the text.
        other: the position of the other text.
        similarity: the Jaccard similarity of their shingles.
    """

    text: int
    other: int
    similarity: float


def near_duplicates(texts: Sequence[str], others: Sequence[str]) -> list[NearDuplicate]:
    """Return the texts that are nearly equal to one of `others`, each once. Equal ones are near duplicates too.

    Case and white space are ignored, and so is what follows the first 5,000 characters. Of texts with a similarity of
    0.8, one in thousands is missed.
    """
    if not texts or not others:
        return []
    signatures, other_signatures = _signatures(texts), _signatures(others)
    best: dict[int, tuple[float, int]] = {}
    for band in range(_BANDS):
        rows = slice(band * _HASHES // _BANDS, (band + 1) * _HASHES // _BANDS)
        for text, other in _matches(_keys(signatures[:, rows]), _keys(other_signatures[:, rows])):
            estimates = (signatures[text] == other_signatures[other]).mean(axis=1)
            for place in np.flatnonzero(estimates > SIMILARITY - 0.25).tolist():
                found = float(estimates[place]), int(other[place])
                best[int(text[place])] = max(best.get(int(text[place]), (0.0, 0)), found)
    near = []
    for position, (_, other_position) in sorted(best.items()):
        similarity = _jaccard(texts[position], others[other_position])
        if similarity >= SIMILARITY:
            near.append(NearDuplicate(position, other_position, similarity))
    return near


def _shingles(text: str) -> np.ndarray:
    """Return the distinct hashes of the shingles of a text, uint64."""
    normal = " ".join(text.lower().split())[:_MAX_CHARACTERS].ljust(SHINGLE)
    codes = np.frombuffer(normal.encode("utf-32-le", "surrogatepass"), np.uint32).astype(np.uint64)
    count = len(codes) - SHINGLE + 1
    hashes = np.zeros(count, np.uint64)
    for place in range(SHINGLE):
        hashes = hashes * np.uint64(0x100000001B3) + codes[place : place + count]
    hashes ^= hashes >> np.uint64(29)
    return np.unique(hashes * np.uint64(0xBF58476D1CE4E5B9))


def _jaccard(one: str, other: str) -> float:
    first, second = _shingles(one), _shingles(other)
    shared = len(np.intersect1d(first, second, assume_unique=True))
    return shared / (len(first) + len(second) - shared)


def _signatures(texts: Sequence[str]) -> np.ndarray:
    """Return the minimum of each hash over the shingles of each text, uint32 (texts, hashes)."""
    generator = np.random.default_rng(0)
    factors = generator.integers(1, 2**63, _HASHES, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    found = np.empty((len(texts), _HASHES), np.uint32)
    for start in range(0, len(texts), _CHUNK):
        shingles = [_shingles(text) for text in texts[start : start + _CHUNK]]
        starts = np.cumsum([0, *map(len, shingles[:-1])])
        hashes = np.concatenate(shingles)
        for number, factor in enumerate(factors):
            values = ((hashes * factor) >> np.uint64(32)).astype(np.uint32)
            found[start : start + _CHUNK, number] = np.minimum.reduceat(values, starts)
    return found


def _keys(band: np.ndarray) -> np.ndarray:
    """Return one hash for the hashes of a band, uint64 (texts,)."""
    key = np.zeros(len(band), np.uint64)
    for column in band.T:
        key = key * np.uint64(0x9E3779B97F4A7C15) + column
    return key


def _matches(keys: np.ndarray, other_keys: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield positions of texts and of others with the same key, at most a few others for each text."""
    order = np.argsort(other_keys, kind="stable")
    ordered = other_keys[order]
    first, end = np.searchsorted(ordered, keys, "left"), np.searchsorted(ordered, keys, "right")
    for step in range(_CANDIDATES):
        texts = np.flatnonzero(first + step < end)
        if len(texts):
            yield texts, order[first[texts] + step]
