"""Train in this process or in several, for the commands `run` and `resume`."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from seqkit.cli.output import print_json
from seqkit.cli.signals import LAUNCHER, StopRequest, end_with_launcher, restore_default_handlers
from seqkit.cli.startup import frozen_imports
from seqkit.errors import UsageError
from seqkit.messages import message
from seqkit.runs.directory import RunDirectory
from seqkit.runs.files import read_json

if TYPE_CHECKING:
    from seqkit.recipe.recipe import Recipe
    from seqkit.registry.registry import Registry

MAX_PROCESSES = 1024

_COMMAND = "SEQKIT_COMMAND"
"""The environment variable that passes the command line to the processes that it starts."""


@dataclass(frozen=True)
class OutputOptions:
    """What a training command prints.

    Attributes:
        verbose: whether to show which kernel computes each layer.
        quiet: whether to print the run directory alone, and notes to stderr.
        as_json: whether to print the result as JSON in place of the progress, and notes to stderr.
    """

    verbose: bool = False
    quiet: bool = False
    as_json: bool = False

    def check(self) -> None:
        """Check that the options do not contradict each other.

        Raises:
            UsageError: they do.
        """
        for given, option in ((self.quiet, "--quiet"), (self.as_json, "--json")):
            if given and self.verbose:
                raise UsageError(message("pass --verbose or {option}, not both", option=option))

    @property
    def options(self) -> list[str]:
        """The options of the command line."""
        options = {"--verbose": self.verbose, "--quiet": self.quiet, "--json": self.as_json}
        return [option for option, given in options.items() if given]


def train(
    recipe: Recipe,
    registry: Registry,
    runs: Path,
    resume: Path | None,
    *,
    processes: int,
    output: OutputOptions,
    arguments: Sequence[str],
) -> int:
    """Train a recipe, print the run directory, and return the exit code.

    Args:
        recipe: the recipe as it was read.
        registry: the installed components.
        runs: the folder of run directories.
        resume: the run directory to resume, or None.
        processes: the number of local processes.
        output: what to print.
        arguments: of the command that does the same in each of several processes.

    Raises:
        SeqkitError: as `run_recipe`.
    """
    output.check()
    recipe.command = command_line()
    if processes > MAX_PROCESSES:
        raise UsageError(message("--processes must be at most {max}, not {value}", max=MAX_PROCESSES, value=processes))
    if processes > 1:
        with frozen_imports():
            from seqkit.recipe.resolve import resolve
            from seqkit.training.launch import launch

        resolve(recipe, registry)  # reports the errors of the recipe once, not in each process
        os.environ |= {LAUNCHER: str(os.getpid()), _COMMAND: recipe.command}
        restore_default_handlers()
        try:
            return launch(processes, [arguments[0], *output.options, *arguments[1:]])
        finally:
            del os.environ[_COMMAND]
    end_with_launcher()
    line = message("interrupted before training: nothing was saved")
    if resumed := resume or recipe.run:
        command = RunDirectory(resumed).resume_command
        line = message("interrupted before training continued; resume with: {command}", command=command)
    with StopRequest(line) as stop:
        with frozen_imports():
            from seqkit.experiment import run_recipe
            from seqkit.training.console import Console

        is_brief = output.quiet or output.as_json  # stdout has the run directory or the JSON alone
        console = Console(sys.stderr if is_brief else sys.stdout, sys.stderr, output.verbose, quiet=is_brief)
        finished = run_recipe(recipe, registry, runs, [console], stop, resume)
    if os.environ.get("RANK", "0") == "0":
        if output.as_json:
            print_json({"run": str(finished.path)} | read_json(finished.result))
        else:
            click.echo(os.fsencode(finished.path))  # the name of a folder can be any bytes
    return 0


def resume_run(
    run: Path, overrides: Sequence[str], processes: int | None, output: OutputOptions, without: Sequence[str]
) -> int:
    """Resume a run with its own recipe, print its directory, and return the exit code.

    Args:
        run: the run directory.
        overrides: `key=value`, as on the command line.
        processes: the number of local processes; by default, that of the run.
        output: what to print.
        without: plugins to disable.

    Raises:
        SeqkitError: as `run_recipe`; or an override changes what cannot be changed.
    """
    from seqkit.recipe.recipe import parse_override
    from seqkit.recipe.saved import check_changes, read_saved_recipe
    from seqkit.registry import load_registry

    directory = RunDirectory.open(run)
    document = directory.read_plan()
    recipe = read_saved_recipe(directory, document)
    for override in overrides:
        check_changes(directory, *parse_override(override))
        recipe.override(override)
    saved = document.get("processes")
    if processes is None and isinstance(saved, int) and 1 <= saved <= MAX_PROCESSES and "WORLD_SIZE" not in os.environ:
        processes = saved
    return train(
        recipe,
        load_registry(without=without).check(),
        run.parent,
        run,
        processes=processes or 1,
        output=output,
        arguments=["resume", *_disabling(without), "--", str(run), *overrides],
    )


def run_arguments(
    recipe: Path, overrides: Sequence[str], runs: Path, resume: Path | None, without: Sequence[str]
) -> list[str]:
    """Return the arguments of `seqkit run` in each of several processes."""
    options = ["--runs", str(runs), *(["--resume", str(resume)] if resume else []), *_disabling(without)]
    return ["run", *options, "--", str(recipe), *overrides]


def _disabling(without: Sequence[str]) -> list[str]:
    return [word for name in without for word in ("--no-plugin", name)]


def command_line() -> str:
    """Return the command line as text that can be saved: bytes that are not UTF-8 are escaped."""
    if command := os.environ.get(_COMMAND):
        return command
    arguments = click.get_current_context().find_root().obj or []
    return shlex.join(["seqkit", *arguments]).encode("utf-8", "backslashreplace").decode()
