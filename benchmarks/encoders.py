"""One batch forwards and backwards through an encoder for which torch has no fast kernel, beside nn.LSTM.

    python benchmarks/encoders.py

An LSTM whose outputs are projected (`proj_size`) over rows of one length, and a BiLSTM of two layers over rows of
lengths from 10 to 100, which nn.LSTM has to be given packed. 32 rows of 128 numbers a step, gradients by weights and
inputs. The peer takes torch's own threads, one a core; seqkit as many as `seqkit run` would find out to be fastest.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any

import products
import torch
from side_by_side import Measured, Options, finished, lap, main, race, rate
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from seqkit.device import borrowed_torch
from seqkit.encoders.bilstm import BiLSTM
from seqkit.encoders.lstm import LSTM
from seqkit.encoders.paths import JOBS
from seqkit.threads import Threads, fastest
from seqkit.workers import workers

ROWS, TIME, WIDTH = 32, 100, 128
BATCHES = 10
"""So many are a lap."""
CORES = os.cpu_count() or 1

Gradients = tuple[Tensor, ...]


def sides(encoder: Any, reference: nn.LSTM, lengths: Tensor) -> tuple[Callable[[], Gradients], Callable[[], Gradients]]:
    """Returns a call for seqkit's encoder and one for nn.LSTM with its weights, each returning every gradient."""
    time = int(lengths.max())
    inputs = torch.randn(len(lengths), time, encoder.layers.input_size, requires_grad=True)
    reaching = torch.randn(len(lengths), time, encoder.output_size)  # what reaches the outputs from above
    reaching[torch.arange(time) >= lengths[:, None]] = 0
    with torch.no_grad():
        for weight, other in zip(encoder.parameters(), reference.parameters(), strict=True):
            other.copy_(weight)
    packed = int(lengths.min()) < time

    def ours() -> Gradients:
        outputs = encoder(inputs, lengths).outputs
        return torch.autograd.grad(outputs, [inputs, *encoder.parameters()], reaching)

    def theirs() -> Gradients:
        given = pack_padded_sequence(inputs, lengths, batch_first=True, enforce_sorted=False) if packed else inputs
        outputs, _ = reference(given)
        if packed:
            outputs, _ = pad_packed_sequence(outputs, batch_first=True, total_length=time)
        return torch.autograd.grad(outputs, [inputs, *reference.parameters()], reaching)

    return ours, theirs


def difference(ours: Callable[[], Gradients], theirs: Callable[[], Gradients]) -> float:
    """Returns how far the gradients lie apart, at most, as a share of the greatest."""
    pairs = list(zip(ours(), theirs(), strict=True))
    return max(float((one - other).abs().max() / other.abs().max()) for one, other in pairs)


PROJECTED = {"LSTM 128 projected to 64": 128, "LSTM 256 projected to 128": 256}
STACKED = "BiLSTM of 2 layers of 128, mixed lengths"


def built(job: str, small: bool = False) -> tuple[Any, nn.LSTM, bool]:
    """Returns an encoder, its nn.LSTM, and whether the rows are of mixed lengths.

    Args:
        small: of a size to be checked, and not to be timed.
    """
    hidden_size, width = (4, 3) if small else (PROJECTED.get(job, 128), WIDTH)
    if job in PROJECTED:
        sizes: dict[str, Any] = {"hidden_size": hidden_size, "proj_size": hidden_size // 2}
        return LSTM(width, **sizes), nn.LSTM(width, batch_first=True, **sizes), False
    sizes = {"hidden_size": hidden_size, "num_layers": 2}
    return BiLSTM(width, **sizes), nn.LSTM(width, batch_first=True, bidirectional=True, **sizes), True


def limit(encoder: Any, lengths: Tensor) -> str:
    """Returns how long the matrix products take alone, of the shapes and on the threads that seqkit has them."""
    layers = encoder.layers
    hidden_size, size, parts = layers.hidden_size, layers.output_size, layers.paths[0].parts
    rows, time = len(lengths) // parts, int(lengths.max())
    total = rows * time
    every_step = [(rows, size, 4 * hidden_size), (rows, 4 * hidden_size, size)]  # forwards and backwards
    every_step += [(rows, hidden_size, size), (rows, size, hidden_size)]  # the projection
    at_once = [(total, layers.input_size, 4 * hidden_size), (total, 4 * hidden_size, layers.input_size)]
    at_once += [(4 * hidden_size, total, width) for width in (layers.input_size, size)] + [(size, total, hidden_size)]

    alone = products.seconds(every_step, time, at_once, threads=parts)
    return (
        f"The matrix products alone, {rows} rows a step in each of {parts} threads, take {1000 * alone:.1f} ms; in "
        f"products of large matrices this machine would do as many multiply-adds in "
        f"{1000 * work(encoder, lengths) / rate():.1f} ms."
    )


def work(encoder: Any, lengths: Tensor) -> int:
    """Returns the multiply-adds forwards, and backwards by inputs and by weights."""
    weights = [weight for name, weight in encoder.named_parameters() if "weight" in name]
    return 3 * int(lengths.sum()) * sum(weight.numel() for weight in weights)


def drawn(job: str) -> tuple[Any, nn.LSTM, Tensor]:
    """Returns the encoder, its nn.LSTM and the lengths of the rows, the same ones in every process."""
    torch.manual_seed(1)
    encoder, reference, mixed = built(job)
    lengths = torch.randint(10, TIME + 1, (ROWS,)) if mixed else torch.full((ROWS,), TIME)
    lengths[0] = TIME
    return encoder, reference, lengths


def repeat(call: Callable[[], Gradients], laps: int) -> None:
    for _ in range(laps):
        with lap():
            for _ in range(BATCHES):
                call()


def side(which: str, job: str, laps: int) -> None:
    """Computes batches of one side, in a process of its own: torch's threads, once busy, are in the way of others."""
    encoder, reference, lengths = drawn(job)
    ours, theirs = sides(encoder, reference, lengths)
    if which == "peer":
        torch.set_num_threads(CORES)
        theirs()
        repeat(theirs, laps)
        finished()
    else:
        with borrowed_torch(seed=1):
            torch.set_num_threads(1)
            chosen = fastest(Threads(min(JOBS, CORES), 1), ours)
            with workers(chosen.workers):
                repeat(ours, laps)
        finished(limit=limit(encoder, lengths) if job in PROJECTED else "")


def measure(options: Options) -> list[Measured]:
    found = []
    for job in (*PROJECTED, STACKED):
        if not options.wants(job):
            continue
        apart = difference(*sides(*drawn(job)))
        if apart > 1e-4:
            raise SystemExit(f"{job}: the two sides do not compute the same: {apart}")
        commands = [[sys.executable, __file__, "--side", which, job, str(options.rounds)] for which in ("ours", "peer")]
        seconds, peer_seconds, ours, _ = race(commands[0], commands[1], options.rounds)
        found.append(
            Measured(
                job,
                "ms",
                [1000 * each / BATCHES for each in seconds],
                [1000 * each / BATCHES for each in peer_seconds],
                goal=2,
                same=f"every gradient, to {apart:.1e} of the greatest",
                peer_is="nn.LSTM" + (" on a packed sequence" if job == STACKED else " with proj_size"),
                limit=ours.answer["limit"],
            )
        )
    return found


if __name__ == "__main__":
    if sys.argv[1:2] == ["--side"]:
        side(sys.argv[2], sys.argv[3], int(sys.argv[4]))
    else:
        sys.exit(main(__file__, __doc__ or "", measure, rounds=9))
