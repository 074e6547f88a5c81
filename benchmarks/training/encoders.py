"""The gradients of one batch through encoders for which torch has no fast kernel, compared with nn.LSTM.

    python -m benchmarks.training.encoders

An LSTM with projected outputs (`proj_size`) on rows of one length, and a BiLSTM of two layers on rows of lengths from
10 to 100, for which nn.LSTM requires packed sequences. 32 rows with 128 numbers per time step; gradients of the
weights and of the inputs. The reference uses torch's own threads, one per core; seqkit uses as many threads as `seqkit
run` would measure to be fastest.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from benchmarks.harness.comparison import Comparison, Options, run_benchmark
from benchmarks.harness.processes import alternate_processes, module_command, report_result, timed_round
from benchmarks.harness.timing import matrix_product_seconds, multiply_add_rate
from seqkit.encoders.lstm import LSTM, BiLSTM
from seqkit.layers.parallel import MAX_JOBS, worker_threads
from seqkit.modeling.device import isolated_torch_state
from seqkit.training.threads import Threads, fastest

ROWS, TIME, INPUT_SIZE = 32, 100, 128
BATCHES = 10
"""Batches per round."""
CORES = os.cpu_count() or 1

PROJECTED = {"LSTM 128 projected to 64": 128, "LSTM 256 projected to 128": 256}
"""The hidden size of each case with projected outputs."""
STACKED = "BiLSTM of 2 layers of 128, mixed lengths"

Gradients = tuple[Tensor, ...]


def gradient_calls(
    encoder: Any, reference: nn.LSTM, lengths: Tensor
) -> tuple[Callable[[], Gradients], Callable[[], Gradients]]:
    """Copy the encoder's weights to nn.LSTM, and return a call for each of them that computes every gradient.

    Args:
        encoder: An LSTM or BiLSTM of seqkit.
        reference: An nn.LSTM of the same sizes.
        lengths: int64 (batch,).
    """
    time = int(lengths.max())
    inputs = torch.randn(len(lengths), time, encoder.layers.input_size, requires_grad=True)
    output_gradient = torch.randn(len(lengths), time, encoder.output_size)
    output_gradient[torch.arange(time) >= lengths[:, None]] = 0
    with torch.no_grad():
        for weight, other in zip(encoder.parameters(), reference.parameters(), strict=True):
            other.copy_(weight)
    is_padded = int(lengths.min()) < time

    def ours() -> Gradients:
        outputs = encoder(inputs, lengths).outputs
        return torch.autograd.grad(outputs, [inputs, *encoder.parameters()], output_gradient)

    def of_reference() -> Gradients:
        given = pack_padded_sequence(inputs, lengths, batch_first=True, enforce_sorted=False) if is_padded else inputs
        outputs, _ = reference(given)
        if is_padded:
            outputs, _ = pad_packed_sequence(outputs, batch_first=True, total_length=time)
        return torch.autograd.grad(outputs, [inputs, *reference.parameters()], output_gradient)

    return ours, of_reference


def max_relative_difference(ours: Callable[[], Gradients], reference: Callable[[], Gradients]) -> float:
    """Return the largest difference between gradients, each relative to the largest element of its gradient."""
    pairs = list(zip(ours(), reference(), strict=True))
    return max(float((one - other).abs().max() / other.abs().max()) for one, other in pairs)


def build(case: str, small: bool = False) -> tuple[Any, nn.LSTM, bool]:
    """Return seqkit's encoder, its nn.LSTM, and whether the rows have mixed lengths.

    Args:
        case: The name of the case.
        small: Whether to use sizes for a test instead of those of the measurement.
    """
    hidden_size, input_size = (4, 3) if small else (PROJECTED.get(case, 128), INPUT_SIZE)
    if case in PROJECTED:
        sizes: dict[str, Any] = {"hidden_size": hidden_size, "proj_size": hidden_size // 2}
        return LSTM(input_size, **sizes), nn.LSTM(input_size, batch_first=True, **sizes), False
    sizes = {"hidden_size": hidden_size, "num_layers": 2}
    return BiLSTM(input_size, **sizes), nn.LSTM(input_size, batch_first=True, bidirectional=True, **sizes), True


def build_seeded(case: str) -> tuple[Any, nn.LSTM, Tensor]:
    """Return the encoder, its nn.LSTM and the lengths of the rows, the same in every process."""
    torch.manual_seed(1)
    encoder, reference, mixed = build(case)
    lengths = torch.randint(10, TIME + 1, (ROWS,)) if mixed else torch.full((ROWS,), TIME)
    lengths[0] = TIME
    return encoder, reference, lengths


def describe_limit(encoder: Any, lengths: Tensor) -> str:
    """Measure the matrix products of a projected LSTM alone, in seqkit's shapes and on its threads."""
    layers = encoder.layers
    hidden_size, output_size, threads = layers.hidden_size, layers.output_size, layers.choices[0].row_chunks
    rows, time = len(lengths) // threads, int(lengths.max())
    total = rows * time
    per_time_step = [(rows, output_size, 4 * hidden_size), (rows, 4 * hidden_size, output_size)]  # forward and backward
    per_time_step += [(rows, hidden_size, output_size), (rows, output_size, hidden_size)]  # the projection
    per_batch = [(total, layers.input_size, 4 * hidden_size), (total, 4 * hidden_size, layers.input_size)]
    per_batch += [(4 * hidden_size, total, size) for size in (layers.input_size, output_size)]
    per_batch += [(output_size, total, hidden_size)]

    alone = matrix_product_seconds(per_time_step, time, per_batch, threads=threads)
    return (
        f"The matrix products alone, {rows} rows per time step in each of {threads} threads, take {1000 * alone:.1f} "
        "ms; in products of large matrices this machine computes the same number of multiply-adds in "
        f"{1000 * multiply_adds(encoder, lengths) / multiply_add_rate():.1f} ms."
    )


def multiply_adds(encoder: Any, lengths: Tensor) -> int:
    """Return the multiply-adds of the forward pass and of the gradients of inputs and weights."""
    weights = [weight for name, weight in encoder.named_parameters() if "weight" in name]
    return 3 * int(lengths.sum()) * sum(weight.numel() for weight in weights)


def run_rounds(call: Callable[[], Gradients], rounds: int) -> None:
    """Compute `BATCHES` batches in each timed round."""
    for _ in range(rounds):
        with timed_round():
            for _ in range(BATCHES):
                call()


def run_side(side: str, case: str, rounds: int) -> None:
    """Run the rounds of one side; in separate processes, because torch's thread pool would slow down the other side.

    Args:
        side: "seqkit" or "reference".
        case: The name of the case.
        rounds: The number of rounds.
    """
    encoder, reference, lengths = build_seeded(case)
    ours, of_reference = gradient_calls(encoder, reference, lengths)
    if side == "reference":
        torch.set_num_threads(CORES)
        of_reference()
        run_rounds(of_reference, rounds)
        report_result()
    else:
        with isolated_torch_state(seed=1):
            torch.set_num_threads(1)
            chosen = fastest(Threads(min(MAX_JOBS, CORES), 1), ours)
            with worker_threads(chosen.workers):
                run_rounds(ours, rounds)
        report_result(limit=describe_limit(encoder, lengths) if case in PROJECTED else "")


def measure(options: Options) -> list[Comparison]:
    """Measure the selected cases."""
    comparisons = []
    for case in (*PROJECTED, STACKED):
        if not options.selects(case):
            continue
        difference = max_relative_difference(*gradient_calls(*build_seeded(case)))
        if difference > 1e-4:
            raise SystemExit(f"{case}: the gradients of seqkit and nn.LSTM differ by {difference}")
        ours, reference, our_process, _ = alternate_processes(
            module_command(__file__, "--side", "seqkit", case, str(options.rounds)),
            module_command(__file__, "--side", "reference", case, str(options.rounds)),
            options.rounds,
        )
        comparisons.append(
            Comparison(
                case,
                "ms",
                [1000 * seconds / BATCHES for seconds in ours],
                [1000 * seconds / BATCHES for seconds in reference],
                goal=2,
                verified=f"every gradient, equal within {difference:.1e} of its largest element",
                reference_name="nn.LSTM" + (" on a packed sequence" if case == STACKED else " with proj_size"),
                limit=our_process.result["limit"],
            )
        )
    return comparisons


if __name__ == "__main__":
    if sys.argv[1:2] == ["--side"]:
        run_side(sys.argv[2], sys.argv[3], int(sys.argv[4]))
    else:
        sys.exit(run_benchmark(__file__, __doc__, measure, rounds=9))
