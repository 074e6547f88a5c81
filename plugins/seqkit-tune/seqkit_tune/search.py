"""The search: a study of Optuna whose trials are runs of seqkit."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import seqkit
from seqkit.errors import NotFiniteError, UsageError
from seqkit.messages import counted, message
from seqkit.recipe.plan import Plan
from seqkit.recipe.recipe import COMMAND_LINE, Recipe
from seqkit.recipe.resolve import resolve
from seqkit.recipe.source import read_recipe
from seqkit.registry import load_registry
from seqkit.training.documents import file_digests

try:
    import optuna
    from optuna.study import MaxTrialsCallback
    from optuna.trial import FrozenTrial, TrialState
except ImportError as error:
    raise UsageError(
        message("seqkit tune needs Optuna: pip install 'seqkit-tune[optuna]', or: pip install optuna")
    ) from error

from seqkit_tune.space import Choices, Range
from seqkit_tune.storage import errors_of_saving, open_storage

SPLIT = "valid"
"""The split whose metric is optimized: the test split must not be used to choose."""

STATES = {
    TrialState.COMPLETE: message("complete"),
    TrialState.PRUNED: message("pruned"),
    TrialState.FAIL: message("failed"),
    TrialState.RUNNING: message("running"),
    TrialState.WAITING: message("waiting"),
}
"""The name of each state of a trial."""


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
            raise seqkit.StopTraining(message("pruned: worse than other trials at this epoch"))


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
        RecipeError: the recipe is invalid, or becomes so with a value that is searched.
    """
    key = _key_of(_check(search), search)
    if storage is None and Path(name).name != name:
        raise UsageError(
            message(
                "--study {name}: not the name of a file, in which the study is saved: pass --storage FILE too",
                name=name,
            )
        )
    store = open_storage(storage, search.runs / f"{name}.journal")
    sampler = optuna.samplers.TPESampler(seed=seed)
    pruner = optuna.pruners.MedianPruner(n_warmup_steps=1) if prunes else optuna.pruners.NopPruner()
    space = {key: repr(values) for key, values in search.space.items()}
    try:
        study = optuna.load_study(study_name=name, storage=store, sampler=sampler, pruner=pruner)
    except KeyError:
        study = None
    # A process can end, or another one come here, before the attributes of a new study are set.
    if study is None or not ("space" in study.user_attrs or study.get_trials(deepcopy=False)):
        report(message("trains the recipe as it is"))
        runs = _train(search, {})
        metric, higher = _metric_of(runs[0])
        reference = fmean(_value(run, metric) for run in runs)
        with errors_of_saving(name):
            study = optuna.create_study(
                study_name=name,
                storage=store,
                sampler=sampler,
                pruner=pruner,
                direction="maximize" if higher else "minimize",
                load_if_exists=True,
            )
            values = {"metric": metric, "reference": reference, "recipe": key, "space": space}  # complete with the last
            for attribute, value in values.items():
                study.set_user_attr(attribute, value)
    if study.user_attrs.get("space") != space:
        raise UsageError(
            message(
                "the study '{name}' searches other values: pass its --search options, or another --study", name=name
            )
        )
    if study.user_attrs.get("recipe", key) != key:
        raise UsageError(
            message(
                "the study '{name}' was begun with another recipe, other data or other --seeds: its trials "
                "cannot be compared with new ones: pass another --study",
                name=name,
            )
        )
    return study


def optimize(study: optuna.Study, search: Search, trials: int, report: Callable[[str], None]) -> None:
    """Run trials until the study has `trials` of them, those of other processes included.

    One that another process is running counts too: otherwise each process would begin the last one.

    Raises:
        SeqkitError: the recipe, the data or a component is invalid. A run whose loss is not finite is a failed trial.
    """
    existing = study.get_trials(deepcopy=False)
    if len(existing) >= trials:
        running = sum(trial.state == TrialState.RUNNING for trial in existing)
        if running:
            report(
                counted(
                    running,
                    "another process is running a trial, or was killed: pass --trials {trials} to replace it",
                    "other processes run {count} trials, or were killed: pass --trials {trials} to replace them",
                    trials=trials + running,
                )
            )
        return
    metric = study.user_attrs["metric"]

    def objective(trial: optuna.Trial) -> float:
        values = {key: values.suggest(trial, key) for key, values in search.space.items()}
        pruning = Pruning(trial, metric)
        try:
            runs = _train(search, values, pruning)
        except NotFiniteError as error:
            report(message("trial {number}: {error}", number=trial.number + 1, error=error))
            raise
        except Exception:
            raise
        except BaseException as error:  # a signal. Optuna itself handles a KeyboardInterrupt.
            if not isinstance(error, KeyboardInterrupt):
                study.tell(trial, state=TrialState.FAIL)
            report(message("the same command continues this study"))
            raise
        trial.set_user_attr("runs", [str(run.path) for run in runs])
        if pruning.is_pruned:
            raise optuna.TrialPruned
        return fmean(_value(run, metric) for run in runs)

    def describe(study: optuna.Study, trial: FrozenTrial) -> None:
        value = (
            STATES[trial.state]
            if trial.value is None
            else message("{metric} {value:.4f}", metric=metric, value=trial.value)
        )
        chosen = " ".join(f"{key}={shown(value)}" for key, value in trial.params.items())
        report(
            message(
                "trial {number} of {count}: {value}: {values}",
                number=trial.number + 1,
                count=max(trials, trial.number + 1),  # two processes can begin the last one at the same moment
                value=value,
                values=chosen,
            )
        )

    limit = MaxTrialsCallback(trials, states=None)
    with errors_of_saving(study.study_name):
        study.optimize(objective, callbacks=[describe, limit], catch=(NotFiniteError,))


def shown(value: Any) -> str:
    """Return a value as an override of the command line contains it."""
    return value if isinstance(value, str) else f"{value:.6g}" if isinstance(value, float) else json.dumps(value)


def _check(search: Search) -> Plan:
    """Check the recipe, and each value and each end of a range that is searched; return the plan of the recipe."""
    registry = load_registry().check()
    plan = resolve(_recipe(search, {}), registry)
    if "valid" not in plan.side_readers and not (plan.split and plan.split.valid):
        raise UsageError(_no_validation(search.recipe))
    ends = {key: values.ends() for key, values in search.space.items()}
    first = {key: values[0] for key, values in ends.items()}
    points = [first, *(first | {key: value} for key, values in ends.items() for value in values[1:])]
    for point in points:
        resolve(_recipe(search, point), registry)
    return plan


def _recipe(search: Search, values: Mapping[str, Any]) -> Recipe:
    """Return the recipe with values that are searched."""
    recipe = read_recipe(search.recipe)
    for source, changes in ((COMMAND_LINE, search.overrides), ("--search", values)):
        for key, value in changes.items():
            recipe.set(tuple(key.split(".")), value, source)
    return recipe


def _key_of(plan: Plan, search: Search) -> str:
    """Return a key for what the values of all trials depend on: the recipe, the data and the number of seeds."""
    document = plan.as_data(search.recipe.absolute().parent.resolve())
    document.pop("plugins", None)
    document["train"].pop("trackers", None)
    text = json.dumps([document, file_digests(plan), search.seeds], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _no_validation(place: Path) -> str:
    return message(
        "{place}: the recipe has no validation split, and the search must not choose by the test "
        "split: add data.valid or data.split",
        place=place,
    )


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
    """Return the metric that chooses the best epoch of a recipe, and whether it is to be maximized."""
    document = json.loads(run.directory.report_data.read_text(encoding="utf-8"))
    name = document["metrics"]["names"][0]
    return name, name in document["metrics"]["higher_is_better"]


def _value(run: seqkit.Run, metric: str) -> float:
    scores = run.result["metrics"].get(SPLIT)
    if scores is None:
        raise UsageError(_no_validation(run.path))
    if not isinstance(scores.get(metric), int | float):
        raise UsageError(message("{run}: {metric} is undefined on the validation split", run=run.path, metric=metric))
    return float(scores[metric])
