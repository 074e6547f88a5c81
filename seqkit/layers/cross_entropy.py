"""The loss of a classifier."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from seqkit.contracts import Loss

IGNORED = -100
"""The target of an item that is left out of the loss: torch's default."""


def cross_entropy(
    logits: Tensor,
    targets: Tensor,
    *,
    training: bool,
    label_smoothing: float = 0.0,
    weights: Sequence[float] | None = None,
) -> Loss:
    """Return the cross-entropy of a softmax, in nats: in training, with label smoothing and class weights.

    In evaluation, it is the plain negative log-likelihood, which can be compared between runs.

    Args:
        logits: float (..., classes).
        targets: int64 (...), `IGNORED` for an item that is left out.
        training: whether the module is in training mode.
        label_smoothing: the fraction of the target that is spread evenly over all classes, at least 0 and less than 1
            (Szegedy et al., Rethinking the Inception Architecture for Computer Vision, 2016).
        weights: the weight of each class; None for equal ones.

    Returns:
        The sum over the items, and their number, or the sum of their weights.
    """
    logits, targets = logits.flatten(0, -2), targets.flatten()
    class_weights = logits.new_tensor(weights) if training and weights is not None else None
    total = nn.functional.cross_entropy(
        logits,
        targets,
        weight=class_weights,
        ignore_index=IGNORED,
        label_smoothing=label_smoothing if training else 0.0,
        reduction="sum",
    )
    is_known = targets != IGNORED
    return Loss(total, is_known.sum() if class_weights is None else class_weights[targets[is_known]].sum())
