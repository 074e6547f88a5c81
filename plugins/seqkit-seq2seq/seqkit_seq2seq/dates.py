"""The reader `dates`: a generated parallel corpus of dates in words and in ISO 8601."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from annotated_types import Ge, Le

from seqkit.contracts import Example, NonNegativeInt, PositiveInt, Reader
from seqkit_seq2seq.chinese_dates import chinese_date
from seqkit_seq2seq.english_dates import english_date
from seqkit_seq2seq.pairs import Pairs

FIRST, LAST = date(1900, 1, 1), date(2099, 12, 31)
LANGUAGES = {"en": english_date, "zh": chinese_date}


class Dates(Reader):
    """Generated dates of the years 1900 to 2099, in words and in ISO 8601: no file is needed.

    The target of both `March 3rd 1999` and `一九九九年三月三日` is `1999-03-03`. No two texts are the same.

    Args:
        count: the number of examples.
        seed: random seed. The same numbers give the same corpus on every platform.
        languages: `en`, `zh`, or `both`, chosen at random for each text.
        path: read the pairs of this file instead, as the reader `pairs` does: for `seqkit evaluate --data FILE`.
        target: the column of the date in this file, from 1; null to read texts alone.
    """

    def __init__(
        self,
        *,
        count: Annotated[int, Ge(1), Le(1_000_000)] = 10_000,
        seed: NonNegativeInt = 0,
        languages: Literal["en", "zh", "both"] = "both",
        path: Path | None = None,
        target: PositiveInt | None = 2,
    ) -> None:
        self.count = count
        self.seed = seed
        self.formatters = [english_date, chinese_date] if languages == "both" else [LANGUAGES[languages]]
        self.pairs = None if path is None else Pairs(path=path, target=target)

    @classmethod
    def without_targets(cls, parameters: Mapping[str, Any]) -> dict[str, Any]:
        return {**parameters, "target": None}

    def read(self) -> Iterator[Example]:
        if self.pairs is not None:
            yield from self.pairs.read()
            return
        # `random()` is the only method that Python guarantees to give the same numbers in every version.
        generator = random.Random(self.seed)

        def random_below(limit: int) -> int:
            return int(generator.random() * limit)

        def choose(choices: Sequence[str]) -> str:
            return choices[random_below(len(choices))]

        texts: set[str] = set()
        while len(texts) < self.count:
            day = FIRST + timedelta(random_below((LAST - FIRST).days + 1))
            text = self.formatters[random_below(len(self.formatters))](day, choose)
            if text not in texts:
                texts.add(text)
                yield Example(text, day.isoformat(), f"date {len(texts)}")
