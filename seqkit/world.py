"""The processes that train one model together: this one alone, or those that torchrun started.

Each process computes its share of the rows of every batch. What is summed over a batch is summed over the processes
too, so that the run is the one that a single process with the same batches would make, up to the order of additions.
Process 0 alone reads and writes the run directory; nothing that passes between them is pickled.
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, NamedTuple, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn

from seqkit.errors import Interrupted, NotFiniteError, PeerStopped, ProcessLost, SeqkitError

Result = TypeVar("Result")

_SIGNALS = (signal.SIGINT, signal.SIGTERM)

PATIENCE = timedelta(hours=12)
"""How long one process waits for another, which may be computing a baseline. One that has died is noticed at once."""


class Share(NamedTuple):
    """Which rows of a batch are a process's own: every `size`-th from `rank` on."""

    rank: int = 0
    size: int = 1


WHOLE = Share()


class World:
    """One process alone.

    Attributes:
        rank: the number of this process, from 0.
        size: how many there are.
        local_size: how many of them are on this machine, and share its cores.
    """

    rank = 0
    size = 1
    local_size = 1

    @property
    def share(self) -> Share:
        return Share(self.rank, self.size)

    def sums(self, *values: float, stop: int = 0) -> tuple[list[float], int]:
        """Returns each value summed over the processes, and the signal that any of them was asked to stop by, or 0."""
        return list(values), stop

    def gather(self, content: bytes) -> list[bytes]:
        """Returns what each process gave, in their order, on every process."""
        return [content]

    def from_first(self, content: bytes) -> bytes:
        """Returns what process 0 gave, on every process."""
        return content

    def parallel(self, model: nn.Module, try_out: Callable[[], Any]) -> Any:
        """Returns a model whose gradients are averaged over the processes.

        Args:
            try_out: computes the gradients of one batch, which shows whether all weights get one.
        """
        return model

    def together(self, work: Callable[[], Result]) -> Result:
        """Does work that may fail in one process and not in another; where one fails, all stop, and it is told once."""
        return work()


ALONE = World()


class Processes(World):
    """Several processes, joined by torch.distributed: gloo between CPUs, nccl between GPUs.

    Args:
        device: what this process computes on.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.rank, self.size = dist.get_rank(), dist.get_world_size()
        self.local_size = int(os.environ.get("LOCAL_WORLD_SIZE", self.size))
        # Numbers and files pass between CPUs, whatever the gradients pass between.
        self._cpus = dist.new_group(backend="gloo", timeout=PATIENCE)

    def sums(self, *values: float, stop: int = 0) -> tuple[list[float], int]:
        asked = [float(stop == number) for number in _SIGNALS]
        total = torch.tensor([*values, *asked], dtype=torch.float64)
        dist.all_reduce(total, group=self._cpus)
        *summed, interrupted, terminated = total.tolist()
        return summed, signal.SIGTERM if terminated else signal.SIGINT if interrupted else 0

    def gather(self, content: bytes) -> list[bytes]:
        sizes = [torch.zeros(1, dtype=torch.long) for _ in range(self.size)]
        dist.all_gather(sizes, torch.tensor([len(content)]), group=self._cpus)
        longest = max(int(size) for size in sizes)
        parts = [torch.zeros(longest, dtype=torch.uint8) for _ in range(self.size)]
        own = torch.zeros(longest, dtype=torch.uint8)
        own[: len(content)] = _as_tensor(content)
        dist.all_gather(parts, own, group=self._cpus)
        return [part[: int(size)].numpy().tobytes() for part, size in zip(parts, sizes, strict=True)]

    def from_first(self, content: bytes) -> bytes:
        size = torch.tensor([len(content)])
        dist.broadcast(size, 0, group=self._cpus)
        buffer = _as_tensor(content) if self.rank == 0 else torch.zeros(int(size), dtype=torch.uint8)
        dist.broadcast(buffer, 0, group=self._cpus)
        return content if self.rank == 0 else buffer.numpy().tobytes()

    def parallel(self, model: nn.Module, try_out: Callable[[], Any]) -> Any:
        with torch.random.fork_rng(devices=[self.device] if self.device.type == "cuda" else []):
            try_out()
        unused = any(weight.requires_grad and weight.grad is None for weight in model.parameters())
        model.zero_grad()
        # Without device_ids the batch stays where it is: its lengths belong on the CPU.
        return nn.parallel.DistributedDataParallel(model, find_unused_parameters=unused)

    def together(self, work: Callable[[], Result]) -> Result:
        result, fault = None, None
        try:
            result = work()
        except SeqkitError as error:
            fault = error
        told = {} if fault is None else {"code": fault.exit_code, "lines": fault.lines}
        told_by_all = [json.loads(report) for report in self.gather(json.dumps(told).encode())]
        failed = [(rank, report) for rank, report in enumerate(told_by_all) if report]
        if not failed:
            return result  # type: ignore[return-value]
        if self.rank > 0:
            raise PeerStopped(failed[0][1]["code"])
        if fault is not None:
            raise fault
        rank, report = failed[0]
        raise PeerStopped(report["code"], _of(rank, report["lines"]))


@contextmanager
def joined_world(device: torch.device) -> Iterator[World]:
    """Joins the processes that torchrun started, or yields the world of one.

    Raises:
        ProcessLost: another process has gone.
        PeerStopped: this process and the others stop for a reason that process 0 tells.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) < 2 or "MASTER_ADDR" not in os.environ:
        yield World()
        return
    rank = int(os.environ.get("RANK", "0"))
    began = not dist.is_initialized()
    try:
        if began:
            _join("nccl" if device.type == "cuda" else "gloo")
        yield Processes(device)
    except (Interrupted, NotFiniteError) as error:  # which all of them meet at the same step
        raise error if rank == 0 else PeerStopped(error.exit_code) from None
    except PeerStopped:
        raise
    except SeqkitError as error:
        raise error if rank == 0 else PeerStopped(error.exit_code, _of(rank, error.lines)) from None
    except RuntimeError as error:
        if not _is_lost(error):
            raise
        stands = "the last checkpoint stands: go on with --resume"
        raise ProcessLost(f"process {rank} has lost the others: one of them has stopped; {stands}") from error
    finally:
        if began and dist.is_initialized():
            dist.destroy_process_group()


def _join(backend: str) -> None:
    """Joins the processes of the environment's variables.

    torchrun may keep its store when it starts the processes anew, and what the dead ones left there would be taken for
    the living's: each attempt has its own part of it.
    """
    store, rank, size = next(dist.rendezvous("env://", timeout=PATIENCE))
    attempt = dist.PrefixStore(f"attempt-{os.environ.get('TORCHELASTIC_RESTART_COUNT', '0')}", store)
    dist.init_process_group(backend, store=attempt, rank=rank, world_size=size, timeout=PATIENCE)


def launched_by() -> str:
    """Returns what names the torchrun that started this process, the same after it starts its processes anew; or ''."""
    if "TORCHELASTIC_RUN_ID" not in os.environ:
        return ""
    parent = os.getppid()
    try:
        with open(f"/proc/{parent}/stat", encoding="utf-8") as file:  # noqa: PTH123
            started = file.read().rpartition(")")[2].split()[19]
    except (OSError, IndexError):  # a system without /proc: the number alone has to do
        started = ""
    return f"{os.environ['TORCHELASTIC_RUN_ID']} {parent} {started}".strip()


def is_restart() -> bool:
    """Returns whether torchrun has started these processes anew after some of them died."""
    return int(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")) > 0


def packed(files: dict[str, bytes]) -> bytes:
    """Returns files as one text of bytes, for `from_first`: their names and sizes in a line of JSON, then they."""
    sizes = {name: len(content) for name, content in files.items()}
    return b"\n".join([json.dumps(sizes).encode(), b"".join(files.values())])


def unpacked(content: bytes) -> dict[str, bytes]:
    header, _, rest = content.partition(b"\n")
    files, start = {}, 0
    for name, size in json.loads(header).items():
        files[name] = rest[start : start + size]
        start += size
    return files


def _of(rank: int, lines: Sequence[str]) -> list[str]:
    return [f"process {rank}: {line}" for line in lines]


def _as_tensor(content: bytes) -> Tensor:
    return torch.frombuffer(bytearray(content), dtype=torch.uint8) if content else torch.zeros(0, dtype=torch.uint8)


def _is_lost(error: RuntimeError) -> bool:
    words = ("Connection closed", "Connection reset", "gloo", "NCCL", "Broken pipe", "recv", "rendezvous")
    return isinstance(error, dist.DistError) or any(word in str(error) for word in words)
