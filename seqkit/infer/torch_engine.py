"""Any components, plugins' included, through their torch modules."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from seqkit.batches import RowBatches, collate
from seqkit.contracts import Row, State
from seqkit.model import Model


class TorchEngine:
    """A trained model.

    Attributes:
        carries: whether a text is read once, with the state carried on; else its last `context` ids are read each time.
            It turns out when the first text is read: an encoder may be causal and have no state to carry.
    """

    max_rows = 256

    def __init__(self, model: Model) -> None:
        self.model = model.eval()
        self.carries = model.encoder.causal and "outputs" in model.head.needs
        self.context = getattr(model.head, "context", 0)

    def read(self, texts: Sequence[np.ndarray]) -> tuple[np.ndarray, State]:
        """Reads texts, each ids, int64 (time,); the last `context` ids of each where no state is carried.

        Returns:
            The logits (texts, vocab_size) of what comes next, and the state after them, None where none is carried.
        """
        if not self.carries:
            texts = [ids[-self.context :] for ids in texts]
        batch = collate([Row(ids) for ids in texts])
        logits, state = self._next_logits(batch.inputs, batch.lengths, None)
        self.carries = self.carries and _can_go_on(state)
        return logits, state if self.carries else None

    def step(self, ids: np.ndarray, state: State) -> tuple[np.ndarray, State]:
        """Reads an id a row, int64 (rows,), on from a state; returns as `read` does."""
        return self._next_logits(torch.from_numpy(ids)[:, None], torch.ones(len(ids), dtype=torch.int64), state)

    def select(self, state: State, rows: np.ndarray) -> State:
        """Returns the state of some of its rows, by their numbers."""
        if isinstance(state, tuple | list):
            return tuple(self.select(part, rows) for part in state)
        return state[torch.from_numpy(rows)]

    @torch.inference_mode()
    def _next_logits(self, ids: torch.Tensor, lengths: torch.Tensor, state: State) -> tuple[np.ndarray, State]:
        encoded = self.model.encode(ids, lengths, state).last_step(lengths)
        return self.model.head.logits(encoded)[:, -1].numpy(), encoded.state

    @torch.inference_mode()
    def predict(self, inputs: Sequence[np.ndarray]) -> list[dict[str, Any]]:
        """Returns the head's answer for each input (ids, or features), in order."""
        batches = RowBatches([Row(item) for item in inputs], 64, None)
        answers: list[dict[str, Any]] = []
        for step in batches.epoch(0):
            batch = step.batch
            answers += self.model.head.predict(self.model.encode(batch.inputs, batch.lengths), batch)
        order = np.argsort(np.concatenate(batches.order(0)), kind="stable")
        return [answers[place] for place in order]


def _can_go_on(state: State) -> bool:
    """Returns whether a state holds something for every part of the encoder."""
    return all(map(_can_go_on, state)) if isinstance(state, tuple | list) else state is not None
