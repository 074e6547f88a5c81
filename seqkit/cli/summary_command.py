"""The command `summary`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from seqkit.cli.group import json_option, no_plugin_option, overrides_argument, recipe_argument, seqkit
from seqkit.messages import message

if TYPE_CHECKING:
    from seqkit.training.summary import Summary


@seqkit.command(short_help="Show the layers of a recipe's model.")
@recipe_argument
@overrides_argument
@json_option
@no_plugin_option
def summary(recipe: Path, overrides: tuple[str, ...], as_json: bool, without: tuple[str, ...]) -> None:
    """Show the layers of a recipe's model: output shapes, weights and multiply-adds.

    The data is read and the model is built, but nothing is trained or written. Shapes and multiply-adds are those for
    one text of the training data. Multiply-adds are those of matrix products, of a layer with the layers inside it.
    """
    from seqkit.cli.output import print_json
    from seqkit.recipe.source import read_recipe
    from seqkit.registry import load_registry
    from seqkit.training.summary import summarize_recipe

    found = summarize_recipe(read_recipe(recipe, overrides), load_registry(without=without).check())
    if as_json:
        totals = {"weights": found.weights, "trainable": found.trainable}
        print_json(asdict(found) | totals)
        return
    for line in _table(found):
        click.echo(line)


def _table(found: Summary) -> list[str]:
    """Return the lines of a table of the layers, with the totals below it."""
    rows = [[message("layer"), message("class"), message("output"), message("weights"), message("multiply-adds")]]
    depths: dict[str, int] = {}
    for layer in found.layers:
        above = max((name for name in depths if layer.name.startswith(f"{name}.")), key=len, default=None)
        depths[layer.name] = 0 if above is None else depths[above] + 1
        name = "  " * depths[layer.name] + layer.name[0 if above is None else len(above) + 1 :]
        shape = "" if layer.output is None else " × ".join(map(str, layer.output))
        counts = [f"{number:,}" if number else "" for number in (layer.weights, layer.multiply_adds)]
        rows.append([name, layer.type, shape, *counts])
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    lines = [
        "  ".join(
            cell.rjust(width) if column > 2 else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    frozen = found.weights - found.trainable
    lines.append("")
    if frozen:
        lines.append(message("{weights:,} weights, {frozen:,} of them frozen", weights=found.weights, frozen=frozen))
    else:
        lines.append(message("{weights:,} weights", weights=found.weights))
    lines.append(
        message(
            "{count:,} multiply-adds for a text of {steps:,} time steps, {each:,} per time step",
            count=found.multiply_adds,
            steps=found.steps,
            each=round(found.multiply_adds / found.steps),
        )
    )
    return lines
