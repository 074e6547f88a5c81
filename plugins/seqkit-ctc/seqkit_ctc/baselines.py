"""The baselines of the head `ctc`: a linear model, and the best constant prediction."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from seqkit_ctc.edit_distance import edit_distance

CONTEXT = 3
"""The number of time steps on each side of the current one that the linear model sees."""

_TRAINING_STEPS = 1500
_BATCH_SIZE = 32
_LEARNING_RATE = 0.03
_MEDOID_CANDIDATES = 50


class LinearCTC:
    """A linear map of each time step and its neighbors to the labels, trained with CTC: the head without an encoder.

    The difference to the model's result shows how much the encoder contributes.

    Args:
        inputs: the training rows, each float (time, features).
        targets: their label ids, each int64 (labels,).
        num_labels: the number of label ids, including the blank.
        loss: computes the negative log-likelihood of each row, (batch,), from log probabilities (batch, time, labels),
            lengths, targets (batch, time) and target lengths.
    """

    def __init__(
        self,
        inputs: Sequence[np.ndarray],
        targets: Sequence[np.ndarray],
        num_labels: int,
        loss: Callable[[Tensor, Tensor, Tensor, Tensor], Tensor],
    ) -> None:
        features = np.concatenate(inputs).astype(np.float64)
        self.mean, self.scale = features.mean(axis=0), np.maximum(features.std(axis=0), 1e-6)
        self.weight = torch.zeros(num_labels, features.shape[1], 2 * CONTEXT + 1, requires_grad=True)
        self.bias = torch.zeros(num_labels, requires_grad=True)
        optimizer = torch.optim.Adam([self.weight, self.bias], lr=_LEARNING_RATE, foreach=False)
        # At a constant rate, the loss keeps jumping, and rounding errors decide where it is at the last step.
        schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, total_iters=_TRAINING_STEPS)
        order = np.argsort([len(row) for row in inputs], kind="stable")
        batches = []
        for start in range(0, len(order), _BATCH_SIZE):
            indices = order[start : start + _BATCH_SIZE]
            rows, lengths = _pad([self._standardize(inputs[index]) for index in indices])
            batches.append((rows, lengths, *_pad([torch.from_numpy(targets[index]) for index in indices])))
        generator = np.random.default_rng(0)
        epochs = -(-_TRAINING_STEPS // len(batches))
        batch_order = np.concatenate([generator.permutation(len(batches)) for _ in range(epochs)])[:_TRAINING_STEPS]
        for index in batch_order:
            rows, *rest = batches[index]
            optimizer.zero_grad()
            loss(self._log_probabilities(rows), *rest).mean().backward()
            optimizer.step()
            schedule.step()

    @torch.no_grad()
    def log_probabilities(self, row: np.ndarray) -> np.ndarray:
        """Return the log probabilities of one row, float (time, features), as float (time, labels)."""
        return self._log_probabilities(self._standardize(row)[None])[0].double().numpy()

    def _log_probabilities(self, rows: Tensor) -> Tensor:
        """Return (batch, time, labels) for rows, (batch, time, features), which are padded with zeros on both sides."""
        logits = nn.functional.conv1d(rows.transpose(1, 2), self.weight, self.bias, padding=CONTEXT)
        return torch.log_softmax(logits.transpose(1, 2), dim=2)

    def _standardize(self, row: np.ndarray) -> Tensor:
        return torch.from_numpy(((row - self.mean) / self.scale).astype(np.float32))


def _pad(rows: list[Tensor]) -> tuple[Tensor, Tensor]:
    """Return the padded rows and their lengths."""
    return nn.utils.rnn.pad_sequence(rows, batch_first=True), torch.tensor([len(row) for row in rows])


def medoid(targets: Sequence[Sequence[str]]) -> Sequence[str]:
    """Return the target with the smallest sum of edit distances to the others, of a sample of evenly spaced targets."""
    indices = np.linspace(0, len(targets) - 1, min(len(targets), _MEDOID_CANDIDATES)).astype(int)
    candidates = [targets[index] for index in indices]
    return min(candidates, key=lambda candidate: sum(edit_distance(target, candidate) for target in candidates))
