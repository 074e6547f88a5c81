"""Weight decay of some weights only."""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

from torch import Tensor

from seqkit.contracts import Requires

ExemptBiases: TypeAlias = Annotated[bool, Requires("weight_decay")]


def without_decay_of_biases(parameters: Any, weight_decay: float) -> Any:
    """Divide parameters so that those with fewer than two dimensions, biases above all, have no weight decay.

    Args:
        parameters: parameters or groups, as an optimizer takes them.
        weight_decay: that of all others.

    Returns:
        Two groups in place of each, with its other keys; one if the other would be empty.
    """
    given = list(parameters)
    groups = given if given and isinstance(given[0], dict) else [{"params": given}]
    divided = []
    for group in groups:
        weights: list[Tensor] = list(group["params"])
        for part, decay in (
            ([weight for weight in weights if weight.ndim >= 2], weight_decay),
            ([weight for weight in weights if weight.ndim < 2], 0.0),
        ):
            if part:
                divided.append(group | {"params": part, "weight_decay": decay})
    return divided
