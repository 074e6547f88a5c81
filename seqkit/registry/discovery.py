"""Discovery of installed plugins: entry points are loaded one by one, and their hooks are called."""

from __future__ import annotations

import inspect
from collections.abc import Collection, Iterator
from importlib import metadata
from types import ModuleType
from typing import Any

import pluggy

from seqkit import hookspecs
from seqkit._version import __version__
from seqkit.errors import PluginError, UsageError, describe_error, suggest
from seqkit.hookspecs import KINDS, LIFECYCLE, Command, Component, Task
from seqkit.messages import message
from seqkit.registry import builtin
from seqkit.registry.records import Registered, RegisteredCommand, RegisteredTask, validate_record
from seqkit.registry.registry import Plugin, Registry

ENTRY_POINT_GROUP = "seqkit"

_OTHERS = {"command": "seqkit_commands", "task": "seqkit_tasks"}
"""What plugins register besides components, and the hook that registers it."""

_RECORDS: dict[str, type[Any]] = {"command": Command, "task": Task}


def read_registry(enabled: bool, without: Collection[str], session: Collection[Registered]) -> Registry:
    """Read the registry; `seqkit.registry.load_registry` reads it only once.

    Args:
        enabled: whether plugins are loaded at all.
        without: the plugins to exclude.
        session: the components that this process registered with `seqkit.register`.

    Raises:
        UsageError: `without` names a plugin that is not installed.
    """
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    manager.register(builtin, name="seqkit")
    registry = Registry(manager=manager)
    by_key = {"seqkit": Plugin("seqkit", "seqkit", __version__)}
    """The plugins by their names in the manager."""
    for entry_point in sorted(metadata.entry_points(group=ENTRY_POINT_GROUP), key=lambda point: point.name):
        distribution = entry_point.dist.name if entry_point.dist else entry_point.value
        if not enabled or {entry_point.name, distribution} & set(without):
            registry.excluded |= {entry_point.name, distribution}
            continue
        version = entry_point.dist.version if entry_point.dist else ""
        plugin = Plugin(entry_point.name, distribution, version)
        key = f"{distribution}:{entry_point.name}"
        by_key[key] = plugin
        try:
            _load(entry_point, key, manager)
        except _HookError as error:
            registry.faults.append(
                message(
                    "plugin '{plugin}' of {distribution}: {error}",
                    plugin=plugin.name,
                    distribution=distribution,
                    error=error,
                )
            )
            plugin.failure = str(error)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: B036 - a module can even call sys.exit while it is imported
            plugin.failure = describe_error(error)
        _unregister_if_disabled(manager, key, plugin)
    if missing := sorted(set(without) - registry.excluded):
        raise UsageError(message("--no-plugin {name}: no such plugin is installed", name=missing[0]))
    for kind, plugin, record in _read_records(manager, by_key):
        if isinstance(record, Command):
            plugin.commands.append(RegisteredCommand(kind, record, plugin.distribution, plugin.version))
            registry.add(plugin.commands[-1])
        elif isinstance(record, Task):
            plugin.tasks.append(RegisteredTask(kind, record, plugin.distribution, plugin.version))
            registry.add(plugin.tasks[-1])
        else:
            plugin.components.append(Registered(kind, record, plugin.distribution, plugin.version))
            registry.add(plugin.components[-1])
    for key, plugin in by_key.items():
        _unregister_if_disabled(manager, key, plugin)
    for hook in LIFECYCLE:
        for implementation in getattr(manager.hook, hook).get_hookimpls():
            by_key[implementation.plugin_name].lifecycle.append(hook)
    for registered in session:
        registry.add(registered)
    registry.plugins = list(by_key.values())
    return registry


class _HookError(PluginError):
    """A hook would be ignored: it does not exist, or lacks its decorator."""


def _load(entry_point: metadata.EntryPoint, key: str, manager: pluggy.PluginManager) -> None:
    """Import the module of a plugin and register its hooks.

    Raises:
        _HookError: one of its hooks would be ignored.
    """
    module: ModuleType = entry_point.load()
    manager.register(module, name=key)
    known = [*KINDS.values(), *_OTHERS.values(), *LIFECYCLE]
    callers = manager.get_hookcallers(module) or ()
    for caller in callers:
        if not caller.has_spec():
            raise _HookError(message("unknown hook '{hook}'{hint}", hook=caller.name, hint=suggest(caller.name, known)))
    implemented = {caller.name for caller in callers}
    for name, member in inspect.getmembers(module, inspect.isroutine):
        if name in known and name not in implemented:
            raise _HookError(
                message(
                    "the function '{hook}' of {module} is not decorated with @seqkit.hookimpl",
                    hook=name,
                    module=member.__module__,
                )
            )


def _unregister_if_disabled(manager: pluggy.PluginManager, key: str, plugin: Plugin) -> None:
    if plugin.failure and manager.has_plugin(key):
        manager.unregister(name=key)


def _read_records(
    manager: pluggy.PluginManager, by_key: dict[str, Plugin]
) -> Iterator[tuple[str, Plugin, Component | Command | Task]]:
    """Yield kind, plugin and record of everything that plugins provide; one whose hook raises is disabled.

    The hooks of all plugins are called before anything is yielded, so nothing is yielded of a disabled plugin.
    """
    records: dict[str, list[tuple[str, Component | Command | Task]]] = {key: [] for key in by_key}
    for kind, hook_name in (KINDS | _OTHERS).items():
        for implementation in getattr(manager.hook, hook_name).get_hookimpls():
            key = implementation.plugin_name
            try:
                for record in implementation.function():
                    records[key].append((kind, validate_record(record, _RECORDS.get(kind, Component))))
            except KeyboardInterrupt:
                raise
            except BaseException as error:  # noqa: B036 - as while a module is imported
                by_key[key].failure = f"{hook_name}: {describe_error(error)}"
    for key, plugin in by_key.items():
        if not plugin.failure:
            yield from ((kind, plugin, record) for kind, record in records[key])
