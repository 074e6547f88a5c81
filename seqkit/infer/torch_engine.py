"""Any components, plugins' included, through their torch modules."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from seqkit.batches import RowBatches
from seqkit.contracts import Row
from seqkit.model import Model


class TorchEngine:
    """A trained model.

    Attributes:
        carries: whether a text is read once, with the state carried on; else its last `context` ids are read each time.
            It turns out when the first text is read: an encoder may be causal and have no state to carry.
    """

    def __init__(self, model: Model) -> None:
        self.model = model.eval()
        self.carries = model.encoder.causal and "outputs" in model.head.needs
        self.context = getattr(model.head, "context", 0)

    @torch.inference_mode()
    def next_logits(self, ids: np.ndarray, state: Any) -> tuple[np.ndarray, Any]:
        """Reads ids, int64 (time,), on from a state.

        Returns:
            The logits (vocab_size,) of what comes next, and the state after them.
        """
        lengths = torch.tensor([len(ids)])
        encoded = self.model.encode(torch.from_numpy(ids)[None], lengths, state).last_step(lengths)
        if self.carries and not _can_go_on(encoded.state):
            self.carries = False
        return self.model.head.logits(encoded)[0, -1].numpy(), encoded.state

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


def _can_go_on(state: Any) -> bool:
    """Returns whether a state holds something for every part of the encoder."""
    return all(map(_can_go_on, state)) if isinstance(state, tuple | list) else state is not None
