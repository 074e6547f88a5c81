"""The runs of a comparison: those that exist are taken, the others are resumed or trained."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from seqkit.compare.candidates import Candidate
from seqkit.compare.variants import Variant
from seqkit.errors import Interrupted, NotFiniteError, SeqkitError, UsageError
from seqkit.experiment import run_recipe
from seqkit.messages import message
from seqkit.recipe.plan import Plan
from seqkit.recipe.recipe import Recipe
from seqkit.recipe.resolve import resolve
from seqkit.recipe.saved import resolve_saved
from seqkit.registry.registry import Registry
from seqkit.runs.directory import RunDirectory
from seqkit.stop import NO_STOP, StopCheck
from seqkit.training.documents import check_same_recipe, file_digests

StopContext: TypeAlias = Callable[[], AbstractContextManager[StopCheck]]
"""Begins to handle signals: one context per run."""

INTERRUPTED = message("interrupted: the same command continues this comparison")


@dataclass
class Trial:
    """A candidate with a seed, or with a fold and a seed.

    Attributes:
        candidate: the candidate.
        variant: the seed and the fold.
        recipe: the recipe with them, as it was read.
        plan: the resolved recipe.
        run: its run directory; None if it is to be trained.
        failure: why it has no result; empty if it has one or is to be trained.
    """

    candidate: Candidate
    variant: Variant
    recipe: Recipe
    plan: Plan
    run: RunDirectory | None = None
    failure: str = ""

    @property
    def is_finished(self) -> bool:
        return self.run is not None and self.run.result.exists()


def make_trials(
    candidates: Sequence[Candidate], variants: Sequence[Variant], registry: Registry, runs: Path
) -> list[Trial]:
    """Resolve every candidate with every variant, and find the runs that exist.

    Args:
        candidates: the candidates.
        variants: the seeds, or the folds.
        registry: the installed components.
        runs: the folder of run directories.

    Returns:
        The trials, variant by variant, so that what slows the machine for a time slows every candidate.

    Raises:
        SeqkitError: a recipe is invalid.
    """
    trials = []
    for variant in variants:
        for candidate in candidates:
            recipe = candidate.recipe(variant)
            trials.append(Trial(candidate, variant, recipe, resolve(recipe, registry)))
    existing = list(_existing(runs))
    digests = {trial.candidate: file_digests(trial.plan) for trial in trials[: len(candidates)]}
    for trial in trials:
        trial.run = _find(trial.plan, digests[trial.candidate], existing, registry)
    return trials


def _existing(runs: Path) -> Iterator[tuple[RunDirectory, dict[str, Any]]]:
    """Yield the runs of a folder with their plan.json, finished ones first; a corrupt one is passed over."""
    directories = [RunDirectory(path) for path in sorted(runs.iterdir()) if path.is_dir()] if runs.is_dir() else []
    for directory in sorted(directories, key=lambda each: not each.result.exists()):
        try:
            document = RunDirectory.open(directory.path).read_plan()
        except SeqkitError:
            continue
        if not document.get("members"):
            yield directory, document


def _find(
    plan: Plan, digests: dict[str, str], existing: list[tuple[RunDirectory, dict[str, Any]]], registry: Registry
) -> RunDirectory | None:
    """Return the run of a plan on the same files."""
    for run, document in existing:
        recipe, files = document["recipe"], document.get("files_sha256")
        if recipe.get("name") != plan.name or recipe.get("seed") != plan.seed or files != digests:
            continue
        if "memory_sha256" in document or document.get("processes", 1) != 1:
            continue
        try:
            check_same_recipe(run, resolve_saved(run, document, registry), plan)
        except SeqkitError:
            continue
        return run
    return None


def train_trials(
    trials: Sequence[Trial],
    registry: Registry,
    runs: Path,
    report: Callable[[str], None],
    stop_context: StopContext = lambda: nullcontext(NO_STOP),
    command: str = "",
    callbacks: Sequence[object] = (),
) -> None:
    """Train or resume what is missing. A run whose loss is not finite has failed, and the others continue.

    Args:
        trials: the trials.
        registry: the installed components.
        runs: the folder in which run directories are created.
        report: receives a line before each run.
        stop_context: handles signals during a run.
        command: the command line, which is saved in the run directories; empty in Python.
        callbacks: as for `run_recipe`.

    Raises:
        Interrupted: a signal stopped a run, whose checkpoint is saved.
        SeqkitError: the data or a component is invalid.
    """
    missing = [trial for trial in trials if not trial.is_finished]
    for number, trial in enumerate(missing, start=1):
        verb = message("resumes") if trial.run else message("trains")
        report(
            message(
                "{number} of {count}: {verb} {name}, {variant}",
                number=number,
                count=len(missing),
                verb=verb,
                name=trial.candidate.name,
                variant=trial.variant.label,
            )
        )
        try:
            with stop_context() as stop:
                trial.recipe.command = command
                resumed = trial.run.path if trial.run else None
                trial.run = run_recipe(trial.recipe, registry, runs, callbacks, stop, resumed)
        except NotFiniteError as error:
            trial.failure = str(error)  # it is written into JSON, so not in the language of the command line
            report(
                message(
                    "{name}, {variant}: failed: {reason}",
                    name=trial.candidate.name,
                    variant=trial.variant.label,
                    reason=trial.failure,
                )
            )
        except Interrupted as error:  # whose message says how to resume this run alone
            raise Interrupted(error.signal_number, INTERRUPTED) from None
    if all(trial.failure for trial in trials):
        raise UsageError(message("no run has a result: {reason}", reason=trials[0].failure))
