"""Check that the plugins that a recipe or a run requires are installed."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from seqkit.errors import PluginError
from seqkit.messages import message
from seqkit.registry.records import Registry


def check_plugins(required: Sequence[str], registry: Registry, position_of: Callable[[int], str]) -> None:
    """Check that plugins are installed. Otherwise each component of a missing plugin would be reported as unknown.

    Args:
        required: packages, `seqkit-tagging` or `seqkit-tagging>=0.1`.
        registry: what is installed.
        position_of: returns the position of an item of `required` in the recipe.

    Raises:
        PluginError: a plugin is missing, excluded, disabled, or of another version.
    """
    from packaging.requirements import Requirement

    installed = {
        name: plugin for plugin in registry.plugins for name in (plugin.name, canonical_name(plugin.distribution))
    }
    excluded = {canonical_name(name) for name in registry.excluded}
    for place, text in enumerate(required):
        requirement, position = Requirement(text), position_of(place)
        name = canonical_name(requirement.name)
        plugin = installed.get(name)
        install = f"pip install '{text}'" if requirement.specifier else f"pip install {text}"
        if plugin is None and name in excluded:
            raise PluginError(
                message(
                    "{position}: the required plugin {name} is excluded: omit --no-plugin and SEQKIT_PLUGINS=off",
                    position=position,
                    name=requirement.name,
                )
            )
        if plugin is None:
            raise PluginError(
                message(
                    "{position}: the required plugin {name} is not installed: {install}",
                    position=position,
                    name=requirement.name,
                    install=install,
                )
            )
        if plugin.failure:
            raise PluginError(
                message(
                    "{position}: the required plugin {name} is disabled: {reason}",
                    position=position,
                    name=requirement.name,
                    reason=plugin.failure,
                )
            )
        if not requirement.specifier.contains(plugin.version, prereleases=True):
            raise PluginError(
                message(
                    "{position}: the recipe requires {requirement}, but {version} is installed: {install}",
                    position=position,
                    requirement=text,
                    version=plugin.version,
                    install=install,
                )
            )


def check_not_older(run: object, recorded: Mapping[str, str], distribution: str, version: str) -> None:
    """Check that the installed version of a plugin is not older than the one that a run was made with.

    A plugin is expected to read the runs of its older versions. For seqkit's own components, the format number of the
    run is checked instead.

    Args:
        run: the run directory, for the message.
        recorded: the component in plan.json.
        distribution: the installed provider of the component.
        version: the version of the distribution.

    Raises:
        PluginError: the installed version is older.
    """
    from packaging.version import InvalidVersion, Version

    saved = recorded.get("version", "")
    if distribution == "seqkit" or canonical_name(recorded.get("distribution", "")) != canonical_name(distribution):
        return
    try:
        is_older = Version(version) < Version(saved)
    except InvalidVersion:  # a component that was registered by a script has no version
        return
    if is_older:
        raise PluginError(
            message(
                "{run}: made with {distribution} {saved}, but {version} is installed: "
                "pip install '{distribution}>={saved}'",
                run=run,
                distribution=distribution,
                saved=saved,
                version=version,
            )
        )


def canonical_name(distribution: str) -> str:
    """Return the name of a distribution in the form in which pip compares names."""
    return re.sub(r"[-_.]+", "-", distribution).lower()
