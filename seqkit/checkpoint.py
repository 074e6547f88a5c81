"""What a run that was stopped goes on from.

A checkpoint is a folder `checkpoints/step-N`, staged beside its place and renamed once it is whole:

    model.safetensors      the weights as they are
    best.safetensors       the best weights so far, where a validation split chooses
    optimizer.safetensors  the optimizer's moments, the carried state, torch's random state
    state.json             where training stands, and the random states of NumPy and Python
    manifest.json          the sha256 of each of these, written last
"""

from __future__ import annotations

import hashlib
import os
import random
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from seqkit.contracts import State
from seqkit.errors import DataError, UsageError
from seqkit.model import Model
from seqkit.rundir import FORMAT, RunDirectory, read_json, shown, size_of, sync_folder, to_json, write_whole

Weights = dict[str, Tensor]


@dataclass
class Progress:
    """Where training stands.

    Attributes:
        epoch: epochs done.
        step: optimizer steps done in all.
        step_in_epoch: of these, in the epoch under way.
        loss_total, loss_count: summed over the epoch under way.
        best: the best value of the chosen metric so far; None before the first evaluation.
        best_epoch: when that was.
        stale: evaluations since.
        seconds: spent training.
        tokens: steps of rows trained on.
        metrics_bytes: the length of metrics.jsonl.
        ended: why a plugin ended training; empty while none has.
    """

    epoch: int = 0
    step: int = 0
    step_in_epoch: int = 0
    loss_total: float = 0.0
    loss_count: float = 0.0
    best: float | None = None
    best_epoch: int = 0
    stale: int = 0
    seconds: float = 0.0
    tokens: int = 0
    metrics_bytes: int = 0
    ended: str = ""


def weights_of(model: Model) -> Weights:
    """Returns a copy of the weights, on the CPU."""
    state = model.state_dict()
    return {name: tensor.detach().to("cpu", copy=True).contiguous() for name, tensor in state.items()}


def load_weights(model: Model, weights: Weights, where: Path) -> None:
    """Puts weights into a model.

    Raises:
        DataError: a name or a shape is not the model's.
    """
    own = model.state_dict()
    if odd := sorted(set(own) ^ set(weights)):
        raise DataError(f"{where}: '{odd[0]}' is {'missing' if odd[0] in own else 'not part of the model'}")
    for name, tensor in own.items():
        if weights[name].shape != tensor.shape:
            raise DataError(f"{where}: '{name}' has the shape {tuple(weights[name].shape)}, not {tuple(tensor.shape)}")
    model.load_state_dict(weights)


def read_weights(path: Path) -> Weights:
    """Reads a safetensors file.

    Raises:
        DataError: it is missing or damaged.
    """
    size_of(path)
    try:
        return load(path.read_bytes())
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from None
    except (SafetensorError, ValueError, KeyError) as error:
        raise DataError(f"{path}: damaged: {error}") from None


def save_checkpoint(
    run: RunDirectory,
    model: Model,
    optimizer: torch.optim.Optimizer,
    progress: Progress,
    best: Weights | None,
    carried_state: State,
) -> Path:
    """Writes the best weights where a run keeps them, then a checkpoint, and then removes the older checkpoints.

    Args:
        best: the best weights so far, or None where nothing chooses and the last are the best.
        carried_state: what the encoder carries into the next step of the epoch.

    Raises:
        UsageError: it cannot be written; what was there before still stands.
    """
    write_whole(run.model, save(weights_of(model) if best is None else best))
    target = run.checkpoints / f"step-{progress.step:09d}"
    staged = run.checkpoints / f".{target.name}.{os.getpid()}"
    tensors, layout = _flatten(carried_state)
    tensors |= {"rng": torch.get_rng_state()}
    for number, entry in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{number}.{name}": value for name, value in entry.items() if isinstance(value, Tensor)}
    numpy_state: Any = np.random.get_state()
    kind, keys, position, has_gauss, gauss = numpy_state
    state = {
        "format": FORMAT,
        "progress": asdict(progress),
        "carried": layout,
        "numpy": [kind, keys.tolist(), position, has_gauss, gauss],
        "python": random.getstate(),
    }
    files = {
        "model.safetensors": save(weights_of(model)),
        "optimizer.safetensors": save({name: tensor.cpu().contiguous() for name, tensor in tensors.items()}),
        "state.json": to_json(state).encode(),
    }
    if best is not None:
        files["best.safetensors"] = save(best)
    manifest = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    files["manifest.json"] = to_json(manifest).encode()
    try:
        shutil.rmtree(staged, ignore_errors=True)
        staged.mkdir(parents=True)
        for name, content in files.items():
            with (staged / name).open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        sync_folder(staged)
        if target.exists():  # the same step saved before: of equal content, or damaged
            shutil.rmtree(target)
        staged.rename(target)
        sync_folder(run.checkpoints)
    except OSError as error:
        shutil.rmtree(staged, ignore_errors=True)
        message = f"{target}: cannot be written: {error.strerror}; the checkpoint before it still stands"
        raise UsageError(message) from None
    for older in list_checkpoints(run):
        if older != target:
            shutil.rmtree(older, ignore_errors=True)
    return target


def list_checkpoints(run: RunDirectory) -> list[Path]:
    """Returns the checkpoints, newest first."""
    found = run.checkpoints.glob("step-*") if run.checkpoints.is_dir() else []
    return sorted((path for path in found if path.name[5:].isdecimal() and not path.is_symlink()), reverse=True)


@dataclass
class Checkpoint:
    """A checkpoint as read: weights by name and state as JSON types, not yet put into anything."""

    path: Path
    model: Weights
    best: Weights | None
    tensors: Weights
    state: dict[str, Any]

    @property
    def progress(self) -> Progress:
        return Progress(**self.state["progress"])

    def restore(self, model: Model, optimizer: torch.optim.Optimizer) -> State:
        """Puts model, optimizer and random generators back to where they were; returns the carried state."""
        load_weights(model, self.model, self.path)
        state = optimizer.state_dict()
        for name, tensor in self.tensors.items():
            if name.startswith("optimizer."):
                _, number, key = name.split(".")
                state["state"].setdefault(int(number), {})[key] = tensor
        optimizer.load_state_dict(state)
        torch.set_rng_state(self.tensors["rng"])
        kind, keys, position, has_gauss, gauss = self.state["numpy"]
        np.random.set_state((kind, np.array(keys, dtype=np.uint32), position, has_gauss, gauss))
        version, numbers, gauss_next = self.state["python"]
        random.setstate((version, tuple(numbers), gauss_next))
        return _unflatten(self.tensors, self.state["carried"])


def newest_checkpoint(run: RunDirectory) -> tuple[Checkpoint | None, list[str]]:
    """Reads the newest checkpoint that is whole.

    Returns:
        It, or None where there is none; and for each that was passed over, why.
    """
    passed_over: list[str] = []
    for path in list_checkpoints(run):
        try:
            return read_checkpoint(path), passed_over
        except DataError as error:
            passed_over.append(str(error))
    return None, passed_over


def read_checkpoint(path: Path) -> Checkpoint:
    """Reads and verifies a checkpoint.

    Raises:
        DataError: a file is missing, or is not what the manifest says.
    """
    manifest = read_json(path / "manifest.json")
    names = {"model.safetensors", "optimizer.safetensors", "state.json"}
    if not names <= set(manifest) <= names | {"best.safetensors"}:
        raise DataError(f"{path}: the manifest does not name the files of a checkpoint")
    content = {}
    for name, digest in manifest.items():
        try:
            content[name] = (path / name).read_bytes()
        except OSError as error:
            raise DataError(f"{path / name}: cannot be read: {error.strerror}") from None
        if hashlib.sha256(content[name]).hexdigest() != digest:
            raise DataError(f"{path / name}: is not the file that was saved")
    state = read_json(path / "state.json")
    if state.get("format") != FORMAT:
        raise DataError(f"{path}: format {shown(state.get('format'))}; this version of seqkit reads format {FORMAT}")
    try:
        checkpoint = Checkpoint(
            path,
            load(content["model.safetensors"]),
            load(content["best.safetensors"]) if "best.safetensors" in content else None,
            load(content["optimizer.safetensors"]),
            state,
        )
        _ = checkpoint.progress
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise DataError(f"{path}: damaged: {error}") from None
    return checkpoint


def _flatten(state: State, name: str = "carried") -> tuple[Weights, Any]:
    """Returns a nested state as tensors by name, and its layout: a name, a list of layouts, or None."""
    if state is None:
        return {}, None
    if isinstance(state, Tensor):
        return {name: state}, name
    parts = [_flatten(part, f"{name}.{number}") for number, part in enumerate(state)]
    return {key: tensor for tensors, _ in parts for key, tensor in tensors.items()}, [layout for _, layout in parts]


def _unflatten(tensors: Weights, layout: Any) -> State:
    if layout is None:
        return None
    return tensors[layout] if isinstance(layout, str) else tuple(_unflatten(tensors, part) for part in layout)
