"""The peer of `characters.py`: a character model in plain PyTorch, dense one-hot input in a plain loop."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import torch
from side_by_side import finished, lap
from torch import Tensor, nn

STREAMS, LENGTH, RATE = 64, 128, 0.002


class Peer(nn.Module):
    """The next character, from one-hot vectors of those before."""

    def __init__(self, vocabulary: int, num_layers: int, hidden_size: int) -> None:
        super().__init__()
        self.vocabulary = vocabulary
        self.lstm = nn.LSTM(vocabulary, hidden_size, num_layers, batch_first=True)
        self.output = nn.Linear(hidden_size, vocabulary)

    def loss(
        self, ids: Tensor, targets: Tensor, state: tuple[Tensor, Tensor] | None
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """ids, targets: int64 (batch, time) -> the mean loss, and the state to go on from."""
        outputs, state = self.lstm(nn.functional.one_hot(ids, self.vocabulary).float(), state)
        logits = self.output(outputs)
        return nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten()), state


def windows(ids: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Yields inputs and targets of each window, (STREAMS, LENGTH)."""
    inputs, targets = (part.view(STREAMS, -1) for part in (ids[:-1], ids[1:]))
    for first in range(0, inputs.shape[1], LENGTH):
        yield inputs[:, first : first + LENGTH], targets[:, first : first + LENGTH]


def main(file: str, num_layers: int, hidden_size: int, epochs: int) -> None:
    from characters import excerpt

    text = excerpt(file)
    number = {character: place for place, character in enumerate(sorted(set(text)))}
    ids = torch.tensor([number[character] for character in text])
    torch.manual_seed(1)
    model = Peer(len(number), num_layers, hidden_size)
    optimizer = torch.optim.Adam(model.parameters(), lr=RATE)
    losses = []
    for _ in range(epochs):
        with lap():
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
    finished(losses=losses)


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
