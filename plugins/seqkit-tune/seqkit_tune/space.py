"""The values that are searched: ranges and lists, as the command line writes them."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seqkit.errors import UsageError
from seqkit.messages import message

if TYPE_CHECKING:
    import optuna


@dataclass(frozen=True)
class Range:
    """A range of numbers.

    Attributes:
        low: the lowest value.
        high: the highest value.
        log: whether the logarithm is searched.
        integer: whether values are integers.
    """

    low: float
    high: float
    log: bool
    integer: bool

    def ends(self) -> list[int | float]:
        """Return the lowest and the highest value."""
        return [int(self.low), int(self.high)] if self.integer else [self.low, self.high]

    def suggest(self, trial: optuna.Trial, key: str) -> int | float:
        if self.integer:
            return trial.suggest_int(key, int(self.low), int(self.high), log=self.log)
        return trial.suggest_float(key, self.low, self.high, log=self.log)


@dataclass(frozen=True)
class Choices:
    """A list of values of which one is chosen.

    Attributes:
        values: the values as YAML.
    """

    values: tuple[str, ...]

    def ends(self) -> list[Any]:
        """Return all values."""
        return [from_text(value) for value in self.values]

    def suggest(self, trial: optuna.Trial, key: str) -> Any:
        return from_text(trial.suggest_categorical(key, self.values))


def parse_search(text: str) -> tuple[str, Range | Choices]:
    """Return a key and the values to search, of `key=low..high`, `key=low..high:log` or `key=A,B`.

    Raises:
        UsageError: it is none of these.
    """
    key, equals, values = (part.strip() for part in text.partition("="))
    if not (key and equals and values) or not all(key.split(".")):
        raise UsageError(message("--search {text}: not KEY=VALUES, as in encoder.hidden_size=16..256:log", text=text))
    if ".." not in values:
        return key, Choices(tuple(dict.fromkeys(value.strip() for value in values.split(","))))
    span, _, scale = values.partition(":")
    ends = [end.strip() for end in span.split("..", 1)]
    try:
        low, high = map(float, ends)
    except ValueError:
        low = high = math.nan
    if scale not in ("", "log") or not -math.inf < low < high < math.inf or (scale and low <= 0):
        raise UsageError(
            message(
                "--search {text}: not a range: low..high with low < high, or low..high:log with low > 0, as "
                "in train.optimizer.lr=0.0003..0.03:log",
                text=text,
            )
        )
    return key, Range(low, high, scale == "log", all(end.lstrip("-").isdecimal() for end in ends))


def from_text(text: str) -> Any:
    """Return a value of a list: a number, `true`, `false` or `null` as JSON has them, anything else as a string."""
    try:
        return json.loads(text)
    except ValueError:
        return text
