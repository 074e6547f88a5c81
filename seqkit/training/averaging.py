"""Averages of a model's weights over the steps or epochs of training, which often generalize better than the last ones.

    ema   an exponential moving average over the steps. The idea is that of Polyak and Juditsky, Acceleration of
          Stochastic Approximation by Averaging, 1992. At step n, the decay is the smaller of the recipe's and
          (n - 1) / (n + 8), as in TensorFlow's ExponentialMovingAverage, so that the first weights are soon forgotten.
    swa   the mean of the weights after each epoch, from one on: Izmailov et al., Averaging Weights Leads to Wider
          Optima and Better Generalization, 2018.

Only weights are averaged; a buffer, such as the statistics of a batch normalization, has its last value.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from seqkit.errors import DataError
from seqkit.messages import message
from seqkit.modeling.model import Model
from seqkit.modeling.weights import Weights, copy_weights
from seqkit.recipe.schema import EMA, SWA
from seqkit.training.progress import Progress


class WeightAverage:
    """The average of a model's weights.

    Args:
        settings: the section `train.average` of the recipe.
        model: the model.

    Attributes:
        weights: the averages by the names of the weights, on the model's device; empty before the first update.
    """

    def __init__(self, settings: EMA | SWA, model: Model) -> None:
        self.model = model
        self.decay = settings.decay if isinstance(settings, EMA) else None
        self.from_epoch = 1 if isinstance(settings, EMA) else settings.from_epoch or 1
        self.weights: Weights = {}
        self._current = dict(model.named_parameters())

    @torch.no_grad()
    def update(self, progress: Progress, *, is_epoch_end: bool) -> None:
        """Add the current weights to the average.

        Args:
            progress: the progress, this step included.
            is_epoch_end: whether this step is the last of its epoch.
        """
        if self.decay is not None:
            rate = 1 - min(self.decay, (progress.step - 1) / (progress.step + 8))
        elif is_epoch_end and progress.epoch + 1 >= self.from_epoch:
            rate = 1 / (progress.epoch + 2 - self.from_epoch)
        else:
            return
        if not self.weights:
            self.weights = {name: weight.detach().clone() for name, weight in self._current.items()}
        for name, weight in self._current.items():
            self.weights[name].lerp_(weight, rate)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Put the averages into the model, and the current weights back afterwards."""
        current = {name: weight.detach().clone() for name, weight in self._current.items()}
        try:
            self.apply()
            yield
        finally:
            self._copy(current)

    def apply(self) -> None:
        """Put the averages into the model."""
        self._copy(self.weights)

    def copy(self) -> Weights | None:
        """Return a copy of the model's weights, averages in place of the current ones; None without averages."""
        if not self.weights:
            return None
        with self.applied():
            return copy_weights(self.model)

    @torch.no_grad()
    def _copy(self, weights: Weights) -> None:
        for name, weight in self._current.items():
            weight.copy_(weights[name])

    def restore(self, weights: Weights | None, progress: Progress, checkpoint: Path) -> None:
        """Restore the averages of a checkpoint.

        Args:
            weights: the averages; None if the checkpoint has none.
            progress: the progress of the checkpoint.
            checkpoint: its folder, for messages.

        Raises:
            DataError: they are not those of this model.
        """
        has_begun = progress.epoch >= self.from_epoch if self.decay is None else progress.step > 0
        if weights is None and not has_begun:
            return
        weights = weights or {}
        for name in sorted(self._current.keys() | weights.keys()):
            shapes = [tuple(part[name].shape) if name in part else None for part in (self._current, weights)]
            if shapes[0] != shapes[1] or not (weights[name].is_floating_point() and weights[name].isfinite().all()):
                raise DataError(
                    message(
                        "{checkpoint}: corrupt: the averaged '{name}' is missing, is not finite, or does not fit the "
                        "model",
                        checkpoint=checkpoint,
                        name=name,
                    )
                )
        self.weights = {name: weights[name].to(weight) for name, weight in self._current.items()}
