"""How a run was made: its recipe, timing, versions and command."""

from __future__ import annotations

from collections.abc import Iterator

from seqkit.contracts import Cell
from seqkit.messages import counted, message
from seqkit.reports.contents import RunContents
from seqkit.reports.markup import Markup, element, join
from seqkit.reports.tables import table


def recipe_section(run: RunContents) -> Markup | None:
    """Return the complete recipe as YAML, folded on a phone, where it would be most of the page."""
    if not run.recipe:
        return None
    lines = run.recipe.rstrip("\n").count("\n") + 1
    summary = counted(lines, "The complete recipe, 1 line", "The complete recipe, {count} lines")
    recipe = element("pre", element("code", run.recipe))
    return element("details", element("summary", summary), recipe, class_="on-phone")


def facts_section(run: RunContents) -> Markup:
    """Return timing, versions, components and command."""
    parts = []
    if run.result:
        rows: list[tuple[Cell, ...]] = [
            (_timing_name(name), _short(value)) for name, value in run.result.timing.items()
        ]
        if run.result.weights:
            rows.append((message("weights (train.average)"), run.result.weights))
        parts.append(table((message("timing"), ""), rows, row_headers=True))
    parts.append(table((message("what"), message("version or value")), list(_versions(run)), row_headers=True))
    return join(parts)


def _timing_name(name: str) -> str:
    names = {
        "train_seconds": message("train seconds"),
        "tokens_per_second": message("tokens per second"),
        "threads": message("threads"),
        "processes": message("processes"),
    }
    return names.get(name, name.replace("_", " "))


def _short(value: float) -> Cell:
    return value if isinstance(value, int) else f"{value:,.1f}"


def _versions(run: RunContents) -> Iterator[tuple[Cell, ...]]:
    versions = run.plan.get("versions")
    for name, version in versions.items() if isinstance(versions, dict) else ():
        yield str(name), str(version)
    for component in run.plan["components"]:
        kind, name = component.get("kind", ""), component.get("name", "")
        yield f"{kind} {name}", f"{component.get('distribution', '')} {component.get('version', '')}"
    for key, name in (("command", message("command")), ("git_commit", message("git commit"))):
        if isinstance(value := run.plan.get(key), str | list):
            yield name, value if isinstance(value, str) else " ".join(map(str, value))
