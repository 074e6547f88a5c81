"""The run directory that a run writes: made new, or opened again to go on from its newest checkpoint."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqkit.errors import DataError, UsageError
from seqkit.prepare import fitted_document, refuse_if_different
from seqkit.recipe import Recipe
from seqkit.rundir import RunDirectory, to_json

if TYPE_CHECKING:
    from seqkit.checkpoint import Checkpoint
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
    from seqkit.checkpoint import Progress, checkpoint_name, parse, take_snapshot
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
    return run, world.together(lambda: parse(path, files, world.rank))


def _begun_by(launcher: str, runs: Path, name: str) -> Path | None:
    """Returns the run directory that this torchrun has begun, before some of its processes died."""
    for path in sorted(runs.glob(f"{name}-*"), key=lambda path: path.name, reverse=True):
        mark = RunDirectory(path).launched_by
        if mark.is_file() and mark.read_text(encoding="utf-8") == launcher:
            return path
    return None


def _newest(run: RunDirectory, document: dict[str, Any], report: Any, processes: int) -> tuple[Path, dict[str, bytes]]:
    """Returns the newest whole checkpoint of a run that is to be resumed, and tells which were passed over.

    Raises:
        UsageError, DataError: the recipe, the data or the number of processes is another, or there is no checkpoint.
    """
    from seqkit.checkpoint import newest_checkpoint, parse, processes_of

    refuse_if_different(run, document)
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
