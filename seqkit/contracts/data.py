"""The data that components exchange: examples, rows, batches, encoder states and losses.

Shapes: batch is the number of rows, at least 1; time the number of time steps of the longest row. Rows are padded on
the right.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor

State: TypeAlias = Any
"""The state that an encoder carries from one window of a long row to the next: a tensor with the batch dimension first,
a tuple of states, or None. seqkit detaches states, moves them between devices, selects rows and saves them, but does
not interpret them. Each encoder defines the structure of its state."""


@dataclass(frozen=True, slots=True)
class Example:
    """One example, as a reader yields it.

    Attributes:
        input: text; or features, a float array (time, features) whose width is the same for all examples. A `TextPair`
            if the reader `yields_pairs`. A `LongText` only if the head `takes_long_texts`.
        target: what the head learns to predict (a label, tags, numbers); None if the input is its own target.
        location: `file:line`, for messages.
        feature_names: the names of the features, in order; empty if they have none.
        row: the number of the row or line in its file, from 1; None if it has none. `predict --output` repeats it.
        columns: the other columns of the row, by name, which `predict --output` copies; empty for all other purposes.
        next_dates: for a series with dates at a known interval, a function that takes a number of time steps and
            returns their dates, the first one after the input, as the source writes dates; None for any other input.
    """

    input: Any
    target: Any = None
    location: str = ""
    feature_names: tuple[str, ...] = ()
    row: int | None = None
    columns: Mapping[str, Any] = field(default_factory=dict)
    next_dates: Callable[[int], Sequence[str]] | None = None


class DataNote(UserWarning):
    """What a reader or a head did with an example that it cannot use as it is: skipped, repaired, counted as an error.

    Issue one per example, with the same text, and seqkit reports the text once, with the number of examples and the
    location of the first:

        warnings.warn(DataNote("skipped: the recording is shorter than its labels", example.location), stacklevel=2)

    Args:
        text: what was done and why, without the location.
        location: `file:line`; empty if there is none.
    """

    def __init__(self, text: str, location: str = "") -> None:
        super().__init__(text)
        self.text = text
        self.location = location


@dataclass(frozen=True, eq=False)
class LongText:
    """A text, or a part of one, that is too long for memory. Its token ids are in a file.

    Attributes:
        characters: its length in characters.
        ids: (time,), in the smallest unsigned type that holds them, usually memory-mapped. A slice is a view; convert
            the ids that you compute with to int64.
        sha256: the digest of the text in UTF-8, without leading and trailing white space.
        next_sha256: the digest of all ids but the last followed by all ids but the first, as int64: the row for
            next-token prediction.
    """

    characters: int
    ids: np.ndarray
    sha256: str
    next_sha256: str

    def __len__(self) -> int:
        return self.characters


@dataclass(frozen=True, slots=True)
class TextPair:
    """Two texts that are one input: a premise and a hypothesis, a question and an answer.

    The tokenizer joins them (`Tokenizer.encode_pair`), so every encoder reads them as one row.
    """

    first: str
    second: str

    def __len__(self) -> int:
        return len(str(self))

    def __str__(self) -> str:
        return f"{self.first}\n{self.second}"


class Row(NamedTuple):
    """One row of a batch, before padding.

    Attributes:
        input: ids, int64 (time,) or (time, ...); or features, float (time, features). float64 features remain float64
            in a batch.
        target: an array (time,) for heads with a target at each time step; a number for one target per row; None for
            prediction. Integers become int64, other numbers torch's default floating type.
    """

    input: np.ndarray
    target: Any = None


class Batch(NamedTuple):
    """Rows, padded on the right.

    Attributes:
        inputs: ids, int64 (batch, time) or (batch, time, ...); or features (batch, time, features), float64 if the
            reader yields float64, else torch's default floating type. The padding value 0 can be a valid id too: use
            `lengths` or `mask`.
        lengths: int64 (batch,), on the CPU: the number of real time steps of each row, at least 1.
        targets: (batch,) or (batch, time, ...), as `Head.rows` returned them; None for prediction.
        target_lengths: int64 (batch,), on the CPU; None if there is one target per row.
    """

    inputs: Tensor
    lengths: Tensor
    targets: Tensor | None = None
    target_lengths: Tensor | None = None

    @property
    def mask(self) -> Tensor:
        """bool (batch, time): True at real time steps, False at padding."""
        import torch

        time_steps = torch.arange(self.inputs.shape[1], device=self.inputs.device)
        return time_steps < self.lengths.to(self.inputs.device)[:, None]


class InputLimit(NamedTuple):
    """The longest input that a component takes, and what happens to longer ones, in training as in prediction.

    Attributes:
        steps: the number of time steps.
        cut: whether longer inputs are cut to their beginning, if the head `accepts_cut`; else they are rejected.
    """

    steps: int
    cut: bool = False


class Encoded(NamedTuple):
    """The output of an encoder.

    Attributes:
        outputs: (batch, time, output_size). Values at padded time steps are ignored.
        final: (batch, final_size): one vector per row. For a forward encoder, the output at the last real time step;
            for a bidirectional one, that and the backward direction's output at the first time step, concatenated.
        state: the state after the last real time step of each row; None from an encoder that cannot continue from a
            state. Generation then encodes the whole text again for each new token.
        penalties: terms of the training loss, such as penalties of large activations (`seqkit.layers.penalties`). The
            mean of each over the batch is added to the loss that is minimized; losses that are reported do not contain
            them. As many for each batch in training; none in evaluation. An encoder that contains others returns theirs
            too.
    """

    outputs: Tensor
    final: Tensor
    state: State = None
    penalties: tuple[Loss, ...] = ()

    def last_time_step(self, lengths: Tensor) -> Encoded:
        """Reduce `outputs` to the last real time step of each row, (batch, 1, output_size)."""
        last = (lengths - 1).to(self.outputs.device)[:, None, None].expand(-1, 1, self.outputs.shape[2])
        return self._replace(outputs=self.outputs.gather(1, last))


class Loss(NamedTuple):
    """A loss as a sum and a count, so that batches of unequal size can be averaged correctly.

    Attributes:
        total: the summed loss, a scalar tensor; in nats if it is a negative log-likelihood.
        count: the number of items summed (tokens, sequences, or the sum of their weights): a scalar tensor or a number.
    """

    total: Tensor
    count: Tensor | float  # type: ignore[assignment]  # a tuple's method has this name


class Lookup(NamedTuple):
    """A deferred embedding lookup: an encoder that accepts it multiplies each distinct vector of a batch only once.

    Attributes:
        ids: int64 (batch, time).
        table: float (vocab_size, width). The vector of an id is the row with that number.
    """

    ids: Tensor
    table: Tensor
