"""Scripts that are written without spaces between words. torch is not imported."""

from __future__ import annotations

import re
from collections.abc import Sequence

_UNSPACED = re.compile("[぀-ヿ㐀-䶿一-鿿豈-﫿฀-๿]")
"""A character of kana, Han or Thai."""

_PROBED = 200_000


def are_unspaced(texts: Sequence[str]) -> bool:
    """Return whether more than a fifth of the letters of texts belong to a script without spaces between words."""
    probed = "".join(texts)[:_PROBED]
    return len(_UNSPACED.findall(probed)) > 0.2 * max(1, sum(map(str.isalpha, probed)))
