"""A judgment: a prediction compared with the truth, for the list of a run's errors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgment:
    """One prediction compared with the truth: of an example, or of a part of it (a word, an entity, a window).

    Attributes:
        example: the index of the example.
        truth: what is true, as JSON types; None if there is nothing to find.
        prediction: what is predicted, as JSON types; None if nothing is.
        is_error: whether they differ.
        order: errors are listed in descending order of it. It is how sure the model was, the probability, or else how
            large the error is.
        probability: of the prediction; None if it is unknown.
        facts: further values by name, as JSON types: `{"distance": 3}`. All judgments of a head have the same names.
    """

    example: int
    truth: Any
    prediction: Any
    is_error: bool
    order: float
    probability: float | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
