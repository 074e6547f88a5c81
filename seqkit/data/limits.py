"""The longest input that a model takes. Needs no torch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from seqkit.contracts import Embedding, Encoder, Head, InputLimit
from seqkit.errors import DataError
from seqkit.messages import message


@dataclass(frozen=True)
class LengthLimit:
    """The longest input that the components of a model take.

    Attributes:
        steps: the number of time steps.
        kind: the kind of the component that takes no longer ones.
        cut: whether longer inputs are cut; else they are rejected.
        accepts_cut: whether the head can use an input that is cut.
    """

    steps: int
    kind: str
    cut: bool
    accepts_cut: bool

    def fit(self, encoded: np.ndarray) -> np.ndarray:
        """Return an input, cut if it is too long.

        Args:
            encoded: ids or features, (time, ...).

        Raises:
            DataError: it is too long, and must not be cut.
        """
        if len(encoded) <= self.steps:
            return encoded
        if self.cut and self.accepts_cut:
            return encoded[: self.steps]
        text = message(
            "the input has {length:,} time steps, but the {kind} takes at most {steps:,}",
            length=len(encoded),
            kind=self.kind,
            steps=self.steps,
        )
        if self.cut:
            text = message("{text}, and the head needs all of it, so it is not cut", text=text)
        raise DataError(message("{text}: shorten or divide it", text=text))


def length_limit(embedding: Embedding | None, encoder: Encoder, head: Head) -> LengthLimit | None:
    """Return the smallest limit of the components of a model; None if they take inputs of any length."""
    limits = [("head", head.input_limit), ("encoder", encoder.input_limit)]
    if embedding is not None:
        limits.append(("embedding", embedding.input_limit))
    return smallest_limit(dict(limits), accepts_cut=head.accepts_cut)


def smallest_limit(limits: dict[str, InputLimit | None], *, accepts_cut: bool) -> LengthLimit | None:
    """Return the smallest of some limits, given by kind. Of equal ones, one that does not cut decides."""
    known = [(limit.steps, limit.cut, kind) for kind, limit in limits.items() if limit is not None]
    if not known:
        return None
    steps, cut, kind = min(known)
    return LengthLimit(steps, kind, cut, accepts_cut)
