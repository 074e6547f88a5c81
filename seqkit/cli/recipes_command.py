"""The command `recipes`."""

from __future__ import annotations

from pathlib import Path

import click

from seqkit.cli.group import completed_by, json_option, no_plugin_option, seqkit
from seqkit.errors import UsageError
from seqkit.messages import message, translate_stored


@seqkit.command(short_help="List the recipes that are installed, and copy one.")
@click.argument("name", required=False, shell_complete=completed_by("complete_shipped_recipe"))
@click.option(
    "--copy",
    "folder",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Copy the recipe NAME to this folder, with its data and what it extends.",
)
@json_option
@no_plugin_option
def recipes(name: str | None, folder: Path | None, as_json: bool, without: tuple[str, ...]) -> None:
    """List the recipes that seqkit and the installed plugins ship, and what each shows.

    With NAME, prints this recipe. With --copy, copies it and prints its path, which `seqkit run` takes.
    """
    from seqkit.recipe.shipped import find_recipe, shipped_recipes
    from seqkit.recipe.shipped_copy import copy_recipe
    from seqkit.registry import load_registry

    registry = load_registry(without=without)
    found = shipped_recipes(["seqkit", *(plugin.distribution for plugin in registry.plugins if not plugin.failure)])
    if name is None:
        if folder is not None:
            raise UsageError(message("--copy copies one recipe: pass its name"))
        if as_json:
            from seqkit.cli.output import print_json

            keys = ("name", "provider", "summary")
            print_json([{key: getattr(each, key) for key in keys} | {"file": str(each.file)} for each in found])
            return
        width = max((len(recipe.name) for recipe in found), default=0)
        provider = None
        for recipe in found:
            if recipe.provider != provider:
                provider = recipe.provider
                click.echo(f"{provider}:")
            click.echo(f"  {recipe.name:<{width}}  {translate_stored(recipe.summary)}")
        return
    if as_json:
        raise UsageError(message("--json lists the recipes: leave out {name}", name=name))
    recipe = find_recipe(name, found)
    if folder is not None:
        click.echo(copy_recipe(recipe, folder))
    else:
        click.echo(recipe.file.read_text(encoding="utf-8"), nl=False)
