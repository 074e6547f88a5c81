"""The command `compare`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from seqkit.cli.checked import Checked
from seqkit.cli.group import completed_by, json_option, no_plugin_option, seqkit
from seqkit.cli.output import PAGE, check_named, echo, print_json
from seqkit.errors import UsageError
from seqkit.messages import counted, message

if TYPE_CHECKING:
    from seqkit.compare.comparison import Comparer, Estimate
    from seqkit.compare.outcome import Comparison
    from seqkit.stop import StopCheck


@seqkit.command(short_help="Compare recipes over several seeds.")
@click.argument(
    "arguments",
    nargs=-1,
    required=True,
    metavar="RECIPE|RUN... [KEY=VALUE]...",
    shell_complete=completed_by("complete_recipe"),
)
@click.option("--seeds", type=Checked("PositiveInt"), help="Number of seeds.  [default: 5, or 1 with --folds]")
@click.option(
    "--first-seed",
    type=click.IntRange(0, 2**32 - 1),
    metavar="INTEGER",
    help="The first seed.  [default: that of the first recipe]",
)
@click.option(
    "--folds",
    is_flag=True,
    help="Cross-validation: train on each of the folds of data.split, and average over them. Also for a single recipe.",
)
@click.option(
    "--match",
    type=click.Choice(["parameters", "width", "seconds"]),
    help="Change the widths of the other encoders such that the number of weights, the width or the training time is "
    "that of the first recipe.",
)
@click.option(
    "--grid", multiple=True, metavar="KEY=A,B", help="Compare every value. Can be repeated: every combination."
)
@click.option(
    "--random",
    "searched",
    multiple=True,
    metavar="KEY=LO..HI[:log]",
    help="Sample values from a range, or from a list KEY=A,B. Can be repeated.",
)
@click.option("--trials", type=Checked("PositiveInt"), help="Number of samples of --random.  [default: 10]")
@click.option("--metric", help="The metric to compare.  [default: the one that chooses the best epoch]")
@click.option(
    "--split",
    type=click.Choice(["valid", "test", "train"]),
    help="The split to compare on.  [default: valid, or train if no data is held out; test with --folds]",
)
@click.option(
    "--runs",
    type=click.Path(path_type=Path),
    default=Path("runs"),
    show_default=True,
    help="Find and create run directories in this folder.",
)
@click.option("--dry-run", is_flag=True, help="Train nothing: show what is missing, and estimate the time.")
@click.option("--html", type=click.Path(path_type=Path), metavar="FILE", help="Write the outcome as an HTML page.")
@click.option("--markdown", type=click.Path(path_type=Path), metavar="FILE", help="Write the outcome as Markdown.")
@json_option
@no_plugin_option
def compare(
    arguments: tuple[str, ...],
    seeds: int | None,
    first_seed: int | None,
    folds: bool,
    match: Any,
    grid: tuple[str, ...],
    searched: tuple[str, ...],
    trials: int | None,
    metric: str | None,
    split: str | None,
    runs: Path,
    dry_run: bool,
    html: Path | None,
    markdown: Path | None,
    as_json: bool,
    without: tuple[str, ...],
) -> None:
    """Compare recipes over several seeds: train what is missing, and say what the difference shows.

    Each candidate is trained with each seed. A run that exists in the folder is taken, and one that was interrupted is
    resumed, so the same command continues an interrupted comparison. The first candidate is the reference: the others
    are compared with it seed by seed, or fold by fold (paired t, 95%). Choose by the validation split; --split test
    only at the end.

    \b
        seqkit compare recipes/sentiment_zh.yaml recipes/sentiment_zh_lstm.yaml --match parameters
        seqkit compare recipes/char_gen.yaml --grid encoder.hidden_size=16,32,64 --seeds 3
        seqkit compare recipes/names.yaml --folds
        seqkit compare recipes/char_gen.yaml --random train.optimizer.lr=0.001..0.1:log --trials 8
    """
    if trials is not None and not searched:
        raise UsageError(message("--trials {count} needs --random", count=trials))
    if dry_run and (html or markdown):
        option = "--html" if html else "--markdown"
        raise UsageError(message("--dry-run computes no outcome, which {option} would write: omit one", option=option))
    if html is not None:
        check_named(html, "--html", *PAGE)
    if markdown is not None:
        check_named(markdown, "--markdown", ".md", ".markdown", ".txt")
    from seqkit.cli.startup import frozen_imports
    from seqkit.cli.training import command_line

    with frozen_imports():
        from seqkit.compare.candidates import read_candidates
        from seqkit.compare.comparison import Comparer, Options
    from seqkit.registry import load_registry

    seeds = seeds or (1 if folds else 5)
    candidates = read_candidates(arguments, grid, searched, trials or 10, first_seed or 0, seeds)
    options = Options(runs, seeds, first_seed, match, metric, split, folds, command_line())
    comparer = Comparer(candidates, load_registry(without=without).check(), options, _report, dry=dry_run)
    if dry_run:
        _show_estimate(comparer.estimate(), as_json)
        return
    comparison = comparer.compare(_stop_context)
    _show(comparison, as_json)
    if html:
        _write_html(html, comparison, comparer)
    if markdown:
        _write_markdown(markdown, comparison)


def _report(line: str) -> None:
    echo(line, err=True)


@contextmanager
def _stop_context() -> Iterator[StopCheck]:
    from seqkit.cli.signals import StopRequest
    from seqkit.compare.trials import INTERRUPTED

    with StopRequest(INTERRUPTED) as stop:
        yield stop


def _show(comparison: Comparison, as_json: bool) -> None:
    from seqkit.cli.columns import table_lines, terminal_width, text_lines
    from seqkit.compare.documents import as_json as document_of
    from seqkit.compare.texts import cost_rows, heading, score_rows, verdict_lines

    if as_json:
        print_json(document_of(comparison))
        return
    width = terminal_width()
    for line in text_lines(heading(comparison), width):
        echo(line)
    for rows in (score_rows(comparison), cost_rows(comparison)):
        echo()
        for line in table_lines(rows, numbers=range(1, len(rows[0])), width=width):
            echo(line)
    echo()
    for verdict in verdict_lines(comparison):
        for line in text_lines(verdict, width, 2):
            echo(line)


def _show_estimate(rows: list[Estimate], as_json: bool) -> None:
    from dataclasses import asdict

    from seqkit.cli.columns import table_lines, terminal_width

    total = sum(row.seconds for row in rows)
    if as_json:
        print_json({"candidates": [asdict(row) for row in rows], "seconds": total})
        return
    heads = (
        message("candidate"),
        message("exist"),
        message("to train"),
        message("seconds each"),
        message("seconds"),
        message("weights"),
        message("multiply-adds/token"),
        message("peak MB"),
    )
    cells = [
        (
            row.name,
            str(row.found),
            str(row.missing),
            f"{row.costs.run_seconds:,.1f}",
            f"{row.seconds:,.0f}",
            f"{row.costs.weights:,}",
            f"{row.costs.multiply_adds:,}",
            f"{row.costs.memory / 1e6:,.1f}",
        )
        for row in rows
    ]
    for line in table_lines([heads, *cells], numbers=range(1, 8), width=terminal_width()):
        echo(line)
    count = sum(row.missing for row in rows)
    runs = counted(count, "1 run", "{count} runs")
    if not count:
        echo(message("nothing to train: all runs exist"))
    else:
        echo(message("{runs} to train: {time}", runs=runs, time=_duration(total)))


def _duration(seconds: float) -> str:
    if seconds < 1:
        return message("less than a second")
    if seconds < 90:
        return counted(round(seconds), "about 1 second", "about {count} seconds")
    if seconds < 5400:
        return counted(round(seconds / 60), "about 1 minute", "about {count} minutes")
    return message("about {count:.1f} hours", count=seconds / 3600)


def _write_html(file: Path, comparison: Comparison, comparer: Comparer) -> None:
    from seqkit.compare.pages import comparison_page
    from seqkit.runs.files import write_named

    write_named(file, comparison_page(comparison, comparer.first_contents()))
    click.echo(file, err=True)


def _write_markdown(file: Path, comparison: Comparison) -> None:
    import platform
    import sys

    from seqkit._version import __version__
    from seqkit.cli.training import command_line
    from seqkit.compare.texts import markdown
    from seqkit.runs.files import write_named

    facts = [
        message("Written by `{command}`.", command=command_line()),
        message(
            "seqkit {version}, Python {python}, {machine}, {cores} cores; {day}. Times depend on the machine and on "
            "what else runs on it.",
            version=__version__,
            python=".".join(map(str, sys.version_info[:3])),
            machine=platform.machine(),
            cores=os.cpu_count(),
            day=date.today().isoformat(),
        ),
    ]
    title = message(" or ").join(each.measured.name for each in comparison.outcomes[:3])
    write_named(file, markdown(comparison, title, facts))
    click.echo(file, err=True)
