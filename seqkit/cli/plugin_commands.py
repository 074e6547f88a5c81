"""The commands of components and plugins: what there is, whether it is right, and a package to start from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from seqkit.cli.group import KINDS, no_plugin, seqkit
from seqkit.errors import UsageError


@seqkit.command("list", short_help="List the registered components.")
@click.argument("kind", required=False, metavar="[KIND]")
@no_plugin
def list_components(kind: str | None, without: tuple[str, ...]) -> None:
    """List the registered components and who provides them.

    KIND is reader, tokenizer, embedding, encoder or head; without it all are listed.
    """
    from seqkit.registry import load_registry

    registry = load_registry(without=without).check()
    for each in [kind] if kind else KINDS:
        entries = registry.all(each)
        width = max((len(entry.name) for entry in entries), default=0)
        provider_width = max((len(entry.provider) for entry in entries), default=0)
        click.echo(f"{each}:")
        for entry in entries:
            click.echo(f"  {entry.name:<{width}}  {entry.provider:<{provider_width}}  {entry.component.summary}")
    _tell_set_aside(registry)


@seqkit.command(short_help="Show a component and its parameters.")
@click.argument("kind")
@click.argument("name")
@no_plugin
def show(kind: str, name: str, without: tuple[str, ...]) -> None:
    """Show one component: what it does, who provides it, and the parameters that a recipe may give it."""
    from seqkit.registry import load_registry

    registry = load_registry(without=without).check()
    try:
        entry = registry.get(kind, name)
    except LookupError as error:
        raise UsageError(str(error)) from None
    from seqkit.describe import description

    click.echo(description(entry))


@seqkit.command(short_help="List the installed plugins.")
@no_plugin
def plugins(without: tuple[str, ...]) -> None:
    """List the installed plugins, what each provides, and why one was set aside."""
    from seqkit.registry import load_registry

    registry = load_registry(without=without)
    for plugin in registry.plugins:
        click.echo(f"{plugin.name}: {plugin.distribution} {plugin.version}")
        if plugin.failure:
            click.echo(f"  set aside: {plugin.failure}")
        for entry in plugin.components:
            click.echo(f"  {entry.kind} {entry.name}")
        for added in plugin.commands:
            hidden = ": never runs, since seqkit has one of that name" if added.command.name in seqkit.commands else ""
            click.echo(f"  command {added.command.name}{hidden}")
        if plugin.lifecycle:
            click.echo(f"  is told of runs: {', '.join(plugin.lifecycle)}")
        if not (plugin.failure or plugin.components or plugin.commands or plugin.lifecycle):
            click.echo("  provides nothing: no function of its module is a @seqkit.hookimpl")
    registry.check()


@seqkit.command("check-plugin", short_help="Try a plugin's components.")
@click.argument("distribution", metavar="DIST")
@no_plugin
def check_plugin(distribution: str, without: tuple[str, ...]) -> None:
    """Try every component of an installed package with the checks of seqkit.testing; DIST is its name.

    Each check is told in a line. Seqkit's own components are tried by the name of seqkit.
    """
    from seqkit.registry import load_registry

    registry = load_registry(without=without).check()
    import torch

    from seqkit.testing.installed import check_distribution

    torch.set_num_threads(1)  # what is tried is small
    click.echo(check_distribution(distribution, registry, click.echo))


@seqkit.command("new-plugin", short_help="Write a package to start a plugin from.")
@click.argument("name")
@click.option(
    "--kind", type=click.Choice(KINDS), default="encoder", show_default=True, help="What the plugin is to provide."
)
@click.option(
    "--into",
    type=click.Path(path_type=Path),
    default=Path(),
    show_default="here",
    metavar="DIR",
    help="Make the package's folder in this one.",
)
def new_plugin(name: str, kind: str, into: Path) -> None:
    """Write a package to start a plugin from: seqkit-NAME, with one small component, its test and a recipe."""
    import shlex

    from seqkit.new_plugin import write_plugin
    from seqkit.registry import load_registry

    folder = write_plugin(name, kind, into, load_registry())
    recipe = folder / "recipes" / f"{folder.name.removeprefix('seqkit-')}.yaml"
    click.echo(f"{folder}: a package that provides the {kind} '{recipe.stem}'. Next:")
    click.echo(
        f"  pip install -e {shlex.quote(f'./{folder}[test]' if not folder.is_absolute() else f'{folder}[test]')}"
    )
    click.echo(f"  pytest {shlex.quote(str(folder))}")
    click.echo(f"  seqkit run {shlex.quote(str(recipe))}")


def _tell_set_aside(registry: Any) -> None:
    for plugin in registry.plugins:
        if plugin.failure:
            click.echo(
                f"seqkit: note: plugin '{plugin.name}' of {plugin.distribution} is set aside: {plugin.failure}",
                err=True,
            )
