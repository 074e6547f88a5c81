"""Training a character model on tiny Shakespeare: the time of an optimizer step.

    python -m benchmarks.training.characters --data DATA

64 parallel streams in windows of 128 characters with a carried state; one-hot input; an LSTM with one layer of 128
units, and with two layers of 256, the latter also with products in bfloat16 (`train.precision: bf16`); Adam. The
reference is `characters_reference.py`: nn.LSTM on dense one-hot input in a plain loop, in float32. Each side trains in
its own process; the two processes take turns after every 40 steps.
"""

from __future__ import annotations

import sys
import tempfile
from statistics import median
from typing import Any

import torch
from torch import Tensor

import seqkit
from benchmarks.harness.comparison import Comparison, Options, run_benchmark
from benchmarks.harness.processes import alternate_processes, module_command, report_result
from benchmarks.harness.runs import EpochRounds, trained_model
from benchmarks.harness.timing import matrix_product_seconds
from benchmarks.training import characters_reference
from benchmarks.training.characters_reference import (
    LEARNING_RATE,
    STEPS,
    STREAMS,
    WINDOW,
    Reference,
    excerpt,
    windows,
)
from seqkit.contracts import Batch
from seqkit.layers.parallel import MAX_JOBS
from seqkit.layers.precision import Precision, products_in
from seqkit.modeling.model import Model

FILE = "tinyshakespeare/input.txt"
GOALS: dict[tuple[int, int, Precision], float] = {
    (1, 128, "float32"): 1.25,
    (2, 256, "float32"): 1.1,
    (2, 256, "bf16"): 1.8,
}
"""The smallest speedup that meets the goal, by (num_layers, hidden_size, precision)."""


def recipe(text: str, num_layers: int, hidden_size: int, **train: Any) -> dict[str, Any]:
    """Return the recipe of seqkit's side.

    Args:
        train: Further settings of the section `train`.
    """
    return {
        "name": "characters",
        "seed": 1,
        "data": {"type": "text", "text": text},
        "tokenizer": {"type": "char"},
        "embedding": {"type": "one_hot"},
        "encoder": {"type": "lstm", "num_layers": num_layers, "hidden_size": hidden_size},
        "head": {"type": "next_char"},
        "train": {"batch_size": STREAMS, "sequence_length": WINDOW, "optimizer": {"type": "adam", "lr": LEARNING_RATE}}
        | train,
        "baseline": "off",
    }


def train(file: str, num_layers: int, hidden_size: int, epochs: int, precision: Precision) -> None:
    """Train seqkit's side, each epoch a timed round of this process."""
    with tempfile.TemporaryDirectory() as folder:
        run = seqkit.run(
            recipe(excerpt(file), num_layers, hidden_size, epochs=epochs, precision=precision),
            runs=folder,
            quiet=True,
            callbacks=[EpochRounds(epochs)],
        )
        losses = [row["loss"] for row in run.metrics]
    report_result(losses=losses)


def max_difference(
    model: Model, reference: Reference, ids: Tensor, targets: Tensor, precision: Precision = "float32"
) -> float:
    """Copy the model's weights to the reference, and return the largest difference of losses and gradients.

    Args:
        ids, targets: int64 (batch, time); used for two windows, the second of which starts from the first one's state.
        precision: The precision of the products of seqkit.
    """
    pairs = [
        *zip(model.encoder.parameters(), reference.lstm.parameters(), strict=True),
        *zip(model.head.parameters(), reference.output.parameters(), strict=True),
    ]
    with torch.no_grad():
        for our_weight, reference_weight in pairs:
            reference_weight.copy_(our_weight)
    lengths = torch.full((len(ids),), ids.shape[1])
    state = None
    reference_state = None
    total = reference_total = torch.zeros(())
    for _ in range(2):
        with products_in(precision):
            loss, state, _ = model(Batch(ids, lengths, targets, lengths), state)
        reference_loss, reference_state = reference.loss(ids, targets, reference_state)
        total, reference_total = total + loss.total / loss.count, reference_total + reference_loss
    our_weights, reference_weights = zip(*pairs, strict=True)
    with products_in(precision):
        our_gradients = torch.autograd.grad(total, our_weights)
    gradients = zip(our_gradients, torch.autograd.grad(reference_total, reference_weights), strict=True)
    differences = [total - reference_total, *(one - other for one, other in gradients)]
    return max(float(difference.detach().abs().max()) for difference in differences)


def verify(file: str, num_layers: int, hidden_size: int, precision: Precision) -> float:
    """Return `max_difference` for a model that seqkit builds from the text, and the first windows of the text.

    Raises:
        SystemExit: The two sides differ by more than rounding.
    """
    with tempfile.TemporaryDirectory() as folder:
        run = seqkit.run(recipe(excerpt(file), num_layers, hidden_size, steps=1), runs=folder, quiet=True)
        model, tokenizer = trained_model(run), run.tokenizer
    ids, targets = next(windows(torch.from_numpy(tokenizer.encode(excerpt(file)))))
    reference = Reference(tokenizer.vocab_size, num_layers, hidden_size)
    difference = max_difference(model.train(), reference, ids, targets, precision)
    if difference > 1e-4:
        raise SystemExit(f"the results of seqkit and the reference differ by {difference}")
    return difference


def describe_limit(num_layers: int, hidden_size: int, seconds: float) -> str:
    """Measure the matrix products of a step alone, in parallel threads with a part of the streams each.

    Args:
        seconds: The time of a whole step.
    """
    rows, gates = STREAMS // MAX_JOBS, 4 * hidden_size
    total = rows * WINDOW
    per_time_step = [(rows, hidden_size, gates), (rows, gates, hidden_size)] * num_layers
    per_batch = [(gates, total, hidden_size)] * (2 * num_layers - 1)  # gradients of weights, except of one-hot input
    per_batch += [(total, hidden_size, gates), (total, gates, hidden_size)] * (num_layers - 1)
    alone = matrix_product_seconds(per_time_step, WINDOW, per_batch, threads=MAX_JOBS)
    return (
        f"The LSTM's matrix products alone, {rows} rows per time step in each of {MAX_JOBS} threads and without those "
        f"of the one-hot input, take {1000 * alone:.0f} of the {1000 * seconds:.0f} ms."
    )


def measure(options: Options) -> list[Comparison]:
    """Measure the selected cases."""
    file = str(options.data_file(FILE))
    comparisons = []
    for (num_layers, hidden_size, precision), goal in GOALS.items():
        case = f"training, LSTM {num_layers}x{hidden_size}" + (", bf16" if precision == "bf16" else "")
        if not options.selects(case):
            continue
        difference = verify(file, num_layers, hidden_size, precision)
        arguments = [file, str(num_layers), str(hidden_size), str(options.rounds + 1)]
        ours, reference, our_process, reference_process = alternate_processes(
            module_command(__file__, "--train", *arguments, precision),
            module_command(characters_reference.__file__, *arguments),
            options.rounds + 1,
        )
        our_losses, reference_losses = our_process.result["losses"], reference_process.result["losses"]
        apart = max(abs(one - other) for one, other in zip(our_losses, reference_losses, strict=True))
        comparisons.append(
            Comparison(
                case,
                "ms per step",
                [1000 * seconds / STEPS for seconds in ours[1:]],  # the first round is a warm-up
                [1000 * seconds / STEPS for seconds in reference[1:]],
                goal,
                f"loss and gradients of two windows with the same weights, equal within {difference:.1e}; the mean "
                f"losses of every {STEPS} steps, from the same seed, differ by at most {apart:.4f}; the last one is "
                f"{our_losses[-1]:.3f}",
                "one_hot, nn.LSTM and a plain loop",
                limit=describe_limit(num_layers, hidden_size, median(ours[1:]) / STEPS)
                if precision == "float32"
                else "",
            )
        )
    return comparisons


if __name__ == "__main__":
    if sys.argv[1:2] == ["--train"]:
        layers, size, epochs = map(int, sys.argv[3:6])
        train(sys.argv[2], layers, size, epochs, "bf16" if sys.argv[6] == "bf16" else "float32")
    else:
        sys.exit(run_benchmark(__file__, __doc__, measure, rounds=5))
