"""The contract of an optimizer, which updates the weights by their gradients."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from seqkit.contracts.capabilities import Contract


class Optimizer(Contract, ABC):
    """Update the weights: a `torch.optim.Optimizer` built as `Optimizer(parameters, *, lr, other parameters)`.

    `parameters` is what every optimizer of torch takes: an iterable of parameters, or of groups, which are mappings
    with the key `params`. A group can have more keys than those of the optimizer (`lr_scale`); pass them on.

    The parameter `lr` is required in the signature: the schedule computes with it, and seqkit sets `lr` of each group
    before each step, so read it there.

    A checkpoint stores `state`, parameter by parameter: tensors of floating-point numbers, in the parameter's type (a
    step count, called `step`, in float32). Other values of the state and attributes of the optimizer are not stored.
    So that a run that is resumed equals one that was not interrupted, use no random numbers but those of torch.

    Attributes:
        param_groups: the groups, each with its `params`.
        state: the state of each parameter that has been updated.
    """

    param_groups: list[dict[str, Any]]
    state: Any

    if TYPE_CHECKING:
        # torch.optim.Optimizer implements them.
        def state_dict(self) -> dict[str, Any]: ...
        def load_state_dict(self, state_dict: dict[str, Any]) -> None: ...

    @abstractmethod
    def step(self) -> Any:
        """Update each parameter by its gradient, `grad`. A parameter whose `grad` is None is frozen: leave it alone.

        seqkit calls it without gradients being recorded, and without a closure.
        """
