"""Communication between the processes of a distributed run, or the trivial communication of a single process.

Each process computes a shard of the rows of every batch. What is summed over a batch is also summed over the processes,
so that the run equals that of a single process with the same batches, up to the order of additions. Only process 0
reads and writes the run directory. Nothing that processes exchange is pickled.
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn

from seqkit.data.batching import Shard
from seqkit.errors import ConnectionLost, Interrupted, NotFiniteError, OtherProcessStopped, SeqkitError
from seqkit.messages import message

Result = TypeVar("Result")

_SIGNALS = (signal.SIGINT, signal.SIGTERM)

TIMEOUT = timedelta(hours=12)
"""The time that a process waits for another, which may be computing a baseline. A dead process is detected at once."""


class Communicator:
    """The communicator of a single process; base class of the others.

    Attributes:
        rank: the number of this process, from 0.
        size: the number of processes.
        local_size: the number of processes on this machine, which share its cores.
    """

    rank = 0
    size = 1
    local_size = 1

    @property
    def shard(self) -> Shard:
        return Shard(self.rank, self.size)

    @property
    def is_first(self) -> bool:
        """Whether this is process 0, which reads and writes the run directory."""
        return self.rank == 0

    def all_reduce_sum(self, *values: float, stop: int = 0) -> tuple[list[float], int]:
        """Return each value summed over the processes, and the signal that any of them received, or 0."""
        return list(values), stop

    def all_gather(self, content: bytes) -> list[bytes]:
        """Return the content of each process, in the order of their ranks, in every process."""
        return [content]

    def broadcast(self, content: bytes) -> bytes:
        """Return the content of process 0, in every process."""
        return content

    def wrap_ddp(self, model: nn.Module, compute_gradients: Callable[[], object]) -> nn.Module:
        """Return a model whose gradients are averaged over the processes.

        Args:
            model: the model of this process.
            compute_gradients: computes the gradients of one batch, to find out whether all weights receive one.
        """
        return model

    def run_or_fail_together(self, work: Callable[[], Result]) -> Result:
        """Run work that can fail in a single process. If it fails in one, all stop, and the error is reported once."""
        return work()


SINGLE = Communicator()


class TorchCommunicator(Communicator):
    """Several processes that communicate through torch.distributed: gloo between CPUs, nccl between GPUs.

    Args:
        device: the device of this process.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.rank, self.size = dist.get_rank(), dist.get_world_size()
        self.local_size = int(os.environ.get("LOCAL_WORLD_SIZE", self.size))
        # Numbers and files are exchanged between CPUs, even if gradients are exchanged between GPUs.
        self._cpu_group = dist.new_group(backend="gloo", timeout=TIMEOUT)

    def all_reduce_sum(self, *values: float, stop: int = 0) -> tuple[list[float], int]:
        stops = [float(stop == number) for number in _SIGNALS]
        total = torch.tensor([*values, *stops], dtype=torch.float64)
        dist.all_reduce(total, group=self._cpu_group)
        *summed, interrupted, terminated = total.tolist()
        return summed, signal.SIGTERM if terminated else signal.SIGINT if interrupted else 0

    def all_gather(self, content: bytes) -> list[bytes]:
        sizes = [torch.zeros(1, dtype=torch.long) for _ in range(self.size)]
        dist.all_gather(sizes, torch.tensor([len(content)]), group=self._cpu_group)
        longest = max(int(size) for size in sizes)
        parts = [torch.zeros(longest, dtype=torch.uint8) for _ in range(self.size)]
        own = torch.zeros(longest, dtype=torch.uint8)
        own[: len(content)] = _as_tensor(content)
        dist.all_gather(parts, own, group=self._cpu_group)
        return [part[: int(size)].numpy().tobytes() for part, size in zip(parts, sizes, strict=True)]

    def broadcast(self, content: bytes) -> bytes:
        size = torch.tensor([len(content)])
        dist.broadcast(size, 0, group=self._cpu_group)
        buffer = _as_tensor(content) if self.is_first else torch.zeros(int(size), dtype=torch.uint8)
        dist.broadcast(buffer, 0, group=self._cpu_group)
        return content if self.is_first else buffer.numpy().tobytes()

    def wrap_ddp(self, model: nn.Module, compute_gradients: Callable[[], object]) -> nn.Module:
        with torch.random.fork_rng(devices=[self.device] if self.device.type == "cuda" else []):
            compute_gradients()
        unused = any(weight.requires_grad and weight.grad is None for weight in model.parameters())
        model.zero_grad()
        # Without device_ids the batch is not moved: its lengths belong on the CPU.
        return nn.parallel.DistributedDataParallel(model, find_unused_parameters=unused)

    def run_or_fail_together(self, work: Callable[[], Result]) -> Result:
        result, error = None, None
        try:
            result = work()
        except SeqkitError as raised:
            error = raised
        report = {} if error is None else {"code": error.exit_code, "lines": error.lines}
        reports = [json.loads(content) for content in self.all_gather(json.dumps(report).encode())]
        failed = [(rank, report) for rank, report in enumerate(reports) if report]
        if not failed:
            return result  # type: ignore[return-value]
        if not self.is_first:
            raise OtherProcessStopped(failed[0][1]["code"])
        if error is not None:
            raise error
        rank, report = failed[0]
        raise OtherProcessStopped(report["code"], _name_process(rank, report["lines"]))


@contextmanager
def join_communicator(device: torch.device) -> Iterator[Communicator]:
    """Join the processes that torchrun started, or yield the communicator of a single process.

    Raises:
        ConnectionLost: another process has ended.
        OtherProcessStopped: this process stops because of an error that process 0 reports.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) < 2 or "MASTER_ADDR" not in os.environ:
        yield SINGLE
        return
    rank = int(os.environ.get("RANK", "0"))
    is_owner = not dist.is_initialized()
    try:
        if is_owner:
            _join("nccl" if device.type == "cuda" else "gloo")
        yield TorchCommunicator(device)
    except (Interrupted, NotFiniteError) as error:  # raised in every process at the same step
        raise error if rank == 0 else OtherProcessStopped(error.exit_code) from None
    except OtherProcessStopped:
        raise
    except SeqkitError as error:
        raise error if rank == 0 else OtherProcessStopped(error.exit_code, _name_process(rank, error.lines)) from None
    except RuntimeError as error:
        if not _is_connection_lost(error):
            raise
        raise ConnectionLost(
            message(
                "process {rank} lost its connection: another process has stopped; "
                "the last checkpoint is intact: resume with `seqkit resume RUN`",
                rank=rank,
            )
        ) from error
    finally:
        if is_owner and dist.is_initialized():
            dist.destroy_process_group()


def _join(backend: str) -> None:
    """Join the processes that the environment variables describe.

    torchrun can reuse its store when it restarts the processes, with the entries of the dead processes in it. Each
    attempt therefore uses a separate prefix in the store.
    """
    store, rank, size = next(dist.rendezvous("env://", timeout=TIMEOUT))
    attempt = dist.PrefixStore(f"attempt-{os.environ.get('TORCHELASTIC_RESTART_COUNT', '0')}", store)
    dist.init_process_group(backend, store=attempt, rank=rank, world_size=size, timeout=TIMEOUT)


def launcher_id() -> str:
    """Return an identifier of the torchrun that started this process, the same after a restart; empty without one."""
    if "TORCHELASTIC_RUN_ID" not in os.environ:
        return ""
    parent = os.getppid()
    try:
        with open(f"/proc/{parent}/stat", encoding="utf-8") as file:  # noqa: PTH123
            start_time = file.read().rpartition(")")[2].split()[19]
    except (OSError, IndexError):  # without /proc, the process number alone must suffice
        start_time = ""
    return f"{os.environ['TORCHELASTIC_RUN_ID']} {parent} {start_time}".strip()


def is_restart() -> bool:
    """Return whether torchrun restarted these processes after some of them died."""
    return int(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")) > 0


def serialize(files: dict[str, bytes]) -> bytes:
    """Serialize files into one byte string, for `broadcast`: a line of JSON with names and sizes, then the contents."""
    sizes = {name: len(content) for name, content in files.items()}
    return b"\n".join([json.dumps(sizes).encode(), b"".join(files.values())])


def deserialize(content: bytes) -> dict[str, bytes]:
    """Return the files that `serialize` serialized."""
    header, _, rest = content.partition(b"\n")
    files, start = {}, 0
    for name, size in json.loads(header).items():
        files[name] = rest[start : start + size]
        start += size
    return files


def _name_process(rank: int, lines: Sequence[str]) -> list[str]:
    return [message("process {rank}: {line}", rank=rank, line=line) for line in lines]


def _as_tensor(content: bytes) -> Tensor:
    return torch.frombuffer(bytearray(content), dtype=torch.uint8) if content else torch.zeros(0, dtype=torch.uint8)


def _is_connection_lost(error: RuntimeError) -> bool:
    words = ("Connection closed", "Connection reset", "gloo", "NCCL", "Broken pipe", "recv", "rendezvous")
    return isinstance(error, dist.DistError) or any(word in str(error) for word in words)
