"""The command `summary`: the layers of a model, before or after training."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from seqkit.cli.columns import terminal_width, text_lines, value_lines
from seqkit.cli.group import completed_by, json_option, no_plugin_option, overrides_argument, seqkit
from seqkit.cli.output import echo, print_json
from seqkit.cli.stderr import print_note
from seqkit.errors import UsageError
from seqkit.messages import message

if TYPE_CHECKING:
    from seqkit.contracts import Batch
    from seqkit.modeling.model import Model
    from seqkit.modeling.summary import Layer
    from seqkit.recipe.plan import Plan
    from seqkit.recipe.recipe import Recipe


@seqkit.command(short_help="Show the layers of a model: shapes, weights, multiply-adds.")
@click.argument(
    "source", type=click.Path(path_type=Path), metavar="RECIPE|RUN", shell_complete=completed_by("complete_recipe")
)
@overrides_argument
@json_option
@no_plugin_option
def summary(source: Path, overrides: tuple[str, ...], as_json: bool, without: tuple[str, ...]) -> None:
    """Show the layers of the model of a recipe or a run: output shapes, weights, and multiply-adds for one token.

    The data of a recipe is read, since its vocabulary and labels determine sizes; nothing is trained.
    """
    from seqkit.modeling.summary import layers, totals

    model, batch = _of_run(source, overrides) if source.is_dir() else _of_recipe(source, overrides, without)
    found = layers(model, batch)
    weights, products = totals(found)
    if as_json:
        rows = [layer.as_data() for layer in found]
        print_json({"layers": rows, "weights": weights, "multiply_adds": products, "causal": model.causal})
        return
    width = terminal_width()
    for line in layer_lines(found, width):
        echo(line)
    trained = sum(weight.numel() for weight in model.parameters() if weight.requires_grad)
    text = message(
        "weights: {weights:,} ({trained:,} trained), {megabytes:.1f} MB; multiply-adds for one token: {products:,}",
        weights=weights,
        trained=trained,
        megabytes=sum(weight.numel() * weight.element_size() for weight in model.parameters()) / 1e6,
        products=products,
    )
    for line in text_lines(text, width):
        echo(line)


def layer_lines(found: Sequence[Layer], width: int | None) -> Iterator[str]:
    """Yield the lines of a table of layers, in a terminal of this width."""
    rows = [
        (
            layer.name,
            layer.cls,
            "" if layer.output is None else describe_shape(layer.output),
            describe_shapes(layer.shapes),
            layer.weights or None,
            layer.multiply_adds or None,
        )
        for layer in found
    ]
    header = (*_layer_heads(), message("output"), message("shapes"), message("weights"), message("multiply-adds"))
    yield from value_lines(header, rows, left=4, width=width)


def shape_lines(model: Model, other: Model, width: int | None) -> Iterator[str]:
    """Yield the lines of a table of the layers of a model, with `*` for the sizes that differ in another one.

    Args:
        model: the model.
        other: the other one.
        width: the number of columns of the terminal; None to print it whole.
    """
    from seqkit.modeling.summary import layers, size, varying

    found = layers(model)
    shapes = varying(found, layers(other))
    rows = []
    for layer in found:
        sizes = [size(shape) for shape in shapes.get(layer.name, {}).values()]
        weights = "*" if None in sizes else layer.weights or None
        rows.append((layer.name, layer.cls, describe_shapes(shapes.get(layer.name, {})), weights))
    yield from value_lines((*_layer_heads(), message("shapes"), message("weights")), rows, left=3, width=width)


def _layer_heads() -> tuple[str, str]:
    return message("layer"), message("class")


def describe_shape(shape: Sequence[int | str]) -> str:
    """Return a shape: `batch × time × 128`."""
    return " × ".join(map(str, shape)) or "1"


def describe_shapes(shapes: Mapping[str, Sequence[int | str]]) -> str:
    """Return the shapes of the weights of a layer; of many, the first."""
    shown = [f"{name} {describe_shape(shape)}" for name, shape in list(shapes.items())[:2]]
    return ", ".join(shown) + (", …" if len(shapes) > 2 else "")


def _of_recipe(source: Path, overrides: Sequence[str], without: Sequence[str]) -> tuple[Model, Batch | None]:
    from seqkit.recipe.source import read_recipe
    from seqkit.registry import load_registry

    recipe = read_recipe(source, overrides)
    registry = load_registry(without=without).check()
    from seqkit.recipe.paths import recipe_errors
    from seqkit.recipe.resolve import resolve

    plan = resolve(recipe, registry)
    for note in plan.notes:
        print_note(note)
    with recipe_errors(recipe, plan):
        return _build(plan, recipe)


def _build(plan: Plan, recipe: Recipe) -> tuple[Model, Batch | None]:
    from seqkit.data.batching import collate
    from seqkit.data.prepare import prepare
    from seqkit.modeling.device import isolated_torch_state
    from seqkit.training.groups import parameter_groups
    from seqkit.training.setup import build_checked_model

    with isolated_torch_state(plan.seed):
        data = prepare(plan)
        model = build_checked_model(plan, recipe, data)
        parameter_groups(model, plan.train.groups, recipe)  # freezes those that are never trained
    rows = sorted(data.splits["train"].rows[:64], key=lambda row: len(row.input))[-2:]
    steps = plan.train.sequence_length or 512
    cut = [row._replace(input=row.input[:steps], target=None) for row in [*rows, rows[-1]][-2:]]
    return model, collate(cut) if len(cut[-1].input) > 2 else None


def _of_run(source: Path, overrides: Sequence[str]) -> tuple[Model, Batch | None]:
    if overrides:
        raise UsageError(message("{run}: a run takes no KEY=VALUE: its recipe is fixed", run=source))
    from seqkit.inference.loading import RunParts
    from seqkit.runs.directory import RunDirectory

    parts = RunParts(RunDirectory.open(source))
    if parts.is_ensemble:
        raise UsageError(message("{run}: an ensemble has several models: pass one of its members", run=source))
    engine = parts.torch_engine
    return engine.model, _invented_batch(engine.tokenizer, engine.feature_width)


def _invented_batch(tokenizer: Any, width: int | None) -> Batch | None:
    """Return a batch of two rows of the first tokens of the vocabulary, or of zeros; None if neither is input."""
    import numpy as np

    from seqkit.contracts import Row
    from seqkit.data.batching import collate

    if tokenizer is None:
        return collate([Row(np.zeros((7, width or 1), np.float32))] * 2)
    try:
        ids = tokenizer.encode(tokenizer.decode(list(range(min(7, tokenizer.vocab_size)))))
    except Exception:  # no text has these tokens
        return None
    return collate([Row(ids)] * 2) if len(ids) > 2 else None
