"""The reference of `corpus.py`: a long text read into memory, encoded, and one training step, in plain PyTorch.

    python -m benchmarks.data.corpus_reference FILE

Prints the number of symbols, the loss and the digest of the ids as a line of JSON. The sizes defined here apply to both
sides.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

import numpy as np

HIDDEN_SIZE, STREAMS, WINDOW = 128, 64, 128
VALID = 0.0001
"""The fraction of the text in the validation split; small, so that evaluation after training takes no time."""


def main(file: str) -> None:
    """Read, encode and train one step, as a PyTorch user would write it."""
    import torch  # not at the top: a process that imports `corpus.py` must stay small, see `harness/processes.py`
    from torch import nn

    torch.set_num_threads(1)
    text = Path(file).read_text(encoding="utf-8")
    text = text[: len(text) - round(len(text) * VALID)]
    symbols = sorted(set(text))
    ids_of = {symbol: number for number, symbol in enumerate(symbols)}
    ids = torch.tensor([ids_of[symbol] for symbol in text])

    lstm, output = nn.LSTM(len(symbols), HIDDEN_SIZE, batch_first=True), nn.Linear(HIDDEN_SIZE, len(symbols))
    optimizer = torch.optim.Adam([*lstm.parameters(), *output.parameters()])
    length = (len(ids) - 1) // STREAMS
    inputs = ids[: STREAMS * length].view(STREAMS, length)
    targets = ids[1 : STREAMS * length + 1].view(STREAMS, length)
    states, _ = lstm(nn.functional.one_hot(inputs[:, :WINDOW], len(symbols)).float())
    loss = nn.functional.cross_entropy(output(states).flatten(0, 1), targets[:, :WINDOW].flatten())
    loss.backward()
    optimizer.step()
    print(json.dumps({"symbols": len(symbols), "loss": loss.item(), "sha256": digest(ids.numpy())}))


def digest(ids: np.ndarray) -> str:
    """Return the SHA-256 of the inputs followed by the targets of a model that predicts each id from those before it.

    Args:
        ids: int64 (tokens,).
    """
    sha256 = hashlib.sha256()
    for part in (ids[:-1], ids[1:]):
        for start in range(0, len(part), 1_000_000):
            sha256.update(part[start : start + 1_000_000].tobytes())
    return sha256.hexdigest()


if __name__ == "__main__":
    main(sys.argv[1])
