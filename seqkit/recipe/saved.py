"""The recipe of a run directory: read from its plan.json, and changed when the run is resumed."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

from seqkit.contracts import Reader
from seqkit.errors import DataError, RecipeError, UsageError
from seqkit.messages import listed, message
from seqkit.recipe.checker import Checker
from seqkit.recipe.initialization import Source, restore_tokenizer
from seqkit.recipe.plan import Plan, Spec
from seqkit.recipe.recipe import Recipe
from seqkit.recipe.resolve import resolve, resolve_reader
from seqkit.recipe.yaml_characters import Position
from seqkit.recipe.yaml_parser import KeyPath
from seqkit.registry import load_registry
from seqkit.registry.registry import Registry
from seqkit.runs.directory import RunDirectory

if TYPE_CHECKING:
    from seqkit.contracts import Tokenizer

CHANGEABLE = (
    "train.epochs",
    "train.steps",
    "train.checkpoint_seconds",
    "train.threads",
    "train.early_stopping.patience",
    "train.trackers",
)
"""The keys that can be changed when a run is resumed, besides the paths of data that has moved."""

TRAINING_KINDS = ("optimizer", "schedule", "tracker")
"""The kinds of component that only training uses: to predict with a run, they need not be installed. Neither must
metrics be: evaluation leaves out those that are missing."""

_DATA_PATH = re.compile(r"data\.((valid|test)\.)?path")


class AbsentData(Reader):
    """The reader of a run that was trained on data in memory, until the data is passed again.

    Args:
        run: the run directory.
    """

    def __init__(self, run: RunDirectory) -> None:
        self.run = run

    def read(self) -> NoReturn:
        """Raise an error, because there is nothing to read.

        Raises:
            UsageError: always; the message says how to pass the data.
        """
        raise UsageError(
            message(
                "{run}: was trained on data in memory, which is not saved: resume it in Python, with the same data: "
                "seqkit.resume({name!r}, data=…)",
                run=self.run.path,
                name=str(self.run.path),
            )
        )


def read_saved_recipe(run: RunDirectory, document: Mapping[str, Any]) -> Recipe:
    """Return the recipe of a run. Its paths are relative to the run directory.

    Args:
        run: the run directory.
        document: the content of plan.json.

    Raises:
        UsageError: it is an ensemble, which has no recipe of its own.
    """
    if document.get("members"):
        raise UsageError(
            message("{run}: an ensemble is not trained: train its members, and combine them again", run=run.path)
        )
    data = json.loads(json.dumps(document["recipe"]))
    recipe = Recipe(data, origin=Position(str(run.plan), 1, 1), run=run.path)
    if "memory_sha256" in document:
        recipe.memory = lambda spec: AbsentData(run)
    return recipe


def resolve_saved(
    run: RunDirectory, document: Mapping[str, Any], registry: Registry, *, for_training: bool = True
) -> Plan:
    """Resolve the recipe of a run with the components that are installed, without its trackers.

    Args:
        run: the run directory.
        document: the content of plan.json.
        registry: the installed components.
        for_training: whether the plan is trained; else its `TRAINING_KINDS` are the defaults, whatever the recipe says,
            and its metrics are those that are installed.

    Raises:
        DataError: the recipe is corrupt.
        PluginError: a plugin that it requires is missing.
    """
    recipe = read_saved_recipe(run, document)
    train = recipe.data.get("train")
    if isinstance(train, dict):
        train.pop("trackers", None)
    if not for_training and isinstance(train, dict):
        recipe.data["train"] = {
            key: value for key, value in train.items() if key not in (*TRAINING_KINDS, "metric", "metrics")
        }
        known = registry.names("metric")
        recipe.data["train"]["metrics"] = [each for each in saved_metrics(document) if each.get("type") in known]
    with _errors_of_plan(run):
        return resolve(recipe, registry)


def saved_metrics(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the metrics that the recipe of plan.json lists."""
    train = document["recipe"].get("train")
    metrics = train.get("metrics") if isinstance(train, dict) else None
    return [each for each in metrics or [] if isinstance(each, dict)] if isinstance(metrics, list) else []


def resolve_saved_reader(run: RunDirectory, document: Mapping[str, Any], registry: Registry) -> Spec:
    """Resolve the reader of a run alone. Takes the arguments of `resolve_saved`, and raises as it does."""
    with _errors_of_plan(run):
        return resolve_reader(read_saved_recipe(run, document), registry)


@contextmanager
def _errors_of_plan(run: RunDirectory) -> Iterator[None]:
    """Raise a `DataError` for an error in the recipe of plan.json."""
    try:
        yield
    except RecipeError as error:
        fault, more = error.faults[0], len(error.faults) - 1
        text = message("{file}: corrupt: {key}: {reason}", file=run.plan, key=fault.key, reason=fault.message)
        raise DataError(text + (message(" (and {count} more)", count=more) if more else "")) from None


def saved_tokenizer(source: Source) -> Tokenizer | None:
    """Return the fitted tokenizer of a run that a component is initialized from; None if it has none.

    Raises:
        DataError: it is corrupt.
        PluginError: it cannot be loaded.
    """
    section = source.document["recipe"].get("tokenizer")
    if section is None or source.tokenizer_state is None:
        return None
    checker = Checker(read_saved_recipe(source.directory, source.document), load_registry())
    spec = checker.component("tokenizer", section, ("tokenizer",))
    if spec is None:
        reason = checker.faults[0].message
        raise DataError(message("{file}: corrupt: tokenizer: {reason}", file=source.directory.plan, reason=reason))
    tokenizer: Tokenizer = spec.build()
    restore_tokenizer(tokenizer, source)
    return tokenizer


def check_changes(run: RunDirectory, path: KeyPath, value: Any) -> None:
    """Check that an override only changes what can be changed when a run is resumed.

    Args:
        run: the run to resume.
        path: the key of the override.
        value: its value.

    Raises:
        UsageError: it changes something else.
    """
    for key in _leaves(path, value):
        if key not in CHANGEABLE and not _DATA_PATH.fullmatch(key):
            raise UsageError(
                message(
                    "{run}: {key} cannot change when a run is resumed, only {changeable}, and data.path if the data "
                    "has moved: for a new run, seqkit run {recipe} {key}=…",
                    run=run.path,
                    key=key,
                    changeable=listed(CHANGEABLE),
                    recipe=shlex.quote(str(run.recipe)),
                )
            )


def _leaves(path: KeyPath, value: Any) -> Iterator[str]:
    """Yield the dotted keys that an override sets."""
    if isinstance(value, Mapping) and value:
        for key, item in value.items():
            yield from _leaves((*path, str(key)), item)
    else:
        yield ".".join(path)
