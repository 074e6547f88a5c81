"""The reference of `characters.py`: a character model in plain PyTorch, dense one-hot input in a plain loop.

    python -m benchmarks.training.characters_reference FILE NUM_LAYERS HIDDEN_SIZE EPOCHS

Started by `characters.py`, which writes a line to its standard input before each epoch. The data and the
hyperparameters defined here apply to both sides.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor, nn

from benchmarks.harness.processes import report_result, timed_round

STREAMS, WINDOW, LEARNING_RATE = 64, 128, 0.002
STEPS = 40
"""Optimizer steps per epoch."""


class Reference(nn.Module):
    """An LSTM that predicts the next character from one-hot vectors."""

    def __init__(self, vocab_size: int, num_layers: int, hidden_size: int) -> None:
        super().__init__()
        self.vocab_size = vocab_size
        self.lstm = nn.LSTM(vocab_size, hidden_size, num_layers, batch_first=True)
        self.output = nn.Linear(hidden_size, vocab_size)

    def loss(
        self, ids: Tensor, targets: Tensor, state: tuple[Tensor, Tensor] | None
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Compute the mean loss of a window.

        Args:
            ids: int64 (batch, time).
            targets: int64 (batch, time), the next characters.
            state: The state after the previous window, or None for zeros.

        Returns:
            The mean cross-entropy, and the state after this window.
        """
        outputs, state = self.lstm(nn.functional.one_hot(ids, self.vocab_size).float(), state)
        logits = self.output(outputs)
        return nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten()), state


def excerpt(file: str) -> str:
    """Return the beginning of a text: the characters that one epoch of `STEPS` steps trains on."""
    return Path(file).read_text(encoding="utf-8")[: STREAMS * WINDOW * STEPS + 1]


def windows(ids: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield the inputs and the targets of each window, int64 (STREAMS, WINDOW).

    Args:
        ids: int64 (characters,).
    """
    inputs, targets = (part.view(STREAMS, -1) for part in (ids[:-1], ids[1:]))
    for first in range(0, inputs.shape[1], WINDOW):
        yield inputs[:, first : first + WINDOW], targets[:, first : first + WINDOW]


def main(file: str, num_layers: int, hidden_size: int, epochs: int) -> None:
    """Train the reference, each epoch a timed round."""
    text = excerpt(file)
    id_of = {character: number for number, character in enumerate(sorted(set(text)))}
    ids = torch.tensor([id_of[character] for character in text])
    torch.manual_seed(1)
    model = Reference(len(id_of), num_layers, hidden_size)
    optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE)
    losses = []
    for _ in range(epochs):
        with timed_round():
            total, steps = 0.0, 0
            state: tuple[Tensor, Tensor] | None = None
            for inputs, targets in windows(ids):
                optimizer.zero_grad()
                loss, state = model.loss(inputs, targets, state)
                loss.backward()
                optimizer.step()
                state = (state[0].detach(), state[1].detach())
                total, steps = total + loss.item(), steps + 1
            losses.append(total / steps)
    report_result(losses=losses)


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
