"""Checks of all components, commands and tasks of an installed package: `seqkit check-plugin`."""

from __future__ import annotations

import json
import subprocess
import sys
import traceback
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from importlib import metadata
from pathlib import Path

import torch

from seqkit.errors import PluginError, UsageError, describe_error, suggest
from seqkit.messages import listed, message, translate
from seqkit.registry import load_registry
from seqkit.registry.records import Registered
from seqkit.registry.registry import Plugin, Registry
from seqkit.registry.requirements import canonical_name
from seqkit.testing.checks import Check, distinguish, run_checks
from seqkit.testing.default_cases import NoDefaultCase, RejectedGuess, default_checks
from seqkit.testing.other_process import OtherProcess, compute, label
from seqkit.testing.tasks import task_problem


class DistributionCheckFailure(PluginError):
    """Components of a package fail checks.

    Attributes:
        failures: one message per failed check.
    """

    def __init__(self, failures: list[str]) -> None:
        self.failures = failures
        super().__init__("\n".join(failures))

    @property
    def lines(self) -> list[str]:
        return [" ".join(translate(failure).split()) for failure in self.failures]


def check_distribution(name: str, registry: Registry, echo: Callable[[str], None]) -> str:
    """Run the checks of everything that a package provides, and print one line per check.

    Args:
        name: the name of the distribution, or of its entry point; `seqkit` for the built-in components.
        registry: the installed plugins.
        echo: prints a line.

    Returns:
        The number of checks with each result.

    Raises:
        UsageError: no plugin has this name.
        DistributionCheckFailure: checks failed, or no component could be checked.
    """
    plugins = _find_plugins(name, registry)
    failures: list[str] = []
    counts: Counter[str] = Counter()

    def report(subject: str, status: str, text: str = "") -> None:
        counts[status] += 1
        echo(_outcome(subject, status, text))
        if status == "failed":
            failures.append(subject + ": " + text)

    with closing(OtherProcess(name)) as elsewhere:
        for plugin in plugins:
            problem = _start_up_problem(plugin)
            report(message("plugin {name}: start-up", name=plugin.name), "failed" if problem else "ok", problem)
            for command in plugin.commands:
                subject = message("command {name}: loads", name=command.name)
                try:
                    command.load()
                    report(subject, "ok")
                except PluginError as error:
                    report(subject, "failed", str(error))
            for task in plugin.tasks:
                problem = task_problem(task)
                report(message("task {name}: answers", name=task.name), "failed" if problem else "ok", problem)
            for component in plugin.components:
                subject = label(component)
                try:
                    checks = _component_checks(component)
                    for result in run_checks([*checks, *elsewhere.checks(component, checks)]):
                        report(f"{subject}: {result.check.name}", result.status, result.message)
                except NoDefaultCase as error:
                    text = message(
                        "{reason}: name a function that returns its checks: Component(..., "
                        'checks="package.module:function")',
                        reason=error,
                    )
                    report(subject, "not tried" if isinstance(error, RejectedGuess) else "not checked", text)
                except PluginError as error:
                    report(message("{component}: loads", component=subject), "failed", str(error))
    if failures:
        raise DistributionCheckFailure(failures)
    if counts["not checked"] and counts["not checked"] == sum(len(plugin.components) for plugin in plugins):
        raise DistributionCheckFailure([message("{name}: none of its components could be checked", name=name)])
    return _total(counts)


def _outcome(subject: str, status: str, reason: str) -> str:
    """Return the line of a check."""
    if status == "ok":
        return message("{subject} … ok", subject=subject)
    if status == "failed":
        return message("{subject} … FAILED", subject=subject)
    if status == "skipped":
        return message("{subject} … skipped: {reason}", subject=subject, reason=reason)
    if status == "not run":
        return message("{subject} … not run: {reason}", subject=subject, reason=reason)
    if status == "not checked":
        return message("{subject} … not checked: {reason}", subject=subject, reason=reason)
    return message("{subject} … not tried: {reason}", subject=subject, reason=reason)


def _total(counts: Mapping[str, int]) -> str:
    """Return the number of checks with each result."""
    texts = {
        "ok": message("{count} ok", count=counts["ok"]),
        "skipped": message("{count} skipped", count=counts["skipped"]),
        "not run": message("{count} not run", count=counts["not run"]),
        "not checked": message("{count} not checked", count=counts["not checked"]),
        "not tried": message("{count} not tried", count=counts["not tried"]),
    }
    return listed(text for status, text in texts.items() if counts[status])


def _find_plugins(name: str, registry: Registry) -> list[Plugin]:
    """Return the plugins of a distribution, or those with this name.

    Raises:
        UsageError: there is no such plugin.
    """
    normalized = canonical_name(name)
    found = [
        plugin
        for plugin in registry.plugins
        if normalized in (canonical_name(plugin.distribution), canonical_name(plugin.name))
    ]
    if not found:
        installed = sorted({plugin.distribution for plugin in registry.plugins})
        hint = suggest(name, installed) or message("; installed: {names}", names=listed(installed))
        raise UsageError(message("no plugin '{name}' is installed{hint}", name=name, hint=hint))
    return found


def _start_up_problem(plugin: Plugin) -> str:
    """Return what is wrong with a plugin as a whole: it is disabled, is empty, or imports torch at start-up."""
    if plugin.failure:
        return message("the plugin is disabled: {failure}", failure=plugin.failure)
    if plugin.is_empty:
        return message("the plugin provides nothing: define a @seqkit.hookimpl function that yields components")
    for entry_point in metadata.entry_points(group="seqkit", name=plugin.name):
        code = f"import sys; sys.path[:] = {sys.path!r}; import {entry_point.module}; sys.exit('torch' in sys.modules)"
        if subprocess.run([sys.executable, "-c", code], capture_output=True).returncode:
            return message(
                "importing {module} imports torch, which slows down every command: name targets as "
                "'package.module:Class'",
                module=entry_point.module,
            )
    return ""


def print_computed(name: str) -> None:
    """Print what each component of a distribution computes in this process, as JSON in one line."""
    torch.set_num_threads(1)
    computed = {}
    for plugin in _find_plugins(name, load_registry()):
        for component in plugin.components:
            with suppress(Exception):
                computed[label(component)] = compute(_component_checks(component))
    print(f"\n{json.dumps(computed)}")


def _component_checks(component: Registered) -> list[Check]:
    """Return the checks that a plugin names for its component, or else the default ones.

    Raises:
        NoDefaultCase: the plugin names none, and there are no default ones.
        PluginError: the component or its checks cannot be loaded, or the function that returns the checks fails.
    """
    load_checks = component.load_checks()
    component.load()
    try:
        checks = default_checks(component) if load_checks is None else load_checks()
    except (NoDefaultCase, PluginError):
        raise
    except Exception as error:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        raise PluginError(
            message(
                "{function} raises {error} at {file}:{line}: return checks of seqkit.testing",
                function=component.record.checks or component.record.target,
                error=describe_error(error),
                file=Path(frame.filename).name,
                line=frame.lineno,
            )
        ) from error
    if not (isinstance(checks, list) and checks and all(isinstance(check, Check) for check in checks)):
        raise PluginError(
            message("{function} does not return checks of seqkit.testing", function=component.record.checks)
        )
    return distinguish(checks)
