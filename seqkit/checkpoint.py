"""What a run that was stopped goes on from.

A checkpoint is a folder `checkpoints/step-N`, staged beside its place and renamed once it is whole:

    model.safetensors      the weights as they are
    best.safetensors       the best weights so far, where a validation split chooses
    optimizer.safetensors  the optimizer's moments
    process-0.safetensors  of each process that trains: the encoder's state carried on, and torch's random states
    state.json             where training stands, and the random states of NumPy and Python
    manifest.json          the sha256 of each of these, written last

One that is saved between two epochs is called `step-N-epoch-E`, and is newer than the `step-N` inside the epoch.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import re
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save
from torch import Tensor

from seqkit.contracts import State
from seqkit.errors import UsageError
from seqkit.model import Model
from seqkit.rundir import (
    FORMAT,
    RunDirectory,
    sync_folder,
    to_json,
    write_durably,
    write_whole,
)
from seqkit.weights import Weights, weights_of
from seqkit.world import World

Files = dict[str, bytes]

_NAME = re.compile(r"step-[0-9]{9,18}(-epoch-[0-9]{9,18})?")


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


def take_snapshot(
    model: Model,
    optimizer: torch.optim.Optimizer | None,
    progress: Progress,
    best: Weights | None,
    carried_state: State,
    world: World,
) -> Files:
    """Returns a checkpoint's files, on process 0; every process has to call it.

    Args:
        optimizer: None before the first step.
        best: the best weights so far, or None where nothing chooses and the last are the best.
        carried_state: what the encoder carries into the next step of the epoch.
    """
    tensors, layout = _flatten(carried_state)
    tensors |= {"rng": torch.get_rng_state()}
    if model.gpu:
        tensors |= {"rng.cuda": torch.cuda.get_rng_state(model.gpu)}
    numpy_state: Any = np.random.get_state()
    kind, keys, position, has_gauss, gauss = numpy_state
    own = {
        "carried": layout,
        "numpy": [kind, keys.tolist(), position, has_gauss, gauss],
        "python": random.getstate(),
    }
    own_tensors = world.gather(save({name: tensor.cpu().contiguous() for name, tensor in tensors.items()}))
    own_states = world.gather(json.dumps(own).encode())
    if world.rank > 0:
        return {}
    moments = {
        f"{number}.{name}": value.cpu().contiguous()
        for number, entry in (optimizer.state_dict()["state"] if optimizer else {}).items()
        for name, value in entry.items()
        if isinstance(value, Tensor)
    }
    state = {
        "format": FORMAT,
        "progress": asdict(progress),
        "processes": [json.loads(process) for process in own_states],
    }
    files = {"model.safetensors": save(weights_of(model)), "optimizer.safetensors": save(moments)}
    files |= {f"process-{rank}.safetensors": content for rank, content in enumerate(own_tensors)}
    if best is not None:
        files["best.safetensors"] = save(best)
    files["state.json"] = to_json(state).encode()
    files["manifest.json"] = to_json({name: sha256_of(content) for name, content in files.items()}).encode()
    return files


def checkpoint_name(progress: Progress) -> str:
    """Returns the name of a checkpoint's folder; of two, the newer one's comes later in the alphabet."""
    name = f"step-{progress.step:09d}"
    return name if progress.step_in_epoch else f"{name}-epoch-{progress.epoch:09d}"


def write_checkpoint(run: RunDirectory, files: Files, progress: Progress) -> Path:
    """Writes the best weights where a run keeps them, then a checkpoint, and then removes the older checkpoints.

    Raises:
        UsageError: it cannot be written; what was there before still stands.
    """
    write_whole(run.model, files.get("best.safetensors", files["model.safetensors"]))
    target = run.checkpoints / checkpoint_name(progress)
    staged = run.checkpoints / f".{target.name}.{os.getpid()}"
    try:
        shutil.rmtree(staged, ignore_errors=True)
        staged.mkdir()
        for name, content in files.items():
            write_durably(staged / name, content)
        sync_folder(staged)
        if target.exists():  # only where it was found damaged, and training went on from an older one
            shutil.rmtree(target)
        staged.rename(target)
        sync_folder(run.checkpoints)
    except OSError as error:
        shutil.rmtree(staged, ignore_errors=True)
        message = f"{target}: cannot be written: {error.strerror}; the checkpoint before it still stands"
        raise UsageError(message) from None
    for other in list_checkpoints(run):
        if other != target:
            shutil.rmtree(other, ignore_errors=True)
    return target


def list_checkpoints(run: RunDirectory) -> list[Path]:
    """Returns the checkpoints, newest first."""
    found = run.checkpoints.iterdir() if run.checkpoints.is_dir() else ()
    return sorted((path for path in found if _NAME.fullmatch(path.name) and not path.is_symlink()), reverse=True)


def sha256_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _flatten(state: State, name: str = "carried") -> tuple[Weights, Any]:
    """Returns a nested state as tensors by name, and its layout: a name, a list of layouts, or None."""
    if state is None:
        return {}, None
    if isinstance(state, Tensor):
        return {name: state}, name
    parts = [_flatten(part, f"{name}.{number}") for number, part in enumerate(state)]
    return {key: tensor for tensors, _ in parts for key, tensor in tensors.items()}, [layout for _, layout in parts]
