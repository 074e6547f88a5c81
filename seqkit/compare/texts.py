"""A comparison as lines for the terminal, and as Markdown. Nothing here imports torch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from seqkit.compare.outcome import Comparison, Outcome, unit_means
from seqkit.compare.statistics import Interval
from seqkit.messages import message
from seqkit.training.result_lines import format_number

Rows = list[tuple[str, ...]]
"""The rows of a table as texts, the headings first."""


def score_rows(comparison: Comparison) -> Rows:
    """Return a row per candidate: mean, interval, difference from the first, and p-value."""
    metric = comparison.metric
    heads = (
        message("candidate"),
        message("folds") if comparison.folds else message("seeds"),
        metric,
        message("95% interval"),
        message("baseline"),
        message("difference"),
        message("95% interval"),
        "p",
    )
    rows: Rows = [heads]
    for each in comparison.outcomes:
        difference = each.difference.interval if each.difference else None
        rows.append(
            (
                each.measured.name,
                str(len(unit_means(each.measured.values))),
                format_number(metric, each.interval.mean) if each.interval else "",
                ends(metric, each.interval),
                "" if each.baseline is None else format_number(metric, each.baseline),
                signed(metric, difference.mean) if difference else "",
                ends(metric, difference, is_signed=True),
                "" if each.p is None else f"{each.p:.3f}" if each.p >= 0.0005 else "<0.001",
            )
        )
    return rows


def cost_rows(comparison: Comparison) -> Rows:
    """Return a row per candidate: weights, multiply-adds, seconds of training, latency and memory; each with its ratio
    to the first candidate."""
    heads = (
        message("candidate"),
        message("weights"),
        message("multiply-adds/token"),
        message("training seconds"),
        message("latency, ms"),
        message("peak MB"),
    )
    first = costs_of(comparison.outcomes[0])
    rows: Rows = [heads]
    for number, each in enumerate(comparison.outcomes):
        formats = ("{:,.0f}", "{:,.0f}", "{:,.1f}", "{:,.3f}", "{:,.1f}")
        cells = [
            "" if value is None else text.format(value) + (_ratio(value, base) if number else "")
            for value, base, text in zip(costs_of(each), first, formats, strict=True)
        ]
        rows.append((each.measured.name, *cells))
    return rows


def run_rows(comparison: Comparison) -> Rows:
    """Return a row per candidate: its metric with each seed or fold, or why it has none."""
    rows: Rows = [(message("candidate"), *(variant.label for variant in comparison.variants))]
    for each in comparison.outcomes:
        scores, failures = each.measured.values, each.measured.failures
        cells = [
            format_number(comparison.metric, scores[variant]) if variant in scores else failures.get(variant, "")
            for variant in comparison.variants
        ]
        rows.append((each.measured.name, *cells))
    return rows


def costs_of(outcome: Outcome) -> list[float | None]:
    """Return weights, multiply-adds, seconds of training, latency in ms, and peak memory in MB."""
    costs = outcome.measured.costs
    memory = costs.get("memory")
    return [
        costs.get("weights"),
        costs.get("multiply_adds"),
        outcome.seconds.mean if outcome.seconds else None,
        costs.get("latency_ms"),
        None if memory is None else memory / 1e6,
    ]


def heading(comparison: Comparison) -> str:
    """Return what is compared."""
    seeds = list(dict.fromkeys(variant.seed for variant in comparison.variants))
    facts = {
        "metric": comparison.metric,
        "split": comparison.split,
        "span": str(seeds[0]) if len(seeds) == 1 else message("{first} to {last}", first=seeds[0], last=seeds[-1]),
        "matched": message(", with equal {match}", match=comparison.match) if comparison.match else "",
        "direction": message("higher") if comparison.higher_is_better else message("lower"),
    }
    if comparison.folds:
        return message(
            "{metric} on the {split} splits of {count} folds, seeds {span}{matched}; {direction} is better",
            count=comparison.folds,
            **facts,
        )
    return message("{metric} on the {split} split, seeds {span}{matched}; {direction} is better", **facts)


def verdict_lines(comparison: Comparison) -> Iterator[str]:
    """Yield the verdict on each candidate, the best one, and the notes."""
    for each in comparison.outcomes:
        widths = " ".join(each.measured.overrides)
        label = f"{each.measured.name} ({widths})" if widths and comparison.match else each.measured.name
        yield message("{name}: {verdict}", name=label, verdict=each.verdict)
    if len(comparison.outcomes) > 1 and comparison.best:
        yield message("best mean: {name}", name=comparison.best.measured.name)
    yield from comparison.notes


def markdown(comparison: Comparison, title: str, facts: Sequence[str]) -> str:
    """Return a comparison as a Markdown document.

    Args:
        comparison: the comparison.
        title: the heading.
        facts: lines at the end: the command, the machine, versions.
    """
    parts = [
        f"# {title}",
        heading(comparison) + ".",
        "\n".join(f"- {line}" for line in verdict_lines(comparison)),
        _table(score_rows(comparison)),
        _table(cost_rows(comparison)),
        message("{metric} of every run:", metric=comparison.metric),
        _table(run_rows(comparison)),
        *facts,
    ]
    return "\n\n".join(parts) + "\n"


def signed(metric: str, value: float) -> str:
    """Return a difference with its sign."""
    return f"{'+' if value > 0 else '-' if value < 0 else ''}{format_number(metric, abs(value))}"


def ends(metric: str, interval: Interval | None, *, is_signed: bool = False) -> str:
    """Return the ends of an interval; an empty text without one."""
    if interval is None or interval.low is None or interval.high is None:
        return ""
    low, high = (
        signed(metric, each) if is_signed else format_number(metric, each) for each in (interval.low, interval.high)
    )
    return message("{low} to {high}", low=low, high=high)


def _ratio(value: float, base: float | None) -> str:
    return f" ({value / base:.2f}x)" if base else ""


def _table(rows: Rows) -> str:
    cells = [[cell.replace("|", "\\|").replace("\n", " ") for cell in row] for row in rows]
    lines = [f"| {' | '.join(row)} |" for row in cells]
    return "\n".join([lines[0], "|---" + "|---:" * (len(rows[0]) - 1) + "|", *lines[1:]])
