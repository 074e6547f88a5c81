"""The commands for recipes and runs. Each imports what it needs when it is called, so that `--help` is fast."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import click

from seqkit.cli.checked import Checked
from seqkit.cli.group import no_plugin_option, overrides_argument, seqkit
from seqkit.errors import UsageError
from seqkit.messages import message


@seqkit.command(short_help="Train and evaluate a recipe.")
@click.argument("recipe", type=click.Path(path_type=Path))
@overrides_argument
@click.option(
    "--runs",
    type=click.Path(path_type=Path),
    default=Path("runs"),
    show_default=True,
    help="Create the run directory in this folder.",
)
@click.option(
    "--resume", type=click.Path(path_type=Path), metavar="RUN", help="Resume an interrupted run of this recipe."
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
    from seqkit.cli.training import run_arguments, train
    from seqkit.recipe.source import read_recipe
    from seqkit.registry import load_registry

    return train(
        read_recipe(recipe, overrides),
        load_registry(without=without).check(),
        runs,
        resume,
        processes=processes,
        verbose=verbose,
        arguments=run_arguments(recipe, overrides, runs, resume, without),
    )


@seqkit.command(short_help="Resume an interrupted run, or train it for longer.")
@click.argument("run", type=click.Path(path_type=Path))
@overrides_argument
@click.option("--processes", type=Checked("PositiveInt"), help="Number of local processes.  [default: that of the run]")
@click.option("--verbose", is_flag=True, help="Show which kernel computes each layer.")
@no_plugin_option
def resume(
    run: Path, overrides: tuple[str, ...], processes: int | None, verbose: bool, without: tuple[str, ...]
) -> int:
    """Resume an interrupted run, or train a finished run for longer. The run directory contains the recipe.

    KEY=VALUE changes train.epochs, train.steps, train.checkpoint_seconds, train.threads or
    train.early_stopping.patience; and data.path, for data that has moved.
    """
    from seqkit.cli.training import resume_run

    return resume_run(run, overrides, processes, verbose, without)


@seqkit.command("verify-resume", short_help="Verify that killed runs resume bit for bit.")
@click.argument("recipe", type=click.Path(path_type=Path))
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

    return 0 if verify(recipe, overrides, kills, without, click.echo) else 1


@seqkit.command(short_help="Check a recipe and print its plan.")
@click.argument("recipe", type=click.Path(path_type=Path))
@overrides_argument
@click.option("--json", "as_json", is_flag=True, help="Print the plan as JSON.")
@no_plugin_option
def check(recipe: Path, overrides: tuple[str, ...], as_json: bool, without: tuple[str, ...]) -> None:
    """Check a recipe and print its plan: the recipe with every default filled in.

    The data is not read, but its files must exist.
    """
    from seqkit.recipe.source import read_recipe
    from seqkit.registry import load_registry

    read = read_recipe(recipe, overrides)
    registry = load_registry(without=without)
    from seqkit.recipe.paths import check_files
    from seqkit.recipe.resolve import resolve

    plan = resolve(read, registry)
    check_files(read, plan)
    for note in plan.notes:
        click.echo(message("seqkit: note: {text}", text=note), err=True)
    if as_json:
        click.echo(json.dumps(plan.as_data(), ensure_ascii=False, indent=2))
        return
    from seqkit.recipe.yaml_parser import dump

    click.echo(dump(plan.as_data()), nl=False)


@seqkit.command(short_help="Generate text from a prompt.")
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--prompt", help="The text to continue.  [default: the recipe's]")
@click.option(
    "--prompts",
    type=click.Path(path_type=Path, allow_dash=True),
    metavar="FILE",
    help="Continue each line of a file; - for standard input. Prints JSON Lines.",
)
@click.option("--samples", type=Checked("PositiveInt"), metavar="N", help="Number of samples. Prints JSON Lines.")
@click.option(
    "--length", type=Checked("PositiveInt"), help="Maximum number of tokens.  [default: the recipe's, else 100]"
)
@click.option(
    "--temperature",
    type=Checked("NonNegativeFloat", "float"),
    help="Divide the logits by this; 0 always takes the most likely token.  [default: the recipe's, else 0]",
)
@click.option("--top-k", type=Checked("PositiveInt"), metavar="K", help="Sample from the K most likely tokens.")
@click.option(
    "--top-p",
    type=Checked("Probability", "float"),
    metavar="P",
    help="Nucleus sampling: the smallest set of tokens whose probability reaches P.",
)
@click.option("--seed", type=Checked("NonNegativeInt"), help="Random seed.  [default: the recipe's]")
@click.option("--stop", multiple=True, metavar="TEXT", help="End before this text. Can be repeated.")
@click.option("--stream", is_flag=True, help="Print the text while it is generated.")
def generate(run: Path, prompts: Path | None, samples: int | None, stream: bool, **options: Any) -> None:
    """Generate text from a prompt with a trained run; prints the prompt and its continuation.

    With --prompts or --samples, prints a JSON object per text: {"prompt": ..., "text": ...}, where the text is the
    continuation.
    """
    from seqkit.api import load

    for given, option in ((prompts is not None, "--prompts"), (samples is not None, "--samples")):
        if given and stream:
            raise UsageError(
                message("--stream prints a single text: pass --stream or {option}, not both", option=option)
            )
    if prompts and options["prompt"] is not None:
        raise UsageError(message("pass --prompt or --prompts, not both"))
    if prompts and samples is not None:
        raise UsageError(message("--samples needs a single prompt: pass --samples or --prompts, not both"))
    trained = load(run)
    options["stop"] = list(options["stop"]) or None
    if prompts:
        from seqkit.cli.lines import read_lines

        lines = read_lines(prompts, "utf-8")
        texts = trained.generate(**options | {"prompt": lines})
        _print_json_lines({"prompt": prompt, "text": text} for prompt, text in zip(lines, texts, strict=True))
        return
    (prompt,) = trained.generation_config(**options).prompts
    if samples is not None:
        texts = trained.generate(**options, samples=samples)
        _print_json_lines({"prompt": prompt, "text": text} for text in texts)
        return
    if not stream:
        click.echo(prompt + trained.generate(**options))
        return
    pieces = trained.stream(**options)
    click.echo(prompt, nl=False)
    for piece in pieces:
        click.echo(piece, nl=False)
        sys.stdout.flush()
    click.echo()


def _print_json_lines(items: Iterable[Mapping[str, Any]]) -> None:
    click.echo("".join(json.dumps(item, ensure_ascii=False) + "\n" for item in items), nl=False)


@seqkit.command(short_help="Predict labels for texts.")
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("texts", nargs=-1, metavar="[TEXT]...")
@click.option(
    "--file",
    type=click.Path(path_type=Path, allow_dash=True),
    help="A file of texts, one per line; - for standard input.",
)
@click.option("--encoding", default="utf-8", show_default=True, help="File encoding.")
@click.option("--data", type=click.Path(path_type=Path), help="A file in the format that the recipe reads.")
def predict(run: Path, texts: tuple[str, ...], file: Path | None, encoding: str, data: Path | None) -> None:
    """Predict labels for texts with a trained run; prints a JSON object per text: text, label, probabilities."""
    from seqkit.api import load

    given = [option for option, value in (("texts", texts), ("--file", file), ("--data", data)) if value]
    if len(given) > 1:
        raise UsageError(message("pass {options}, not both", options=" or ".join(given)))
    if not given:
        raise UsageError(
            message(
                "no texts: pass texts, --file with one text per line, or --data in the format that the recipe reads"
            )
        )
    trained = load(run)
    if data:
        _print_json_lines(trained.predict_file(data))
        return
    if file:
        from seqkit.cli.lines import read_lines

        texts = tuple(read_lines(file, encoding))
    _print_json_lines(trained.predict(texts))


@seqkit.command(short_help="Evaluate a run on new data.")
@click.argument("run", type=click.Path(path_type=Path))
@click.option(
    "--data", required=True, type=click.Path(path_type=Path), help="A file in the format that the recipe reads."
)
def evaluate(run: Path, data: Path) -> None:
    """Evaluate a trained run on new data; prints the head's metrics as JSON."""
    from seqkit.api import load

    click.echo(json.dumps(load(run).evaluate(data), ensure_ascii=False, indent=2))
