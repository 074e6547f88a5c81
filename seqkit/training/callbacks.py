"""Callbacks, which receive the events of a training run. All of them are in one list.

The console (`console.py`) is a callback, the hooks of plugins are another (`HookCallback`), and a script can pass its
own to `seqkit.run(callbacks=[...])`.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pluggy

from seqkit import hookspecs
from seqkit.contracts import Tracker, TrainingLength
from seqkit.errors import PluginError, StopTraining, describe_error
from seqkit.hookspecs import LIFECYCLE, PROJECT
from seqkit.messages import listed, message
from seqkit.registry.registry import Registry
from seqkit.training.progress import Progress

if TYPE_CHECKING:
    from seqkit.modeling.model import Model
    from seqkit.training.setup import TrainingSetup

Metrics = Mapping[str, Any]
"""The metrics of a split, by name."""


class Callback:
    """Base class of callbacks: one method per event of a run, in order. Each does nothing unless it is overridden."""

    def on_note(self, text: str) -> None:
        """Called at any time, with a note for the user."""

    def on_hook_failure(self, text: str) -> None:
        """Called when a lifecycle hook fails and is disabled, with a note for the user."""
        self.on_note(text)

    def on_setup(self, setup: TrainingSetup, processes: int) -> None:
        """Called when data and model are built, before training."""

    def on_run_start(self, run: Path, recipe: Mapping[str, Any], step: int) -> None:
        """Called when training starts in the run directory `run`, or resumes after `step` steps."""

    def on_step(self, progress: Progress, length: TrainingLength, loss: float) -> None:
        """Called after each optimizer step."""

    def on_update(self, step: int, loss: float, lr: float, gradient_norm: float, model: Model) -> None:
        """Called after `on_step`, with the learning rate, the norm of the unclipped gradient and the model, to read."""

    def on_evaluation(self, split: str, epoch: int, step: int, metrics: Metrics) -> None:
        """Called after a split is evaluated: `valid` during training, and the held-out splits at the end.

        With `train.average`, `valid_average` is `valid` evaluated with the averaged weights.
        """

    def on_epoch_end(
        self, progress: Progress, epochs: int, metrics: Mapping[str, Metrics], is_best: bool
    ) -> str | None:
        """Called after each epoch, with its metrics by split. Return a reason to end training, or None to continue."""

    def on_checkpoint(self, checkpoint: Path, step: int) -> None:
        """Called after a checkpoint is saved."""

    def on_training_end(self) -> None:
        """Called after the last epoch, before evaluation."""

    def on_run_end(self, result: Mapping[str, Any] | None, error: BaseException | None) -> None:
        """Called when the run ends, with its `result` or with the `error` that ended it."""


class Callbacks:
    """The list of callbacks of a run.

    Args:
        callbacks: the callbacks, in the order in which they are called.
        enabled: whether this process reports events; in a distributed run only process 0 does.
    """

    def __init__(self, callbacks: Sequence[Callback], enabled: bool = True) -> None:
        self._callbacks = list(callbacks)
        self._enabled = enabled

    def add(self, callback: Callback) -> None:
        """Append a callback to the list."""
        self._callbacks.append(callback)

    def emit(self, event: str, **fields: Any) -> str:
        """Call a method of every callback.

        Args:
            event: the name of the event: `epoch_end` calls `on_epoch_end`.
            fields: the arguments of the method.

        Returns:
            The first non-empty text that a callback returned, or an empty text.
        """
        if not self._enabled:
            return ""
        returned = [getattr(callback, f"on_{event}")(**fields) for callback in self._callbacks]
        return next(filter(None, returned), "")

    def note(self, text: str) -> None:
        """Report a note for the user."""
        self.emit("note", text=text)

    def hook_failure(self, text: str) -> None:
        """Report a lifecycle hook that failed."""
        self.emit("hook_failure", text=text)


class HookWarnings(Callback):
    """Warn about lifecycle hooks that fail, in a run that prints nothing."""

    def on_hook_failure(self, text: str) -> None:
        warnings.warn(text, stacklevel=2)


class HookCallback(Callback):
    """Call the lifecycle hooks of plugins, and of objects with hooks as methods (see `hookspecs.py`).

    If a hook raises an error, it is reported, and the hooks of its plugin are disabled: a tracker must not end a run.

    Args:
        registry: the registry of the plugins.
        objects: objects whose methods are hooks, for this run only.
        trackers: the trackers of the recipe, by name.
        report: reports a hook that failed.

    Raises:
        PluginError: an object has no lifecycle hook, or a hook with an unknown argument.
    """

    def __init__(
        self,
        registry: Registry,
        objects: Sequence[object],
        trackers: Mapping[str, Tracker],
        report: Callable[[str], None],
    ) -> None:
        self._report = report
        self._run = Path()
        self._stop = ""  # the reason for which an implementation of seqkit_step ends training after the epoch
        named = {f"{type(each).__name__} {number}": each for number, each in enumerate(objects, start=1)}
        named |= {message("tracker '{name}'", name=name): tracker for name, tracker in trackers.items()}
        managers = [registry.manager, _register(named)]
        self._hooks: dict[str, list[Any]] = {
            hook: [
                implementation
                for manager in managers
                if manager is not None and hasattr(manager.hook, hook)
                for implementation in getattr(manager.hook, hook).get_hookimpls()
            ]
            for hook in LIFECYCLE
        }

    def on_run_start(self, run: Path, recipe: Mapping[str, Any], step: int) -> None:
        self._run = run
        self._call("seqkit_run_start", recipe=recipe, step=step)

    def on_update(self, step: int, loss: float, lr: float, gradient_norm: float, model: Model) -> None:
        if self._hooks["seqkit_step"]:
            stop = self._call("seqkit_step", step=step, loss=loss, lr=lr, gradient_norm=gradient_norm, model=model)
            self._stop = self._stop or stop

    def on_evaluation(self, split: str, epoch: int, step: int, metrics: Metrics) -> None:
        self._call("seqkit_evaluation", split=split, epoch=epoch, step=step, metrics=metrics)

    def on_epoch_end(
        self, progress: Progress, epochs: int, metrics: Mapping[str, Metrics], is_best: bool
    ) -> str | None:
        stop = self._call("seqkit_epoch_end", epoch=progress.epoch, step=progress.step, metrics=metrics)
        return self._stop or stop

    def on_checkpoint(self, checkpoint: Path, step: int) -> None:
        self._call("seqkit_checkpoint", checkpoint=checkpoint, step=step)

    def on_run_end(self, result: Mapping[str, Any] | None, error: BaseException | None) -> None:
        self._call("seqkit_run_end", result=result, error=error)

    def _call(self, hook: str, **fields: Any) -> str:
        """Call every implementation of a hook; return the reason if one of them stops training, else an empty text."""
        fields["run"] = self._run
        stop = ""
        for implementation in list(self._hooks[hook]):
            try:
                # A copy, so that a hook that modifies an argument affects neither other hooks nor the result.
                arguments = {
                    name: fields[name] if name in ("error", "model") else deepcopy(fields[name])
                    for name in implementation.argnames
                }
                implementation.function(**arguments)
            except StopTraining as request:
                stop = stop or f"{implementation.plugin_name}: {request}"
            except Exception as error:
                self._report(
                    message(
                        "{plugin}: {hook} failed and is disabled for the rest of this run: {reason}",
                        plugin=implementation.plugin_name,
                        hook=hook,
                        reason=describe_error(error),
                    )
                )
                for implementations in self._hooks.values():
                    implementations[:] = [
                        other for other in implementations if other.plugin_name != implementation.plugin_name
                    ]
        return stop


def _register(objects: Mapping[str, object]) -> pluggy.PluginManager:
    """Return a plugin manager with named objects whose methods are lifecycle hooks."""
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(hookspecs)
    known = listed(LIFECYCLE)
    for name, callback in objects.items():
        title = name if isinstance(callback, Tracker) else message("callback {name}", name=name)
        if isinstance(callback, type):
            raise PluginError(
                message("{name} is a class: pass an object of it, {cls}()", name=title, cls=callback.__name__)
            )
        try:
            manager.register(callback, name=name)
        except (pluggy.PluginValidationError, ValueError) as error:
            problem = " ".join(str(error).splitlines()[1:] or [str(error)])
            raise PluginError(message("{name}: {problem}", name=title, problem=problem)) from error
        hooks = {caller.name for caller in manager.get_hookcallers(callback) or ()}
        if not hooks:
            raise PluginError(
                message(
                    "{name} has no lifecycle hook: decorate a method with @seqkit.hookimpl, named {known}",
                    name=title,
                    known=known,
                )
            )
        if other := hooks - set(LIFECYCLE):
            raise PluginError(
                message(
                    "{name}: '{hook}' is not a lifecycle hook; the lifecycle hooks are {known}",
                    name=title,
                    hook=min(other),
                    known=known,
                )
            )
    return manager
