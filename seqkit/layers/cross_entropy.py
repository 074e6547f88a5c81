"""The loss of a classifier."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias

from torch import Tensor, nn

from seqkit.contracts import Loss, PositiveFloat
from seqkit.errors import suggest
from seqkit.messages import message

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
    weight = logits.new_tensor(weights) if training and weights is not None else None
    total = nn.functional.cross_entropy(
        logits,
        targets,
        weight=weight,
        ignore_index=IGNORED,
        label_smoothing=label_smoothing if training else 0.0,
        reduction="sum",
    )
    is_known = targets != IGNORED
    return Loss(total, is_known.sum() if weight is None else weight[targets[is_known]].sum())


ClassWeights: TypeAlias = dict[str, PositiveFloat] | Literal["balanced", "square_root"] | None
"""The setting of a classifier from which `class_weights` computes the weights of its classes."""


def class_weights(setting: ClassWeights, counts: Counter[str]) -> list[float] | None:
    """Return the weight of each class for `cross_entropy`, in alphabetical order; None for equal ones.

    Args:
        setting: weights by class, 1 for those that are left out; or `balanced`, inversely proportional to the counts as
            in scikit-learn; or `square_root`, the square roots of these.
        counts: the number of items of each class in the training data.

    Raises:
        ValueError: the setting names another class. The message begins with `class_weights`, as it should in a head
            with a parameter of that name.
    """
    classes = sorted(counts)
    if setting in ("balanced", "square_root"):
        balanced = [counts.total() / (len(counts) * counts[name]) for name in classes]
        return balanced if setting == "balanced" else [weight**0.5 for weight in balanced]
    if not isinstance(setting, Mapping):
        return None
    for name in setting:
        if name not in counts:
            raise ValueError(
                message(
                    "class_weights contains '{label}', which is not a label of the training data{suggestion}",
                    label=name,
                    suggestion=suggest(name, classes),
                )
            )
    return [setting.get(name, 1.0) for name in classes]
