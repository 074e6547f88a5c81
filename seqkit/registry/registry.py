"""The installed plugins, and the components, commands and tasks that they provide, by kind and name."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pluggy

from seqkit.errors import PluginError, UsageError, suggest
from seqkit.hookspecs import KINDS
from seqkit.messages import listed, message
from seqkit.registry.records import NOUNS, Registered, RegisteredCommand, RegisteredTask


@dataclass
class Plugin:
    """An installed plugin.

    Attributes:
        name: the name of its entry point.
        distribution: the distribution that it belongs to.
        version: the version of the distribution.
        failure: why it is disabled; empty if it works.
        components: what it provides.
        commands: what it adds to the command line.
        tasks: the tasks that it writes recipes for.
        lifecycle: the lifecycle hooks that it implements.
    """

    name: str
    distribution: str
    version: str
    failure: str = ""
    components: list[Registered] = field(default_factory=list)
    commands: list[RegisteredCommand] = field(default_factory=list)
    tasks: list[RegisteredTask] = field(default_factory=list)
    lifecycle: list[str] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        """Whether it provides nothing."""
        return not (self.components or self.commands or self.tasks or self.lifecycle)


@dataclass
class Registry:
    """All installed plugins, components and commands.

    Attributes:
        plugins: all that are installed and not excluded, the disabled ones too.
        faults: what makes the registry unusable until it is fixed.
        excluded: the names of installed plugins that were excluded on request.
        commands: the commands of plugins, by name.
        tasks: the tasks, by name.
        manager: calls the lifecycle hooks.
    """

    plugins: list[Plugin] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    excluded: set[str] = field(default_factory=set)
    commands: dict[str, RegisteredCommand] = field(default_factory=dict)
    tasks: dict[str, RegisteredTask] = field(default_factory=dict)
    manager: pluggy.PluginManager | None = None
    _by_kind: dict[str, dict[str, Registered]] = field(default_factory=lambda: {kind: {} for kind in KINDS})

    def check(self) -> Registry:
        """Return this registry if it is usable.

        Raises:
            PluginError: it is not; the message contains every error.
        """
        if self.faults:
            raise PluginError(message("; ").join(self.faults))
        return self

    def names(self, kind: str) -> list[str]:
        """Return the names of the components of a kind, in alphabetical order."""
        return sorted(self._of_kind(kind))

    def all(self, kind: str) -> list[Registered]:
        """Return the components of a kind, in alphabetical order."""
        return [self._of_kind(kind)[name] for name in self.names(kind)]

    def get(self, kind: str, name: str) -> Registered:
        """Return a component.

        Raises:
            LookupError: no component has this name; the message suggests a similar one.
            UsageError: there is no such kind.
        """
        components = self._of_kind(kind)
        if name in components:
            return components[name]
        text = message(
            "unknown {noun} '{name}'{hint}; `seqkit list {kind}` lists them",
            noun=NOUNS[kind],
            kind=kind,
            name=name,
            hint=suggest(name, list(components)),
        )
        for plugin in self.plugins:
            if plugin.failure:
                text += message("; the plugin '{name}' is disabled: {reason}", name=plugin.name, reason=plugin.failure)
        raise LookupError(text)

    def add(self, provided: Registered | RegisteredCommand | RegisteredTask) -> None:
        """Add what a plugin provides; if its name is taken, add a fault that names both providers."""
        tables: dict[str, dict[str, Any]] = {**self._by_kind, "command": self.commands, "task": self.tasks}
        other = tables[provided.kind].setdefault(provided.name, provided)
        if other is not provided:
            self.faults.append(
                message(
                    "{kind} '{name}' is provided by both {first} and {second}: "
                    "uninstall one, or exclude one with --no-plugin",
                    kind=provided.kind,
                    name=provided.name,
                    first=other.provider,
                    second=provided.provider,
                )
            )

    def _of_kind(self, kind: str) -> dict[str, Registered]:
        if kind not in self._by_kind:
            kinds = listed(KINDS)
            hint = suggest(kind, list(KINDS))
            raise UsageError(message("unknown kind '{kind}'{hint}; known: {kinds}", kind=kind, hint=hint, kinds=kinds))
        return self._by_kind[kind]
