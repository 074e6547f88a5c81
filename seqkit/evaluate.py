"""Scores a model on a split: its loss, its head's metrics, and the honest loss of one that was allowed to cheat."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from seqkit.batches import Batches, RowBatches, StreamBatches, carried, collate, to_device
from seqkit.contracts import Batch, Row
from seqkit.data import Dataset
from seqkit.errors import NotFiniteError, StopAsked
from seqkit.model import Model
from seqkit.settings import Train
from seqkit.world import ALONE, WHOLE, Share, World

HONEST_POSITIONS = 2_000
"""So many positions, evenly spread, stand for a long text where each has to be encoded from its prefix alone."""


def split_batches(
    dataset: Dataset, train: Train, causal: bool, seed: int | None = None, share: Share = WHOLE
) -> Batches:
    """Returns the batches of a split: windows of a long text where the recipe has a sequence length, else whole rows.

    Args:
        causal: whether the encoder may carry its state from window to window.
        seed: of the shuffling in training; None in evaluation.
        share: this process's part of every batch.
    """
    if train.sequence_length:
        carry = train.carry_state and causal
        return StreamBatches(dataset.rows, train.batch_size, train.sequence_length, carry, share)
    return RowBatches(dataset.rows, train.batch_size, seed, share)


def never() -> int:
    """Asks for no stop."""
    return 0


@torch.no_grad()
def evaluate(
    model: Model,
    dataset: Dataset,
    train: Train,
    device: torch.device,
    world: World = ALONE,
    stop: Callable[[], int] = never,
) -> dict[str, Any]:
    """Returns `loss`, the mean over everything the head scores, and the head's metrics; the same in every process.

    Raises:
        NotFiniteError: the loss is not a number.
        StopAsked: `stop` asked for it.
    """
    was_training = model.training
    model.eval()
    try:
        batches = split_batches(dataset, train, model.encoder.causal, share=world.share)
        total = count = 0.0
        predictions: list[tuple[int, dict[str, Any]]] = []
        state = None
        for step in batches.epoch(0):
            batch = to_device(step.batch, device)
            encoded = model.encode(
                batch.inputs, batch.lengths, carried(state, len(batch.lengths)) if step.continues else None
            )
            state = encoded.state
            if step.counts:
                loss = model.head.loss(encoded, batch)
                total, count = total + float(loss.total), count + float(loss.count)
                answers = model.head.predict(encoded, batch)
                predictions += zip(step.rows.tolist() if answers else (), answers, strict=True)
            if world.size == 1 and (signal_number := stop()):
                raise StopAsked(signal_number)
        (total, count), signal_number = world.sums(total, count, stop=stop())
        if signal_number:
            raise StopAsked(signal_number)
        mean = total / count
        if not math.isfinite(mean):
            raise NotFiniteError(f"the loss in evaluation is {mean}: lower train.optimizer.lr, or set train.clip_norm")
        told = world.gather(json.dumps(predictions).encode()) if world.size > 1 else []
        predictions = [pair for part in told for pair in json.loads(part)] or predictions
        if isinstance(batches, RowBatches):
            predictions.sort(key=lambda pair: pair[0])
        ordered = [answer for _, answer in predictions]
        if world.size == 1:
            return {"loss": mean} | model.head.metrics(mean, ordered, dataset.examples)
        scores = model.head.metrics(mean, ordered, dataset.examples) if world.rank == 0 else {}
        return {"loss": mean} | json.loads(world.from_first(json.dumps(scores).encode()))
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
    lengths = np.array([len(row.input) for row in dataset.rows])
    starts, count = np.cumsum(lengths) - lengths, int(lengths.sum())
    positions = (
        np.arange(count) if count <= HONEST_POSITIONS else np.linspace(0, count - 1, HONEST_POSITIONS).astype(int)
    )
    numbers = np.searchsorted(starts, positions, side="right") - 1
    ends = positions - starts[numbers] + 1
    places = [(dataset.rows[number], end) for number, end in zip(numbers.tolist(), ends.tolist(), strict=True)]
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
