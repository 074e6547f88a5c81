"""What is installed: the plugin manager, look-up by kind and name, collisions, and where each component comes from.

Entry points are loaded one by one. A plugin that fails is set aside with its reason, and everything else goes on
working. What cannot be passed over (two providers of one name, a hook that does not exist) is an error for every
command that looks a component up.
"""

from __future__ import annotations

import importlib
import inspect
import os
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from importlib import metadata
from typing import Any

import pluggy

import seqkit
from seqkit import builtin, hookspecs
from seqkit.errors import PluginError, UsageError, suggest
from seqkit.hookspecs import KINDS, Component

ENTRY_POINT_GROUP = "seqkit"
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
        if isinstance(target, str):
            module_name, _, attribute = target.partition(":")
            try:
                loaded = getattr(importlib.import_module(module_name), attribute)
            except BaseException as error:  # noqa: B036 - a module may even call sys.exit while it is imported
                if isinstance(error, KeyboardInterrupt):
                    raise
                raise PluginError(f"{label}: cannot load {target}: {_reason(error)}") from error
        else:
            loaded = target
        contract = CONTRACTS[self.kind]
        if not (isinstance(loaded, type) and issubclass(loaded, contract)):
            raise PluginError(f"{label}: {loaded!r} does not inherit seqkit.contracts.{contract.__name__}")
        return loaded


@dataclass
class Plugin:
    """An installed plugin.

    Attributes:
        failure: why it was set aside; empty when it works.
    """

    name: str
    distribution: str
    version: str
    failure: str = ""
    components: list[Registered] = field(default_factory=list)


@dataclass
class Registry:
    """Every component that can be named in a recipe.

    Attributes:
        plugins: what was found, the ones set aside included.
        faults: what makes the registry unusable until it is mended, one line each.
    """

    plugins: list[Plugin] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
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
        registered = Registered(kind, _checked(Component(name, cls, summary or docstring)), SESSION, "")
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
        _loaded[key] = _read_registry(enabled, key[1])
    return _loaded[key]


def _read_registry(enabled: bool, without: frozenset[str]) -> Registry:
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    manager.register(builtin, name="seqkit")
    registry = Registry()
    found = {"seqkit": Plugin("seqkit", "seqkit", seqkit.__version__)}
    entry_points = sorted(metadata.entry_points(group=ENTRY_POINT_GROUP), key=lambda point: point.name)
    left_out = set()
    for point in entry_points if enabled else ():
        distribution = point.dist.name if point.dist else point.value
        if {point.name, distribution} & without:
            left_out |= {point.name, distribution}
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
            plugin.failure = _reason(error)
        if plugin.failure and manager.has_plugin(key):
            manager.unregister(name=key)
    if enabled and without - left_out:
        raise UsageError(f"--no-plugin {sorted(without - left_out)[0]}: no plugin of that name is installed")
    for kind, plugin, component in _components(manager, found):
        registered = Registered(kind, component, plugin.distribution, plugin.version)
        plugin.components.append(registered)
        registry.add(registered)
    for registered in _session:
        registry.add(registered)
    registry.plugins = list(found.values())
    return registry


def _components(manager: pluggy.PluginManager, found: dict[str, Plugin]) -> Iterator[tuple[str, Plugin, Component]]:
    """Calls each plugin's hooks one by one, so that one that raises is set aside alone."""
    yielded: dict[str, list[tuple[str, Component]]] = {name: [] for name in found}
    for kind, hook_name in KINDS.items():
        for implementation in getattr(manager.hook, hook_name).get_hookimpls():
            name = implementation.plugin_name
            try:
                yielded[name] += [(kind, _checked(component)) for component in implementation.function()]
            except BaseException as error:  # noqa: B036 - as while a module is imported
                if isinstance(error, KeyboardInterrupt):
                    raise
                found[name].failure = f"{hook_name}: {_reason(error)}"
    for name, plugin in found.items():
        if not plugin.failure:
            yield from ((kind, plugin, component) for kind, component in yielded[name])


def _reason(error: BaseException) -> str:
    """Returns an exception in one line; a PluginError, which is written to be read, without its class."""
    name = "" if isinstance(error, PluginError) else f"{type(error).__name__}: "
    return " ".join(f"{name}{error}".split())


def _checked(component: Any) -> Component:
    if not isinstance(component, Component):
        raise PluginError(f"{component!r} is not a seqkit.Component")
    if not (isinstance(component.name, str) and _NAME.fullmatch(component.name)):
        raise PluginError(f"{component.name!r} is not a name: lower-case letters, digits, _ and -, a letter first")
    if isinstance(component.target, str) and not re.fullmatch(r"[\w.]+:\w+", component.target):
        raise PluginError(f"the target of '{component.name}' is '{component.target}', not 'package.module:Class'")
    return component


class _MisspeltHook(PluginError):
    pass


def _check_hooks(manager: pluggy.PluginManager, module: Any) -> None:
    """Raises _MisspeltHook for a hook that seqkit does not have, and for one that lost its decorator."""
    known = list(KINDS.values())
    for caller in manager.get_hookcallers(module) or ():
        if not caller.has_spec():
            raise _MisspeltHook(f"there is no hook '{caller.name}'{suggest(caller.name, known)}")
    implemented = {caller.name for caller in manager.get_hookcallers(module) or ()}
    for name, member in inspect.getmembers(module, inspect.isroutine):
        if name in known and name not in implemented:
            raise _MisspeltHook(f"the function '{name}' lacks its @seqkit.hookimpl: {member.__module__}")
