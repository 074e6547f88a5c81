"""Which texts are read as words, and which as characters. torch is not imported."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f"
    "\U00020000-\U0003ffff]"
)
"""A character of a script without spaces between words: Thai, Lao, Burmese, Khmer, kana, Han."""

_PROBED, _PROBED_CHARACTERS = 20_000, 200
"""The number of texts that are looked at, and of the characters of each."""

_SHORT = 40
"""Texts of at most this median length in characters, and few words, are names, codes or titles."""


def are_unspaced(texts: Sequence[str]) -> bool:
    """Return whether more than a fifth of the letters of texts belong to a script without spaces between words."""
    probed = "".join(text[:_PROBED_CHARACTERS] for text in _sample(texts))
    return len(_UNSPACED.findall(probed)) > 0.2 * max(1, sum(map(str.isalpha, probed)))


def are_short(texts: Sequence[str]) -> bool:
    """Return whether most texts are short: names, codes or titles."""
    probed = _sample(texts)
    lengths, words = [len(text) for text in probed], [len(text.split()) for text in probed]
    return bool(np.median(lengths) <= _SHORT and np.median(words) <= 3)


def _sample(texts: Sequence[str]) -> Sequence[str]:
    return texts[:: max(1, len(texts) // _PROBED)]
