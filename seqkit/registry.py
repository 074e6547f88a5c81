"""What is installed: the plugin manager, look-up by kind and name, collisions, and where each component comes from.

Entry points are loaded one by one. A plugin that fails is set aside with its reason, and everything else goes on
working. What cannot be passed over (two providers of one name, a hook that does not exist) is an error for every
command that looks a component up.
"""

from __future__ import annotations

import importlib
import os
import re
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

import pluggy

from seqkit.errors import PluginError, UsageError, suggest
from seqkit.hookspecs import KINDS, Command, Component

SESSION = "this session"
_NAME = re.compile(r"[a-z][a-z0-9_-]*")


@dataclass(frozen=True)
class Registered:
    """A component and who provides it."""

    kind: str
    component: Component
    distribution: str
    version: str

    @property
    def name(self) -> str:
        return self.component.name

    @property
    def provider(self) -> str:
        return f"{self.distribution} {self.version}".strip()

    def load(self) -> type:
        """Imports the component's class.

        Raises:
            PluginError: it cannot be imported, or is not a class of its kind.
        """
        from seqkit.contracts import CONTRACTS

        label = f"{self.kind} '{self.name}' of {self.provider}"
        target = self.component.target
        loaded = _imported(target, label) if isinstance(target, str) else target
        contract = CONTRACTS[self.kind]
        if not (isinstance(loaded, type) and issubclass(loaded, contract)):
            raise PluginError(f"{label}: {loaded!r} does not inherit seqkit.contracts.{contract.__name__}")
        return loaded

    def load_checks(self) -> Any:
        """Imports the function that returns its checks; None where it names none.

        Raises:
            PluginError: it cannot be imported.
        """
        target = self.component.checks
        return _imported(target, f"{self.kind} '{self.name}' of {self.provider}") if target else None


@dataclass(frozen=True)
class RegisteredCommand:
    """A command that a plugin adds, and who provides it."""

    command: Command
    distribution: str
    version: str

    @property
    def provider(self) -> str:
        return f"{self.distribution} {self.version}".strip()

    def load(self) -> Any:
        """Imports the command.

        Raises:
            PluginError: it cannot be imported, or is not a click.Command.
        """
        import click

        label = f"command '{self.command.name}' of {self.provider}"
        loaded = _imported(self.command.target, label)
        if not isinstance(loaded, click.Command):
            raise PluginError(f"{label}: {loaded!r} is not a click.Command")
        return loaded


@dataclass
class Plugin:
    """An installed plugin.

    Attributes:
        failure: why it was set aside; empty when it works.
        lifecycle: the hooks by which it is told how a run goes.
    """

    name: str
    distribution: str
    version: str
    failure: str = ""
    components: list[Registered] = field(default_factory=list)
    commands: list[RegisteredCommand] = field(default_factory=list)
    lifecycle: list[str] = field(default_factory=list)


@dataclass
class Registry:
    """Every component that can be named in a recipe.

    Attributes:
        plugins: what was found, the ones set aside included.
        faults: what makes the registry unusable until it is mended, one line each.
        left_out: the names of plugins that are installed and were not to be used.
        commands: by name.
        manager: calls the hooks that say how a run goes.
    """

    plugins: list[Plugin] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    left_out: set[str] = field(default_factory=set)
    commands: dict[str, RegisteredCommand] = field(default_factory=dict)
    manager: pluggy.PluginManager | None = None
    _table: dict[str, dict[str, Registered]] = field(default_factory=lambda: {kind: {} for kind in KINDS})

    def check(self) -> Registry:
        """Returns itself, or raises PluginError with every fault."""
        if self.faults:
            raise PluginError("; ".join(self.faults))
        return self

    def names(self, kind: str) -> list[str]:
        return sorted(self._kind(kind))

    def all(self, kind: str) -> list[Registered]:
        return [self._kind(kind)[name] for name in self.names(kind)]

    def get(self, kind: str, name: str) -> Registered:
        """Looks a component up.

        Raises:
            LookupError: with a message that suggests what was meant.
        """
        table = self._kind(kind)
        if name in table:
            return table[name]
        message = f"no {kind} is called '{name}'{suggest(name, list(table))}; `seqkit list {kind}` shows them"
        set_aside = [plugin.name for plugin in self.plugins if plugin.failure]
        if set_aside:
            message += f"; set aside, so not among them: {', '.join(set_aside)} (`seqkit plugins` says why)"
        raise LookupError(message)

    def add(self, registered: Registered) -> None:
        """Adds a component; a name that is taken becomes a fault that names both providers."""
        table = self._kind(registered.kind)
        other = table.get(registered.name)
        if other is None:
            table[registered.name] = registered
            return
        self.faults.append(
            f"{registered.kind} '{registered.name}' is provided by both {other.provider} and {registered.provider}: "
            "uninstall one, or leave one out with --no-plugin"
        )

    def add_command(self, registered: RegisteredCommand) -> None:
        """Adds a command; a name that is taken becomes a fault that names both providers."""
        other = self.commands.setdefault(registered.command.name, registered)
        if other is not registered:
            self.faults.append(
                f"command '{registered.command.name}' is provided by both {other.provider} and {registered.provider}: "
                "uninstall one, or leave one out with --no-plugin"
            )

    def _kind(self, kind: str) -> dict[str, Registered]:
        if kind not in self._table:
            raise UsageError(f"no kind of component is called '{kind}'{suggest(kind, list(KINDS))}: {', '.join(KINDS)}")
        return self._table[kind]


_session: list[Registered] = []
"""What `seqkit.register` added in this process."""

_loaded: dict[tuple[bool, frozenset[str]], Registry] = {}


def register(kind: str, name: str, component: type | None = None, *, summary: str = "") -> Any:
    """Registers a component for this process, from a notebook or a script, without a package.

        @seqkit.register("encoder", "gru")
        class GRU(torch.nn.Module, seqkit.contracts.Encoder): ...

    A name that this process registered before is replaced, so a notebook's cell can be run twice.

    Args:
        kind: reader, tokenizer, embedding, encoder or head.
        name: the word that a recipe's `type:` uses.
        component: the class; left out, `register` returns a class decorator.
        summary: half a line for `seqkit list`; the first line of the class's docstring when empty.

    Returns:
        The class.

    Raises:
        PluginError: the name is taken by an installed package, or the class is not one of that kind.
    """

    def decorate(cls: type) -> type:
        docstring = (cls.__doc__ or "").strip().split("\n")[0]
        registered = Registered(kind, checked(Component(name, cls, summary or docstring)), SESSION, "")
        installed = load_registry()
        if name in installed.names(kind) and installed.get(kind, name).distribution != SESSION:
            raise PluginError(
                f"{kind} '{name}' is provided by {installed.get(kind, name).provider}: choose another name"
            )
        registered.load()
        _session[:] = [entry for entry in _session if (entry.kind, entry.name) != (kind, name)] + [registered]
        _loaded.clear()
        return cls

    return decorate if component is None else decorate(component)


def load_registry(*, without: Collection[str] = ()) -> Registry:
    """Returns the registry of everything installed, read once a process.

    Args:
        without: plugins to leave out, by entry-point or distribution name. `SEQKIT_PLUGINS=off` in the environment
            leaves all of them out.

    Raises:
        UsageError: `without` names a plugin that is not installed.
    """
    enabled = os.environ.get("SEQKIT_PLUGINS", "on") != "off"
    key = (enabled, frozenset(without))
    if key not in _loaded:
        from seqkit.discovery import read_registry

        _loaded[key] = read_registry(enabled, key[1], _session)
    return _loaded[key]


def reason(error: BaseException) -> str:
    """Returns an exception in one line; a PluginError, which is written to be read, without its class."""
    name = "" if isinstance(error, PluginError) else f"{type(error).__name__}: "
    return " ".join(f"{name}{error}".split())


def checked(record: Any, wanted: Any = Component) -> Any:
    if not isinstance(record, wanted):
        raise PluginError(f"{record!r} is not a seqkit.{wanted.__name__}")
    if not (isinstance(record.name, str) and _NAME.fullmatch(record.name)):
        raise PluginError(f"{record.name!r} is not a name: lower-case letters, digits, _ and -, a letter first")
    by_name = isinstance(record.target, str)
    if (by_name or wanted is Command) and not (by_name and re.fullmatch(r"[\w.]+:\w+", record.target)):
        shape = "package.module:command" if wanted is Command else "package.module:Class"
        raise PluginError(f"the target of '{record.name}' is '{record.target}', not '{shape}'")
    checks = getattr(record, "checks", "")
    if checks and not (isinstance(checks, str) and re.fullmatch(r"[\w.]+:\w+", checks)):
        raise PluginError(f"the checks of '{record.name}' are '{checks}', not 'package.module:function'")
    return record


def _imported(target: str, label: str) -> Any:
    """Returns what `package.module:attribute` names.

    Raises:
        PluginError: it cannot be imported; `label` says whose it is.
    """
    module_name, _, attribute = target.partition(":")
    try:
        return getattr(importlib.import_module(module_name), attribute)
    except BaseException as error:  # noqa: B036 - a module may even call sys.exit while it is imported
        if isinstance(error, KeyboardInterrupt):
            raise
        raise PluginError(f"{label}: cannot load {target}: {reason(error)}") from error
