"""Training a character BiLSTM on hotel reviews: the time of an epoch, what it learns, and its memory.

    python benchmarks/reviews.py --data DATA

The reviews of ChnSentiCorp, fold 0 of five as the test, each cut at 128 characters; 128 numbers learned for each
character, or its one-hot vector; a BiLSTM with 128 units a direction, Adam, clipping, batches of 32. The peer is
`reviews_peer.py`: nn.Embedding or one_hot, nn.LSTM on packed sequences, shuffled batches. Each side trains in a process
of its own, an epoch of one and an epoch of the other in turn. The machine's rate is that of multiplying two float32
matrices of 2,048 by 2,048 on all cores, measured between the epochs.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from statistics import median
from typing import Any

import products
import torch
from reviews_peer import BATCH, CLIP, CUT, RATE, SIZE, Peer, as_batch, read
from side_by_side import Measured, Options, Runner, finished, in_turn, main, peak_memory, race, rate, wait_for_lap
from torch import Tensor

import seqkit
from seqkit.contracts import Batch
from seqkit.encoders.paths import JOBS
from seqkit.model import Model

FILE = "chnsenticorp_htl/ChnSentiCorp_htl_all.csv"
PEER = str(Path(__file__).with_name("reviews_peer.py"))


def recipe(file: str, embedding: str, **train: Any) -> dict[str, Any]:
    """Returns the recipe of seqkit's side."""
    return {
        "name": f"reviews-{embedding}",
        "seed": 1,
        "data": {
            "type": "table",
            "path": file,
            "text": "review",
            "label": "label",
            "empty": "skip",
            "split": {"by": "hash", "folds": 5, "fold": 0},
        },
        "tokenizer": {"type": "char", "unknown": "mark", "min_count": 2, "max_length": CUT},
        "embedding": {"type": "learned", "dim": SIZE} if embedding == "learned" else {"type": "one_hot"},
        "encoder": {"type": "bilstm", "hidden_size": SIZE},
        "head": {"type": "classify"},
        "train": {"batch_size": BATCH, "optimizer": {"type": "adam", "lr": RATE}, "clip_norm": CLIP} | train,
        "baseline": "off",
    }


class Laps:
    """Makes each epoch of a run a lap."""

    def __init__(self, epochs: int) -> None:
        self.left = epochs
        self.began = 0.0

    @seqkit.hookimpl
    def seqkit_run_start(self) -> None:
        wait_for_lap()
        self.began = time.perf_counter()

    @seqkit.hookimpl
    def seqkit_epoch_end(self) -> None:
        print(time.perf_counter() - self.began, flush=True)
        self.left -= 1
        if self.left:
            self.seqkit_run_start()


def train(file: str, embedding: str, epochs: int) -> None:
    """Trains seqkit's side, in a process of its own."""
    before = peak_memory()
    with tempfile.TemporaryDirectory() as folder:
        run = seqkit.run(recipe(file, embedding, epochs=epochs), runs=folder, quiet=True, callbacks=[Laps(epochs)])
        result = run.result
    finished(
        before=before,
        accuracy=result["metrics"]["test"]["accuracy"],
        examples=result["examples"]["train"],
        threads=result["timing"]["threads"],
    )


def same(model: Model, peer: Peer, batch: Batch) -> float:
    """Gives the peer the model's weights, and returns how far losses and gradients of a batch differ, at most."""
    pairs: list[tuple[Tensor, Tensor]] = list(zip(model.head.parameters(), peer.output.parameters(), strict=True))
    if peer.vectors is not None:
        pairs += zip(model.embedding.parameters(), peer.vectors.parameters(), strict=True)
    pairs += zip(model.encoder.parameters(), peer.lstm.parameters(), strict=True)
    with torch.no_grad():
        for ours, theirs in pairs:
            theirs.copy_(ours)
    assert batch.targets is not None
    losses = [model(batch)[0].total, peer.loss(batch.inputs, batch.lengths, batch.targets)]
    gradients = [
        torch.autograd.grad(loss, weights) for loss, weights in zip(losses, zip(*pairs, strict=True), strict=True)
    ]
    differences = [losses[0] - losses[1], *(one - other for one, other in zip(*gradients, strict=True))]
    return max(float(difference.detach().abs().max()) for difference in differences)


def checked(file: str, embedding: str) -> float:
    """Returns `same` for a model that seqkit has built for these reviews, and its first batch."""
    from seqkit.infer.trained import Run

    with tempfile.TemporaryDirectory() as folder:
        run: Run = seqkit.run(recipe(file, embedding, steps=1), runs=folder, quiet=True)
        model = run._torch_model[1]
    train_texts, train_labels, _, _ = read(file)
    ids = [torch.from_numpy(run.tokenizer.encode(text)) for text in train_texts[:BATCH]]
    inputs, lengths, targets = as_batch(ids, train_labels[:BATCH])
    difference = same(model.train(), Peer(run.tokenizer.vocab_size, embedding), Batch(inputs, lengths, targets))
    if difference > 1e-3:
        raise SystemExit(f"the two sides do not compute the same: {difference}")
    return difference


def measure(options: Options) -> list[Measured]:
    file = str(options.file(FILE))
    found: list[Measured] = []
    for embedding in ("learned", "one-hot"):
        name = f"an epoch, {embedding} input"
        if not options.wants(name):
            continue
        difference = checked(file, embedding)
        rates: list[float] = []
        seconds, peer_seconds, ours, peer = race(
            [sys.executable, __file__, "--train", file, embedding, str(options.rounds)],
            [sys.executable, PEER, file, embedding, str(options.rounds)],
            options.rounds,
            between=lambda rates=rates: rates.append(rate()),  # type: ignore[misc]
        )
        learned = (
            f"loss and gradients of a batch with the same weights, to {difference:.1e}; accuracy on the test after "
            f"{options.rounds} epochs each: seqkit {ours.answer['accuracy']:.4f}, peer {peer.answer['accuracy']:.4f}"
        )
        is_peer = f"{'nn.Embedding' if embedding == 'learned' else 'one_hot'} and nn.LSTM on packed sequences"
        goal = 5 if embedding == "learned" else 12
        texts = read(file)[0]
        limited = limit(texts, median(seconds))
        found.append(Measured(name, "s", seconds, peer_seconds, goal, learned, is_peer, limit=limited))
        if embedding == "learned":
            found.append(beside_the_machine(seconds, rates, texts))
        else:
            found.append(memory(ours, peer))
    return found


def beside_the_machine(seconds: list[float], rates: list[float], texts: list[str]) -> Measured:
    """Returns an epoch beside the time in which the machine does as many multiply-adds."""
    characters = sum(min(len(text), CUT) for text in texts)
    # Forwards, and backwards by the input and by the weights; two directions of four gates, each from input and state.
    work = 3 * characters * 2 * 4 * SIZE * (SIZE + SIZE)
    return Measured(
        "an epoch, learned input, beside the machine's rate",
        "s",
        seconds,
        [work / each for each in rates],
        1.6,
        f"{work / 1e9:,.0f}e9 multiply-adds of {characters:,} characters, at {min(rates) / 1e9:.1f}e9 to "
        f"{max(rates) / 1e9:.1f}e9 a second",
        "the same number of multiply-adds in products of large matrices",
        faster=False,
    )


def limit(texts: list[str], seconds: float) -> str:
    """Returns what of a batch's time goes into matrix products, and into the optimizer's passes over the weights.

    Args:
        seconds: of an epoch.
    """
    lengths = [min(len(text), CUT) for text in texts]
    steps = round(sum(lengths) / len(lengths))
    every_step = [(BATCH, SIZE, 4 * SIZE), (BATCH, 4 * SIZE, SIZE)]  # forwards and backwards
    alone = products.seconds(every_step, steps, [(4 * SIZE, BATCH * steps, SIZE)], threads=JOBS)
    vocabulary = sum(count >= 2 for count in Counter("".join(text[:CUT] for text in texts)).values())
    weights = [torch.randn(4 * SIZE, vocabulary).requires_grad_() for _ in range(2)]
    optimizer = torch.optim.Adam(weights, fused=True)
    for weight in weights:
        weight.grad = torch.randn_like(weight)
    adam = min(in_turn(lambda: optimizer.step(), lambda: None, 9)[0])
    return (
        f"Of the {1000 * seconds * BATCH / len(texts):.0f} ms of a batch the recurrence's matrix products alone, "
        f"{BATCH} rows a step in each of {JOBS} threads, take {1000 * alone:.0f}; Adam's pass over the weights of "
        f"{vocabulary:,} one-hot characters takes {1000 * adam:.1f}."
    )


def memory(ours: Runner, peer: Runner) -> Measured:
    mebibytes = [(runner.peak - runner.answer["before"]) / 2**20 for runner in (ours, peer)]
    whole = [f"{runner.peak / 2**20:,.0f}" for runner in (ours, peer)]
    return Measured(
        "peak memory of training, one-hot input",
        "MiB",
        mebibytes[:1],
        mebibytes[1:],
        1 / 3,
        "the most that a process held, less what it held once torch was imported (whole processes: "
        f"seqkit {whole[0]}, peer {whole[1]} MiB)",
        "as above",
        faster=False,
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--train"]:
        train(sys.argv[2], sys.argv[3], int(sys.argv[4]))
    else:
        sys.exit(main(__file__, __doc__ or "", measure, rounds=3))
