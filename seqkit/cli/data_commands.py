"""The commands that look at data before training: `init` and `data`."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from seqkit.cli.checked import Checked
from seqkit.cli.group import json_option, no_plugin_option, overrides_argument, recipe_argument, seqkit
from seqkit.cli.output import check_file_name, echo, print_json, write_schema
from seqkit.cli.reader_options import with_option
from seqkit.cli.stderr import print_note
from seqkit.errors import DataError, UsageError
from seqkit.messages import counted, listed, message

SCHEMA = "seqkit.schema.json"
"""The JSON Schema beside a new recipe, which editors complete and check it with."""

_COLUMNS = ("text", "label")
"""The keys of a recipe that `init` has options for."""


@seqkit.command("init", short_help="Write a recipe for a data file.")
@click.argument("data", type=click.Path(path_type=Path))
@click.option("--task", metavar="NAME", help="What to predict.  [default: what the file fits best]")
@click.option("--text", metavar="COLUMN", help="The column of the text; two columns of a pair, separated by a comma.")
@click.option("--label", metavar="COLUMN", help="The column of the label; columns of 0 and 1, separated by commas.")
@click.option("--encoding", help="Encoding of the file.  [default: found from its bytes]")
@click.option(
    "--minutes",
    type=Checked("PositiveFloat", "number"),
    default=5.0,
    show_default=True,
    help="How long training may take on this machine.",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The recipe to write.  [default: the name of the data, in the current folder]",
)
@no_plugin_option
def init(
    data: Path,
    task: str | None,
    text: str | None,
    label: str | None,
    encoding: str | None,
    minutes: float,
    output: Path | None,
    without: tuple[str, ...],
) -> None:
    """Look at a data file, and write a commented recipe that runs at once.

    The file can be a csv or tsv file, JSON Lines, Parquet, plain text, words with tags in columns, or a series of
    numbers. Its encoding, delimiter and columns are detected; column names, split, sizes and epochs are chosen from the
    data, and the baseline is computed on the validation split. No file is overwritten. Beside the recipe, a JSON Schema
    (seqkit.schema.json) is written for editors if it does not exist; `seqkit schema` writes it again.
    """
    from seqkit.drafting.describe import describe_baseline, describe_splits, describe_time
    from seqkit.drafting.draft import draft_recipe
    from seqkit.registry import load_registry
    from seqkit.runs.files import write_new

    stem = data.name.removesuffix(".gz").rsplit(".", 1)[0] or "recipe"
    output = output or Path(f"{stem}.yaml")
    if output.exists():
        raise UsageError(message("{file}: exists already: choose another name with --output", file=output))
    check_file_name(output, "--output")
    registry = load_registry(without=without).check()
    try:
        found = draft_recipe(
            data,
            output,
            registry,
            task=task,
            text=text,
            label=label,
            encoding=encoding,
            minutes=minutes,
            schema=SCHEMA,
        )
    except DataError as error:
        raise with_option(error, _COLUMNS, _COLUMNS) from None
    write_new(output, found.text)
    if not (schema := output.parent / SCHEMA).exists():
        write_schema(schema, registry)
    for note in found.fitted.notes:
        print_note(note)
    inspected, choice, fitted = found.file, found.choice, found.fitted
    kind = inspected.format or message("text")
    echo(
        message(
            "{path}: {kind}, {encoding}, {rows}",
            path=data,
            kind=kind,
            encoding=inspected.encoding,
            rows=counted(inspected.rows, "1 row", "{count:,} rows"),
        )
    )
    others = message(" (other tasks: {others})", others=listed(choice.others)) if choice.others else ""
    echo(message("task: {task}, {summary}{others}", task=choice.task.name, summary=choice.draft.summary, others=others))
    if splits := describe_splits(fitted.examples):
        echo(splits)
    if fitted.baseline:
        echo(message("baseline on the validation split: {baseline}", baseline=describe_baseline(fitted.baseline)))
    echo(message("training takes {time} on this machine", time=describe_time(fitted.seconds)))
    echo(
        message("{file} is written; train it with: seqkit run {command}", file=output, command=shlex.quote(str(output)))
    )


@seqkit.command("data", short_help="Show what the data of a recipe contains, before training.")
@recipe_argument
@overrides_argument
@json_option
@no_plugin_option
def data_command(recipe: Path, overrides: tuple[str, ...], as_json: bool, without: tuple[str, ...]) -> None:
    """Show what the data of a recipe contains, split by split, before training.

    Sizes, lengths, labels and the coverage of the vocabulary; texts that occur in more than one split, word for word or
    nearly (a Jaccard similarity of at least 0.8 of their 5-grams of characters); labels that disagree on equal texts;
    entities and windows of held-out splits that the training split contains. The model is not built.
    """
    from seqkit.cli.columns import terminal_width
    from seqkit.cli.data_tables import data_lines
    from seqkit.data.inspection import inspect_data
    from seqkit.data.prepare import prepare
    from seqkit.recipe.paths import recipe_errors
    from seqkit.recipe.resolve import resolve
    from seqkit.recipe.source import read_recipe
    from seqkit.registry import load_registry

    read = read_recipe(recipe, overrides)
    plan = resolve(read, load_registry(without=without).check())
    for note in plan.notes:
        print_note(note)
    with recipe_errors(read, plan):
        found = inspect_data(prepare(plan))
    if as_json:
        print_json(found)
        return
    for line in data_lines(found, terminal_width()):
        echo(line)
