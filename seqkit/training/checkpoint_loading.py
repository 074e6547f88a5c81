"""Read a checkpoint, and restore model, optimizer and random generators from it.

A checkpoint may be untrusted, and its manifest may match manipulated files: every value is checked before it is used.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load
from torch import Tensor

from seqkit.contracts import Optimizer, Schedule, State
from seqkit.errors import DataError
from seqkit.messages import format_value, message
from seqkit.modeling.model import Model
from seqkit.modeling.optimizers import expected_state
from seqkit.modeling.state import to_device, unflatten
from seqkit.modeling.weights import Weights, load_weights
from seqkit.runs.contents import FORMAT, explain_format
from seqkit.runs.directory import RunDirectory
from seqkit.runs.files import parse_json, read_bytes, read_json
from seqkit.runs.tensors import parse_tensors
from seqkit.training.checkpoint import Files, list_checkpoints, sha256_of
from seqkit.training.progress import Progress


@dataclass
class Checkpoint:
    """The content of a checkpoint, not yet restored.

    Attributes:
        path: the folder of the checkpoint.
        progress: the progress of the run.
        model: the current weights.
        best: the best weights, or None.
        average: the averages of the weights, or None.
        optimizer_state: tensors by `PARAMETER_NUMBER.NAME`.
        tensors: the random states and the carried state of this process.
        carried: the encoder's state that the next batch of the epoch starts from.
        state: the entry of state.json for this process.
        schedule: the state of the schedule; empty if it has none.
    """

    path: Path
    progress: Progress
    model: Weights
    best: Weights | None
    average: Weights | None
    optimizer_state: Weights
    tensors: Weights
    carried: State
    state: dict[str, Any]
    schedule: dict[str, Any]

    def restore(self, model: Model, optimizer: Optimizer, schedule: Schedule) -> State:
        """Restore model, optimizer, schedule and random generators, and return the carried state.

        Raises:
            DataError: it is not a checkpoint of this model, optimizer and schedule.
        """
        load_weights(model, self.model, self.path / "model.safetensors")
        try:
            optimizer.load_state_dict(optimizer.state_dict() | {"state": self._optimizer_entries(optimizer)})
            if self.schedule:
                schedule.restore(self.schedule)
            torch.set_rng_state(self.tensors["rng"])
            if model.device.type == "cuda" and "rng.cuda" in self.tensors:
                torch.cuda.set_rng_state(self.tensors["rng.cuda"], model.device)
            kind, keys, position, has_gauss, gauss = self.state["numpy"]
            if not 0 <= position <= len(keys):  # NumPy does not check it, and would read out of bounds
                raise ValueError(message("NumPy's random state is at {position}", position=format_value(position)))
            numbers = np.array(keys, dtype=np.int64)
            if (numbers != numbers.astype(np.uint32)).any():  # NumPy 1 wraps such numbers
                raise ValueError(message("a number of NumPy's random state does not fit 32 bits"))
            np.random.set_state((kind, numbers.astype(np.uint32), position, has_gauss, gauss))
            version, internal, gauss_next = self.state["python"]
            random.setstate((version, tuple(internal), gauss_next))
        except (LookupError, TypeError, ValueError, ArithmeticError, RuntimeError, AttributeError) as error:
            raise _corrupt(self.path, " ".join(str(error).split())) from None
        return self.carried_to(model.device)

    def carried_to(self, device: torch.device) -> State:
        """Return the carried state on a device."""
        return to_device(self.carried, device)

    def _optimizer_entries(self, optimizer: Optimizer) -> dict[int, dict[str, Tensor]]:
        """Return the state of the optimizer by parameter. Fused kernels do not check the shapes.

        Raises:
            ValueError: it is not the state of this optimizer.
        """
        owners = [(group, parameter) for group in optimizer.param_groups for parameter in group["params"]]
        shapes: dict[tuple[int, torch.Size], dict[str, torch.Size]] = {}

        def expected(number: int) -> dict[str, torch.Size]:
            group, parameter = owners[number]
            key = id(group), parameter.shape
            if key not in shapes:
                shapes[key] = expected_state(optimizer, group, parameter.shape)
            return shapes[key]

        entries: dict[int, dict[str, Tensor]] = {}
        for name, tensor in self.optimizer_state.items():
            number, _, key = name.partition(".")
            if not number.isdecimal() or int(number) >= len(owners) or key not in expected(int(number)):
                raise ValueError(message("the optimizer has no {name}", name=format_value(name)))
            shape = expected(int(number))[key]
            if tensor.shape != shape or not tensor.is_floating_point() or not tensor.isfinite().all():
                raise ValueError(
                    message(
                        "{name} of the optimizer must be finite numbers of the shape {shape}",
                        name=format_value(name),
                        shape=tuple(shape),
                    )
                )
            entries.setdefault(int(number), {})[key] = tensor
        for parameter, entry in entries.items():
            if missing := sorted(expected(parameter).keys() - entry.keys()):
                raise ValueError(
                    message("'{number}.{name}' of the optimizer is missing", number=parameter, name=missing[0])
                )
        return entries


def newest_checkpoint(run: RunDirectory) -> tuple[Path | None, Files, list[str]]:
    """Read the newest checkpoint that is intact.

    Returns:
        Its path, or None without one; its files; and the reason for each corrupt checkpoint that was skipped.
    """
    skipped: list[str] = []
    for path in list_checkpoints(run):
        try:
            files = read_files(path)
            parse(path, files, 0)
            return path, files, skipped
        except DataError as error:
            skipped.append(str(error))
    return None, {}, skipped


def read_files(path: Path) -> Files:
    """Return the files of a checkpoint, after comparing each with the manifest.

    Raises:
        DataError: a file is missing or corrupt.
    """
    manifest = read_json(path / "manifest.json")
    required = {"model.safetensors", "optimizer.safetensors", "process-0.safetensors", "state.json"}
    optional = {
        name for name in manifest if re.fullmatch(r"(average|best)\.safetensors|process-[0-9]{1,5}\.safetensors", name)
    }
    if not required <= set(manifest) <= required | optional:
        raise DataError(message("{file}: does not list the files of a checkpoint", file=path / "manifest.json"))
    files = {}
    for name, digest in manifest.items():
        file = path / name
        files[name] = read_bytes(file)
        if sha256_of(files[name]) != digest:
            raise DataError(message("{file}: corrupt: its sha256 differs from the manifest", file=file))
    return files


def parse(path: Path, files: Files, rank: int) -> Checkpoint:
    """Return the checkpoint that a folder's files contain, as one process restores it.

    Args:
        path: the folder.
        files: its files.
        rank: the rank of the process.

    Raises:
        DataError: the files are not those of a checkpoint.
    """
    state = parse_json(files["state.json"], path / "state.json")
    if state.get("format") != FORMAT:
        problem = explain_format(state.get("format"))
        raise DataError(message("{checkpoint}: {problem}", checkpoint=path, problem=problem))
    own = f"process-{rank}.safetensors"
    try:
        processes = state["processes"]
        if len(processes) != process_count(files):
            raise _corrupt(
                path,
                message(
                    "state.json has {count} processes, but there are files of {files}",
                    count=len(processes),
                    files=process_count(files),
                ),
            )
        best, average = files.get("best.safetensors"), files.get("average.safetensors")
        tensors = parse_tensors(files[own], path / own, load)
        return Checkpoint(
            path,
            Progress.from_json(state["progress"]),
            parse_tensors(files["model.safetensors"], path / "model.safetensors", load),
            None if best is None else parse_tensors(best, path / "best.safetensors", load),
            None if average is None else parse_tensors(average, path / "average.safetensors", load),
            parse_tensors(files["optimizer.safetensors"], path / "optimizer.safetensors", load),
            tensors,
            unflatten(tensors, processes[rank]["carried"]),
            processes[rank],
            dict(state.get("schedule", {})),
        )
    except (LookupError, TypeError, ValueError, ArithmeticError, AttributeError) as error:
        raise _corrupt(path, str(error)) from None


def process_count(files: Files) -> int:
    """Return the number of processes that saved a checkpoint."""
    return sum(name.startswith("process-") for name in files)


def _corrupt(path: Path, reason: str) -> DataError:
    if len(reason) > 200:  # it may quote a value of the checkpoint
        reason = f"{reason[:199]}…"
    return DataError(message("{checkpoint}: corrupt: {reason}", checkpoint=path, reason=reason))
