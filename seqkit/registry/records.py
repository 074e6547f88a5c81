"""Records of the installed components, commands and plugins with their providers, and the registry that holds them."""

from __future__ import annotations

import importlib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import pluggy

from seqkit.errors import PluginError, SeqkitError, UsageError, describe_error, suggest
from seqkit.hookspecs import KINDS, Command, Component, Task
from seqkit.messages import message

if TYPE_CHECKING:
    import click

    from seqkit.contracts import DataFile, Draft

SESSION = "this session"
"""The provider of components that were registered by `seqkit.register`."""

_NAME = re.compile(r"[a-z][a-z0-9_-]*")
_TARGET = re.compile(r"[\w.]+:\w+")

Record = TypeVar("Record", Component, Command, Task)


@dataclass(frozen=True)
class Registered:
    """A component and its provider.

    Attributes:
        kind: a key of `hookspecs.KINDS`.
        component: the record that the plugin yielded.
        distribution: the distribution that provides it.
        version: the version of the distribution.
    """

    kind: str
    component: Component
    distribution: str
    version: str

    @property
    def name(self) -> str:
        """The name of the component in a recipe."""
        return self.component.name

    @property
    def provider(self) -> str:
        """The distribution and its version."""
        return f"{self.distribution} {self.version}".strip()

    def load(self) -> type:
        """Import the class of the component.

        Raises:
            PluginError: it cannot be imported, or does not inherit the contract of its kind.
        """
        from seqkit.contracts import CONTRACTS

        target = self.component.target
        loaded = _import(target, self._label()) if isinstance(target, str) else target
        contract = CONTRACTS[self.kind]
        if not (isinstance(loaded, type) and issubclass(loaded, contract)):
            raise PluginError(
                message(
                    "{component}: {loaded!r} does not inherit seqkit.contracts.{contract}",
                    component=self._label(),
                    loaded=loaded,
                    contract=contract.__name__,
                )
            )
        return loaded

    def load_checks(self) -> Any:
        """Import the function that returns the checks of the component; None if it names none.

        Raises:
            PluginError: it cannot be imported.
        """
        target = self.component.checks
        return _import(target, self._label()) if target else None

    def _label(self) -> str:
        return message("{kind} '{name}' of {provider}", kind=self.kind, name=self.name, provider=self.provider)


@dataclass(frozen=True)
class RegisteredCommand:
    """A command of a plugin, and its provider.

    Attributes:
        command: the record that the plugin yielded.
        distribution: the distribution that provides it.
        version: the version of the distribution.
    """

    command: Command
    distribution: str
    version: str

    @property
    def provider(self) -> str:
        """The distribution and its version."""
        return f"{self.distribution} {self.version}".strip()

    def load(self) -> click.Command:
        """Import the command.

        Raises:
            PluginError: it cannot be imported, or is not a click.Command.
        """
        import click

        label = message("command '{name}' of {provider}", name=self.command.name, provider=self.provider)
        loaded = _import(self.command.target, label)
        if not isinstance(loaded, click.Command):
            raise PluginError(message("{command}: {loaded!r} is not a click.Command", command=label, loaded=loaded))
        return loaded


@dataclass(frozen=True)
class RegisteredTask:
    """A task, and its provider.

    Attributes:
        task: the record that the plugin yielded.
        distribution: the distribution that provides it.
        version: the version of the distribution.
    """

    task: Task
    distribution: str
    version: str

    @property
    def provider(self) -> str:
        """The distribution and its version."""
        return f"{self.distribution} {self.version}".strip()

    def draft(self, file: DataFile) -> Draft | str:
        """Return the recipe that the task drafts for a file, or why the file does not fit it.

        Raises:
            PluginError: the function cannot be imported, fails, or returns something else.
        """
        from seqkit.contracts import Draft

        label = message("task '{name}' of {provider}", name=self.task.name, provider=self.provider)
        function = _import(self.task.target, label)
        try:
            found = function(file)
        except SeqkitError:
            raise
        except Exception as error:
            raise PluginError(message("{task}: {error}", task=label, error=describe_error(error))) from error
        if not isinstance(found, Draft | str):
            raise PluginError(
                message("{task} returns {found!r:.80}, not a seqkit.contracts.Draft or text", task=label, found=found)
            )
        return found


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
            raise PluginError("; ".join(self.faults))
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
            "unknown {kind} '{name}'{hint}; `seqkit list {kind}` lists them",
            kind=kind,
            name=name,
            hint=suggest(name, list(components)),
        )
        for plugin in self.plugins:
            if plugin.failure:
                text += message("; the plugin '{name}' is disabled: {reason}", name=plugin.name, reason=plugin.failure)
        raise LookupError(text)

    def add(self, registered: Registered) -> None:
        """Add a component; if its name is taken, add a fault that names both providers."""
        other = self._of_kind(registered.kind).setdefault(registered.name, registered)
        if other is not registered:
            self._add_collision(registered.kind, registered.name, (other.provider, registered.provider))

    def add_command(self, registered: RegisteredCommand) -> None:
        """Add a command; if its name is taken, add a fault that names both providers."""
        name = registered.command.name
        other = self.commands.setdefault(name, registered)
        if other is not registered:
            self._add_collision("command", name, (other.provider, registered.provider))

    def add_task(self, registered: RegisteredTask) -> None:
        """Add a task; if its name is taken, add a fault that names both providers."""
        name = registered.task.name
        other = self.tasks.setdefault(name, registered)
        if other is not registered:
            self._add_collision("task", name, (other.provider, registered.provider))

    def _add_collision(self, kind: str, name: str, providers: tuple[str, str]) -> None:
        self.faults.append(
            message(
                "{kind} '{name}' is provided by both {first} and {second}: "
                "uninstall one, or exclude one with --no-plugin",
                kind=kind,
                name=name,
                first=providers[0],
                second=providers[1],
            )
        )

    def _of_kind(self, kind: str) -> dict[str, Registered]:
        if kind not in self._by_kind:
            kinds = ", ".join(KINDS)
            raise UsageError(
                message("unknown kind '{kind}'{hint}: {kinds}", kind=kind, hint=suggest(kind, list(KINDS)), kinds=kinds)
            )
        return self._by_kind[kind]


def validate_record(record: object, record_type: type[Record] = Component) -> Record:  # type: ignore[assignment]
    """Validate a record that a plugin yielded, and return it.

    Raises:
        PluginError: it is not a record of this type, or one of its fields is invalid.
    """
    if not isinstance(record, record_type):
        raise PluginError(message("yields {record!r}, not a seqkit.{type}", record=record, type=record_type.__name__))
    name, target, checks = record.name, record.target, getattr(record, "checks", "")
    if not (isinstance(name, str) and _NAME.fullmatch(name)):
        raise PluginError(
            message("{name!r} is not a valid name: use lower-case letters, digits, _ and -, a letter first", name=name)
        )
    if not (isinstance(target, type) and record_type is Component or _is_target(target)):
        example = {Command: "package.module:command", Task: "package.module:function"}.get(
            record_type, "package.module:Class"
        )
        raise PluginError(
            message(
                "the target of '{name}' must be '{example}', not '{target}'", name=name, target=target, example=example
            )
        )
    if checks and not _is_target(checks):
        raise PluginError(
            message(
                "the checks of '{name}' must be 'package.module:function', not '{checks}'", name=name, checks=checks
            )
        )
    return record


def _is_target(value: object) -> bool:
    return isinstance(value, str) and _TARGET.fullmatch(value) is not None


def _import(target: str, label: str) -> Any:
    """Return the object that `package.module:attribute` names.

    Args:
        target: the name.
        label: what it belongs to, for the message.

    Raises:
        PluginError: it cannot be imported.
    """
    module_name, _, attribute = target.partition(":")
    try:
        return getattr(importlib.import_module(module_name), attribute)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: B036 - a module can even call sys.exit while it is imported
        raise PluginError(
            message("{label}: cannot load {target}: {error}", label=label, target=target, error=describe_error(error))
        ) from error
