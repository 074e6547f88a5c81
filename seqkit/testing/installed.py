"""Tries every component of an installed package: `seqkit check-plugin`."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from importlib import metadata

from seqkit.errors import PluginError, UsageError, suggest
from seqkit.registry import Plugin, Registered, Registry
from seqkit.testing.checks import Check, Outcome, outcomes
from seqkit.testing.guesses import NoGuess, guessed_checks


class ChecksFailed(PluginError):
    """A package's components fail checks: a line each."""

    def __init__(self, failures: list[str]) -> None:
        self.failures = failures
        super().__init__("\n".join(failures))

    @property
    def lines(self) -> list[str]:
        return [" ".join(failure.split()) for failure in self.failures]


def check_distribution(name: str, registry: Registry, say: Callable[[str], None]) -> str:
    """Tries everything that a package provides, and tells of each check in a line.

    Args:
        name: of the distribution, or of its entry point; `seqkit` itself is one too.
        say: prints a line.

    Returns:
        How many checks came out how.

    Raises:
        UsageError: no plugin has this name.
        ChecksFailed: something fails, or nothing could be tried.
    """
    plugins = _named(name, registry)
    failures: list[str] = []
    counts = {"ok": 0, "skipped": 0, "failed": 0, "not tried": 0}

    def tell(what: str, status: str, message: str = "") -> None:
        counts[status] += 1
        shown = {"ok": "ok", "failed": "FAILED"}.get(status, f"{status}: {message}")
        say(f"{what} … {shown}")
        if status == "failed":
            failures.append(f"{what}: {message}")

    for plugin in plugins:
        fault = _start_up_fault(plugin)
        tell(f"plugin {plugin.name}: start-up", "failed" if fault else "ok", fault)
        for command in plugin.commands:
            try:
                command.load()
                tell(f"command {command.command.name}: loads", "ok")
            except PluginError as error:
                tell(f"command {command.command.name}: loads", "failed", str(error))
        for component in plugin.components:
            what = f"{component.kind} {component.name}"
            try:
                for each in _outcomes(component):
                    tell(f"{what}: {each.check.name}", each.status, each.message)
            except NoGuess as excuse:
                remedy = 'name a function that returns its checks, Component(…, checks="package.module:function")'
                tell(what, "not tried", f"{excuse}: {remedy}")
            except PluginError as error:
                tell(f"{what}: loads", "failed", str(error))
    if failures:
        raise ChecksFailed(failures)
    if counts["not tried"] and counts["not tried"] == sum(len(plugin.components) for plugin in plugins):
        raise ChecksFailed([f"{name}: nothing of it could be tried"])
    return ", ".join(f"{count} {status}" for status, count in counts.items() if count)


def _named(name: str, registry: Registry) -> list[Plugin]:
    wanted = _plain(name)
    found = [each for each in registry.plugins if wanted in (_plain(each.distribution), _plain(each.name))]
    if not found:
        known = sorted({plugin.distribution for plugin in registry.plugins})
        hint = suggest(name, known) or f"; there are {', '.join(known)}"
        raise UsageError(f"no plugin is installed that is called '{name}'{hint}")
    return found


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _start_up_fault(plugin: Plugin) -> str:
    """Returns what is wrong with a plugin as a whole: it is set aside, is empty, or imports torch at start-up."""
    if plugin.failure:
        return f"it is set aside: {plugin.failure}"
    if not (plugin.components or plugin.commands or plugin.lifecycle):
        return "it provides nothing: no function of its module is a @seqkit.hookimpl that yields something"
    for point in metadata.entry_points(group="seqkit", name=plugin.name):
        look = f"import sys, {point.module}; sys.exit('torch' in sys.modules)"
        code = f"import sys; sys.path[:] = {sys.path!r}; {look}"
        if subprocess.run([sys.executable, "-c", code], capture_output=True).returncode:
            return f"importing {point.module} imports torch, which every command would wait for: name targets as text"
    return ""


def _outcomes(component: Registered) -> list[Outcome]:
    """Returns what came of a component's checks: those that its plugin names, or else guessed ones."""
    checks = component.load_checks()
    component.load()
    made = guessed_checks(component) if checks is None else checks()
    if not (isinstance(made, list) and made and all(isinstance(each, Check) for each in made)):
        raise PluginError(f"{component.component.checks} does not return checks of seqkit.testing")
    return outcomes(made)
