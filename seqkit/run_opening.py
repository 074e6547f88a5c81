"""The run directory that a run writes: made new, or opened again to go on from its newest checkpoint."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqkit.errors import DataError, UsageError
from seqkit.needed_plugins import refuse_if_older
from seqkit.prepare import fitted_document, refuse_if_different
from seqkit.recipe import Recipe
from seqkit.rundir import RunDirectory, to_json

if TYPE_CHECKING:
    from seqkit.checkpoint_reading import Checkpoint
    from seqkit.contracts import State
    from seqkit.experiment import Ready
    from seqkit.world import World


def run_directory(
    ready: Ready, recipe: Recipe, runs: Path, resume: Any, report: Any, world: World, held: ExitStack
) -> tuple[RunDirectory, Checkpoint | None]:
    """Makes a run directory or opens the one to resume, in process 0, and tells the others.

    Args:
        held: what is to be given back when the run ends.

    Returns:
        It, and the checkpoint to go on from where there is one.

    Raises:
        UsageError, DataError: it cannot be made, or not be gone on with.
    """
    from seqkit.checkpoint import Progress, checkpoint_name, take_snapshot
    from seqkit.checkpoint_reading import parse
    from seqkit.world import is_restart, launched_by, packed, unpacked

    launcher = launched_by()
    if resume is None and is_restart() and world.rank == 0:
        resume = _begun_by(launcher, runs, ready.plan.name)
        report.note("torchrun starts again" + (f": going on with {resume}" if resume else ": nothing was saved yet"))
    resumes = world.from_first(str(resume or "").encode()).decode()
    first = {} if resumes else take_snapshot(ready.model, None, Progress(), None, None, world)

    def opened() -> dict[str, bytes]:
        if world.rank > 0:
            return {}
        if resumes:
            run = RunDirectory.open(resumes)
            held.enter_context(run.locked())
            found, files = _newest(run, ready.document, report, world.size)
            return {"run": resumes.encode(), "checkpoint": str(found).encode()} | files
        texts = {
            "recipe": recipe.text,
            "plan": to_json(ready.document),
            "tokenizer": to_json(fitted_document(ready.prepared)),
        }
        place = RunDirectory(Path())
        files = {str(getattr(place, name)): text.encode() for name, text in texts.items()}
        files |= {str(place.model): first["model.safetensors"], str(place.metrics): b""}
        files |= {str(place.checkpoints / checkpoint_name(Progress()) / name): part for name, part in first.items()}
        files |= {str(place.launched_by): launcher.encode()} if launcher else {}
        run = RunDirectory.create(runs, ready.plan.name, files)
        held.enter_context(run.locked())
        return {"run": str(run.path).encode()}

    files = unpacked(world.from_first(packed(world.together(opened))))
    run = RunDirectory(Path(files.pop("run").decode()))
    if "checkpoint" not in files:
        return run, None
    path = Path(files.pop("checkpoint").decode())

    def parsed() -> Checkpoint:
        checkpoint = parse(path, files, world.rank)
        _refuse_if_impossible(checkpoint, ready, world)
        return checkpoint

    return run, world.together(parsed)


def _begun_by(launcher: str, runs: Path, name: str) -> Path | None:
    """Returns the run directory that this torchrun has begun, before some of its processes died."""
    for path in sorted(runs.glob(f"{name}-*"), key=lambda path: path.name, reverse=True):
        mark = RunDirectory(path).launched_by
        if mark.is_file() and mark.read_bytes() == launcher.encode():
            return path
    return None


def _newest(run: RunDirectory, document: dict[str, Any], report: Any, processes: int) -> tuple[Path, dict[str, bytes]]:
    """Returns the newest whole checkpoint of a run that is to be resumed, and tells which were passed over.

    Raises:
        UsageError, DataError: the recipe, the data or the number of processes is another, or there is no checkpoint.
    """
    from seqkit.checkpoint_reading import newest_checkpoint, parse, processes_of

    refuse_if_different(run, document)
    _compare_versions(run, document, report)
    path, files, passed_over = newest_checkpoint(run)
    for reason in passed_over:
        report.note(f"passed over: {reason}")
    if path is None:
        raise DataError(f"{run.path}: holds no checkpoint that is whole: start it again without --resume")
    if (saved_by := processes_of(files)) != processes:
        raise UsageError(f"{run.path}: was trained by {saved_by} at a time: resume it with --processes {saved_by}")
    run.sweep()
    report.note(f"going on from step {parse(path, files, 0).progress.step:,}: {path}")
    return path, files


def _compare_versions(run: RunDirectory, document: dict[str, Any], report: Any) -> None:
    """Raises PluginError where a plugin is older than the one that the run began with; tells what else is another."""
    plan = run.read_plan()
    here = {(each["kind"], each["name"]): each for each in document["components"]}
    for recorded in plan["components"]:
        if installed := here.get((recorded.get("kind"), recorded.get("name"))):
            refuse_if_older(run.path, recorded, installed["distribution"], installed["version"])
    before = plan.get("versions")
    for name, version in sorted(document["versions"].items()):
        if isinstance(before, dict) and isinstance(before.get(name), str) and before[name] != version:
            report.note(f"begun with {name} {before[name][:40]}, and {version} is here: the numbers may differ")


def _refuse_if_impossible(checkpoint: Checkpoint, ready: Ready, world: World) -> None:
    """Raises DataError where a checkpoint stands at a step that this run does not have, or carries another's state.

    A stranger may have made it: training would go on for ever, or fail deep inside torch.
    """
    import torch

    from seqkit.batches import to_device
    from seqkit.evaluate import split_batches
    from seqkit.optim import run_length

    plan, model, progress = ready.plan, ready.model, checkpoint.progress
    batches = split_batches(ready.prepared.splits["train"], plan.train, model.encoder.causal, plan.seed, world.share)
    length = run_length(plan.train, len(batches))
    begun = progress.epoch * len(batches) + progress.step_in_epoch
    at_end = progress.step == length.steps and progress.epoch == length.epochs and not progress.step_in_epoch
    if progress.step > length.steps or progress.step_in_epoch > len(batches) or not (progress.step == begun or at_end):
        where = f"step {progress.step:,} in epoch {progress.epoch:,}"
        raise DataError(f"{checkpoint.path}: damaged: it is of {where}, which this run does not have")
    if progress.step_in_epoch == 0:
        if checkpoint.carried is not None:
            raise DataError(f"{checkpoint.path}: damaged: nothing is carried from epoch to epoch")
        return
    last = to_device(next(iter(batches.epoch(progress.epoch, progress.step_in_epoch - 1))).batch, ready.device)
    try:
        with torch.no_grad(), torch.random.fork_rng(devices=range(torch.cuda.device_count())):
            fits = _alike(checkpoint.carried, model.encode(last.inputs, last.lengths).state)
            if fits and getattr(batches, "carry", False):
                model.encode(last.inputs, last.lengths, checkpoint.carried_on(ready.device))
    except Exception as error:  # an encoder may trip over another's state in any way
        raise DataError(f"{checkpoint.path}: damaged: the state carried on fails: {str(error)[:200]}") from None
    if not fits:
        raise DataError(f"{checkpoint.path}: damaged: the state carried on is not this encoder's")


def _alike(one: State, other: State) -> bool:
    """Returns whether two states are made of as many tensors for as many rows; how wide they are, they may say."""
    if isinstance(one, tuple) and isinstance(other, tuple | list):
        return len(one) == len(other) and all(map(_alike, one, other))
    if one is None or other is None or isinstance(one, tuple) or isinstance(other, tuple | list):
        return one is other
    return one.dtype == other.dtype and one.dim() == other.dim() and one.shape[:1] == other.shape[:1]
