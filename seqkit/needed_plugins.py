"""Whether the plugins that a recipe or a run needs are here, and what to install where they are not."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from seqkit.errors import PluginError
from seqkit.registry import Registry


def check_plugins(wanted: Sequence[str], registry: Registry, where: Callable[[int], str]) -> None:
    """Raises PluginError where a plugin is not there: without it, every name that it provides would be a fault.

    Args:
        wanted: packages, `seqkit-tagging` or `seqkit-tagging>=0.1`.
        where: from a place in that list to where it is written.
    """
    from packaging.requirements import Requirement

    installed = {name: plugin for plugin in registry.plugins for name in (plugin.name, folded(plugin.distribution))}
    left_out = {folded(name) for name in registry.left_out}
    for place, text in enumerate(wanted):
        requirement = Requirement(text)
        plugin = installed.get(folded(requirement.name))
        install = f"`pip install '{text}'`" if requirement.specifier else f"`pip install {text}`"
        if plugin is None:
            told = "was left out" if folded(requirement.name) in left_out else f"is not installed: {install}"
            raise PluginError(f"{where(place)}: this recipe needs the plugin {requirement.name}, which {told}")
        if plugin.failure:
            raise PluginError(f"{where(place)}: the plugin {requirement.name} is set aside: {plugin.failure}")
        if not requirement.specifier.contains(plugin.version, prereleases=True):
            raise PluginError(f"{where(place)}: this recipe needs {text}, and {plugin.version} is installed: {install}")


def refuse_if_older(where: object, recorded: Mapping[str, str], distribution: str, version: str) -> None:
    """Raises PluginError where a component was of a newer version of its plugin than the one that is here.

    A newer plugin is taken to read what an older one wrote. For seqkit's own components the format's number says it.

    Args:
        where: the run directory.
        recorded: a component as plan.json lists it.
        distribution: what it comes from here.
        version: of that.
    """
    from packaging.version import InvalidVersion, Version

    made_with = recorded.get("version", "")
    if distribution == "seqkit" or folded(recorded.get("distribution", "")) != folded(distribution):
        return
    try:
        older = Version(version) < Version(made_with)
    except InvalidVersion:  # one that was registered by a script has none
        return
    if older:
        install = f"pip install '{distribution}>={made_with}'"
        raise PluginError(f"{where}: was made with {distribution} {made_with}, and {version} is installed: {install}")


def folded(distribution: str) -> str:
    """Returns a distribution's name as pip compares it."""
    return re.sub(r"[-_.]+", "-", distribution).lower()
