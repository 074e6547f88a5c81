"""Scores a model on a split: its loss, its head's metrics, and the honest loss of one that was allowed to cheat."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch

from seqkit.batches import Batches, RowBatches, StreamBatches, carried, collate, to_device
from seqkit.contracts import Batch, Row
from seqkit.data import Dataset
from seqkit.errors import NotFiniteError
from seqkit.model import Model
from seqkit.settings import Train

HONEST_POSITIONS = 2_000
"""So many positions, evenly spread, stand for a long text where each has to be encoded from its prefix alone."""


def split_batches(dataset: Dataset, train: Train, causal: bool, seed: int | None = None) -> Batches:
    """Returns the batches of a split: windows of a long text where the recipe has a sequence length, else whole rows.

    Args:
        causal: whether the encoder may carry its state from window to window.
        seed: of the shuffling in training; None in evaluation.
    """
    if train.sequence_length:
        return StreamBatches(dataset.rows, train.batch_size, train.sequence_length, train.carry_state and causal)
    return RowBatches(dataset.rows, train.batch_size, seed)


@torch.no_grad()
def evaluate(model: Model, dataset: Dataset, train: Train, device: torch.device) -> dict[str, Any]:
    """Returns `loss`, the mean over everything the head scores, and the head's metrics."""
    was_training = model.training
    model.eval()
    try:
        batches = split_batches(dataset, train, model.encoder.causal)
        total = count = 0.0
        predictions: list[dict[str, Any]] = []
        state = None
        for step in batches.epoch(0):
            batch = to_device(step.batch, device)
            encoded = model.encode(
                batch.inputs, batch.lengths, carried(state, len(batch.lengths)) if step.continues else None
            )
            loss = model.head.loss(encoded, batch)
            total, count, state = total + float(loss.total), count + float(loss.count), encoded.state
            predictions += model.head.predict(encoded, batch)
        if predictions and isinstance(batches, RowBatches):
            order = np.concatenate(batches.order(0))
            predictions = [predictions[place] for place in np.argsort(order, kind="stable")]
        mean = total / count
        if not math.isfinite(mean):
            raise NotFiniteError(f"the loss in evaluation is {mean}: lower train.optimizer.lr, or set train.clip_norm")
        return {"loss": mean} | model.head.metrics(mean, predictions, dataset.examples)
    finally:
        model.train(was_training)


@torch.no_grad()
def honest_loss(model: Model, dataset: Dataset, context: int, device: torch.device) -> dict[str, Any]:
    """Scores each position from its prefix alone, as the model would have to when it writes.

    Args:
        context: the longest prefix that is encoded.

    Returns:
        `loss` in nats, how many `positions` it is the mean of, and the head's metrics of that loss.
    """
    places = [(row, end) for row in dataset.rows for end in range(1, len(row.input) + 1)]
    if len(places) > HONEST_POSITIONS:
        places = [places[place] for place in np.linspace(0, len(places) - 1, HONEST_POSITIONS).astype(int)]
    was_training = model.training
    model.eval()
    total = 0.0
    for first in range(0, len(places), 64):
        chosen = places[first : first + 64]
        prefixes = collate([Row(row.input[max(0, end - context) : end], row.target[end - 1]) for row, end in chosen])
        prefixes = to_device(prefixes, device)
        encoded = model.encode(prefixes.inputs, prefixes.lengths).last_step(prefixes.lengths)
        ones = torch.ones(len(chosen), dtype=torch.long)
        assert prefixes.targets is not None
        total += float(
            model.head.loss(encoded, Batch(prefixes.inputs[:, :1], ones, prefixes.targets[:, None], ones)).total
        )
    model.train(was_training)
    mean = total / len(places)
    return {"loss": mean, "positions": len(places)} | model.head.metrics(mean, [], dataset.examples)
