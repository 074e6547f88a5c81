"""The choice of the kernel that computes an LSTM layer.

The constants are the break-even points of the kernels on a machine with two cores, as `benchmarks/training/kernels.py`
measures them; `benchmarks/results/kernels.md` is its record. The choice depends on sizes and on `train.precision`,
never on a timing, so the same batch is always computed in the same way and with the same result.
"""

from __future__ import annotations

from typing import NamedTuple

from seqkit.layers.parallel import MAX_JOBS
from seqkit.messages import message

MIN_JOB_ROWS = 16
"""The minimum number of rows of a parallel job: matrix products of fewer rows use a core poorly."""

MIN_JOB_WORK = 8_000_000
"""The minimum number of multiply-adds in one direction's forward pass for which parallel jobs pay off."""

MIN_LOOKUP_WORK = 600_000
"""The minimum `saved_work` of a job for which looking up the input products pays off.

It requires seqkit's recurrence, which consists of single operations per time step and is slower than torch's kernel."""

MIN_FILL = 0.65
"""The minimum fraction of real time steps for torch's kernel. Below it, the recurrence is faster: it skips padding."""


class KernelChoice(NamedTuple):
    """The kernel of one layer of a batch, and how it is called.

    Attributes:
        uses_lookup: whether the products of input vectors and weights are computed once per distinct vector and looked
            up by id. Implies `uses_recurrence`.
        uses_recurrence: whether the layer is computed by seqkit's recurrence; by torch's kernel otherwise (oneDNN's on
            a CPU).
        row_chunks: the number of chunks that the rows are divided into.
        parallel: whether the chunks and directions are parallel jobs.
        bidirectional_call: whether one call of torch's kernel computes both directions if no row is padded.
    """

    uses_lookup: bool
    uses_recurrence: bool
    row_chunks: int
    parallel: bool
    bidirectional_call: bool = False

    def __str__(self) -> str:
        kernel = message("seqkit's recurrence") if self.uses_recurrence else message("torch's kernel")
        if self.uses_lookup:
            kernel = message("{kernel} with input lookup", kernel=kernel)
        if self.bidirectional_call:
            return message("{kernel}, both directions in one call", kernel=kernel)
        if not self.parallel:
            return kernel
        if self.row_chunks > 1:
            return message("{kernel}, two halves of the batch in parallel", kernel=kernel)
        return message("{kernel}, both directions in parallel", kernel=kernel)


def saved_work(products: int, rows: int, fraction: float, input_size: int, hidden_size: int) -> float:
    """Return the number that is compared with `MIN_LOOKUP_WORK`: the multiply-adds that lookup saves per time step.

    Args:
        products: the matrix products that the input takes part in: 2 for one-hot vectors (the forward pass and the
            gradient of the weights), 3 for learned vectors (also the gradient of the vectors).
        rows: the rows of a job.
        fraction: the fraction of the input vectors whose product is looked up.
        input_size: the width of the input.
        hidden_size: the width of the cell.
    """
    return products * rows * fraction * input_size * hidden_size


def choose_kernel(
    *,
    distinct_vectors: int,
    rows: int,
    time: int,
    real_time_steps: int,
    input_size: int,
    hidden_size: int,
    proj_size: int,
    directions: int,
    device: str,
    bf16: bool = False,
) -> KernelChoice:
    """Return how a layer is computed.

    Args:
        distinct_vectors: the number of input vectors to multiply by the input weights: 0 for one-hot vectors given as
            ids, the rows of the table for a `Lookup`, `real_time_steps` otherwise.
        rows: the rows of the batch.
        time: the time steps of the padded batch.
        real_time_steps: the time steps of all rows together, without padding.
        input_size: the width of the layer's input.
        hidden_size: the width of the cell.
        proj_size: the width of the projection; 0 for none.
        directions: 1 or 2.
        device: the type of the device (`cpu`, `cuda`).
        bf16: whether matrix products are in bfloat16 (`seqkit.layers.precision`), which torch's kernel does not do.
    """
    if device != "cpu" or rows == 0:
        return KernelChoice(uses_lookup=False, uses_recurrence=False, row_chunks=1, parallel=False)
    # A product in bfloat16 takes nearly as long for half of the rows.
    row_chunks = MAX_JOBS // directions if rows >= MAX_JOBS * MIN_JOB_ROWS and not bf16 else 1
    products = row_chunks * distinct_vectors  # each chunk multiplies separately
    fraction = max(0, real_time_steps - products) / real_time_steps
    saved = saved_work(3 if distinct_vectors else 2, rows // row_chunks, fraction, input_size, hidden_size)
    uses_lookup = fraction > 0 and saved >= MIN_LOOKUP_WORK
    width = (proj_size or hidden_size) + input_size * (1 - fraction if uses_lookup else 1)
    is_large = real_time_steps * 4 * hidden_size * width >= MIN_JOB_WORK
    row_chunks = row_chunks if is_large else 1
    uses_recurrence = uses_lookup or proj_size > 0 or bf16 or (is_large and real_time_steps < MIN_FILL * rows * time)
    parallel = is_large and row_chunks * directions > 1
    return KernelChoice(
        uses_lookup,
        uses_recurrence,
        row_chunks,
        parallel,
        bidirectional_call=directions == 2 and not (parallel or uses_recurrence),
    )
