"""The checks of a tracker."""

from __future__ import annotations

import contextlib
import copy
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pluggy
import torch

from seqkit import hookspecs
from seqkit.contracts import Tracker
from seqkit.hookspecs import LIFECYCLE, PROJECT
from seqkit.messages import message
from seqkit.testing.assertions import assert_component, assert_global_rng_unchanged, assert_global_settings_unchanged
from seqkit.testing.checks import Case, Check, CheckSuite, ContractViolation, require_all

__all__ = ["check_tracker", "checks_for_tracker"]

RECIPE: dict[str, Any] = {"name": "sample", "seed": 1, "train": {"epochs": 3, "optimizer": {"type": "adam", "lr": 0.1}}}
METRICS = {"train": {"lr": 0.1, "loss": 0.5}, "valid": {"loss": 0.6, "accuracy": 0.8, "examples": 10}}
RESULT: dict[str, Any] = {"examples": {"test": 10}, "metrics": {"test": {"loss": 0.7, "confusion_matrix": {}}}}


class TrackerCase(Case):
    """A tracker's factory, and the model of the runs that it records."""

    def __init__(self, factory: Callable[[], Tracker]) -> None:
        self.factory = factory

    def build(self) -> Any:
        """Return a new tracker."""
        return self.factory()

    def compute(self) -> dict[str, Any]:
        """Record a run; there is nothing to compare."""
        self.record()
        return {}

    def record(self, tracker: Any = None, model: torch.nn.Module | None = None, **changed: Any) -> None:
        """Let a tracker record a run of three epochs that is interrupted after two and resumed, as seqkit does.

        Args:
            tracker: the tracker; by default a new one.
            model: the model of the run.
            changed: arguments that replace those of all hooks.
        """
        model = model or sample_model()
        with tempfile.TemporaryDirectory(prefix="seqkit-check-") as folder:
            for start, steps, error in ((0, 5, KeyboardInterrupt()), (4, 6, None)):
                hooks = hooks_of(tracker or self.build())
                run = {"run": Path(folder)}
                hooks.seqkit_run_start(**run | {"recipe": copy.deepcopy(RECIPE), "step": start} | changed)
                for step in range(start + 1, steps + 1):
                    facts = {"step": step, "loss": 1 / step, "lr": 0.1, "gradient_norm": 2.0, "model": model}
                    hooks.seqkit_step(**run | facts | changed)
                    if step % 2 == 0:
                        epoch = {"epoch": step // 2, "step": step}
                        valid = {"split": "valid", "metrics": copy.deepcopy(METRICS["valid"])}
                        hooks.seqkit_evaluation(**run | epoch | valid | changed)
                        hooks.seqkit_epoch_end(**run | epoch | {"metrics": copy.deepcopy(METRICS)} | changed)
                        hooks.seqkit_checkpoint(**run, checkpoint=Path(folder, "checkpoint"), step=step)
                result = None if error else copy.deepcopy(RESULT)
                hooks.seqkit_run_end(**run | {"result": result, "error": error} | changed)


def sample_model() -> torch.nn.Module:
    """Return a small model with gradients."""
    with torch.random.fork_rng(devices=[]):
        model = torch.nn.Linear(2, 2)
    model(torch.ones(1, 2)).sum().backward()
    return model


def hooks_of(tracker: object) -> Any:
    """Return a caller of the hooks of a tracker.

    Raises:
        ContractViolation: a method has an unknown argument, or none is a lifecycle hook.
    """
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(hookspecs)
    try:
        manager.register(tracker)
    except pluggy.PluginValidationError as error:
        raise ContractViolation(" ".join(str(error).splitlines()[1:] or [str(error)]), tracker) from None
    if not {caller.name for caller in manager.get_hookcallers(tracker) or ()} & set(LIFECYCLE):
        raise ContractViolation(
            message(
                "no method is a lifecycle hook: decorate one with @seqkit.hookimpl, named {names}",
                names=", ".join(LIFECYCLE),
            ),
            tracker,
        )
    return manager.hook


check = CheckSuite[TrackerCase]("tracker")


def checks_for_tracker(factory: Callable[[], Tracker]) -> list[Check]:
    """Return the checks of a tracker, for `parametrize_with_checks`.

    Args:
        factory: builds the tracker: the class, or `lambda: Losses(every=10)`. It must not write outside the run
            directory: a tracker that sends data to a server is checked without it.
    """
    return check.for_case(TrackerCase(factory))


def check_tracker(factory: Callable[[], Tracker]) -> None:
    """Run all checks of a tracker. Arguments as for `checks_for_tracker`.

    Raises:
        CheckFailure: what is wrong and how to fix it.
    """
    require_all(checks_for_tracker(factory), "this tracker")


@check
def contract(case: TrackerCase) -> None:
    """The tracker inherits the contract, a recipe can set its parameters, and it implements a lifecycle hook."""
    tracker = case.build()
    assert_component(tracker, Tracker, is_module=False)
    hooks_of(tracker)


@check
def records_a_run(case: TrackerCase) -> None:
    """A run is recorded without an error, also when it is interrupted and resumed by a new instance."""
    case.record()


@check
def constructor_writes_nothing(case: TrackerCase) -> None:
    """The constructor writes no file into the current folder: `seqkit check` calls it too."""
    with tempfile.TemporaryDirectory(prefix="seqkit-check-") as folder, contextlib.chdir(folder):
        case.build()
        created = sorted(path.name for path in Path(folder).iterdir())
    if created:
        raise ContractViolation(
            message("the constructor creates {file}: open files in seqkit_run_start", file=created[0])
        )


@check
def numbers_not_finite(case: TrackerCase) -> None:
    """A loss, a gradient norm and metrics that are not finite are recorded or left out without an error."""
    case.record(loss=float("nan"), gradient_norm=float("inf"))


@check
def model_unchanged(case: TrackerCase) -> None:
    """The weights, their gradients and the mode of the model do not change: training would not resume exactly."""
    model = sample_model()
    before = copy.deepcopy(model), [weight.grad.clone() for weight in model.parameters() if weight.grad is not None]
    case.record(model=model)
    gradients = [weight.grad for weight in model.parameters()]
    is_equal = model.training and all(
        torch.equal(one, other) for one, other in zip(before[0].parameters(), model.parameters(), strict=True)
    )
    if not is_equal or any(
        new is None or not torch.equal(old, new) for old, new in zip(before[1], gradients, strict=True)
    ):
        raise ContractViolation(message("the model of seqkit_step changes: read it, and change nothing"))


@check
def global_rng_unchanged(case: TrackerCase) -> None:
    """Global random generators are not seeded or used: training would not be reproducible."""
    assert_global_rng_unchanged(case.build, case.record)


@check
def global_settings_unchanged(case: TrackerCase) -> None:
    """Process-wide settings do not change: default dtype, threads, environment, working directory."""
    assert_global_settings_unchanged(case.build, case.record)
