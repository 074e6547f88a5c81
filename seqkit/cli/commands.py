"""The commands for recipes: train and check. Each imports what it needs when it is called, so that `--help` is fast."""

from __future__ import annotations

from pathlib import Path

import click

from seqkit.cli.checked import Checked
from seqkit.cli.group import (
    completed_by,
    json_option,
    no_plugin_option,
    overrides_argument,
    recipe_argument,
    run_argument,
    seqkit,
)
from seqkit.cli.output import echo, print_json
from seqkit.cli.stderr import print_note
from seqkit.messages import message

verbose_option = click.option("--verbose", is_flag=True, help="Show which kernel computes each layer.")
quiet_option = click.option("--quiet", is_flag=True, help="Print the run directory alone; notes go to stderr.")
run_json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print the run directory and result.json as JSON; notes go to stderr."
)


@seqkit.command(short_help="Train and evaluate a recipe.")
@recipe_argument
@overrides_argument
@click.option(
    "--runs",
    type=click.Path(path_type=Path),
    default=Path("runs"),
    show_default=True,
    help="Create the run directory in this folder.",
)
@click.option(
    "--resume",
    type=click.Path(path_type=Path),
    metavar="RUN",
    help="Resume an interrupted run of this recipe.",
    shell_complete=completed_by("complete_run"),
)
@click.option("--processes", type=Checked("PositiveInt"), default=1, help="Number of local processes.")
@verbose_option
@quiet_option
@run_json_option
@no_plugin_option
def run(
    recipe: Path,
    overrides: tuple[str, ...],
    runs: Path,
    resume: Path | None,
    processes: int,
    verbose: bool,
    quiet: bool,
    as_json: bool,
    without: tuple[str, ...],
) -> int:
    """Train a recipe, evaluate it, and generate text or predict labels if the recipe requests it.

    KEY=VALUE overrides a value of the recipe: encoder.hidden_size=64. The last line of the output is the run directory.

    To train in several processes, on one machine or more: torchrun --nproc-per-node 2 -m seqkit run RECIPE.
    """
    from seqkit.cli.training import OutputOptions, run_arguments, train
    from seqkit.recipe.source import read_recipe
    from seqkit.registry import load_registry

    return train(
        read_recipe(recipe, overrides),
        load_registry(without=without).check(),
        runs,
        resume,
        processes=processes,
        output=OutputOptions(verbose, quiet, as_json),
        arguments=run_arguments(recipe, overrides, runs, resume, without),
    )


@seqkit.command(short_help="Resume an interrupted run, or train it for longer.")
@run_argument
@overrides_argument
@click.option("--processes", type=Checked("PositiveInt"), help="Number of local processes.  [default: that of the run]")
@verbose_option
@quiet_option
@run_json_option
@no_plugin_option
def resume(
    run: Path,
    overrides: tuple[str, ...],
    processes: int | None,
    verbose: bool,
    quiet: bool,
    as_json: bool,
    without: tuple[str, ...],
) -> int:
    """Resume an interrupted run, or train a finished run for longer. The run directory contains the recipe.

    KEY=VALUE changes train.epochs, train.steps, train.checkpoint_seconds, train.threads or
    train.early_stopping.patience; and data.path, for data that has moved.
    """
    from seqkit.cli.training import OutputOptions, resume_run

    return resume_run(run, overrides, processes, OutputOptions(verbose, quiet, as_json), without)


@seqkit.command("verify-resume", short_help="Verify that killed runs resume bit for bit.")
@recipe_argument
@overrides_argument
@click.option("--kills", type=Checked("PositiveInt"), default=10, show_default=True, help="Number of kills.")
@no_plugin_option
def verify_resume(recipe: Path, overrides: tuple[str, ...], kills: int, without: tuple[str, ...]) -> int:
    """Verify that killed runs of a recipe resume bit for bit.

    Trains the recipe once without a kill, then kills and resumes runs, and compares weights, metrics and outputs. Half
    of the kills happen between two file operations, half at a random time. A checkpoint is saved after each step unless
    train.checkpoint_seconds=... overrides it. Shorten a long recipe with train.steps=... or train.epochs=...: either
    replaces what the recipe sets.
    """
    from seqkit.cli.verify_resume import verify_resume as verify

    return 0 if verify(recipe, overrides, kills, without, echo) else 1


@seqkit.command(short_help="Check a recipe and print its plan.")
@recipe_argument
@overrides_argument
@json_option
@no_plugin_option
def check(recipe: Path, overrides: tuple[str, ...], as_json: bool, without: tuple[str, ...]) -> None:
    """Check a recipe and print its plan: the recipe with every default filled in, and the layers as comments.

    The data is not read, but its files must exist. The model is built for an invented vocabulary, so that components
    that do not fit together are found.
    """
    from seqkit.recipe.source import read_recipe
    from seqkit.registry import load_registry

    read = read_recipe(recipe, overrides)
    registry = load_registry(without=without)
    from seqkit.recipe.paths import check_files
    from seqkit.recipe.resolve import resolve

    plan = resolve(read, registry)
    check_files(read, plan)
    notes = plan.notes
    if any(spec.init_from for spec in plan.components):
        from seqkit.training.setup import check_sources

        notes = [*notes, *check_sources(plan, read)]
    from seqkit.training.dry_model import dry_model

    model = dry_model(plan, read)
    for note in notes:
        print_note(note)
    if as_json:
        print_json(plan.as_data())
        return
    from seqkit.recipe.yaml_parser import dump

    click.echo(dump(plan.as_data()), nl=False)
    if model is not None and (other := dry_model(plan, read, words=8)) is not None:
        from seqkit.cli.columns import terminal_width, text_lines
        from seqkit.cli.summary_command import shape_lines

        width = terminal_width()
        head = message("The layers; sizes with * depend on the data, which `seqkit summary` reads:")
        for line in (*text_lines(head, width and width - 2), *shape_lines(model, other, width and width - 2)):
            click.echo(f"# {line}")
