"""Annotations for a component's parameters: bounded numbers, and factories of nested components.

    def __init__(self, input_size: int, *, hidden_size: PositiveInt, dropout: Fraction = 0.0): ...
    def __init__(self, input_size: int, *, layers: list[EncoderFactory]): ...
    def __init__(self, tokenizer: Tokenizer, *, path: TrainingFile): ...
    def __init__(self, *, ngrams: NonNegativeInt = 0, scale: Annotated[PositiveFloat, Requires("ngrams")] = 1.0): ...

Bounds are those of the package annotated-types: `Annotated[int, Ge(1), Le(100)]` is an integer, 1 to 100.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

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
class Requires:
    """Mark of a parameter that has no effect unless another one is set.

    A recipe that sets only the one of both is rejected. If it says that the other one is off (`ngrams: 0`), to try a
    model without it, there is a note.

    Attributes:
        name: the other parameter.
        value: the value that it must have; None for any that is not null, false, 0 or empty.
    """

    name: str
    value: str | None = None

    def is_met(self, value: Any) -> bool:
        """Return whether the other parameter has a value with which this one has an effect."""
        return bool(value) if self.value is None else value == self.value

    def __str__(self) -> str:
        """Return the other parameter as a message names it."""
        return f"`{self.name}`" if self.value is None else f"`{self.name}: {self.value}`"


@dataclass(frozen=True)
class ReadOnce:
    """Mark of a path whose file is read in training alone."""


TrainingFile = Annotated[Path | None, ReadOnce()]
"""A file that a component needs once: pretrained vectors, a list of words, the weights of another run.

The constructor receives its path when the component is built for a new run, and **None** when it is restored: by
`resume`, `load`, `predict` and every other use of a run. Then the file can be gone.

- An embedding or an encoder reads the file in its constructor. What the constructor cannot do without the file (create
  layers, whose sizes it determines) is done in `restore`, from what `state` returned. Weights and buffers are loaded
  afterwards.
- A tokenizer or a head reads the file in `fit`, and what it learned belongs to its `state`, as everything that `fit`
  learns. When a run is resumed, it is restored and not fitted again.
- A reader reads its source whenever a run is resumed, so its files are of the type `Path`.

The recipe must set the parameter unless it has the default None. plan.json contains the digest of the file."""


INIT_FROM = "init_from"
"""The key of a tokenizer, embedding or encoder that begins with what another run has learned (`recipe.initialization`).
It is known to every component that has no parameter of this name."""


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
