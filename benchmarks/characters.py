"""Training a character model on tiny Shakespeare, in characters a second.

    python benchmarks/characters.py --data DATA

Windows of 128 characters of 64 streams side by side, the state carried on; one-hot input of the text's characters; an
LSTM of one layer with 128 units, and of two with 256; Adam. The peer is `characters_peer.py`: nn.LSTM on dense one-hot
input in a plain loop. Each side trains in a process of its own, so many steps of one and as many of the other in turn.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

import products
import torch
from characters_peer import LENGTH, RATE, STREAMS, Peer, windows
from reviews import Laps
from side_by_side import Measured, Options, finished, main, race
from torch import Tensor

import seqkit
from seqkit.contracts import Batch
from seqkit.encoders.paths import JOBS
from seqkit.model import Model

FILE = "tinyshakespeare/input.txt"
PEER = str(Path(__file__).with_name("characters_peer.py"))
STEPS = 40
GOALS = {(1, 128): 1.25, (2, 256): 1.1}
"""From (num_layers, hidden_size) to the goal."""


def recipe(text: str, num_layers: int, hidden_size: int, **train: Any) -> dict[str, Any]:
    """Returns the recipe of seqkit's side."""
    return {
        "name": "characters",
        "seed": 1,
        "data": {"type": "text", "text": text},
        "tokenizer": {"type": "char"},
        "embedding": {"type": "one_hot"},
        "encoder": {"type": "lstm", "num_layers": num_layers, "hidden_size": hidden_size},
        "head": {"type": "next_char"},
        "train": {"batch_size": STREAMS, "sequence_length": LENGTH, "optimizer": {"type": "adam", "lr": RATE}} | train,
        "baseline": "off",
    }


def excerpt(file: str) -> str:
    """Returns as many characters as `STEPS` steps train on."""
    return Path(file).read_text(encoding="utf-8")[: STREAMS * LENGTH * STEPS + 1]


def train(file: str, num_layers: int, hidden_size: int, epochs: int) -> None:
    """Trains seqkit's side, in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        told = recipe(excerpt(file), num_layers, hidden_size, epochs=epochs)
        run = seqkit.run(told, runs=folder, quiet=True, callbacks=[Laps(epochs)])
        losses = [row["loss"] for row in run.metrics]
    finished(losses=losses)


def same(model: Model, peer: Peer, ids: Tensor, targets: Tensor) -> float:
    """Gives the peer the model's weights, and returns how far losses and gradients of two windows differ, at most."""
    pairs = [
        *zip(model.encoder.parameters(), peer.lstm.parameters(), strict=True),
        *zip(model.head.parameters(), peer.output.parameters(), strict=True),
    ]
    with torch.no_grad():
        for our_weight, peer_weight in pairs:
            peer_weight.copy_(our_weight)
    lengths = torch.full((len(ids),), ids.shape[1])
    state = None
    peer_state = None
    total = peer_total = torch.zeros(())
    for _ in range(2):  # the second goes on where the first ended
        loss, state = model(Batch(ids, lengths, targets, lengths), state)
        peer_loss, peer_state = peer.loss(ids, targets, peer_state)
        total, peer_total = total + loss.total / loss.count, peer_total + peer_loss
    ours, theirs = zip(*pairs, strict=True)
    gradients = zip(torch.autograd.grad(total, ours), torch.autograd.grad(peer_total, theirs), strict=True)
    differences = [total - peer_total, *(one - other for one, other in gradients)]
    return max(float(difference.detach().abs().max()) for difference in differences)


def checked(file: str, num_layers: int, hidden_size: int) -> float:
    """Returns `same` for a model that seqkit has built for this text, and its first windows."""
    with tempfile.TemporaryDirectory() as folder:
        run = seqkit.run(recipe(excerpt(file), num_layers, hidden_size, steps=1), runs=folder, quiet=True)
        model = run._torch_model[1]
    ids, targets = next(windows(torch.from_numpy(run.tokenizer.encode(excerpt(file)))))
    difference = same(model.train(), Peer(run.tokenizer.vocab_size, num_layers, hidden_size), ids, targets)
    if difference > 1e-4:
        raise SystemExit(f"the two sides do not compute the same: {difference}")
    return difference


def limit(num_layers: int, hidden_size: int, seconds: float) -> str:
    """Returns how much of seqkit's step the matrix products take alone, in two threads of half the streams each.

    Args:
        seconds: of the whole.
    """
    rows, gates = STREAMS // JOBS, 4 * hidden_size
    total = rows * LENGTH
    every_step = [(rows, hidden_size, gates), (rows, gates, hidden_size)] * num_layers
    at_once = [(gates, total, hidden_size)] * (2 * num_layers - 1)  # weights that read states, and a layer below
    at_once += [(total, hidden_size, gates), (total, gates, hidden_size)] * (num_layers - 1)
    alone = products.seconds(every_step, LENGTH, at_once, threads=JOBS)
    return (
        f"The LSTM's matrix products alone, {rows} rows a step in each of {JOBS} threads, and without those of the "
        f"one-hot input, take {1000 * alone:.0f} of the {1000 * seconds:.0f} ms."
    )


def measure(options: Options) -> list[Measured]:
    file = str(options.file(FILE))
    found = []
    for (num_layers, hidden_size), goal in GOALS.items():
        name = f"training, LSTM {num_layers}x{hidden_size}"
        if not options.wants(name):
            continue
        difference = checked(file, num_layers, hidden_size)
        sizes = [str(num_layers), str(hidden_size), str(options.rounds + 1)]
        ours, peer, our_run, peer_run = race(
            [sys.executable, __file__, "--train", file, *sizes],
            [sys.executable, PEER, file, *sizes],
            options.rounds + 1,
        )
        apart = max(
            abs(one - other) for one, other in zip(our_run.answer["losses"], peer_run.answer["losses"], strict=True)
        )
        found.append(
            Measured(
                name,
                "ms a step",
                [1000 * seconds / STEPS for seconds in ours[1:]],  # the first warms up
                [1000 * seconds / STEPS for seconds in peer[1:]],
                goal,
                f"loss and gradients of two windows with the same weights, to {difference:.1e}; the mean losses of "
                f"{STEPS} steps each, from the same seed, lie {apart:.4f} apart at most, and end at "
                f"{our_run.answer['losses'][-1]:.3f}",
                "one_hot, nn.LSTM and a plain loop",
                limit=limit(num_layers, hidden_size, median(ours[1:]) / STEPS),
            )
        )
    return found


if __name__ == "__main__":
    if sys.argv[1:2] == ["--train"]:
        train(sys.argv[2], *map(int, sys.argv[3:]))
    else:
        sys.exit(main(__file__, __doc__ or "", measure, rounds=5))
