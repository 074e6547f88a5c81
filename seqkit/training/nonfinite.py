"""Report a loss or a gradient that is not finite: the step, the rows and the weights."""

from __future__ import annotations

import json
import math

import torch

from seqkit.contracts import Batch
from seqkit.data.batching import BatchShard
from seqkit.errors import NotFiniteError
from seqkit.messages import listed, message
from seqkit.modeling.model import Model
from seqkit.training.distributed import Communicator


def not_finite_error(
    model: Model, shard: BatchShard, batch: Batch, loss: float, number: int, communicator: Communicator
) -> NotFiniteError:
    """Return the error for a step whose loss or gradient is not finite. Every process must call it.

    Args:
        model: the model, with the gradients of the step.
        shard: this process's shard of the batch.
        batch: the batch of the shard, on the device.
        loss: the mean loss of the step.
        number: the number of the step, from 1.
        communicator: the communicator of the distributed run.
    """
    weights = [
        name
        for name, weight in model.named_parameters()
        if weight.grad is not None and not weight.grad.isfinite().all()
    ]
    nonfinite_rows = [] if math.isfinite(loss) else _nonfinite_rows(model, shard, batch)
    parts = communicator.all_gather(json.dumps([shard.rows.tolist(), nonfinite_rows]).encode())
    rows, nonfinite_rows = (
        sorted(row + 1 for part in map(json.loads, parts) for row in part[place]) for place in (0, 1)
    )
    if nonfinite_rows:
        place = message("row {rows} of train", rows=_shorten(nonfinite_rows))
    else:
        place = message("the batch of rows {rows} of train", rows=_shorten(rows))
    return NotFiniteError(
        message(
            "step {step:,}, {place}: {problem}; the step was not taken: "
            "lower train.optimizer.lr, or set train.clip_norm",
            step=number,
            place=place,
            problem=_problem(loss, weights),
        )
    )


def _problem(loss: float, weights: list[str]) -> str:
    if not weights:
        return (
            message("the gradient is not finite") if math.isfinite(loss) else message("the loss is {loss}", loss=loss)
        )
    if len(weights) > 1:
        gradient = message(
            "the gradient of {weight} and of {count} more weights is not finite",
            weight=weights[0],
            count=len(weights) - 1,
        )
    else:
        gradient = message("the gradient of {weight} is not finite", weight=weights[0])
    if math.isfinite(loss):
        return gradient
    return message("the loss is {loss}, and {gradient}", loss=loss, gradient=gradient)


@torch.no_grad()
def _nonfinite_rows(model: Model, shard: BatchShard, batch: Batch) -> list[int]:
    """Return the rows of a batch whose loss is not finite."""
    found = []
    for place, row in enumerate(shard.rows.tolist()):
        single = Batch(*[part if part is None else part[place : place + 1] for part in batch])  # type: ignore[arg-type]
        if not math.isfinite(float(model(single)[0].total)):
            found.append(row)
    return found


def _shorten(numbers: list[int]) -> str:
    return listed(f"{number:,}" for number in numbers[:8]) + (" …" if len(numbers) > 8 else "")
