"""The commands that look at several run directories: `runs` and `diff`."""

from __future__ import annotations

from pathlib import Path

import click

from seqkit.cli.group import completed_by, json_option, seqkit
from seqkit.cli.output import echo, print_json
from seqkit.cli.stderr import print_note
from seqkit.messages import message


@seqkit.command(short_help="List the runs of a folder.")
@click.argument("folder", type=click.Path(path_type=Path), default=Path("runs"), metavar="[DIR]")
@json_option
def runs(folder: Path, as_json: bool) -> None:
    """List the runs of a folder (by default `runs`), the newest last.

    For each: when it was created, the seconds of training, the metric beside that of the baseline, the name of the
    recipe, and the overrides that changed it.
    """
    from seqkit.cli.columns import terminal_width
    from seqkit.cli.run_list import list_runs, rows_as_json, run_lines

    rows = list_runs(folder)
    if as_json:
        print_json(rows_as_json(rows))
    elif rows:
        for line in run_lines(rows, terminal_width()):
            echo(line)
    else:
        print_note(message("{folder}: contains no run", folder=folder))


@seqkit.command(short_help="Show what differs between two runs.")
@click.argument("first", type=click.Path(path_type=Path), metavar="A", shell_complete=completed_by("complete_run"))
@click.argument("second", type=click.Path(path_type=Path), metavar="B", shell_complete=completed_by("complete_run"))
@json_option
def diff(first: Path, second: Path, as_json: bool) -> None:
    """Show what differs between the runs A and B: recipe, data, versions, sizes of the weights, and metrics.

    Two paths of files with equal contents do not differ. `seqkit report A B` draws their curves side by side.
    """
    from seqkit.cli.columns import terminal_width
    from seqkit.cli.run_list import diff as find
    from seqkit.cli.run_list import diff_as_json, diff_lines

    found = find(first, second)
    if as_json:
        print_json(diff_as_json(found))
        return
    for line in diff_lines(found, first, second, terminal_width()):
        echo(line)
