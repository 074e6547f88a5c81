"""The commands: parse, delegate, print. Each imports what it works with when it runs, so `--help` costs nothing."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import click

import seqkit as package
from seqkit.errors import Interrupted, UsageError

KINDS = ("reader", "tokenizer", "embedding", "encoder", "head")

no_plugin = click.option(
    "--no-plugin", "without", multiple=True, metavar="NAME", help="Leave this plugin out. May be given again."
)
overrides_argument = click.argument("overrides", nargs=-1, metavar="[KEY=VALUE]...")


class Commands(click.Group):
    """seqkit's own commands and those of plugins; says of Ctrl-C what it says of any other end, in one line."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*super().list_commands(ctx), *sorted(_plugin_commands().keys() - self.commands.keys())]

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        own = super().get_command(ctx, name)
        if own is not None or name not in _plugin_commands():
            return own
        return click.Command(name, short_help=_plugin_commands()[name].command.summary)  # stands for it in --help

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name, command, rest = super().resolve_command(ctx, args)
        if name is not None and name not in self.commands:
            from seqkit.registry import load_registry

            command = load_registry().check().commands[name].load()
        return name, command, rest

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise Interrupted(signal.SIGINT, "interrupted") from None


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package.__version__, prog_name="seqkit")
@click.option("--debug", is_flag=True, help="Show a traceback for an error.")
def seqkit(debug: bool) -> None:
    """Sequence models from recipes: train, generate, classify.

    Try `seqkit run recipes/char_gen.yaml`.
    """


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
@no_plugin
def run(
    recipe: Path,
    overrides: tuple[str, ...],
    runs: Path,
    resume: Path | None,
    processes: int,
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
        options += [word for name in without for word in ("--no-plugin", name)]
        return launch(processes, ["run", *options, "--", str(recipe), *overrides])
    from seqkit.experiment import run_recipe
    from seqkit.report import Report
    from seqkit.signals import StopRequest

    first = os.environ.get("RANK", "0") == "0"
    report = Report(sys.stdout, sys.stderr) if first else Report(None)
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
@click.option("--length", type=int, help="How many tokens (characters) at most.  [default: the recipe's, else 100]")
@click.option(
    "--temperature", type=float, help="Divides the logits; 0 takes the likeliest.  [default: the recipe's, else 0]"
)
@click.option("--top-k", type=int, help="Draw from so many likeliest.")
@click.option("--top-p", type=float, help="Draw from the likeliest that together hold this probability.")
@click.option("--seed", type=int, help="Of the draws.  [default: the recipe's]")
@click.option("--stop", multiple=True, help="End before this text. May be given again.")
@click.option("--stream", is_flag=True, help="Print each piece as it is written.")
def generate(run: Path, stream: bool, stop: tuple[str, ...], **options: Any) -> None:
    """Write on from a prompt with a trained run; prints the prompt and what follows it."""
    from seqkit.api import load

    trained = load(run)
    pieces = trained.stream(**options, stop=list(stop) or None)
    prompt = trained.generate_settings(prompt=options["prompt"])["prompt"]
    if not stream:
        click.echo(prompt + "".join(pieces))
        return
    click.echo(prompt, nl=False)
    for piece in pieces:
        click.echo(piece, nl=False)
        sys.stdout.flush()
    click.echo()


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
        for answer in trained.predict_file(data):
            click.echo(json.dumps(answer, ensure_ascii=False))
        return
    if file:
        from seqkit.infer.lines import read_lines

        texts = tuple(read_lines(file, encoding))
    for answer in trained.predict(texts):
        click.echo(json.dumps(answer, ensure_ascii=False))


@seqkit.command(short_help="Score a run on new data.")
@click.argument("run", type=click.Path(path_type=Path))
@click.option(
    "--data", required=True, type=click.Path(path_type=Path), help="A file of the form that the recipe reads."
)
def evaluate(run: Path, data: Path) -> None:
    """Score a trained run on new data; prints the head's metrics as JSON."""
    from seqkit.api import load

    click.echo(json.dumps(load(run).evaluate(data), ensure_ascii=False, indent=2))


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


def _plugin_commands() -> dict[str, Any]:
    """Returns the commands of plugins by name. What is wrong with a plugin is not for `--help` to say."""
    from seqkit.registry import load_registry

    return load_registry().commands


def _tell_set_aside(registry: Any) -> None:
    for plugin in registry.plugins:
        if plugin.failure:
            click.echo(
                f"seqkit: note: plugin '{plugin.name}' of {plugin.distribution} is set aside: {plugin.failure}",
                err=True,
            )
