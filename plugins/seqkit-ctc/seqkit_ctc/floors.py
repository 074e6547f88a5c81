"""What simpler methods reach on the same split: the floors that a result stands beside."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from seqkit_ctc.edit_distance import edit_distance

CONTEXT = 3
"""The linear floor sees so many steps on either side of each."""

_STEPS = 1500
_BATCH_SIZE = 32
_RATE = 0.03
_CANDIDATES = 50


class LinearSteps:
    """A linear map of each step and its neighbours to the labels, trained as the head is: CTC without an encoder.

    It tells what the features show by themselves, and so what reading them as a sequence is good for.

    Args:
        inputs: the training rows, float (time, features) each.
        targets: their labels' numbers, int64 (labels,) each.
        num_labels: with the blank.
        loss: from log probabilities (batch, time, labels), lengths, targets (batch, time) and their lengths to the
            negative log likelihood of each row, (batch,).
    """

    def __init__(
        self,
        inputs: Sequence[np.ndarray],
        targets: Sequence[np.ndarray],
        num_labels: int,
        loss: Callable[[Tensor, Tensor, Tensor, Tensor], Tensor],
    ) -> None:
        steps = np.concatenate(inputs).astype(np.float64)
        self.shift, self.scale = steps.mean(axis=0), np.maximum(steps.std(axis=0), 1e-6)
        self.weight = torch.zeros(num_labels, steps.shape[1], 2 * CONTEXT + 1, requires_grad=True)
        self.bias = torch.zeros(num_labels, requires_grad=True)
        optimizer = torch.optim.Adam([self.weight, self.bias], lr=_RATE, foreach=False)
        order = np.argsort([len(row) for row in inputs], kind="stable")
        batches = []
        for first in range(0, len(order), _BATCH_SIZE):
            members = order[first : first + _BATCH_SIZE]
            rows, lengths = _padded([self._scaled(inputs[member]) for member in members])
            batches.append((rows, lengths, *_padded([torch.from_numpy(targets[member]) for member in members])))
        generator = np.random.default_rng(0)
        epochs = -(-_STEPS // len(batches))
        for place in np.concatenate([generator.permutation(len(batches)) for _ in range(epochs)])[:_STEPS]:
            rows, *rest = batches[place]
            optimizer.zero_grad()
            loss(self._log_probabilities(rows), *rest).mean().backward()
            optimizer.step()

    @torch.no_grad()
    def log_probabilities(self, row: np.ndarray) -> np.ndarray:
        """row: float (time, features) -> float (time, labels)."""
        return self._log_probabilities(self._scaled(row)[None])[0].double().numpy()

    def _log_probabilities(self, rows: Tensor) -> Tensor:
        """rows: (batch, time, features) -> (batch, time, labels); beyond its ends a row is zero."""
        logits = nn.functional.conv1d(rows.transpose(1, 2), self.weight, self.bias, padding=CONTEXT)
        return torch.log_softmax(logits.transpose(1, 2), dim=2)

    def _scaled(self, row: np.ndarray) -> Tensor:
        return torch.from_numpy(((row - self.shift) / self.scale).astype(np.float32))


def _padded(rows: list[Tensor]) -> tuple[Tensor, Tensor]:
    return nn.utils.rnn.pad_sequence(rows, batch_first=True), torch.tensor([len(row) for row in rows])


def central_answer(targets: Sequence[Sequence[str]]) -> Sequence[str]:
    """Returns, of some training targets, the one nearest to the others: the best answer to give to all."""
    chosen = [targets[place] for place in np.linspace(0, len(targets) - 1, min(len(targets), _CANDIDATES)).astype(int)]
    return min(chosen, key=lambda answer: sum(edit_distance(target, answer) for target in chosen))
