"""Check that the plugins that a recipe or a run requires are installed."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from seqkit.errors import PluginError
from seqkit.messages import message
from seqkit.registry.registry import Registry


def check_plugins(required: Sequence[str], registry: Registry, position_of: Callable[[int], str]) -> None:
    """Check that plugins are installed. Otherwise each component of a missing plugin would be reported as unknown.

    Args:
        required: packages, `seqkit-tagging`, `seqkit-tagging>=0.1` or `seqkit-tagging @ SOURCE`. SOURCE is an absolute
            path or a URL.
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
        named, source = split_source(text)
        requirement, position = Requirement(named), position_of(place)
        name = canonical_name(requirement.name)
        plugin = installed.get(name)
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
                    "{position}: the required plugin {name} is not installed: {remedy}",
                    position=position,
                    name=requirement.name,
                    remedy=how_to_install(named, source),
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
                    "{position}: the recipe requires {requirement}, but {version} is installed: {remedy}",
                    position=position,
                    requirement=named,
                    version=plugin.version,
                    remedy=how_to_install(named, source),
                )
            )


def split_source(text: str) -> tuple[str, str | None]:
    """Return the package and the versions of an item of `plugins`, and where to install it from, if it says so."""
    requirement, at, source = text.partition("@")
    return requirement.strip(), source.strip() if at else None


def is_url(source: str) -> bool:
    """Return whether the source of a plugin is a URL and not a path."""
    return re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", source) is not None


def how_to_install(requirement: str, source: str | None) -> str:
    """Return the command that installs a plugin, or what to do if there is none.

    Args:
        requirement: the package, with or without versions.
        source: where to install it from: an absolute path or a URL; None if the recipe does not say it.
    """
    if source is None:
        return message(
            "pip install {requirement}, or its source if it is not published",
            requirement=shlex.quote(requirement),
        )
    if is_url(source):
        return f"pip install {shlex.quote(source)}"
    try:
        if not Path(source).exists():
            raise ValueError
        return f"pip install {shlex.quote(_as_pip_takes_it(Path(source)))}"
    except (OSError, ValueError):
        return message("its source {source} does not exist: install it from where the recipe comes from", source=source)


def find_source(distribution: str, plugins: object, folder: Path) -> str | None:
    """Return where a plugin is installed from, as the recipe of a run says; None if it does not say it.

    Args:
        distribution: the plugin.
        plugins: the key `plugins` of the recipe, which may be corrupt.
        folder: the run directory, which a path is relative to.
    """
    for text in plugins if isinstance(plugins, list) else []:
        requirement, source = split_source(text) if isinstance(text, str) else ("", None)
        name = re.match(r"[A-Za-z0-9._-]*", requirement)
        if source and name and canonical_name(name[0]) == canonical_name(distribution):
            return source if is_url(source) else str(folder.absolute() / source)
    return None


def _as_pip_takes_it(path: Path) -> str:
    """Return a path relative to the current folder, which pip cannot mistake for a name or an option."""
    try:
        relative = os.path.relpath(path)
    except ValueError:  # Windows: on another drive
        return str(path)
    return relative if os.sep in relative and not relative.startswith("-") else f".{os.sep}{relative}"


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
