"""Checkpoints, from which a run resumes: their content, and writing them.

A checkpoint is a folder `checkpoints/step-N`, written under a temporary name and renamed once it is complete:

    model.safetensors      the current weights
    average.safetensors    the averages of the weights, if `train.average` is set
    best.safetensors       the best weights so far, if a validation split chooses them
    optimizer.safetensors  the state of the optimizer
    process-0.safetensors  for each training process: the encoder's carried state, and torch's random states
    state.json             the progress, the random states of NumPy and Python, and the state of the schedule
    manifest.json          the sha256 of each of these files, written last

A checkpoint between two epochs is called `step-N-epoch-E`, and is newer than the `step-N` inside the epoch.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save
from torch import Tensor

from seqkit.contracts import Optimizer, Schedule, State
from seqkit.errors import UsageError, describe_os_error
from seqkit.messages import message
from seqkit.modeling.model import Model
from seqkit.modeling.state import flatten
from seqkit.modeling.weights import Weights, copy_weights
from seqkit.runs.contents import FORMAT
from seqkit.runs.directory import RunDirectory
from seqkit.runs.files import sync_folder, to_json, write_file, write_synced
from seqkit.training.distributed import Communicator
from seqkit.training.progress import Progress

Files = dict[str, bytes]
"""The contents of a checkpoint's files, by name."""

_NAME = re.compile(r"step-[0-9]{9,18}(-epoch-[0-9]{9,18})?")


def snapshot(
    model: Model,
    optimizer: Optimizer | None,
    schedule: Schedule | None,
    progress: Progress,
    best: Weights | None,
    carried: State,
    communicator: Communicator,
    average: Weights | None = None,
) -> Files:
    """Return the files of a checkpoint in process 0, and none in other processes. Every process must call it.

    Args:
        model: the model, with its current weights.
        optimizer: the optimizer; None before the first step.
        schedule: the schedule; None before the first step.
        progress: the progress of the run.
        best: the best weights so far, or None if the last weights are the best.
        carried: the encoder's state that the next batch of the epoch starts from.
        communicator: the communicator of the distributed run.
        average: the averages of the weights, if there are any.
    """
    tensors, layout = flatten(carried, "carried")
    tensors |= {"rng": torch.get_rng_state()}
    if model.device.type == "cuda":
        tensors |= {"rng.cuda": torch.cuda.get_rng_state(model.device)}
    numpy_state: Any = np.random.get_state()
    kind, keys, position, has_gauss, gauss = numpy_state
    own = {
        "carried": layout,
        "numpy": [kind, keys.tolist(), position, has_gauss, gauss],
        "python": random.getstate(),
    }
    tensors_of_all = communicator.all_gather(save({name: part.cpu().contiguous() for name, part in tensors.items()}))
    states_of_all = communicator.all_gather(json.dumps(own).encode())
    if not communicator.is_first:
        return {}
    optimizer_state = {
        f"{number}.{name}": value.cpu().contiguous()
        for number, entry in (optimizer.state_dict()["state"] if optimizer else {}).items()
        for name, value in entry.items()
        if isinstance(value, Tensor)
    }
    state = {
        "format": FORMAT,
        "progress": progress.as_json(),
        "processes": [json.loads(process) for process in states_of_all],
    }
    if schedule and (schedule_state := schedule.state()):
        state["schedule"] = schedule_state
    files = {"model.safetensors": save(copy_weights(model)), "optimizer.safetensors": save(optimizer_state)}
    files |= {f"process-{rank}.safetensors": content for rank, content in enumerate(tensors_of_all)}
    if average:
        files["average.safetensors"] = save({name: weight.cpu().contiguous() for name, weight in average.items()})
    if best is not None:
        files["best.safetensors"] = save(best)
    files["state.json"] = to_json(state).encode()
    files["manifest.json"] = to_json({name: sha256_of(content) for name, content in files.items()}).encode()
    return files


def checkpoint_name(progress: Progress) -> str:
    """Return the name of a checkpoint's folder. The names of newer checkpoints sort after those of older ones."""
    name = f"step-{progress.step:09d}"
    return name if progress.step_in_epoch else f"{name}-epoch-{progress.epoch:09d}"


def write_checkpoint(run: RunDirectory, files: Files, progress: Progress, chosen: Weights | None = None) -> Path:
    """Write the best weights to the run directory, then a checkpoint, and then remove the older checkpoints.

    Args:
        run: the run directory.
        files: the files of the checkpoint.
        progress: the progress of the run.
        chosen: the weights to write to the run directory, if they are neither the best nor the current ones.

    Raises:
        UsageError: it cannot be written. The previous checkpoint is intact.
    """
    write_file(run.model, save(chosen) if chosen else files.get("best.safetensors", files["model.safetensors"]))
    target = run.checkpoints / checkpoint_name(progress)
    staged = run.checkpoints / f".{target.name}.{os.getpid()}"
    try:
        shutil.rmtree(staged, ignore_errors=True)
        staged.mkdir()
        for name, content in files.items():
            write_synced(staged / name, content)
        sync_folder(staged)
        if target.exists():  # only if it was corrupt, and training resumed from an older one
            shutil.rmtree(target)
        staged.rename(target)
        sync_folder(run.checkpoints)
    except OSError as error:
        shutil.rmtree(staged, ignore_errors=True)
        raise UsageError(
            message(
                "{checkpoint}: cannot be written: {reason}; the previous checkpoint is intact",
                checkpoint=target,
                reason=describe_os_error(error),
            )
        ) from None
    for other in list_checkpoints(run):
        if other != target:
            shutil.rmtree(other, ignore_errors=True)
    return target


def list_checkpoints(run: RunDirectory) -> list[Path]:
    """Return the checkpoints of a run, newest first."""
    found = run.checkpoints.iterdir() if run.checkpoints.is_dir() else ()
    return sorted((path for path in found if _NAME.fullmatch(path.name) and not path.is_symlink()), reverse=True)


def sha256_of(content: bytes) -> str:
    """Return the sha256 of a file's content, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()
