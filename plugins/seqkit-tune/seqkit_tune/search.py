"""The search: a study of Optuna whose trials are runs of seqkit."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import seqkit
from seqkit.errors import NotFiniteError, UsageError

try:
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend
    from optuna.study import MaxTrialsCallback
    from optuna.trial import FrozenTrial, TrialState
except ImportError as error:
    raise UsageError("seqkit tune needs Optuna: pip install 'seqkit-tune[optuna]', or: pip install optuna") from error

from seqkit_tune.space import Choices, Range

SPLIT = "valid"
"""The split whose metric is optimized: the test split must not be used to choose."""

_DONE = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)


@dataclass(frozen=True)
class Search:
    """What is searched.

    Attributes:
        recipe: the file of the recipe.
        overrides: the overrides of every run, by key.
        space: the values to search, by key.
        runs: the folder of run directories.
        seeds: the number of seeds of each trial. The value of a trial is their mean.
    """

    recipe: Path
    overrides: Mapping[str, Any]
    space: Mapping[str, Range | Choices]
    runs: Path
    seeds: int = 1


class Pruning:
    """Lifecycle hooks that report each epoch to a trial, and end the training of one that should be pruned.

    Args:
        trial: the trial.
        metric: the metric that is optimized.
    """

    def __init__(self, trial: optuna.Trial, metric: str) -> None:
        self.trial, self.metric = trial, metric
        self.is_pruned = False

    @seqkit.hookimpl
    def seqkit_epoch_end(self, epoch: int, metrics: Mapping[str, Mapping[str, float]]) -> None:
        value = metrics.get(SPLIT, {}).get(self.metric)
        if value is None:
            return
        self.trial.report(float(value), epoch)
        if self.trial.should_prune():
            self.is_pruned = True
            raise seqkit.StopTraining("pruned: worse than other trials at this epoch")


def open_study(
    search: Search,
    name: str,
    storage: str | None,
    *,
    prunes: bool,
    seed: int | None,
    report: Callable[[str], None],
) -> optuna.Study:
    """Open a study, or create it with a first run of the recipe as it is.

    The first run gives the metric, whether it is to be maximized, and the value that the search must exceed.

    Args:
        search: what is searched.
        name: the name of the study.
        storage: a URL of SQLAlchemy (`sqlite:///tune.db`), or a file for Optuna's journal; None for a journal in the
            folder of runs. Several processes can share either.
        prunes: whether bad trials end early (the median rule: Golovin et al., 2017).
        seed: the seed of the sampler (TPE: Bergstra et al., 2011); None for a random one.
        report: receives a line about what is done.

    Raises:
        UsageError: the study searches something else, or the recipe has no validation split.
    """
    store = _open_storage(storage, search.runs / f"{name}.journal")
    sampler = optuna.samplers.TPESampler(seed=seed)
    pruner = optuna.pruners.MedianPruner(n_warmup_steps=1) if prunes else optuna.pruners.NopPruner()
    space = {key: repr(values) for key, values in search.space.items()}
    try:
        study = optuna.load_study(study_name=name, storage=store, sampler=sampler, pruner=pruner)
    except KeyError:
        report("trains the recipe as it is")
        runs = _train(search, {})
        metric, higher = _metric_of(runs[0])
        reference = fmean(_value(run, metric) for run in runs)
        study = optuna.create_study(
            study_name=name,
            storage=store,
            sampler=sampler,
            pruner=pruner,
            direction="maximize" if higher else "minimize",
            load_if_exists=True,
        )
        for key, value in (("metric", metric), ("reference", reference), ("space", space)):
            study.set_user_attr(key, value)
    if study.user_attrs.get("space") != space:
        raise UsageError(f"the study '{name}' searches other values: pass its --search options, or another --study")
    return study


def optimize(study: optuna.Study, search: Search, trials: int, report: Callable[[str], None]) -> None:
    """Run trials until the study has `trials` of them, those of other processes included.

    Raises:
        SeqkitError: the recipe, the data or a component is invalid. A run whose loss is not finite is a failed trial.
    """
    if len(study.get_trials(deepcopy=False, states=_DONE)) >= trials:
        return
    metric = study.user_attrs["metric"]

    def objective(trial: optuna.Trial) -> float:
        values = {key: values.suggest(trial, key) for key, values in search.space.items()}
        pruning = Pruning(trial, metric)
        runs = _train(search, values, pruning)
        trial.set_user_attr("runs", [str(run.path) for run in runs])
        if pruning.is_pruned:
            raise optuna.TrialPruned
        return fmean(_value(run, metric) for run in runs)

    def describe(study: optuna.Study, trial: FrozenTrial) -> None:
        value = trial.state.name.lower() if trial.value is None else f"{metric} {trial.value:.4f}"
        chosen = " ".join(f"{key}={shown(value)}" for key, value in trial.params.items())
        report(f"trial {trial.number + 1} of {trials}: {value}: {chosen}")

    study.optimize(objective, callbacks=[describe, MaxTrialsCallback(trials, states=_DONE)], catch=(NotFiniteError,))


def shown(value: Any) -> str:
    """Return a value as an override of the command line contains it."""
    return value if isinstance(value, str) else f"{value:.6g}" if isinstance(value, float) else json.dumps(value)


def _train(search: Search, values: Mapping[str, Any], pruning: Pruning | None = None) -> list[seqkit.Run]:
    """Train with each seed; if the first run is pruned, with that one alone."""
    overrides = {key.replace(".", "__"): value for key, value in {**search.overrides, **values}.items()}
    runs: list[seqkit.Run] = []
    for number in range(search.seeds):
        if pruning is not None and pruning.is_pruned:
            break
        seeds = {"seed": (runs[0].recipe["seed"] + number) % 2**32} if runs else {}
        callbacks = [] if runs or pruning is None else [pruning]
        runs.append(seqkit.run(search.recipe, runs=search.runs, quiet=True, callbacks=callbacks, **overrides | seeds))
    return runs


def _metric_of(run: seqkit.Run) -> tuple[str, bool]:
    """Return the metric by which a recipe chooses its best epoch, and whether it is to be maximized."""
    document = json.loads(run.directory.report_data.read_text(encoding="utf-8"))
    name = document["metrics"]["names"][0]
    return name, name in document["metrics"]["higher_is_better"]


def _value(run: seqkit.Run, metric: str) -> float:
    scores = run.result["metrics"].get(SPLIT)
    if scores is None:
        raise UsageError(
            f"{run.path}: the recipe has no validation split, and the search must not choose by the test split: add "
            "data.valid or data.split"
        )
    if not isinstance(scores.get(metric), int | float):
        raise UsageError(f"{run.path}: {metric} is undefined on the validation split")
    return float(scores[metric])


def _open_storage(storage: str | None, default: Path) -> Any:
    if storage is not None and "://" in storage:
        try:
            return optuna.storages.RDBStorage(storage)
        except Exception as error:  # of SQLAlchemy, or of a driver that is not installed
            raise UsageError(f"--storage {storage}: cannot be opened: {' '.join(str(error).split())[:200]}") from None
    file = default if storage is None else Path(storage)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        return JournalStorage(JournalFileBackend(os.fspath(file)))
    except OSError as error:
        raise UsageError(f"--storage {file}: cannot be opened: {error.strerror}") from None
