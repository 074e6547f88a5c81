"""Annotations for a component's parameters: bounded numbers, and factories of nested components.

    def __init__(self, input_size: int, *, hidden_size: PositiveInt, dropout: Fraction = 0.0): ...
    def __init__(self, input_size: int, *, layers: list[EncoderFactory]): ...

Bounds are those of the package annotated-types: `Annotated[int, Ge(1), Le(100)]` is an integer, 1 to 100.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge, Gt, Le, Lt, MinLen

from seqkit.contracts.embedding import Embedding
from seqkit.contracts.encoder import Encoder
from seqkit.contracts.tokenizer import Tokenizer

PositiveInt = Annotated[int, Gt(0)]
NonNegativeInt = Annotated[int, Ge(0)]
PositiveFloat = Annotated[float, Gt(0)]
NonNegativeFloat = Annotated[float, Ge(0)]
Fraction = Annotated[float, Ge(0), Lt(1)]
"""At least 0 and less than 1: a dropout probability, or the fraction of the data in a split."""
Probability = Annotated[float, Gt(0), Le(1)]
"""Greater than 0 and at most 1."""
NonEmptyText = Annotated[str, MinLen(1)]


@dataclass(frozen=True)
class Nested:
    """Mark of a parameter that is a component: a mapping with `type:` in a recipe, a factory in the constructor."""

    kind: str


EncoderFactory = Annotated[Callable[[int], Encoder], Nested("encoder")]
"""A nested encoder. The constructor receives a function from input_size to the encoder."""

EmbeddingFactory = Annotated[Callable[[Tokenizer | int], Embedding], Nested("embedding")]
"""A nested embedding. The constructor receives a function from a tokenizer, or from the width of the features, to the
embedding."""

TokenizerFactory = Annotated[Callable[[], Tokenizer], Nested("tokenizer")]
"""A nested tokenizer (of targets, for instance). The constructor receives a function that builds it."""
