"""What plugins provide: the records that they yield, with their providers."""

from __future__ import annotations

import importlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from seqkit.errors import PluginError, SeqkitError, describe_error
from seqkit.hookspecs import Command, Component, Task
from seqkit.messages import message

if TYPE_CHECKING:
    import click

    from seqkit.contracts import DataFile, Draft

SESSION = "this session"
"""The provider of components that were registered by `seqkit.register`."""

NOUNS = {
    "reader": message("reader"),
    "tokenizer": message("tokenizer"),
    "embedding": message("embedding"),
    "encoder": message("encoder"),
    "head": message("head"),
    "optimizer": message("optimizer"),
    "schedule": message("schedule"),
    "metric": message("metric"),
    "tracker": message("tracker"),
}
"""The words for the kinds of components."""

_NAME = re.compile(r"[a-z][a-z0-9_-]*")
_TARGET = re.compile(r"[\w.]+:\w+")

Record = TypeVar("Record", Component, Command, Task)


@dataclass(frozen=True)
class Provided(Generic[Record]):
    """What a plugin yielded, with its provider.

    Attributes:
        kind: a key of `hookspecs.KINDS`; or "command" or "task".
        record: the record that the plugin yielded.
        distribution: the distribution that provides it.
        version: the version of the distribution.
    """

    kind: str
    record: Record
    distribution: str
    version: str

    @property
    def name(self) -> str:
        """The name of the component, command or task."""
        return self.record.name

    @property
    def provider(self) -> str:
        """The distribution and its version."""
        return f"{self.distribution} {self.version}".strip()

    @property
    def label(self) -> str:
        """Its kind and name, and its provider, for messages."""
        return message("{kind} '{name}' of {provider}", kind=self.kind, name=self.name, provider=self.provider)

    def _import_target(self, target: str) -> Any:
        """Return the object that `package.module:attribute` names.

        Raises:
            PluginError: it cannot be imported.
        """
        module_name, _, attribute = target.partition(":")
        try:
            return getattr(importlib.import_module(module_name), attribute)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: B036 - a module can even call sys.exit while it is imported
            text = message(
                "{label}: cannot load {target}: {error}",
                label=self.label,
                target=target,
                error=describe_error(error),
            )
            raise PluginError(text) from error


class Registered(Provided[Component]):
    """A component and its provider."""

    def load(self) -> type:
        """Import the class of the component.

        Raises:
            PluginError: it cannot be imported, or does not inherit the contract of its kind.
        """
        from seqkit.contracts import CONTRACTS

        target = self.record.target
        loaded = self._import_target(target) if isinstance(target, str) else target
        contract = CONTRACTS[self.kind]
        if not (isinstance(loaded, type) and issubclass(loaded, contract)):
            raise PluginError(
                message(
                    "{component}: {loaded!r} does not inherit seqkit.contracts.{contract}",
                    component=self.label,
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
        target = self.record.checks
        return self._import_target(target) if target else None


class RegisteredCommand(Provided[Command]):
    """A command of a plugin, and its provider."""

    def load(self) -> click.Command:
        """Import the command.

        Raises:
            PluginError: it cannot be imported, or is not a click.Command.
        """
        import click

        loaded = self._import_target(self.record.target)
        if not isinstance(loaded, click.Command):
            raise PluginError(
                message("{command}: {loaded!r} is not a click.Command", command=self.label, loaded=loaded)
            )
        return loaded


class RegisteredTask(Provided[Task]):
    """A task, and its provider."""

    def draft(self, file: DataFile) -> Draft | str:
        """Return the recipe that the task drafts for a file, or why the file does not fit it.

        Raises:
            PluginError: the function cannot be imported, fails, or returns something else.
        """
        from seqkit.contracts import Draft

        function = self._import_target(self.record.target)
        try:
            found = function(file)
        except SeqkitError:
            raise
        except Exception as error:
            raise PluginError(message("{task}: {error}", task=self.label, error=describe_error(error))) from error
        if not isinstance(found, Draft | str):
            raise PluginError(
                message(
                    "{task} returns {found!r:.80}, not a seqkit.contracts.Draft or text",
                    task=self.label,
                    found=found,
                )
            )
        return found


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
