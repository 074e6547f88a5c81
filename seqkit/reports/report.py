"""The report of whatever is given: a run, an ensemble, or several runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from seqkit.errors import UsageError
from seqkit.messages import message
from seqkit.reports.comparison import comparison_page
from seqkit.reports.contents import read_contents
from seqkit.reports.run_page import run_page
from seqkit.runs.directory import RunDirectory
from seqkit.runs.files import write_file, write_named

COMPARISON = Path("report.html")
"""The file of a report of several runs, in the current folder."""


def report(runs: Sequence[RunDirectory], output: Path | None = None) -> Path:
    """Write the report of a run, or one page about several runs.

    Args:
        runs: the run directories, at least one. The members of an ensemble are shown as several runs.
        output: the file; report.html of a single run directory, or of the current folder, by default.

    Returns:
        The path of the page.

    Raises:
        DataError: a file of a run is corrupt.
        UsageError: the page cannot be written.
    """
    members = [member for run in runs for member in run.open_members(run.read_plan()) or [run]]
    if output is not None and output.is_dir():
        raise UsageError(
            message(
                "--output {file}: a folder: name a file, such as {example}", file=output, example=output / COMPARISON
            )
        )
    run = runs[0]
    if members == [run]:
        page = run_page(read_contents(run))
    elif len(runs) == 1:
        note = message(
            "An ensemble of {count} runs. Each is shown with its own result; `seqkit evaluate` measures them together.",
            count=len(members),
        )
        page = comparison_page([read_contents(member) for member in members], run.path.resolve().name, note)
    else:
        title = message("{count} runs", count=len(members))
        page = comparison_page([read_contents(member) for member in members], title)
    if output is None and len(runs) == 1:
        write_file(run.report, page)
        return run.report
    output = output or COMPARISON
    write_named(output, page)
    return output
