"""The contract of an embedding, which maps token ids to vectors."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from seqkit.contracts.capabilities import Contract
from seqkit.contracts.data import InputLimit, Lookup
from seqkit.contracts.groups import ParameterGroup
from seqkit.contracts.tokenizer import SpecialToken

if TYPE_CHECKING:
    from torch import Tensor


class Embedding(Contract, ABC):
    """Map token ids to vectors: a `torch.nn.Module` built as `Embedding(tokenizer, *, parameters)`.

    An embedding of features (`takes = "features"`) is built as `Embedding(width, *, parameters)`, between the reader's
    features and the encoder. It is optional.

    Long rows are embedded window by window, and generation embeds one token at a time, so an embedding does not know
    the position of a token in its row: what depends on the position belongs in an encoder. An embedding of ids may read
    the neighbors of a token if it says so: `causal` is False, or `reads_previous` is True. Its `forward` then takes two
    more keyword arguments, both None by default: `lengths`, int64 (batch,), on the CPU, as for an encoder (None if no
    row is padded), and `previous`, int64 (batch,) or (batch, ...), the token before the first time step of each row
    (None at the beginning of a row).

    Attributes:
        output_size: the width of a vector.
        takes: `ids` or `features`.
        causal: whether the vector of a token does not depend on later tokens. If it does, the embedding cannot be used
            to predict the next token.
        reads_previous: whether the vector of a token depends on the token before it.
        special_tokens: the special tokens that the embedding needs; `tokenizer.special_ids` has their ids.
        accepts_float64: whether `forward` takes float64 features as they are, although the weights have torch's default
            floating type, to subtract a level that float32 cannot represent. All others receive that type.
        input_limit: the longest input that it takes, known after construction; None for inputs of any length.
        is_one_hot: whether `forward` returns one-hot vectors of width `output_size`. An encoder that `accepts_ids` then
            receives the ids themselves.
    """

    capabilities = {
        "as_lookup": ("forward",),
        "all_vectors": ("forward",),
        "is_one_hot": ("forward",),
        "accepts_float64": ("forward",),
    }

    output_size: int
    causal: bool = True
    reads_previous: bool = False
    takes: ClassVar[Literal["ids", "features"]] = "ids"
    special_tokens: ClassVar[frozenset[SpecialToken]] = frozenset()
    input_limit: InputLimit | None = None
    is_one_hot: bool = False
    accepts_float64: bool = False

    def fit(self, inputs: Iterable[np.ndarray]) -> None:  # noqa: B027
        """Learn what gradients do not train (the mean of a feature, for instance), and store it in buffers.

        Called once before training, with the ids or features of each training example. Must not use random numbers.
        """

    def notes(self, splits: Mapping[str, Iterable[np.ndarray]]) -> list[str]:
        """Return notes for the user about the inputs: what share of the words has a pretrained vector, for instance.

        Called once before a new run is trained, after `fit`. Must not use random numbers. An embedding that contains
        others returns their notes too.

        Args:
            splits: the ids or features of each example, by split.
        """
        return []

    @abstractmethod
    def forward(self, ids: Tensor) -> Tensor:
        """Embed ids, int64 (batch, time), or features. Returns float (batch, time, output_size)."""

    @property
    def reads_neighbors(self) -> bool:
        """Whether `forward` takes `lengths` and `previous`."""
        return self.reads_previous or not self.causal

    def as_lookup(self, ids: Tensor) -> Lookup | None:
        """Return a `Lookup` that is equivalent to `forward(ids)`, if each vector is a row of one table; else None."""
        return None

    def all_vectors(self) -> Tensor | None:
        """Return the vectors of all ids, float (vocab_size, output_size), without dropout; None if there is no table.

        A head may use them as output weights (`seqkit.layers.tied`), so gradients must reach the parameters.
        """
        return None

    def parameter_groups(self) -> Iterable[ParameterGroup]:
        """Return the parameters that are frozen for a time, or that have a share of the learning rate.

        Each parameter is in at most one group; one that is in no group is trained like any other. `train.groups` of a
        recipe replaces what is returned here.
        """
        return ()

    def state(self) -> dict[str, Any]:
        """Return what the constructor learned from a `TrainingFile`, except weights, as JSON types: sizes, words …

        Called once it is built, and only if it has a `TrainingFile`.
        """
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:  # noqa: B027
        """Create the layers that the constructor creates from a `TrainingFile`, from what `state` returned.

        Called after the constructor has received None for the file. The weights of the run are loaded afterwards.

        Raises:
            DataError: the state is something else.
        """
