"""The commands for components and plugins: list, show and check them, and start a new plugin."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from seqkit.cli.group import completed_by, json_option, kind_names, no_plugin_option, seqkit
from seqkit.cli.language import description_lookup, find_language
from seqkit.cli.output import echo, print_json
from seqkit.cli.stderr import print_note
from seqkit.errors import UsageError, suggest
from seqkit.messages import listed, message

if TYPE_CHECKING:
    from seqkit.registry.registry import Plugin, Registry


@seqkit.command("list", short_help="List the registered components.")
@click.argument("kind", required=False, metavar="[KIND]", shell_complete=completed_by("complete_kind"))
@json_option
@no_plugin_option
def list_components(kind: str | None, as_json: bool, without: tuple[str, ...]) -> None:
    """List the registered components and their providers.

    KIND is reader, tokenizer, embedding, encoder, head, optimizer, schedule, metric or tracker. Without it, all
    components are listed.
    """
    from seqkit.cli.columns import component_lines, terminal_width
    from seqkit.registry import load_registry

    registry = load_registry(without=without).check()
    kinds = [kind] if kind else kind_names
    if as_json:
        from seqkit.cli.describe import registered_as_data

        print_json([registered_as_data(entry) for each in kinds for entry in registry.all(each)])
        _note_disabled_plugins(registry)
        return
    for each in kinds:
        entries = registry.all(each)
        click.echo(f"{each}:")
        for line in component_lines(entries, terminal_width()):
            click.echo(line)
    _note_disabled_plugins(registry)


@seqkit.command(short_help="Show a component, or a section of a recipe.")
@click.argument("kind", shell_complete=completed_by("complete_kind"))
@click.argument("name", required=False, shell_complete=completed_by("complete_component"))
@json_option
@no_plugin_option
def show(kind: str, name: str | None, as_json: bool, without: tuple[str, ...]) -> None:
    """Show a component: what it does, who provides it, and its parameters.

    `seqkit show encoder lstm` shows a component; `seqkit show train` the keys of a section: recipe (the keys at the
    top), data, train or generate.
    """
    if name is None:
        _show_section(kind, as_json, without)
        return
    from seqkit.registry import load_registry

    registry = load_registry(without=without).check()
    try:
        entry = registry.get(kind, name)
    except LookupError as error:
        raise UsageError(str(error)) from None
    from seqkit.cli.describe import component_as_data, describe_component

    if as_json:
        print_json(component_as_data(entry))
    else:
        echo(describe_component(entry, description_lookup(find_language(os.environ))))


def _show_section(name: str, as_json: bool, without: Sequence[str]) -> None:
    from seqkit.cli.describe import SECTIONS, describe_section, section_as_data

    if name in kind_names:
        raise UsageError(message("name a component: seqkit show {kind} NAME (`seqkit list {kind}`)", kind=name))
    if name not in SECTIONS:
        from seqkit.registry import load_registry

        registry = load_registry(without=without)
        kinds = [kind for kind in kind_names if name in registry.names(kind)]
        if kinds:
            commands = message(" or ").join(f"`seqkit show {kind} {name}`" for kind in kinds)
            raise UsageError(message("name its kind too: {commands}", commands=commands))
        raise UsageError(
            message(
                "there is no section '{name}'{hint}",
                name=name,
                hint=suggest(name, list(SECTIONS)) or message("; known: {known}", known=listed(SECTIONS)),
            )
        )
    if as_json:
        print_json(section_as_data(name))
    else:
        echo(describe_section(name, description_lookup(find_language(os.environ))))


@seqkit.command(short_help="Print a JSON Schema of recipes, for editors.")
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write the schema to this file in place of standard output.",
)
@no_plugin_option
def schema(output: Path | None, without: tuple[str, ...]) -> None:
    """Print a JSON Schema (draft 2020-12) of recipes, from the components that are installed.

    An editor with the YAML language server (VS Code, Neovim, Emacs, IntelliJ) then completes and checks recipes that
    name the schema in a comment: `# yaml-language-server: $schema=seqkit.schema.json`. Write it again after a plugin is
    installed.
    """
    from seqkit.cli.output import check_named, write_schema
    from seqkit.registry import load_registry

    if output is not None:
        check_named(output, "--output", ".json")

    registry = load_registry(without=without).check()
    from seqkit.recipe.json_schema import recipe_schema

    if output is None:
        print_json(recipe_schema(registry))
        return
    write_schema(output, registry)
    click.echo(os.fsencode(output))


@seqkit.command(short_help="List the installed plugins.")
@json_option
@no_plugin_option
def plugins(as_json: bool, without: tuple[str, ...]) -> None:
    """List the installed plugins, what each provides, and why a plugin is disabled."""
    from seqkit.registry import load_registry

    registry = load_registry(without=without)
    if as_json:
        print_json([_plugin_as_data(plugin) for plugin in registry.plugins])
        registry.check()
        return
    for plugin in registry.plugins:
        click.echo(f"{plugin.name}: {plugin.distribution} {plugin.version}")
        if plugin.failure:
            echo(message("  disabled: {reason}", reason=plugin.failure))
        for entry in plugin.components:
            click.echo(f"  {entry.kind} {entry.name}")
        for added in plugin.commands:
            name = added.name
            if name in seqkit.commands:
                echo(message("  command {name}: hidden by seqkit's own command of this name", name=name))
            else:
                echo(message("  command {name}", name=name))
        for task in plugin.tasks:
            echo(message("  task {name}", name=task.name))
        if plugin.lifecycle:
            echo(message("  lifecycle hooks: {hooks}", hooks=listed(plugin.lifecycle)))
        if not plugin.failure and plugin.is_empty:
            echo(message("  provides nothing: its module has no @seqkit.hookimpl function"))
    registry.check()


@seqkit.command("check-plugin", short_help="Check the components of a plugin.")
@click.argument("distribution", metavar="DIST", shell_complete=completed_by("complete_plugin"))
@no_plugin_option
def check_plugin(distribution: str, without: tuple[str, ...]) -> None:
    """Check every component of an installed package with the checks of seqkit.testing. DIST is its name.

    Prints a line per check. `seqkit check-plugin seqkit` checks seqkit's own components.
    """
    from seqkit.registry import load_registry

    registry = load_registry(without=without).check()
    import torch

    from seqkit.testing.distribution import check_distribution

    torch.set_num_threads(1)  # the models that are checked are small
    echo(check_distribution(distribution, registry, echo))


@seqkit.command("new-plugin", short_help="Create a plugin package from a template.")
@click.argument("name")
@click.option(
    "--kind", type=click.Choice(kind_names), default="encoder", show_default=True, help="The kind of its component."
)
@click.option(
    "--into",
    type=click.Path(path_type=Path),
    default=Path(),
    show_default="the current folder",
    metavar="DIR",
    help="Create the package in this folder.",
)
def new_plugin(name: str, kind: str, into: Path) -> None:
    """Create a plugin package, seqkit-NAME, with a small component, its tests and a recipe."""
    from seqkit.cli.new_plugin import write_plugin
    from seqkit.registry import load_registry

    folder = write_plugin(name, kind, into, load_registry())
    recipe = folder / "recipes" / f"{folder.name.removeprefix('seqkit-')}.yaml"
    source = f"{folder}[test]" if folder.is_absolute() else f"./{folder}[test]"
    echo(
        message(
            "{folder}: a package that provides the {kind} '{name}'. Next:", folder=folder, kind=kind, name=recipe.stem
        )
    )
    commands = (f"pip install -e {shlex.quote(source)}", f"pytest {shlex.quote(str(folder))}")
    for line in (*commands, f"seqkit run {shlex.quote(str(recipe))}"):
        click.echo(os.fsencode(f"  {line}"))  # the name of a folder can be any bytes


def _plugin_as_data(plugin: Plugin) -> dict[str, Any]:
    return {
        "name": plugin.name,
        "distribution": plugin.distribution,
        "version": plugin.version,
        "disabled": plugin.failure or None,
        "components": [{"kind": entry.kind, "name": entry.name} for entry in plugin.components],
        "commands": [added.name for added in plugin.commands],
        "tasks": [added.name for added in plugin.tasks],
        "lifecycle_hooks": plugin.lifecycle,
    }


def _note_disabled_plugins(registry: Registry) -> None:
    for plugin in registry.plugins:
        if plugin.failure:
            print_note(
                message(
                    "plugin '{plugin}' of {distribution} is disabled: {reason}",
                    plugin=plugin.name,
                    distribution=plugin.distribution,
                    reason=plugin.failure,
                )
            )
