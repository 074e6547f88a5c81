"""The commands of runs: parse, delegate, print. Each imports what it needs when it runs, so `--help` costs nothing."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import click

from seqkit.cli.group import no_plugin, overrides_argument, seqkit
from seqkit.cli.lasting import lasting_imports
from seqkit.errors import UsageError


@seqkit.command(short_help="Train what a recipe says, and evaluate it.")
@click.argument("recipe", type=click.Path(path_type=Path))
@overrides_argument
@click.option(
    "--runs",
    type=click.Path(path_type=Path),
    default=Path("runs"),
    show_default=True,
    help="Make the run directory here.",
)
@click.option("--resume", type=click.Path(path_type=Path), metavar="RUN", help="Go on with a run that was stopped.")
@click.option(
    "--processes", type=click.IntRange(1, 1024), default=1, help="Train in so many processes on this machine."
)
@click.option("--verbose", is_flag=True, help="Say by which path each layer is computed.")
@no_plugin
def run(
    recipe: Path,
    overrides: tuple[str, ...],
    runs: Path,
    resume: Path | None,
    processes: int,
    verbose: bool,
    without: tuple[str, ...],
) -> int:
    """Train what a recipe says, evaluate it, and generate or predict.

    KEY=VALUE replaces a value of the recipe: encoder.hidden_size=64. The last line printed is the run directory.

    torchrun may start this command too, as `torchrun --nproc-per-node 2 -m seqkit run RECIPE`, on one machine or many.
    """
    from seqkit.recipe import read_recipe
    from seqkit.registry import load_registry

    read = read_recipe(recipe, overrides)
    registry = load_registry(without=without).check()
    if processes > 1:
        from seqkit.launch import launch
        from seqkit.resolve import resolve

        resolve(read, registry)  # what is wrong with it is told here, once
        options = ["--runs", str(runs), *(["--resume", str(resume)] if resume else [])]
        options += ["--verbose"] if verbose else []
        options += [word for name in without for word in ("--no-plugin", name)]
        return launch(processes, ["run", *options, "--", str(recipe), *overrides])
    with lasting_imports():
        from seqkit.experiment import run_recipe
        from seqkit.report import Report
    from seqkit.signals import StopRequest

    first = os.environ.get("RANK", "0") == "0"
    report = Report(sys.stdout, sys.stderr, verbose) if first else Report(None)
    with StopRequest() as stop:
        finished = run_recipe(read, registry, runs, report, stop, resume)
    if first:
        click.echo(finished.path)
    return 0


@seqkit.command("verify-resume", short_help="Prove that a run that is killed goes on exactly.")
@click.argument("recipe", type=click.Path(path_type=Path))
@overrides_argument
@click.option("--kills", type=click.IntRange(1), default=10, show_default=True, help="How often to kill.")
@no_plugin
def verify_resume(recipe: Path, overrides: tuple[str, ...], kills: int, without: tuple[str, ...]) -> int:
    """Run a recipe whole; then kill it, again and again, and resume it. Weights, metrics and answers must be equal.

    Half of the kills come between two writes to the disk, half at any moment. It saves after each step, unless
    train.checkpoint_seconds=… says otherwise. Shorten a long recipe with train.steps=….
    """
    from seqkit.verify import verify_resume as verify

    return 0 if verify(recipe, overrides, kills, without, click.echo) else 1


@seqkit.command(short_help="Check a recipe, and print the plan.")
@click.argument("recipe", type=click.Path(path_type=Path))
@overrides_argument
@no_plugin
def check(recipe: Path, overrides: tuple[str, ...], without: tuple[str, ...]) -> None:
    """Check a recipe as `run` does before it reads data; print the plan, which is the recipe with every default."""
    from seqkit.recipe import read_recipe
    from seqkit.registry import load_registry

    read = read_recipe(recipe, overrides)
    registry = load_registry(without=without)
    from seqkit.resolve import resolve

    plan = resolve(read, registry)
    for note in plan.notes:
        click.echo(f"seqkit: note: {note}", err=True)
    from seqkit.yaml_marks import dump

    click.echo(dump(plan.as_data()), nl=False)


@seqkit.command(short_help="Write on from a prompt.")
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--prompt", help="What to go on from.  [default: the recipe's]")
@click.option(
    "--prompts",
    type=click.Path(path_type=Path, allow_dash=True),
    metavar="FILE",
    help="Write on from each line of a file; - for standard input. Prints JSON, a line each.",
)
@click.option("--samples", type=int, metavar="N", help="Draw so many texts. Prints JSON, a line each.")
@click.option("--length", type=int, help="How many tokens (characters) at most.  [default: the recipe's, else 100]")
@click.option(
    "--temperature", type=float, help="Divides the logits; 0 takes the likeliest.  [default: the recipe's, else 0]"
)
@click.option("--top-k", type=int, help="Draw from so many likeliest.")
@click.option("--top-p", type=float, help="Draw from the likeliest that together hold this probability.")
@click.option("--seed", type=int, help="Of the draws.  [default: the recipe's]")
@click.option("--stop", multiple=True, help="End before this text. May be given again.")
@click.option("--stream", is_flag=True, help="Print each piece as it is written.")
def generate(run: Path, prompts: Path | None, samples: int | None, stream: bool, **options: Any) -> None:
    """Write on from a prompt with a trained run; prints the prompt and what follows it.

    With --prompts or --samples there are many texts, written side by side: {"prompt": …, "text": …}, where the text is
    what follows the prompt.
    """
    from seqkit.api import load

    for given, option in ((prompts is not None, "--prompts"), (samples is not None, "--samples")):
        if given and stream:
            raise UsageError(f"--stream prints one text as it is written: leave it out, or {option}")
    if prompts and options["prompt"] is not None:
        raise UsageError("give --prompt or --prompts, not both")
    if prompts and samples is not None:
        raise UsageError("--samples are of one prompt: give --samples or --prompts, not both")
    trained = load(run)
    options["stop"] = list(options["stop"]) or None
    if prompts:
        from seqkit.infer.lines import read_lines

        asked: Any = read_lines(prompts, "utf-8")
        texts = trained.generate(**options | {"prompt": asked})
        _print_json({"prompt": prompt, "text": text} for prompt, text in zip(asked, texts, strict=True))
        return
    (prompt,) = trained.writing(**options).prompts
    if samples is not None:
        texts = trained.generate(**options, samples=samples)
        _print_json({"prompt": prompt, "text": text} for text in texts)
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


def _print_json(answers: Iterable[Mapping[str, Any]]) -> None:
    """Prints a JSON object a line."""
    click.echo("".join(json.dumps(answer, ensure_ascii=False) + "\n" for answer in answers), nl=False)


@seqkit.command(short_help="Label texts.")
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("texts", nargs=-1, metavar="[TEXT]...")
@click.option(
    "--file", type=click.Path(path_type=Path, allow_dash=True), help="Texts to label, one a line; - for standard input."
)
@click.option("--encoding", default="utf-8", show_default=True, help="Of the file.")
@click.option("--data", type=click.Path(path_type=Path), help="A file of the form that the recipe reads.")
def predict(run: Path, texts: tuple[str, ...], file: Path | None, encoding: str, data: Path | None) -> None:
    """Answer for texts with a trained run; prints a JSON object a line: text, label, probabilities."""
    from seqkit.api import load

    given = [option for option, value in (("texts", texts), ("--file", file), ("--data", data)) if value]
    if len(given) != 1:
        both = f"give {' or '.join(given)}, not both"
        raise UsageError(both if given else "give texts, or --file with one a line, or --data with the recipe's form")
    trained = load(run)
    if data:
        _print_json(trained.predict_file(data))
        return
    if file:
        from seqkit.infer.lines import read_lines

        texts = tuple(read_lines(file, encoding))
    _print_json(trained.predict(texts))


@seqkit.command(short_help="Score a run on new data.")
@click.argument("run", type=click.Path(path_type=Path))
@click.option(
    "--data", required=True, type=click.Path(path_type=Path), help="A file of the form that the recipe reads."
)
def evaluate(run: Path, data: Path) -> None:
    """Score a trained run on new data; prints the head's metrics as JSON."""
    from seqkit.api import load

    click.echo(json.dumps(load(run).evaluate(data), ensure_ascii=False, indent=2))
