"""A parallel corpus that needs no file: dates in words, and as ISO 8601 writes them."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Literal

from annotated_types import Ge, Le

from seqkit.contracts import Example, NonNegativeInt, Reader
from seqkit_seq2seq.chinese_dates import chinese
from seqkit_seq2seq.english_dates import english
from seqkit_seq2seq.pairs import Pairs

FIRST, LAST = date(1900, 1, 1), date(2099, 12, 31)
LANGUAGES = {"en": english, "zh": chinese}


class Dates(Reader):
    """Dates in words, of the years 1900 to 2099, and as ISO 8601 writes them: `March 3rd 1999` and `一九九九年三月三日`
    are 1999-03-03. No two texts are the same.

    Args:
        count: how many.
        seed: of the draws. The same numbers give the same corpus everywhere.
        languages: `en`, `zh`, or `both`, drawn text by text.
        path: read the pairs of this file in place of drawn ones, as `pairs` reads it: `seqkit evaluate --data FILE`.
    """

    def __init__(
        self,
        *,
        count: Annotated[int, Ge(1), Le(1_000_000)] = 10_000,
        seed: NonNegativeInt = 0,
        languages: Literal["en", "zh", "both"] = "both",
        path: Path | None = None,
    ) -> None:
        self.count = count
        self.seed = seed
        self.writers = [english, chinese] if languages == "both" else [LANGUAGES[languages]]
        self.pairs = None if path is None else Pairs(path=path)

    def read(self) -> Iterator[Example]:
        if self.pairs is not None:
            yield from self.pairs.read()
            return
        # Of all that `random` draws, only random() is promised to be the same in every version of Python.
        generator = random.Random(self.seed)

        def draw(below: int) -> int:
            return int(generator.random() * below)

        def pick(choices: Sequence[str]) -> str:
            return choices[draw(len(choices))]

        written: set[str] = set()
        while len(written) < self.count:
            day = FIRST + timedelta(draw((LAST - FIRST).days + 1))
            text = self.writers[draw(len(self.writers))](day, pick)
            if text not in written:
                written.add(text)
                yield Example(text, day.isoformat(), f"date {len(written)}")
