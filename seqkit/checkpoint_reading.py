"""A checkpoint read, held to what it must be, and put back into model, optimizer and random generators.

It may be a stranger's, whose manifest agrees with whatever he has put there: nothing is taken for granted.
"""

from __future__ import annotations

import random
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load
from torch import Tensor

from seqkit.checkpoint import Files, Progress, list_checkpoints, sha256_of
from seqkit.contracts import State
from seqkit.errors import DataError
from seqkit.model import Model
from seqkit.optim import step as take_step
from seqkit.rundir import FORMAT, MAX_DEPTH, RunDirectory, json_object, read_json, read_whole, shown, wrong_format
from seqkit.tensor_files import tensors_of
from seqkit.weights import Weights, load_weights

_MOST = 10**18
"""No run counts so far, and a name has no more digits."""


@dataclass
class Checkpoint:
    """A checkpoint as read: weights by name and state as JSON types, not yet put into anything.

    Attributes:
        tensors: of this process alone.
        carried: what the encoder carries into the next step of the epoch.
    """

    path: Path
    progress: Progress
    model: Weights
    best: Weights | None
    moments: Weights
    tensors: Weights
    carried: State
    state: dict[str, Any]

    def restore(self, model: Model, optimizer: torch.optim.Optimizer) -> State:
        """Puts model, optimizer and random generators back to where they were; returns the carried state.

        Raises:
            DataError: it is not a checkpoint of this model and optimizer.
        """
        load_weights(model, self.model, self.path / "model.safetensors")
        try:
            optimizer.load_state_dict(optimizer.state_dict() | {"state": self._moments(optimizer)})
            torch.set_rng_state(self.tensors["rng"])
            if model.gpu and "rng.cuda" in self.tensors:
                torch.cuda.set_rng_state(self.tensors["rng.cuda"], model.gpu)
            kind, keys, position, has_gauss, gauss = self.state["numpy"]
            if not 0 <= position <= len(keys):  # which NumPy takes as it is, and reads there
                raise ValueError(f"NumPy's random state is at {shown(position)}")
            np.random.set_state((kind, np.array(keys, dtype=np.uint32), position, has_gauss, gauss))
            version, numbers, gauss_next = self.state["python"]
            random.setstate((version, tuple(numbers), gauss_next))
        except (LookupError, TypeError, ValueError, ArithmeticError, RuntimeError, AttributeError) as error:
            raise DataError(f"{self.path}: damaged: {' '.join(str(error).split())}") from None
        return self.carried_on(next(model.parameters()).device)

    def carried_on(self, device: torch.device) -> State:
        """Returns what the encoder carries into the next step, on the device where it computes."""
        return _moved(self.carried, device)

    def _moments(self, optimizer: torch.optim.Optimizer) -> dict[int, dict[str, Tensor]]:
        """Returns the optimizer's state by parameter. A fused kernel takes a moment's shape for granted.

        Raises:
            ValueError: it is not one of this optimizer.
        """
        parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
        kept = _names_of_moments(optimizer)
        state: dict[int, dict[str, Tensor]] = {}
        for name, tensor in self.moments.items():
            number, _, key = name.partition(".")
            if not number.isdecimal() or int(number) >= len(parameters) or key not in kept:
                raise ValueError(f"the optimizer keeps no {shown(name)}")
            shape = parameters[int(number)].shape if kept[key] else torch.Size()
            if tensor.shape != shape or not tensor.is_floating_point() or not tensor.isfinite().all():
                raise ValueError(f"{shown(name)} is not finite numbers of the shape {tuple(shape)}")
            state.setdefault(int(number), {})[key] = tensor
        for place, moments in state.items():
            if absent := sorted(kept.keys() - moments.keys()):
                raise ValueError(f"'{place}.{absent[0]}' of the optimizer is missing")
        return state


def _names_of_moments(optimizer: torch.optim.Optimizer) -> dict[str, bool]:
    """Returns what an optimizer keeps of each parameter, and of each whether it is of the parameter's shape."""
    parameter = torch.nn.Parameter(torch.zeros(2))
    parameter.grad = torch.zeros(2)
    fresh = type(optimizer)([parameter], **optimizer.defaults)
    take_step(fresh)
    return {
        name: value.shape == parameter.shape
        for name, value in fresh.state[parameter].items()
        if isinstance(value, Tensor)
    }


def newest_checkpoint(run: RunDirectory) -> tuple[Path | None, Files, list[str]]:
    """Reads the newest checkpoint that is whole.

    Returns:
        Its path, or None where there is none; its files; and for each that was passed over, why.
    """
    passed_over: list[str] = []
    for path in list_checkpoints(run):
        try:
            files = read_files(path)
            parse(path, files, 0)
            return path, files, passed_over
        except DataError as error:
            passed_over.append(str(error))
    return None, {}, passed_over


def read_files(path: Path) -> Files:
    """Returns the files of a checkpoint, each of them what the manifest says.

    Raises:
        DataError: one is missing or damaged.
    """
    manifest = read_json(path / "manifest.json")
    needed = {"model.safetensors", "optimizer.safetensors", "process-0.safetensors", "state.json"}
    others = {name for name in manifest if re.fullmatch(r"best\.safetensors|process-[0-9]{1,5}\.safetensors", name)}
    if not needed <= set(manifest) <= needed | others:
        raise DataError(f"{path / 'manifest.json'}: does not name the files of a checkpoint")
    files = {}
    for name, digest in manifest.items():
        file = path / name
        files[name] = read_whole(file)
        if sha256_of(files[name]) != digest:
            raise DataError(f"{file}: is not the file that was saved")
    return files


def parse(path: Path, files: Files, rank: int) -> Checkpoint:
    """Returns the checkpoint that a folder's files hold, as one process takes it.

    Raises:
        DataError: they hold something else.
    """
    state = json_object(files["state.json"], path / "state.json")
    if state.get("format") != FORMAT:
        raise DataError(f"{path}: {wrong_format(state.get('format'))}")
    own = f"process-{rank}.safetensors"
    try:
        processes = state["processes"]
        if len(processes) != sum(name.startswith("process-") for name in files):
            raise DataError(f"{path}: damaged: the processes of state.json are not those of its files")
        best = files.get("best.safetensors")
        tensors = tensors_of(files[own], path / own, load)
        return Checkpoint(
            path,
            _progress(state["progress"]),
            tensors_of(files["model.safetensors"], path / "model.safetensors", load),
            None if best is None else tensors_of(best, path / "best.safetensors", load),
            tensors_of(files["optimizer.safetensors"], path / "optimizer.safetensors", load),
            tensors,
            _unflatten(tensors, processes[rank]["carried"]),
            processes[rank],
        )
    except (LookupError, TypeError, ValueError, ArithmeticError, AttributeError) as error:
        raise DataError(f"{path}: damaged: {error}") from None


def processes_of(files: Files) -> int:
    """Returns how many processes a checkpoint was saved by."""
    return sum(name.startswith("process-") for name in files)


def _progress(values: dict[str, Any]) -> Progress:
    """Raises TypeError, ValueError or OverflowError where a value is not of its kind."""
    progress = Progress(**values)
    for name, value in asdict(progress).items():
        wanted = int | float | None if name == "best" else type(getattr(Progress, name))
        whole = isinstance(value, int) and wanted is float
        if isinstance(value, bool) or not (isinstance(value, wanted) or whole):
            raise TypeError(f"{name} is {shown(value)}")
        if name not in ("best", "loss_total", "ended") and not 0 <= value <= _MOST:
            raise ValueError(f"{name} is {shown(value)}")
        if wanted is not int and isinstance(value, int):
            setattr(progress, name, float(value))  # which JSON does not tell from a whole number
    if progress.step_in_epoch and not progress.loss_count:
        raise ValueError("loss_count is 0 after a step")
    return progress


def _unflatten(tensors: Weights, layout: Any, depth: int = 0) -> State:
    if layout is None:
        return None
    if isinstance(layout, str):
        return tensors[layout]
    if depth == MAX_DEPTH:
        raise ValueError(f"a carried state is nested more than {MAX_DEPTH} deep")
    return tuple(_unflatten(tensors, part, depth + 1) for part in layout)


def _moved(state: State, device: torch.device) -> State:
    if state is None or isinstance(state, Tensor):
        return state if state is None else state.to(device)
    return tuple(_moved(part, device) for part in state)
