"""The likelihood of a labeling, under one model and under the mean of several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from seqkit_ctc.decoding import BLANK

_SMALLEST = 1e-5
"""A label with a lower probability at a time step is left out: most labels are, at most time steps."""


def label_frames(log_probabilities: Tensor) -> dict[str, Any]:
    """Return the probabilities of a row as JSON types, without those of the blank and those that are almost 0.

    Args:
        log_probabilities: float64 (time, labels).

    Returns:
        The number of `time_steps`; and of each probability its `step`, its `label` and its `value`.
    """
    probabilities = log_probabilities.exp()
    is_kept = probabilities >= _SMALLEST
    is_kept[:, BLANK] = False
    steps, labels = is_kept.nonzero(as_tuple=True)
    return {
        "time_steps": len(probabilities),
        "step": steps.tolist(),
        "label": labels.tolist(),
        "value": probabilities[is_kept].tolist(),
    }


class Mixture:
    """The mean of the distributions of several models over the labelings of a row.

    Args:
        members: the weight of each model, and the `label_frames` of the row.
        num_labels: the number of labels, without the blank.
    """

    def __init__(self, members: Sequence[Sequence[Any]], num_labels: int) -> None:
        self._weights = torch.tensor([weight for weight, _ in members], dtype=torch.float64)
        self._tables = [_log_probabilities(frames, num_labels) for _, frames in members]

    def mean(self) -> np.ndarray | None:
        """Return the log of the mean probabilities, float64 (time, labels); None if numbers of time steps differ."""
        if len({len(table) for table in self._tables}) > 1:
            return None
        weights = self._weights.log()[:, None, None]
        return torch.logsumexp(torch.stack(self._tables) + weights, dim=0).numpy()

    def log_probability(self, labeling: Sequence[int]) -> float:
        """Return the log of the mean probability of a labeling, given as label ids."""
        targets, target_lengths = padded([labeling])
        likelihoods = [
            -negative_log_likelihood(table[None], torch.tensor([len(table)]), targets, target_lengths)
            for table in self._tables
        ]
        return float(torch.logsumexp(torch.cat(likelihoods) + self._weights.log(), dim=0))


def _log_probabilities(frames: Mapping[str, Any], num_labels: int) -> Tensor:
    """Return the log probabilities of a row, float64 (time, 1 + num_labels). The blank receives what was left out."""
    probabilities = torch.zeros(frames["time_steps"], 1 + num_labels, dtype=torch.float64)
    probabilities[frames["step"], frames["label"]] = torch.tensor(frames["value"], dtype=torch.float64)
    probabilities[:, BLANK] = 1 - probabilities.sum(dim=1)
    return probabilities.clamp(min=1e-12).log()


def padded(labelings: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    """Return labelings as int64 (rows, labels), and the number of labels of each, int64 (rows,)."""
    lengths = torch.tensor([len(labeling) for labeling in labelings])
    padded = torch.zeros(len(labelings), int(lengths.max()), dtype=torch.int64)
    for row, labeling in zip(padded, labelings, strict=True):
        row[: len(labeling)] = torch.tensor(labeling)
    return padded, lengths


def negative_log_likelihood(
    log_probabilities: Tensor, lengths: Tensor, targets: Tensor, target_lengths: Tensor
) -> Tensor:
    """Return the negative log-likelihood of each row in nats, (batch,).

    Args:
        log_probabilities: float (batch, time, labels).
        lengths: int64 (batch,): the number of time steps of each row.
        targets: int64 (batch, time).
        target_lengths: int64 (batch,): the number of labels of each target.
    """
    return nn.functional.ctc_loss(
        log_probabilities.transpose(0, 1), targets, lengths, target_lengths, blank=BLANK, reduction="none"
    )
