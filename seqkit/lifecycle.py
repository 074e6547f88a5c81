"""Tells plugins how a run goes, through the hooks of `hookspecs.LIFECYCLE`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import pluggy

from seqkit import hookspecs
from seqkit.errors import PluginError, StopTraining
from seqkit.hookspecs import LIFECYCLE, PROJECT
from seqkit.registry import Registry, reason


class Lifecycle:
    """What happens in one run, told to whoever listens.

    A listener that raises is told of once and then left alone: that a tracker fails must not cost a run.

    Args:
        registry: of the plugins.
        callbacks: objects with hooks as methods, for this run alone.
        run: the run directory.
        note: prints a line.
        told: False in a process that leaves the telling to another.

    Raises:
        PluginError: a callback has none of the hooks, or one that asks for what it is not told.
    """

    def __init__(
        self, registry: Registry, callbacks: Sequence[Any], run: Path, note: Any, *, told: bool = True
    ) -> None:
        self.run = run
        self._note = note
        own = pluggy.PluginManager(PROJECT)
        own.add_hookspecs(hookspecs)
        for callback in callbacks:
            name = type(callback).__name__
            try:
                own.register(callback, name=f"{name} {len(own.get_plugins()) + 1}")
            except (pluggy.PluginValidationError, ValueError) as error:
                raise PluginError(
                    f"callback {name}: {' '.join(str(error).splitlines()[1:] or [str(error)])}"
                ) from error
            hooks = {caller.name for caller in own.get_hookcallers(callback) or ()}
            if not hooks or hooks - set(LIFECYCLE):
                known = ", ".join(LIFECYCLE)
                odd = f"'{min(hooks - set(LIFECYCLE))}'" if hooks else "no @seqkit.hookimpl"
                raise PluginError(f"callback {name} has {odd}; the hooks of a run are {known}")
        self._listeners: dict[str, list[Any]] = {
            hook: [
                implementation
                for manager in (registry.manager, own)
                if told and manager is not None and hasattr(manager.hook, hook)
                for implementation in getattr(manager.hook, hook).get_hookimpls()
            ]
            for hook in LIFECYCLE
        }

    def tell(self, hook: str, **said: Any) -> str:
        """Calls a hook of every listener; returns why one of them wants training to stop, or nothing."""
        said["run"] = self.run
        stop = ""
        for implementation in list(self._listeners[hook]):
            try:
                # What one listener does to what it is told must not change what the next is told, nor the result.
                own = {
                    name: said[name] if name == "error" else deepcopy(said[name]) for name in implementation.argnames
                }
                implementation.function(**own)
            except StopTraining as request:
                stop = stop or f"{implementation.plugin_name}: {request}"
            except Exception as error:
                self._note(f"{implementation.plugin_name}: {hook}: {reason(error)}; it is told no more of this run")
                for listeners in self._listeners.values():
                    listeners[:] = [other for other in listeners if other.plugin_name != implementation.plugin_name]
        return stop

    def epoch(self, epoch: int, step: int, scores: Mapping[str, Mapping[str, Any]]) -> str:
        """Tells of an epoch, and before it of the evaluation that it ended with; returns why to stop, or nothing."""
        for split, metrics in scores.items():
            if split != "train":
                self.tell("seqkit_evaluation", split=split, epoch=epoch, step=step, metrics=metrics)
        return self.tell("seqkit_epoch_end", epoch=epoch, step=step, metrics=scores)
