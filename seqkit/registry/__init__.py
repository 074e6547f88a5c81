"""The installed components, looked up by kind and name.

Plugins are loaded one by one. A plugin that fails is disabled with a reason, and the others work. Two providers of one
name, or a hook that does not exist, make every command fail that looks up a component.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from typing import Any

from seqkit.errors import PluginError
from seqkit.hookspecs import Component
from seqkit.messages import message
from seqkit.registry.records import SESSION, Registered, validate_record
from seqkit.registry.registry import Registry

_session: list[Registered] = []
"""What `seqkit.register` added in this process."""

_loaded: dict[tuple[bool, frozenset[str]], Registry] = {}


def register(kind: str, name: str, component: type | None = None, *, summary: str = "") -> Any:
    """Register a component for this process, from a notebook or a script, without a package.

        @seqkit.register("encoder", "gru")
        class GRU(torch.nn.Module, seqkit.contracts.Encoder): ...

    A component that this process registered before under the same name is replaced, so that the cell of a notebook can
    run twice.

    Args:
        kind: reader, tokenizer, embedding, encoder or head.
        name: the `type` of the component in a recipe.
        component: the class; without it, `register` returns a class decorator.
        summary: a short description for `seqkit list`; by default the first line of the docstring of the class.

    Returns:
        The class.

    Raises:
        PluginError: an installed package provides the name, or the class is not of this kind.
    """

    def decorate(cls: type) -> type:
        docstring = (cls.__doc__ or "").strip().split("\n")[0]
        registered = Registered(kind, validate_record(Component(name, cls, summary or docstring)), SESSION, "")
        installed = load_registry()
        if name in installed.names(kind) and installed.get(kind, name).distribution != SESSION:
            raise PluginError(
                message(
                    "{kind} '{name}' is provided by {provider}: choose another name",
                    kind=kind,
                    name=name,
                    provider=installed.get(kind, name).provider,
                )
            )
        registered.load()
        _session[:] = [entry for entry in _session if (entry.kind, entry.name) != (kind, name)] + [registered]
        _loaded.clear()
        return cls

    return decorate if component is None else decorate(component)


def load_registry(*, without: Collection[str] = ()) -> Registry:
    """Return the registry of all installed components, which is read once per process.

    Args:
        without: plugins to exclude, by the name of the entry point or of the distribution. `SEQKIT_PLUGINS=off` in the
            environment excludes all of them.

    Raises:
        UsageError: `without` names a plugin that is not installed.
    """
    enabled = os.environ.get("SEQKIT_PLUGINS", "on") != "off"
    key = (enabled, frozenset(without))
    if key not in _loaded:
        # Slow to import (importlib.metadata), and inference with built-in components needs `registry.builtin` alone.
        from seqkit.registry.discovery import read_registry

        _loaded[key] = read_registry(enabled, key[1], _session)
    return _loaded[key]
