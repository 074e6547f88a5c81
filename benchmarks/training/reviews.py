"""Training a character BiLSTM on hotel reviews: the time of an epoch, the accuracy, and the memory.

    python -m benchmarks.training.reviews --data DATA

The reviews of ChnSentiCorp, with fold 0 of 5 as the test split, each truncated to 128 characters; learned vectors of
128 numbers or one-hot vectors; a BiLSTM with 128 units per direction, Adam, gradient clipping, batches of 32. The
reference is `reviews_reference.py`: nn.Embedding or one_hot, nn.LSTM on packed sequences, shuffled batches. Each side
trains in its own process; the two processes take turns after every epoch. The rate of the machine is that of products
of float32 matrices of 2,048 by 2,048 on all cores, measured between the epochs.
"""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from statistics import median
from typing import Any

import torch
from torch import Tensor

import seqkit
from benchmarks.harness.comparison import Comparison, Options, run_benchmark
from benchmarks.harness.processes import (
    RoundProcess,
    alternate_processes,
    module_command,
    peak_memory,
    report_result,
)
from benchmarks.harness.runs import EpochRounds, trained_model
from benchmarks.harness.timing import alternate_calls, matrix_product_seconds, multiply_add_rate
from benchmarks.training import reviews_reference
from benchmarks.training.reviews_reference import (
    BATCH_SIZE,
    CLIP_NORM,
    LEARNING_RATE,
    MAX_LENGTH,
    SIZE,
    Reference,
    as_batch,
    read,
)
from seqkit.contracts import Batch
from seqkit.layers.parallel import MAX_JOBS
from seqkit.modeling.model import Model

FILE = "chnsenticorp_htl/ChnSentiCorp_htl_all.csv"


def recipe(file: str, embedding: str, **train: Any) -> dict[str, Any]:
    """Return the recipe of seqkit's side.

    Args:
        embedding: "learned" or "one-hot".
        train: Further settings of the section `train`.
    """
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
        "tokenizer": {"type": "char", "unknown": "mark", "min_count": 2, "max_length": MAX_LENGTH},
        "embedding": {"type": "learned", "dim": SIZE} if embedding == "learned" else {"type": "one_hot"},
        "encoder": {"type": "bilstm", "hidden_size": SIZE},
        "head": {"type": "classify"},
        "train": {"batch_size": BATCH_SIZE, "optimizer": {"type": "adam", "lr": LEARNING_RATE}, "clip_norm": CLIP_NORM}
        | train,
        "baseline": "off",
    }


def train(file: str, embedding: str, epochs: int) -> None:
    """Train seqkit's side, each epoch a timed round of this process."""
    before = peak_memory()
    with tempfile.TemporaryDirectory() as folder:
        run = seqkit.run(
            recipe(file, embedding, epochs=epochs), runs=folder, quiet=True, callbacks=[EpochRounds(epochs)]
        )
        result = run.result
    report_result(
        memory_before=before,
        accuracy=result["metrics"]["test"]["accuracy"],
        examples=result["examples"]["train"],
        threads=result["timing"]["threads"],
    )


def max_difference(model: Model, reference: Reference, batch: Batch) -> float:
    """Copy the model's weights to the reference, and return the largest difference of losses and gradients."""
    pairs: list[tuple[Tensor, Tensor]] = list(zip(model.head.parameters(), reference.output.parameters(), strict=True))
    if reference.vectors is not None:
        assert model.embedding is not None
        pairs += zip(model.embedding.parameters(), reference.vectors.parameters(), strict=True)
    pairs += zip(model.encoder.parameters(), reference.lstm.parameters(), strict=True)
    with torch.no_grad():
        for our_weight, reference_weight in pairs:
            reference_weight.copy_(our_weight)
    assert batch.targets is not None
    losses = [model(batch)[0].total, reference.loss(batch.inputs, batch.lengths, batch.targets)]
    gradients = [
        torch.autograd.grad(loss, weights) for loss, weights in zip(losses, zip(*pairs, strict=True), strict=True)
    ]
    differences = [losses[0] - losses[1], *(one - other for one, other in zip(*gradients, strict=True))]
    return max(float(difference.detach().abs().max()) for difference in differences)


def verify(file: str, embedding: str) -> float:
    """Return `max_difference` for a model that seqkit builds from the reviews, and their first batch.

    Raises:
        SystemExit: The two sides differ by more than rounding.
    """
    with tempfile.TemporaryDirectory() as folder:
        run = seqkit.run(recipe(file, embedding, steps=1), runs=folder, quiet=True)
        model, tokenizer = trained_model(run), run.tokenizer
    train_texts, train_labels, _, _ = read(file)
    ids = [torch.from_numpy(tokenizer.encode(text)) for text in train_texts[:BATCH_SIZE]]
    inputs, lengths, targets = as_batch(ids, train_labels[:BATCH_SIZE])
    reference = Reference(tokenizer.vocab_size, embedding)
    difference = max_difference(model.train(), reference, Batch(inputs, lengths, targets))
    if difference > 1e-3:
        raise SystemExit(f"the results of seqkit and the reference differ by {difference}")
    return difference


def measure(options: Options) -> list[Comparison]:
    """Measure the selected cases."""
    file = str(options.data_file(FILE))
    comparisons: list[Comparison] = []
    for embedding in ("learned", "one-hot"):
        case = f"an epoch, {embedding} input"
        if not options.selects(case):
            continue
        difference = verify(file, embedding)
        rates: list[float] = []
        arguments = [file, embedding, str(options.rounds)]
        ours, reference, our_process, reference_process = alternate_processes(
            module_command(__file__, "--train", *arguments),
            module_command(reviews_reference.__file__, *arguments),
            options.rounds,
            between=lambda rates=rates: rates.append(multiply_add_rate()),  # type: ignore[misc]
        )
        verified = (
            f"loss and gradients of a batch with the same weights, equal within {difference:.1e}; accuracy on the test "
            f"split after {options.rounds} epochs: seqkit {our_process.result['accuracy']:.4f}, reference "
            f"{reference_process.result['accuracy']:.4f}"
        )
        name = f"{'nn.Embedding' if embedding == 'learned' else 'one_hot'} and nn.LSTM on packed sequences"
        goal = 5 if embedding == "learned" else 12
        texts = read(file)[0]
        limit = describe_limit(texts, median(ours))
        comparisons.append(Comparison(case, "s", ours, reference, goal, verified, name, limit=limit))
        if embedding == "learned":
            comparisons.append(compare_with_machine(ours, rates, texts))
        else:
            comparisons.append(compare_memory(our_process, reference_process))
    return comparisons


def compare_with_machine(seconds: list[float], rates: list[float], texts: list[str]) -> Comparison:
    """Compare the time of an epoch with the time that the same multiply-adds take in products of large matrices.

    Args:
        seconds: The time of each epoch.
        rates: Multiply-adds per second, measured between the epochs.
        texts: The texts of the training split.
    """
    characters = sum(min(len(text), MAX_LENGTH) for text in texts)
    # The forward pass, and the gradients of the input and of the weights; two directions with four gates each, computed
    # from the input and from the state.
    work = 3 * characters * 2 * 4 * SIZE * (SIZE + SIZE)
    return Comparison(
        "an epoch, learned input, compared with the rate of the machine",
        "s",
        seconds,
        [work / each for each in rates],
        1.6,
        f"{work / 1e9:,.0f}e9 multiply-adds for {characters:,} characters, at {min(rates) / 1e9:.1f}e9 to "
        f"{max(rates) / 1e9:.1f}e9 per second",
        "the same number of multiply-adds in products of large matrices",
        is_speedup=False,
    )


def describe_limit(texts: list[str], seconds: float) -> str:
    """Measure the matrix products and the optimizer step of a batch alone.

    Args:
        texts: The texts of the training split.
        seconds: The time of an epoch.
    """
    lengths = [min(len(text), MAX_LENGTH) for text in texts]
    time_steps = round(sum(lengths) / len(lengths))
    per_time_step = [(BATCH_SIZE, SIZE, 4 * SIZE), (BATCH_SIZE, 4 * SIZE, SIZE)]  # forward and backward
    per_batch = [(4 * SIZE, BATCH_SIZE * time_steps, SIZE)]
    alone = matrix_product_seconds(per_time_step, time_steps, per_batch, threads=MAX_JOBS)
    vocab_size = sum(count >= 2 for count in Counter("".join(text[:MAX_LENGTH] for text in texts)).values())
    weights = [torch.randn(4 * SIZE, vocab_size).requires_grad_() for _ in range(2)]
    optimizer = torch.optim.Adam(weights, fused=True)
    for weight in weights:
        weight.grad = torch.randn_like(weight)
    adam = min(alternate_calls(lambda: optimizer.step(), lambda: None, 9)[0])
    return (
        f"Of the {1000 * seconds * BATCH_SIZE / len(texts):.0f} ms of a batch, the recurrence's matrix products alone, "
        f"{BATCH_SIZE} rows per time step in each of {MAX_JOBS} threads, take {1000 * alone:.0f} ms; Adam's update of "
        f"the weights of {vocab_size:,} one-hot characters takes {1000 * adam:.1f} ms."
    )


def compare_memory(ours: RoundProcess, reference: RoundProcess) -> Comparison:
    """Compare the memory that training adds to the memory of a process that has imported its libraries."""
    added = [(process.peak_memory - process.result["memory_before"]) / 2**20 for process in (ours, reference)]
    total = [f"{process.peak_memory / 2**20:,.0f}" for process in (ours, reference)]
    return Comparison(
        "peak memory of training, one-hot input",
        "MiB",
        added[:1],
        added[1:],
        1 / 3,
        "peak memory minus the peak memory after the import of torch (whole processes: "
        f"seqkit {total[0]} MiB, reference {total[1]} MiB)",
        "as above",
        is_speedup=False,
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--train"]:
        train(sys.argv[2], sys.argv[3], int(sys.argv[4]))
    else:
        sys.exit(run_benchmark(__file__, __doc__, measure, rounds=3))
