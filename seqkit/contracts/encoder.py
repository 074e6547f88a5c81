"""The contract of an encoder, which maps a sequence of vectors to a sequence of outputs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from seqkit.contracts.capabilities import Contract
from seqkit.contracts.data import Encoded, InputLimit, Lookup, State
from seqkit.contracts.explanation import Trace
from seqkit.contracts.groups import ParameterGroup

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Parameter


class Encoder(Contract, ABC):
    """Map a sequence of vectors to outputs: a `torch.nn.Module` built as `Encoder(input_size, *, parameters)`.

    Attributes:
        output_size: the width of `Encoded.outputs`.
        final_size: the width of `Encoded.final`.
        causal: whether the output at each time step depends only on the inputs up to it.
        input_limit: the longest input that it takes, known after construction; None for inputs of any length.
            An encoder that contains others passes on theirs.
        accepts_ids: whether `forward` also takes ids, int64 (batch, time), in place of their one-hot vectors. Most
            encoders leave it False and receive the vectors.
        accepts_lookup: whether `forward` also takes a `Lookup` in place of the vectors.
        separate_directions: whether, at each time step, the first half of the output depends only on the inputs up to
            it, and the second half only on the inputs from it on.
        width_parameters: the names of the constructor's parameters that are its width, integers in proportion to
            which layers grow: `("hidden_size",)`. `seqkit compare --match` multiplies all of them by one factor. Those
            of nested encoders are known from these themselves.
    """

    capabilities = {
        "accepts_ids": ("forward",),
        "accepts_lookup": ("forward",),
        "separate_directions": ("forward",),
        "trace": ("forward",),
        "width_parameters": ("__init__",),
    }

    output_size: int
    final_size: int
    causal: bool
    input_limit: InputLimit | None = None
    accepts_ids: bool = False
    accepts_lookup: bool = False
    separate_directions: bool = False
    width_parameters: ClassVar[tuple[str, ...]] = ()

    if TYPE_CHECKING:
        # torch.nn.Module implements it.
        def __call__(self, inputs: Tensor | Lookup, lengths: Tensor, state: State = None) -> Encoded: ...

    @abstractmethod
    def forward(self, inputs: Tensor, lengths: Tensor, state: State = None) -> Encoded:
        """Encode a padded batch.

        The result for a row depends on that row alone: not on its padding, nor on the other rows of the batch.

        Args:
            inputs: float (batch, time, input_size).
            lengths: int64 (batch,), on the CPU, each at least 1 and at most time.
            state: the state returned for the previous window, or None at the start of a row.
        """

    def trace(self, inputs: Tensor, lengths: Tensor) -> Sequence[Trace]:
        """Return what happens in each layer, from the bottom up, for `seqkit explain --trace`: its gates and its cell.

        An encoder without a trace returns nothing. One that contains others returns theirs.

        Args:
            inputs: float (batch, time, input_size).
            lengths: int64 (batch,), on the CPU.
        """
        return ()

    def kernels(self) -> list[str]:
        """Describe how each layer computed the last batch, one line per layer, for `seqkit run --verbose`."""
        return []

    def parallel_weights(self) -> int:
        """Return the number of weights that the last batch used in parallel jobs (`seqkit.layers.parallel`).

        It decides the number of worker threads. Nested encoders are counted separately.
        """
        return 0

    def layer_parameters(self) -> Sequence[Iterable[Parameter]]:
        """Return the parameters of each layer, from the bottom up: what `layers` of `init_from` chooses from.

        By default, all parameters are one layer.
        """
        return [self.parameters()]  # type: ignore[attr-defined]  # torch.nn.Module implements it

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
