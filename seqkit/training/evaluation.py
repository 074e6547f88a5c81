"""Evaluation of a model on a split: its loss and its head's metrics, and the loss of predicting from prefixes alone."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from seqkit.contracts import Batch, Loss, Metric, Row
from seqkit.contracts.capabilities import call_with_accepted
from seqkit.data.batching import Batches, collate, to_device
from seqkit.data.dataset import Dataset
from seqkit.errors import NotFiniteError, StopRequested
from seqkit.messages import message
from seqkit.modeling.model import Model
from seqkit.modeling.state import first_rows
from seqkit.runs.numbers import find_not_finite
from seqkit.stop import NO_STOP, StopCheck
from seqkit.training.distributed import SINGLE, Communicator
from seqkit.training.metrics import NO_METRICS, score_metrics

PREFIX_POSITIONS = 2_000
"""The maximum number of positions, evenly spaced, that `prefix_loss` scores: each prefix is encoded separately."""


def evaluate(
    model: Model,
    dataset: Dataset,
    batches: Batches,
    communicator: Communicator = SINGLE,
    stop: StopCheck = NO_STOP,
    metrics: Mapping[str, Metric] = NO_METRICS,
) -> dict[str, Any]:
    """Return the mean `loss` of a split, and the metrics. Arguments and errors are those of `evaluate_split`."""
    return evaluate_split(model, dataset, batches, communicator, stop, metrics)[0]


def evaluate_split(
    model: Model,
    dataset: Dataset,
    batches: Batches,
    communicator: Communicator = SINGLE,
    stop: StopCheck = NO_STOP,
    metrics: Mapping[str, Metric] = NO_METRICS,
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the mean `loss` of a split, the head's metrics and the given ones, and the predictions.

    They are the same in every process.

    There is no `loss` if no item of the split is counted in it, because all targets are unknown.

    Args:
        model: the model, on its device.
        dataset: the split.
        batches: this process's batches of the split.
        communicator: the communicator of the distributed run.
        stop: checked after each batch.
        metrics: further metrics, by name.

    Raises:
        NotFiniteError: the loss or a metric is not finite.
        PluginError: the head returns a wrong number of predictions, or a metric is not a number.
        StopRequested: a stop was requested.
    """
    total = count = 0.0
    predictions: list[tuple[int, dict[str, Any]]] = []
    state = None
    with _inference(model):
        for shard in batches.epoch(0):
            batch = to_device(shard.batch, model.device)
            state = first_rows(state, len(batch.lengths)) if shard.continues else None
            encoded = model.encode(batch.inputs, batch.lengths, state)
            state = encoded.state
            if shard.counts:
                loss = model.loss(encoded, batch)
                total, count = total + float(loss.total), count + float(loss.count)
                found = model.predict(encoded, batch)
                predictions += zip(shard.rows.tolist() if found else (), found, strict=True)
            if communicator.size == 1 and (signal_number := stop()):
                raise StopRequested(signal_number)
        (total, count), signal_number = communicator.all_reduce_sum(total, count, stop=stop())
        if signal_number:
            raise StopRequested(signal_number)
        mean = total / count if count else math.nan
        scores = {"loss": mean} if count else {}
        _check_finite(scores)
        predictions = _gather(predictions, communicator)
        if batches.whole_rows:
            predictions.sort(key=lambda numbered: numbered[0])
        found_all = [prediction for _, prediction in predictions]
        scored = _metrics(model, mean, count, found_all, dataset, metrics) if communicator.is_first else {}
        if communicator.size > 1:
            scored = json.loads(communicator.broadcast(json.dumps(scored).encode()))
        _check_finite(scored)
        return scores | scored, found_all


def _metrics(
    model: Model,
    loss: float,
    count: float,
    predictions: list[dict[str, Any]],
    dataset: Dataset,
    metrics: Mapping[str, Metric] = NO_METRICS,
) -> dict[str, Any]:
    """Return the metrics of the head and the given ones. One that contains NaN is undefined, and is left out."""
    found = call_with_accepted(
        model.head.metrics, loss, predictions, dataset.examples, count=count, tokenizer=dataset.tokenizer
    )
    found = {name: value for name, value in found.items() if not math.isnan(find_not_finite(value) or 0.0)}
    return found | score_metrics(metrics, model, predictions, dataset)


def score_predictions(
    model: Model,
    loss: Loss | None,
    predictions: list[dict[str, Any]],
    dataset: Dataset,
    metrics: Mapping[str, Metric] = NO_METRICS,
) -> dict[str, Any]:
    """Return the mean loss and the head's metrics of predictions that several models made together.

    Args:
        model: the model whose head computes the metrics.
        loss: the loss of the predictions; None if it is unknown, and left out.
        predictions: the prediction of each row.
        dataset: the split.
        metrics: further metrics, by name.

    Raises:
        NotFiniteError: the loss or a metric is not finite.
    """
    total, count = (0.0, 0.0) if loss is None else (float(loss.total), float(loss.count))
    mean = total / count if count else math.nan
    scores = ({"loss": mean} if count else {}) | _metrics(model, mean, count, predictions, dataset, metrics)
    _check_finite(scores)
    return scores


def _check_finite(scores: Mapping[str, Any]) -> None:
    """Check that numbers can be printed and stored as JSON.

    Raises:
        NotFiniteError: one is not finite.
    """
    for name, value in scores.items():
        if (number := find_not_finite(value)) is not None:
            raise NotFiniteError(
                message(
                    "{name} is {number} in evaluation: lower train.optimizer.lr, or set train.clip_norm",
                    name=name,
                    number=number,
                )
            )


def _gather(predictions: list[tuple[int, dict[str, Any]]], communicator: Communicator) -> list[Any]:
    """Return the numbered predictions of all processes."""
    if communicator.size == 1:
        return predictions
    parts = communicator.all_gather(json.dumps(predictions).encode())
    return [numbered for part in parts for numbered in json.loads(part)]


def prefix_loss(model: Model, dataset: Dataset, context: int) -> dict[str, Any]:
    """Score each position from its prefix alone, as generation would.

    Args:
        model: a model whose head predicts at each time step.
        dataset: the split.
        context: the longest prefix that is encoded.

    Returns:
        `loss` in nats, the number of `positions` that it is the mean of, and the head's metrics for that loss.

    Raises:
        NotFiniteError: the loss or a metric is not finite.
    """
    lengths = np.array([len(row.input) for row in dataset.rows])
    starts, count = np.cumsum(lengths) - lengths, int(lengths.sum())
    positions = (
        np.arange(count) if count <= PREFIX_POSITIONS else np.linspace(0, count - 1, PREFIX_POSITIONS).astype(int)
    )
    numbers = np.searchsorted(starts, positions, side="right") - 1
    ends = positions - starts[numbers] + 1
    places = [(dataset.rows[number], end) for number, end in zip(numbers.tolist(), ends.tolist(), strict=True)]
    total = 0.0
    with _inference(model):
        for first in range(0, len(places), 64):
            chosen = places[first : first + 64]
            rows = [Row(row.input[max(0, end - context) : end], row.target[end - 1]) for row, end in chosen]
            prefixes = to_device(collate(rows), model.device)
            encoded = model.encode(prefixes.inputs, prefixes.lengths).last_time_step(prefixes.lengths)
            ones = torch.ones(len(chosen), dtype=torch.long)
            assert prefixes.targets is not None
            last = Batch(prefixes.inputs[:, :1], ones, prefixes.targets[:, None], ones)
            total += float(model.head.loss(encoded, last).total)
    mean = total / len(places)
    scores = {"loss": mean, "positions": len(places)} | _metrics(model, mean, count, [], dataset)
    _check_finite(scores)
    return scores


@contextmanager
def _inference(model: Model) -> Iterator[None]:
    """Switch a model to evaluation mode, without gradients, and back afterwards."""
    was_training = model.training
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        model.train(was_training)
