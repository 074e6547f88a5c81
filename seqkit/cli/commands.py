"""The commands for recipes: train and check. Each imports what it needs when it is called, so that `--help` is fast."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from seqkit.cli.checked import Checked
from seqkit.cli.group import completed_by, json_option, no_plugin_option, overrides_argument, recipe_argument, seqkit
from seqkit.cli.output import print_json
from seqkit.cli.startup import frozen_imports
from seqkit.cli.stderr import print_note
from seqkit.errors import UsageError
from seqkit.messages import message

MAX_PROCESSES = 1024


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
    help="Resume an interrupted run.",
    shell_complete=completed_by("complete_run"),
)
@click.option("--processes", type=Checked("PositiveInt"), default=1, help="Number of local processes.")
@click.option("--verbose", is_flag=True, help="Show which kernel computes each layer.")
@no_plugin_option
def run(
    recipe: Path,
    overrides: tuple[str, ...],
    runs: Path,
    resume: Path | None,
    processes: int,
    verbose: bool,
    without: tuple[str, ...],
) -> int:
    """Train a recipe, evaluate it, and generate text or predict labels if the recipe requests it.

    KEY=VALUE overrides a value of the recipe: encoder.hidden_size=64. The last line of the output is the run directory.

    To train in several processes, on one machine or more: torchrun --nproc-per-node 2 -m seqkit run RECIPE.
    """
    from seqkit.recipe.source import read_recipe
    from seqkit.registry import load_registry

    read = read_recipe(recipe, overrides)
    registry = load_registry(without=without).check()
    if processes > MAX_PROCESSES:
        raise UsageError(message("--processes must be at most {max}, not {value}", max=MAX_PROCESSES, value=processes))
    if processes > 1:
        from seqkit.recipe.resolve import resolve
        from seqkit.training.launch import launch

        resolve(read, registry)  # reports the errors of the recipe once, not in each process
        options = ["--runs", str(runs), *(["--resume", str(resume)] if resume else [])]
        options += ["--verbose"] if verbose else []
        options += [word for name in without for word in ("--no-plugin", name)]
        return launch(processes, ["run", *options, "--", str(recipe), *overrides])
    with frozen_imports():
        from seqkit.experiment import run_recipe
        from seqkit.training.console import Console
    from seqkit.cli.signals import StopRequest

    console = Console(sys.stdout, sys.stderr, verbose)
    with StopRequest() as stop:
        finished = run_recipe(read, registry, runs, [console], stop, resume)
    if os.environ.get("RANK", "0") == "0":
        click.echo(finished.path)
    return 0


@seqkit.command("verify-resume", short_help="Verify that killed runs resume bit for bit.")
@recipe_argument
@overrides_argument
@click.option("--kills", type=Checked("PositiveInt"), default=10, show_default=True, help="Number of kills.")
@no_plugin_option
def verify_resume(recipe: Path, overrides: tuple[str, ...], kills: int, without: tuple[str, ...]) -> int:
    """Verify that killed runs of a recipe resume bit for bit.

    Trains the recipe once without a kill, then kills and resumes runs, and compares weights, metrics and outputs. Half
    of the kills happen between two file operations, half at a random time. A checkpoint is saved after each step unless
    train.checkpoint_seconds=... overrides it. Shorten a long recipe with train.steps=....
    """
    from seqkit.cli.verify_resume import verify_resume as verify

    return 0 if verify(recipe, overrides, kills, without, click.echo) else 1


@seqkit.command(short_help="Check a recipe and print its plan.")
@recipe_argument
@overrides_argument
@json_option
@no_plugin_option
def check(recipe: Path, overrides: tuple[str, ...], as_json: bool, without: tuple[str, ...]) -> None:
    """Check a recipe without reading its data, and print its plan: the recipe with every default filled in."""
    from seqkit.recipe.source import read_recipe
    from seqkit.registry import load_registry

    read = read_recipe(recipe, overrides)
    registry = load_registry(without=without)
    from seqkit.recipe.resolve import resolve

    plan = resolve(read, registry)
    for note in plan.notes:
        print_note(note)
    if as_json:
        print_json(plan.as_data())
        return
    from seqkit.recipe.yaml_parser import dump

    click.echo(dump(plan.as_data()), nl=False)
