"""The rows of `seqkit runs`, and the lines of `seqkit diff`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from seqkit.cli.columns import table_lines
from seqkit.errors import SeqkitError, UsageError, one_line
from seqkit.messages import message, translate
from seqkit.reports.contents import read_contents
from seqkit.reports.differences import ABSENT, Differences, run_differences, shown_value
from seqkit.reports.verdict import judge
from seqkit.runs.directory import RunDirectory
from seqkit.training.result_lines import format_number

_PARTS = ("recipe", "data", "versions", "weights", "metrics")


@dataclass(frozen=True)
class RunRow:
    """A run directory in a list.

    Attributes:
        run: its path.
        when: when it was created, local time, ISO 8601: the time of a file that is never written again.
        recipe: the name of the recipe.
        changes: what differs from the recipe: its overrides.
        split: the split of the metric.
        metric: the name of the metric that decides.
        value: its value; None in a run that is not finished.
        baseline: the value of the baseline; None without one.
        seconds: the seconds of training.
        note: why there is no value; empty if there is one.
    """

    run: str
    when: str
    recipe: str = ""
    changes: tuple[str, ...] = ()
    split: str = ""
    metric: str = ""
    value: float | None = None
    baseline: float | None = None
    seconds: float | None = None
    note: str = ""


def list_runs(folder: Path) -> list[RunRow]:
    """Return the runs of a folder, the oldest first. A corrupt run is listed with what is wrong.

    Raises:
        UsageError: it is not a folder.
    """
    if not folder.is_dir():
        raise UsageError(message("{folder}: there is no such folder of runs", folder=folder))
    candidates = [folder] if RunDirectory(folder).plan.is_file() else sorted(folder.iterdir())
    rows = [_row(RunDirectory(path)) for path in candidates if RunDirectory(path).plan.is_file()]
    return sorted(rows, key=lambda row: row.when)


def _row(run: RunDirectory) -> RunRow:
    created = run.given if run.given.is_file() else run.plan
    when = datetime.fromtimestamp(created.stat().st_mtime).isoformat(" ", "seconds")
    try:
        contents = read_contents(RunDirectory.open(run.path))
        changes = tuple(run.overrides.read_text("utf-8", "replace").splitlines()) if run.overrides.is_file() else ()
    except SeqkitError as error:
        return RunRow(str(run.path), when, note=str(error))
    name = str(contents.plan["recipe"].get("name", ""))
    if contents.result is None:
        members = contents.plan.get("members")
        note = message("an ensemble of {count}", count=len(members)) if members else message("not finished")
        return RunRow(str(run.path), when, name, changes, note=note)
    verdict = judge(contents)
    return RunRow(
        str(run.path),
        when,
        name,
        changes,
        verdict.split,
        verdict.metric,
        verdict.value,
        verdict.comparison.baseline if verdict.comparison else None,
        contents.result.timing.get("train_seconds"),
    )


def run_lines(rows: list[RunRow], width: int | None) -> Iterator[str]:
    """Yield the lines of a list of runs."""
    heads = (
        message("run"),
        message("when"),
        message("seconds"),
        message("metric"),
        message("value"),
        message("baseline"),
        message("recipe"),
        message("changes"),
    )
    cells = [
        (
            Path(row.run).name,
            row.when[:16],
            "" if row.seconds is None else f"{row.seconds:,.1f}",
            f"{row.split} {row.metric}".strip() or one_line(translate(row.note)),
            "" if row.value is None else format_number(row.metric, row.value),
            "" if row.baseline is None else format_number(row.metric, row.baseline),
            row.recipe,
            " ".join(row.changes),
        )
        for row in rows
    ]
    yield from table_lines([heads, *cells], numbers=(2, 4, 5), width=width)


def rows_as_json(rows: list[RunRow]) -> list[dict[str, Any]]:
    """Return a list of runs as JSON types."""
    return [asdict(row) | {"note": one_line(row.note)} for row in rows]


def diff(one: Path, other: Path) -> dict[str, Differences]:
    """Return what differs between two runs.

    Raises:
        UsageError: one is not a run directory.
        DataError: a file of a run is corrupt.
    """
    first, second = (read_contents(RunDirectory.open(path)) for path in (one, other))
    return run_differences(first, second)


def diff_lines(found: Mapping[str, Differences], one: Path, other: Path, width: int | None) -> Iterator[str]:
    """Yield what differs between two runs, part by part."""
    for part, title in _titles().items():
        if not found[part]:
            yield message("{part}: equal", part=title)
            continue
        yield message("{part}:", part=title)
        rows = [
            (message("total") if (part, key) == ("weights", "total") else key, *_cells(key, pair))
            for key, pair in found[part].items()
        ]
        title = message("difference") if any(row[-1] for row in rows) else ""
        heads = ("", one.resolve().name, other.resolve().name, title)
        yield from (f"  {line}" for line in table_lines([heads, *rows], width=width and width - 2))


def _cells(key: str, pair: tuple[Any, ...]) -> tuple[str, ...]:
    return (*(_shown(key, value) for value in pair), _change(key, pair))


def _titles() -> dict[str, str]:
    """Return the parts that are compared, each with its title."""
    titles = (message("recipe"), message("data"), message("versions"), message("weights"), message("metrics"))
    return dict(zip(_PARTS, titles, strict=True))


def diff_as_json(found: Mapping[str, Differences]) -> dict[str, Any]:
    """Return what differs as JSON types: for each part and key, the two values; null for one that is absent."""
    return {
        part: {key: [None if value is ABSENT else value for value in pair] for key, pair in found[part].items()}
        for part in _PARTS
    }


def _shown(key: str, value: Any) -> str:
    if value is ABSENT:
        return "-"
    if isinstance(value, float):
        return format_number(key, value)
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    if isinstance(value, str) and len(value) <= 60 and value.isprintable():
        return value
    is_digest = isinstance(value, str) and len(value) == 64
    return f"{value[:12]}…" if is_digest else shown_value(value)


def _change(key: str, pair: tuple[Any, ...]) -> str:
    """Return how much larger the second of two metrics is."""
    one, other = pair
    if not (isinstance(one, float) and isinstance(other, float)):
        return ""
    return f"{'+' if other > one else '-'}{format_number(key, abs(other - one))}"
