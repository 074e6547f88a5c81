"""Plugins found among what is installed, loaded one by one, and asked what they yield."""

from __future__ import annotations

import inspect
from collections.abc import Collection, Iterator
from importlib import metadata
from typing import Any

import pluggy

import seqkit
from seqkit import builtin, hookspecs
from seqkit.errors import PluginError, UsageError, suggest
from seqkit.hookspecs import KINDS, LIFECYCLE, Command, Component
from seqkit.registry import Plugin, Registered, RegisteredCommand, Registry, checked, reason

ENTRY_POINT_GROUP = "seqkit"


def read_registry(enabled: bool, without: Collection[str], session: Collection[Registered]) -> Registry:
    """Does what `load_registry` says, anew.

    Args:
        enabled: whether plugins are loaded at all.
        without: those left out.
        session: what this process registered itself.
    """
    without = set(without)
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    manager.register(builtin, name="seqkit")
    registry = Registry(manager=manager)
    found = {"seqkit": Plugin("seqkit", "seqkit", seqkit.__version__)}
    entry_points = sorted(metadata.entry_points(group=ENTRY_POINT_GROUP), key=lambda point: point.name)
    for point in entry_points:
        distribution = point.dist.name if point.dist else point.value
        if not enabled or {point.name, distribution} & without:
            registry.left_out |= {point.name, distribution}
            continue
        plugin = Plugin(point.name, distribution, point.dist.version if point.dist else "")
        key = f"{distribution}:{point.name}"
        found[key] = plugin
        try:
            module = point.load()
            manager.register(module, name=key)
            _check_hooks(manager, module)
        except _MisspeltHook as error:
            registry.faults.append(f"plugin '{point.name}' of {distribution}: {error}")
            plugin.failure = str(error)
        except BaseException as error:  # noqa: B036 - a module may even call sys.exit while it is imported
            if isinstance(error, KeyboardInterrupt):
                raise
            plugin.failure = reason(error)
        if plugin.failure and manager.has_plugin(key):
            manager.unregister(name=key)
    if without - registry.left_out:
        missing = sorted(without - registry.left_out)[0]
        raise UsageError(f"--no-plugin {missing}: no plugin of that name is installed")
    for kind, plugin, yielded in _yielded(manager, found):
        if isinstance(yielded, Command):
            plugin.commands.append(RegisteredCommand(yielded, plugin.distribution, plugin.version))
            registry.add_command(plugin.commands[-1])
        else:
            plugin.components.append(Registered(kind, yielded, plugin.distribution, plugin.version))
            registry.add(plugin.components[-1])
    for key, plugin in found.items():
        if plugin.failure and manager.has_plugin(key):
            manager.unregister(name=key)
    for hook in LIFECYCLE:
        for implementation in getattr(manager.hook, hook).get_hookimpls():
            found[implementation.plugin_name].lifecycle.append(hook)
    for registered in session:
        registry.add(registered)
    registry.plugins = list(found.values())
    return registry


def _yielded(
    manager: pluggy.PluginManager, found: dict[str, Plugin]
) -> Iterator[tuple[str, Plugin, Component | Command]]:
    """Calls each plugin's hooks one by one, so that one that raises is set aside alone."""
    yielded: dict[str, list[tuple[str, Component | Command]]] = {name: [] for name in found}
    for kind, hook_name in (KINDS | {"command": "seqkit_commands"}).items():
        wanted = Command if kind == "command" else Component
        for implementation in getattr(manager.hook, hook_name).get_hookimpls():
            name = implementation.plugin_name
            try:
                yielded[name] += [(kind, checked(record, wanted)) for record in implementation.function()]
            except BaseException as error:  # noqa: B036 - as while a module is imported
                if isinstance(error, KeyboardInterrupt):
                    raise
                found[name].failure = f"{hook_name}: {reason(error)}"
    for name, plugin in found.items():
        if not plugin.failure:
            yield from ((kind, plugin, record) for kind, record in yielded[name])


class _MisspeltHook(PluginError):
    pass


def _check_hooks(manager: pluggy.PluginManager, module: Any) -> None:
    """Raises _MisspeltHook for a hook that seqkit does not have, and for one that lost its decorator."""
    known = [*KINDS.values(), "seqkit_commands", *LIFECYCLE]
    for caller in manager.get_hookcallers(module) or ():
        if not caller.has_spec():
            raise _MisspeltHook(f"there is no hook '{caller.name}'{suggest(caller.name, known)}")
    implemented = {caller.name for caller in manager.get_hookcallers(module) or ()}
    for name, member in inspect.getmembers(module, inspect.isroutine):
        if name in known and name not in implemented:
            raise _MisspeltHook(f"the function '{name}' lacks its @seqkit.hookimpl: {member.__module__}")
