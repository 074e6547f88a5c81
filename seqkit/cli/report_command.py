"""The command `report`."""

from __future__ import annotations

from pathlib import Path

import click

from seqkit.cli.group import runs_argument, seqkit
from seqkit.cli.output import PAGE, check_named
from seqkit.cli.stderr import print_note
from seqkit.messages import message


@seqkit.command(short_help="Write the report of a run, or of several.")
@runs_argument
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The file to write.  [default: report.html of the run; of several runs, in the current folder]",
)
@click.option("--open", "opens", is_flag=True, help="Open the report in a browser.")
def report(runs: tuple[Path, ...], output: Path | None, opens: bool) -> None:
    """Write the report of a run as one HTML file, or one page that compares several runs; prints its path.

    `seqkit run` writes report.html into the run directory. This command writes it again, for a run of an older version
    or one that is not finished too. It needs neither the data nor torch.
    """
    if output is not None:
        check_named(output, "--output", *PAGE)
    from seqkit.reports.report import report as write
    from seqkit.runs.directory import RunDirectory

    path = write([RunDirectory.open(run) for run in runs], output)
    click.echo(path)
    if opens and click.launch(path.resolve().as_uri()):
        print_note(message("no browser could be opened: open {file}", file=path))
