"""The length of training."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seqkit.contracts import TrainingLength

if TYPE_CHECKING:
    from seqkit.recipe.schema import Train


def training_length(train: Train, steps_per_epoch: int) -> TrainingLength:
    """Return the length of training in epochs and in steps, of which a recipe sets at most one."""
    if train.steps:
        return TrainingLength(-(-train.steps // steps_per_epoch), train.steps, steps_per_epoch)
    epochs = train.epochs or 10
    return TrainingLength(epochs, epochs * steps_per_epoch, steps_per_epoch)
