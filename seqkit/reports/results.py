"""The results of a run: metrics of each split beside the baselines, exhibits, samples and predictions."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from typing import Any

from seqkit.contracts import Exhibit, Series
from seqkit.messages import message, translate_stored
from seqkit.reports.contents import Result, RunContents
from seqkit.reports.exhibits import as_json, in_language, metric_exhibits, render_exhibit, sample
from seqkit.reports.markup import Markup, element, join
from seqkit.reports.tables import table
from seqkit.strict_json import is_number
from seqkit.training.result_lines import format_number

_MAX_PREDICTIONS = 200

_TEXT_NAMES = {"scored": message("scored")}
"""The names of metrics that are texts; that of another is its key."""


def results_section(run: RunContents) -> Markup | None:
    """Return the metrics, and what the head shows of each split: of the split of the baseline at once, of others on a
    click.
    """
    result = run.result
    if result is None:
        return None
    parts = [metrics_table(result)]
    for number, split in enumerate(reversed(result.metrics)):  # the test split comes last in result.json
        exhibits = [*metric_exhibits(result.metrics[split]), *map(in_language, run.exhibits.get(split, []))]
        if not exhibits:
            continue
        content = _render(exhibits)
        title = message("{split} split", split=split)
        parts.append(
            join([element("h3", title), content])
            if number == 0
            else element("details", element("summary", element("h3", title)), content)
        )
    if run.calibration:
        parts.append(render_exhibit(in_language(run.calibration)))
    if run.recorded is None:
        text = message(
            "This run was made by a seqkit without reports, so examples and the sizes of its data are not recorded: "
            "train it again to see them."
        )
        parts.append(element("p", text, class_="note"))
    whole = {"metrics": result.metrics, "baseline": result.baseline}
    parts.append(element("details", element("summary", message("All metrics, as in result.json")), as_json(whole)))
    return join(parts)


def _render(exhibits: Sequence[Exhibit]) -> Markup:
    """Return exhibits one below the other, but neighboring charts of lines side by side."""
    parts = []
    for is_chart, members in itertools.groupby(exhibits, key=lambda each: isinstance(each, Series)):
        rendered = map(render_exhibit, members)
        parts.append(element("div", *rendered, class_="charts") if is_chart else join(rendered))
    return join(parts)


def metrics_table(result: Result) -> Markup:
    """Return the single numbers of each split, beside those of the baselines."""
    scored: list[tuple[str, dict[str, Any]]] = [*result.metrics.items()]
    baseline = result.baseline or {}
    if baseline:
        others = baseline.get("others", [])
        scored += [
            (message("baseline: {name}", name=translate_stored(str(each.get("name", "")))), each)
            for each in (baseline, *(others if isinstance(others, list) else []))
        ]
    names = [
        name
        for name in dict.fromkeys(key for _, scores in scored for key in scores)
        if any(is_number(scores.get(name)) for _, scores in scored)
    ]
    rows = [
        (title, *(scores[name] if is_number(scores.get(name)) else None for name in names)) for title, scores in scored
    ]
    lines = [table((message("split"), *names), rows, caption=message("metrics"), row_headers=True)]
    if baseline:
        split = message("Baselines are measured on the {split} split.", split=baseline.get("split"))
        lines.append(element("p", split, class_="note"))
    for split, scores in result.metrics.items():
        texts = [
            message("{name}: {value}", name=_TEXT_NAMES.get(name, name), value=translate_stored(value))
            for name, value in scores.items()
            if isinstance(value, str)
        ]
        if texts:
            text = message("{split} split: {texts}", split=split, texts=message("; ").join(texts))
            lines.append(element("p", text, class_="note"))
    return join(lines)


def outputs_section(run: RunContents) -> Markup | None:
    """Return the texts that the run generated, and the predictions that its recipe requests."""
    result = run.result
    if result is None:
        return None
    parts = [sample(item.get("text", ""), item.get("prompt", "")) for item in result.generated]
    if not parts and run.recorded and run.recorded.generates:
        text = message(
            "No sample: set generate.prompt in the recipe, or call: seqkit generate {run} --prompt TEXT --length 200",
            run=run.name,
        )
        parts.append(element("p", text, class_="note"))
    if result.predictions:
        parts.append(_predictions(result.predictions[:_MAX_PREDICTIONS]))
    return join(parts) if parts else None


def _predictions(predictions: list[dict[str, Any]]) -> Markup:
    """Return predictions as a table of their values; nested values as JSON, apart from probabilities of labels."""
    columns = list(dict.fromkeys(key for item in predictions for key in item))
    rows = [tuple(value_of(item.get(name)) for name in columns) for item in predictions]
    return table(columns, rows, caption=message("predictions"))


def value_of(value: Any) -> Any:
    """Return a value of a prediction as a cell: the most probable labels, or what is nested as one line."""
    if isinstance(value, bool):
        return str(value).lower()
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, dict) and value and all(map(is_number, value.values())):
        ordered = sorted(value.items(), key=lambda item: -item[1])
        return ", ".join(f"{key} {number:.3f}" for key, number in ordered[:5]) + (", …" if len(ordered) > 5 else "")
    text = _plain(value)
    return text if len(text) <= 300 else text[:299] + "…"


def _plain(value: Any) -> str:
    """Return a JSON value as text, without brackets with numbers as in a table: `text Paris, start 4`."""
    if isinstance(value, dict | list):
        parts = (
            [f"{key} {_plain(each)}" for key, each in value.items()] if isinstance(value, dict) else map(_plain, value)
        )
        is_nested = any(
            isinstance(each, dict | list) for each in (value.values() if isinstance(value, dict) else value)
        )
        return ("; " if is_nested else ", ").join(parts)
    if isinstance(value, float):
        return format_number("", value)
    return value if isinstance(value, str) else json.dumps(value)
