"""The lines in which the console prints metrics, the classes of a classifier, and the comparison with the baseline."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from seqkit.messages import listed, message
from seqkit.runs.numbers import numbers_of
from seqkit.strict_json import is_number
from seqkit.terminal import display_width, fit_width, printable

LINE_WIDTH = 80
"""The number of columns that the lines of a table fit into."""

MAX_CLASSES = 20
_MAX_LABEL_WIDTH = 20


def format_metrics(metrics: Mapping[str, Any]) -> str:
    """Return the metrics that are numbers, in one line."""
    return ", ".join(f"{name} {format_number(name, value)}" for name, value in numbers_of(metrics).items())


def format_number(name: str, value: float) -> str:
    """Return the value of a metric for the console, given its name."""
    if isinstance(value, int):
        return f"{value:,}"
    if abs(value) >= 1e6:
        return f"{value:.5g}"
    if 0 < abs(value) < 1e-4:  # the mse of a series of small numbers
        return f"{value:.3g}"
    return f"{value:.5f}" if "loss" in name else f"{value:.4f}"


def format_two_numbers(name: str, first: float, second: float) -> tuple[str, str]:
    """Return two values of a metric, with as many digits as it takes to tell them apart if they differ."""
    texts = format_number(name, first), format_number(name, second)
    for digits in range(6, 18):
        if first == second or texts[0] != texts[1]:
            break
        texts = f"{first:.{digits}g}", f"{second:.{digits}g}"
    return texts


class BaselineComparison(NamedTuple):
    """A metric of a model beside that of the best of its baselines.

    Attributes:
        metric: the name of the metric.
        value: its value for the model.
        baseline: its value for the baseline.
        name: the name of the baseline.
        gain: how much better the model is; negative if it is worse.
    """

    metric: str
    value: float
    baseline: float
    name: str
    gain: float


def compare_with_baseline(
    metrics: Mapping[str, Any], baseline: Mapping[str, Any], names: Sequence[str], higher_is_better: Collection[str]
) -> BaselineComparison | None:
    """Compare a model with the best of its baselines; return None if they have no metric in common.

    Args:
        metrics: the metrics of the model.
        baseline: the metrics of the baseline, its `name` and `split`, and further baselines under `others`.
        names: the metrics to compare. The first that the model and a baseline have decides.
        higher_is_better: the metrics that are to be maximized.
    """
    for name in names:
        sign = 1 if name in higher_is_better else -1
        scored = [each for each in (baseline, *baseline.get("others", [])) if is_number(each.get(name))]
        if scored and is_number(metrics.get(name)):
            best = max(scored, key=lambda each: sign * each[name])
            return BaselineComparison(
                name, metrics[name], best[name], best["name"], sign * (metrics[name] - best[name])
            )
    return None


def baseline_comparison(
    metrics: Mapping[str, Any], baseline: Mapping[str, Any], names: Sequence[str], higher_is_better: frozenset[str]
) -> str:
    """Return a note if the model is not better than the best of its baselines; otherwise an empty text.

    Arguments as for `compare_with_baseline`.
    """
    found = compare_with_baseline(metrics, baseline, names, higher_is_better)
    if found is None or found.gain > 0:
        return ""
    value, best = format_two_numbers(found.metric, found.value, found.baseline)
    facts = {
        "split": baseline["split"],
        "value": f"{found.metric} {value}",
        "best": best,
        "name": found.name,
    }
    if found.gain == 0:
        return message("on the {split} split, the model is no better than the baseline: {value} ({name})", **facts)
    return message(
        "on the {split} split, the model is worse than the baseline: {value}, baseline {best} ({name})", **facts
    )


def class_lines(metrics: Mapping[str, Any]) -> Iterator[str]:
    """Yield a table of the classes: precision, recall, F1 and support, and the confusion matrix if it fits.

    Otherwise the most frequent error of each class takes the place of the matrix, and of many classes only those with
    most errors are listed.

    Args:
        metrics: with `per_class` and `confusion_matrix`, as `seqkit.heads.metrics.label_metrics` returns them.
    """
    labels, matrix = metrics["confusion_matrix"]["labels"], metrics["confusion_matrix"]["matrix"]
    predicted = [sum(column) for column in zip(*matrix, strict=True)]
    errors = [sum(row) - row[number] for number, row in enumerate(matrix)]
    chosen = sorted(sorted(range(len(labels)), key=lambda number: -errors[number])[:MAX_CLASSES])
    width = min(max(display_width(labels[number]) for number in chosen), _MAX_LABEL_WIDTH)
    left = {number: _scores(labels[number], width, metrics["per_class"], predicted[number]) for number in chosen}
    head = f"  {'':<{width}}  precision  recall     f1  support   "
    lines = [head + message("predicted as {labels}", labels=listed(map(printable, labels)))]
    lines += [left[number] + ", ".join(f"{count:,}" for count in matrix[number]) for number in chosen]
    if len(chosen) < len(labels) or max(map(display_width, lines)) > LINE_WIDTH:
        lines = [head + message("most frequent error")]
        lines += [left[number] + _worst(labels, number, matrix[number], LINE_WIDTH - len(head)) for number in chosen]
    yield from lines
    if len(chosen) < len(labels):
        yield message(
            "  … and {count:,} more labels, with fewer errors: see result.json", count=len(labels) - len(chosen)
        )


def _scores(label: str, width: int, per_class: Mapping[str, Any], predicted: int) -> str:
    """Return the label and its scores; `-` in place of those of a label that is neither true nor predicted."""
    scores = per_class[label]
    is_defined = scores["support"] or predicted
    precision, recall, f1 = (f"{scores[name]:.3f}" if is_defined else "-" for name in ("precision", "recall", "f1"))
    return f"  {fit_width(label, width)}  {precision:>9}  {recall:>6}  {f1:>5}  {scores['support']:7,}   "


def _worst(labels: Sequence[str], number: int, row: Sequence[int], width: int) -> str:
    """Return the label that is most often predicted for a class in error, and how often; `-` if there is none."""
    count, wrong = max(((count, -other) for other, count in enumerate(row) if other != number), default=(0, 0))
    if not count:
        return "-"
    suffix = f" ({count:,})"
    label = labels[-wrong]
    return fit_width(label, min(display_width(label), width - len(suffix))) + suffix
