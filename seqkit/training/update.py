"""One optimizer step: gradients over all processes, clipped, and the weights that are frozen."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch

from seqkit.contracts import Batch, Optimizer, State
from seqkit.data.batching import BatchShard, to_device
from seqkit.layers.precision import products_in
from seqkit.modeling.optimizers import optimizer_step
from seqkit.training.distributed import Communicator
from seqkit.training.nonfinite import not_finite_error
from seqkit.training.setup import TrainingSetup


class StepResult(NamedTuple):
    """The result of one optimizer step, summed over the batch in all processes.

    Attributes:
        loss_total: the summed loss.
        loss_count: the number of items summed.
        tokens: the number of real time steps.
        gradient_norm: the norm of the gradient, before clipping.
        state: the encoder's state after this process's shard of the batch.
    """

    loss_total: float
    loss_count: float
    tokens: int
    gradient_norm: float
    state: State


class Updater:
    """Update the weights of a model batch by batch.

    Args:
        setup: plan, data, model and batches.
        communicator: the communicator of the distributed run.

    Attributes:
        optimizer: the optimizer.
        parameters: the parameters that it updates.
    """

    def __init__(self, setup: TrainingSetup, communicator: Communicator) -> None:
        self.setup = setup
        self.communicator = communicator
        self.parameters = [weight for group in setup.groups for weight in group.parameters]
        self.optimizer: Optimizer = setup.plan.train.optimizer.build(
            [{"params": [*group.parameters], "lr_scale": group.lr_scale} for group in setup.groups]
        )
        self._clip_norm = setup.plan.train.clip_norm
        self._frozen: list[int] | None = None

    def freeze(self, epochs: float) -> None:
        """Freeze the parameters that are not trained after a number of epochs, and unfreeze all others."""
        frozen = [number for number, group in enumerate(self.setup.groups) if epochs < group.frozen_epochs]
        if frozen == self._frozen:
            return
        for number, group in enumerate(self.setup.groups):
            for weight in group.parameters:
                weight.requires_grad_(number not in frozen)
                weight.grad = None
        self._frozen = frozen
        self._wrapped = self.communicator.wrap_ddp(self.setup.model, self._compute_first_gradients)

    def update(self, shard: BatchShard, batch: Batch, state: State, lr: float, step: int) -> StepResult:
        """Update the weights by the gradient of a batch.

        Args:
            shard: this process's shard of the batch.
            batch: its rows, on the device.
            state: the encoder's state before it, or None.
            lr: the learning rate.
            step: the number of the step, from 1, for messages.

        Raises:
            NotFiniteError: the loss or the gradient is not finite. The step was not taken.
        """
        for group in self.optimizer.param_groups:
            group["lr"] = lr * group["lr_scale"]
        for weight in self.parameters:
            weight.grad = None
        with products_in(self.setup.plan.train.precision):
            loss, state, penalties = self._wrapped(batch, state)
        own = [float(loss.total.detach()), float(loss.count), float(batch.lengths.sum())]
        own += [float(penalty.count) for penalty in penalties]
        (total, count, tokens, *penalty_counts), _ = self.communicator.all_reduce_sum(
            *(own if shard.counts else [0.0] * len(own))
        )
        # DistributedDataParallel averages gradients over the processes. Scaling each process's loss by their number
        # makes the average the gradient of the whole batch.
        scale = self.communicator.size if shard.counts else 0.0
        objective = loss.total * scale / count
        for penalty, number in zip(penalties, penalty_counts, strict=True):
            if number:
                objective = objective + penalty.total * scale / number
        with products_in(self.setup.plan.train.precision):
            objective.backward()
        norm = torch.nn.utils.get_total_norm([weight.grad for weight in self.parameters if weight.grad is not None])
        if not (math.isfinite(total) and math.isfinite(float(norm))):
            raise not_finite_error(self.setup.model, shard, batch, total / count, step, self.communicator)
        if self._clip_norm and norm + 1e-6 > self._clip_norm:  # else gradients are multiplied by 1
            torch.nn.utils.clip_grads_with_norm_(self.parameters, self._clip_norm, norm)
        optimizer_step(self.optimizer)
        return StepResult(total, count, int(tokens), float(norm), state)

    def _compute_first_gradients(self) -> None:
        batch = to_device(next(self.setup.train_batches.epoch(0)).batch, self.setup.device)
        self.setup.model(batch)[0].total.backward()
