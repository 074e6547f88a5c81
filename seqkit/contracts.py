"""What a component must do: the second page a plugin author reads. The first, `hookspecs.py`, says how it is found.

A recipe is read from left to right, and each part is built from the sizes of the part before it:

    Reader ──Example──> Tokenizer ──ids──> Embedding ──vectors──> Encoder ──Encoded──> Head ──> loss, answers

A component's parameters, in a recipe, are the **keyword-only** parameters of its constructor: their names, types,
bounds and defaults are read from the signature, so annotate every one, and never take `**kwargs`. What comes before
the `*` is supplied by seqkit. A complete encoder:

    import torch
    from seqkit.contracts import Encoded, Encoder, PositiveInt

    class GRU(torch.nn.Module, Encoder):
        causal = True

        def __init__(self, input_size: int, *, hidden_size: PositiveInt):
            super().__init__()
            self.gru = torch.nn.GRU(input_size, hidden_size, batch_first=True)
            self.output_size = self.final_size = hidden_size

        def forward(self, inputs, lengths, state=None):
            start = None if state is None else state.transpose(0, 1).contiguous()
            outputs, _ = self.gru(inputs, start)
            last = (lengths - 1).to(inputs.device)[:, None, None].expand(-1, 1, outputs.shape[2])
            final = outputs.gather(1, last)[:, 0]
            return Encoded(outputs, final, final[:, None])

An embedding, an encoder and a head are `torch.nn.Module`s as well as what they inherit from here; a reader and a
tokenizer need no torch. A constructor that finds a value impossible raises `ValueError` with a message that begins with
the parameter's name (`"proj_size must be smaller than hidden_size"`): the recipe's line is added by seqkit. A parameter
annotated `pathlib.Path` is a path relative to the recipe; one annotated `EncoderFactory` is another encoder, and so
with `EmbeddingFactory` and `TokenizerFactory`. The errors named below are in `seqkit.errors`.

Shapes: batch is the number of rows, time the steps of the longest row, and rows are padded on the right.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, NamedTuple, TypeAlias

import numpy as np
from annotated_types import Ge, Gt, Lt

if TYPE_CHECKING:
    from torch import Tensor

PositiveInt = Annotated[int, Gt(0)]
NonNegativeInt = Annotated[int, Ge(0)]
PositiveFloat = Annotated[float, Gt(0)]
Fraction = Annotated[float, Ge(0), Lt(1)]
"""At least 0 and below 1: a probability of dropping, a share of the data."""


@dataclass(frozen=True)
class Nested:
    """Marks a parameter that is a component: in a recipe a mapping with `type:`, in the constructor a factory."""

    kind: str


@dataclass(frozen=True, slots=True)
class Example:
    """What a reader yields.

    Attributes:
        input: text; or features, a float array (time, features), of one width throughout the data. A `LongText` stands
            for a text only where the head `takes_long_texts`.
        target: what the head is to learn of it (a label, tags, numbers); None where the input is its own target.
        where: `file:line`, for messages.
        names: what features are called, in their order; empty where they have no names.
    """

    input: Any
    target: Any = None
    where: str = ""
    names: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class LongText:
    """A text too long to be held in memory, or a part of one: its ids, which stand in a file.

    Attributes:
        characters: how many it has, which is its length.
        ids: (time,), of the smallest unsigned type that holds them, most often mapped into memory. A slice is a view;
            what computes with ids makes int64 of those that it needs.
        sha256: of the text in UTF-8, without the white space around it.
        next_sha256: of all ids but the last and then all but the first, as int64: the row that predicts the next id.
    """

    characters: int
    ids: np.ndarray
    sha256: str
    next_sha256: str

    def __len__(self) -> int:
        return self.characters


class Row(NamedTuple):
    """One row of a batch before padding.

    Attributes:
        input: ids, int64 (time,) or (time, ...); or features, float (time, features).
        target: an array, (time,) for heads that answer at each step; a number for one answer a row; None when
            predicting. Whole numbers become int64, others torch's default floating type.
    """

    input: np.ndarray
    target: Any = None


class Batch(NamedTuple):
    """Rows padded on the right.

    Attributes:
        inputs: ids, int64 (batch, time) or (batch, time, ...); or features, float (batch, time, features). Padding is
            0, which may be an id too: `lengths` says what is real.
        lengths: int64 (batch,), on the CPU, each at least 1: how many steps of a row are real.
        targets: (batch,) or (batch, time, ...) in step with what `Head.rows` gave; None when predicting.
        target_lengths: int64 (batch,), on the CPU; None when a target is one number a row.
    """

    inputs: Tensor
    lengths: Tensor
    targets: Tensor | None = None
    target_lengths: Tensor | None = None

    @property
    def mask(self) -> Tensor:
        """Returns bool (batch, time): True where a step is real."""
        import torch

        steps = torch.arange(self.inputs.shape[1], device=self.inputs.device)
        return steps < self.lengths.to(self.inputs.device)[:, None]


State: TypeAlias = Any
"""What an encoder carries from one window of a long row to the next: a tensor with the batch first, or a tuple of
states. seqkit detaches it, moves it, takes rows of it and saves it, and never looks inside."""


class Encoded(NamedTuple):
    """What an encoder returns.

    Attributes:
        outputs: (batch, time, output_size). What stands at padded steps is not read.
        final: (batch, final_size): the row in one vector. For an encoder that reads forwards, its output at the row's
            last real step; for one that reads both ways, that beside the backward reader's output at the first step.
        state: where to go on from, after each row's last real step; None from an encoder that cannot go on from
            there. It then reads the text so far anew for each character that is written.
    """

    outputs: Tensor
    final: Tensor
    state: State = None

    def last_step(self, lengths: Tensor) -> Encoded:
        """Returns the same with the outputs of each row's last real step alone: (batch, 1, output_size)."""
        last = (lengths - 1).to(self.outputs.device)[:, None, None].expand(-1, 1, self.outputs.shape[2])
        return self._replace(outputs=self.outputs.gather(1, last))


class Loss(NamedTuple):
    """A loss as a sum and the number of things summed, so that batches of unequal size add up rightly.

    Attributes:
        total: the summed loss, in nats where it is a likelihood: a scalar tensor.
        count: how many items (characters, sequences, or their weights) were summed: a scalar tensor or a number.
    """

    total: Tensor
    count: Any


class Lookup(NamedTuple):
    """Vectors that are not made yet: what an embedding may hand to an encoder, which multiplies a vector that occurs
    many times in a batch only once.

    Attributes:
        ids: int64 (batch, time).
        table: float (vocab_size, width): an id's vector is its row.
    """

    ids: Tensor
    table: Tensor


class Reader(ABC):
    """A source into examples, built as `Reader(*, parameters)`.

    `seqkit evaluate --data` builds it anew with another `path`, if it has a parameter of that name.

    Attributes:
        yields: whether `Example.input` is text, or features that skip tokenizer and embedding.
        labelled: whether `Example.target` is given.
        own_file: parameters that speak of the recipe's own file alone; with another `path` they have their defaults.
    """

    yields: ClassVar[Literal["text", "features"]] = "text"
    labelled: ClassVar[bool] = True
    own_file: ClassVar[frozenset[str]] = frozenset()

    @abstractmethod
    def read(self) -> Iterable[Example]:
        """Yields the examples, in the order of the source. None of them may be empty.

        Raises:
            DataError: naming file and line.
        """

    def text_file(self) -> tuple[Path, str] | None:
        """Returns a file and its encoding where all that `read` yields is this file's text, as one example without
        target; else None. A long one is then read in pieces, in place of `read`.
        """
        return None


class Tokenizer(ABC):
    """Text into ids and back, built as `Tokenizer(*, parameters)`. Its state is JSON: a run directory holds no code.

    Attributes:
        vocab_size: the number of ids; set by `fit` and by `restore`.
        takes_words: whether a text may also be given as a list of words. One that does has `words` too.
        piecewise: whether a text may be taken apart anywhere: the ids of its pieces, one after the other, are its ids,
            (time,); and `fit` learns from its pieces what it learns from the whole.
    """

    vocab_size: int
    takes_words: ClassVar[bool] = False
    piecewise: bool = False

    @abstractmethod
    def fit(self, texts: Iterable[Any]) -> None:
        """Learns the vocabulary from the training texts."""

    @abstractmethod
    def encode(self, text: Any) -> np.ndarray:
        """Returns the text's ids, int64 (time,), each at least 0 and below `vocab_size`.

        A step may be told by more than one number, (time, ...), of one shape throughout, for an embedding that is made
        for it: a word's id beside those of its characters.

        Raises:
            UnknownText: the text holds something outside the vocabulary, and the policy is to refuse it. One that is
                `piecewise` gives its `place` too.
        """

    def words(self, text: str) -> list[str]:
        """For one that `takes_words`: returns the words that it cuts a text into, a step each."""
        raise NotImplementedError

    @abstractmethod
    def decode(self, ids: Sequence[int]) -> str:
        """Returns the text that the ids stand for."""

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """Returns what `fit` learned, as JSON types."""

    @abstractmethod
    def restore(self, state: Mapping[str, Any]) -> None:
        """Takes back what `state` returned."""

    @property
    def unwritable(self) -> Sequence[int]:
        """Ids that stand for no text (an unknown's), which generation never picks."""
        return ()


class Embedding(ABC):
    """Ids into vectors: a `torch.nn.Module` built as `Embedding(tokenizer, *, parameters)`.

    One that `takes` features is built as `Embedding(width, *, parameters)` and stands between a reader's features and
    the encoder, which get on without one.

    It is given long rows in windows, and a text that is written one id at a time, so it cannot know where in the row a
    step stands: what depends on the place belongs in an encoder.

    Attributes:
        output_size: the width of a vector.
        takes: `ids`, or `features`.
    """

    output_size: int
    takes: ClassVar[Literal["ids", "features"]] = "ids"

    def fit(self, inputs: Iterable[np.ndarray]) -> None:  # noqa: B027
        """Learns from the training inputs what no gradient teaches (a mean, say), into buffers, which weights go with.

        Called once before training, with each training example's ids or features; it draws no random numbers.
        """

    @abstractmethod
    def forward(self, ids: Tensor) -> Tensor:
        """ids: int64 (batch, time), or features -> float (batch, time, output_size)."""

    def as_lookup(self, ids: Tensor) -> Lookup | None:
        """Returns what stands for `forward(ids)` where each vector is a row of one table and nothing else; or None.

        Not asked of a class that overrides `forward` and not this.
        """
        return None


class Encoder(ABC):
    """Vectors into states: a `torch.nn.Module` built as `Encoder(input_size, *, parameters)`.

    Attributes:
        output_size: the width of `Encoded.outputs`.
        final_size: the width of `Encoded.final`.
        causal: True when the output at step t depends on the inputs up to t and on nothing after it.
        accepts_ids: True when `forward` also takes ids, int64 (batch, time), in place of their one-hot vectors, which
            an encoder can look up where it would multiply zeros; most leave it False and get the vectors.
        accepts_lookup: True when `forward` also takes a `Lookup` in place of the vectors that it stands for. A class
            that overrides `forward` has to say this and `accepts_ids` anew.
    """

    output_size: int
    final_size: int
    causal: bool
    accepts_ids: bool = False
    accepts_lookup: bool = False

    @abstractmethod
    def forward(self, inputs: Tensor, lengths: Tensor, state: State = None) -> Encoded:
        """Encodes a padded batch.

        A row's answer depends on that row alone: not on its padding, nor on what it is batched with.

        Args:
            inputs: float (batch, time, input_size).
            lengths: int64 (batch,), on the CPU, each at least 1 and at most time.
            state: what the window before returned, or None at the start of a row.
        """


class Head(ABC):
    """States into a loss and into answers: a `torch.nn.Module` built as `Head(*, parameters)`.

    The calls come in this order: `fit` on the training examples (or `restore` in a run that is loaded), `build` once
    the encoder is known, then `rows`, `loss`, `predict` and `metrics` any number of times.

    Attributes:
        needs: any of `outputs`, `final`: the parts of `Encoded` it reads; `causal`: the encoder must not see what comes
            after a step; `targets`: the reader must give labels.
        per_step: targets go step by step with inputs, so a long row may be cut into windows (`train.sequence_length`).
        generates: it has `logits` over the vocabulary, and `seqkit generate` can write with it.
        takes_long_texts: examples may hold a `LongText`, whose ids `rows` is given as they stand and cuts into views.
        metric_names: the metrics that `train.metric` may choose by, besides `loss`.
        higher_is_better: those of them of which more is better; of all others less is.
    """

    needs: frozenset[str] = frozenset({"outputs"})
    per_step: bool = False
    generates: bool = False
    takes_long_texts: bool = False
    metric_names: ClassVar[tuple[str, ...]] = ()
    higher_is_better: ClassVar[frozenset[str]] = frozenset()

    def fit(self, examples: Sequence[Example], tokenizer: Tokenizer | None) -> None:  # noqa: B027
        """Learns from the training examples what the targets are (the labels, say)."""

    def state(self) -> dict[str, Any]:
        """Returns what `fit` learned, as JSON types."""
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:  # noqa: B027
        """Takes back what `state` returned."""

    @abstractmethod
    def build(self, output_size: int, final_size: int) -> None:
        """Makes the layers, given the encoder's sizes."""

    @abstractmethod
    def rows(self, example: Example, encoded_input: np.ndarray) -> Iterable[Row]:
        """Turns an example into the rows that are trained on: most often one.

        Args:
            example: with its target.
            encoded_input: the tokenizer's ids, int64 (time,), or the reader's features, float (time, features).

        Raises:
            DataError: the target is missing or unknown. `example.where` is added by seqkit.
        """

    @abstractmethod
    def loss(self, encoded: Encoded, batch: Batch) -> Loss:
        """Returns the loss of a batch, as a sum and a count; padding adds nothing to either."""

    def logits(self, encoded: Encoded) -> Tensor:
        """For a head that `generates`: returns float (batch, time, vocab_size)."""
        raise NotImplementedError

    def predict_input(self, encoded_input: np.ndarray) -> np.ndarray:
        """Returns the part of an input that a prediction is made from: all of it, or the last window of a series."""
        return encoded_input

    def predict(self, encoded: Encoded, batch: Batch) -> list[dict[str, Any]]:
        """Returns a JSON object a row; empty for a head whose answers are read from its loss alone."""
        return []

    def answer(self, prediction: Mapping[str, Any], value: Any) -> dict[str, Any]:
        """Returns a prediction as a user is shown it.

        Args:
            value: the input that it was asked of, before any encoding; a text's words, where the tokenizer takes words.
        """
        return dict(prediction)

    def metrics(
        self, loss: float, predictions: Sequence[Mapping[str, Any]], examples: Sequence[Example]
    ) -> dict[str, Any]:
        """Returns the metrics of a split, as JSON types.

        Args:
            loss: the mean over the split.
            predictions: one a row, in step with the examples.
        """
        return {}

    def baseline(self, train: Sequence[Example], test: Sequence[Example], tokenizer: Tokenizer | None) -> dict | None:
        """Returns the floor, `{"name": …, metric: value, …}` of a simple method on the same split, or None.

        Where several floors tell more than one, the rest stand in the same form in a list under `others`.
        """
        return None


EncoderFactory = Annotated[Callable[[int], Encoder], Nested("encoder")]
"""Annotates a parameter that is another encoder. The constructor gets a function from input_size to the encoder."""

EmbeddingFactory = Annotated[Callable[[Any], Embedding], Nested("embedding")]
"""Annotates a parameter that is another embedding. The constructor gets a function from what it was itself built with,
a tokenizer or the width of features, to the embedding."""

TokenizerFactory = Annotated[Callable[[], Tokenizer], Nested("tokenizer")]
"""Annotates a parameter that is another tokenizer, of targets say; the constructor gets a function that makes it."""

CONTRACTS: dict[str, type] = {
    "reader": Reader,
    "tokenizer": Tokenizer,
    "embedding": Embedding,
    "encoder": Encoder,
    "head": Head,
}
