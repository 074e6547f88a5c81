"""The verdict on a run, in words: how its metric compares with its baseline, and what makes that misleading."""

from __future__ import annotations

from dataclasses import dataclass

from seqkit.messages import message
from seqkit.reports.contents import RunContents
from seqkit.strict_json import is_number
from seqkit.training.result_lines import BaselineComparison, compare_with_baseline, format_number


@dataclass(frozen=True)
class Verdict:
    """The result of a run in a sentence.

    Attributes:
        metric: the name of the metric that decides; empty without one.
        value: its value; None without one.
        split: the split that it was computed on.
        comparison: the comparison with the baseline; None without one.
        text: the verdict.
        is_good: True if the model is better than its baseline, False if it is not, None if nothing can be said.
        warnings: why the numbers must be read with care.
    """

    metric: str = ""
    value: float | None = None
    split: str = ""
    comparison: BaselineComparison | None = None
    text: str = ""
    is_good: bool | None = None
    warnings: tuple[str, ...] = ()


def judge(run: RunContents) -> Verdict:
    """Return the verdict on a run."""
    result = run.result
    if result is None:
        return Verdict(text=message("Not finished: there is no result yet. Resume it with: seqkit resume RUN"))
    baseline = result.baseline or {}
    split = str(
        baseline.get("split") or next((each for each in ("test", "valid", "train") if each in result.metrics), "")
    )
    metrics, higher = result.metrics.get(split, {}), run.metric_names.higher_is_better
    names = run.metric_names.names if run.recorded else [_chosen_metric(run), *metrics]
    warnings = []
    if split == "train":
        warnings.append(message("No data is held out: this is the training split, and shows what the model memorized."))
    if result.honest_loss and is_number(loss := result.honest_loss.get("loss")):
        warnings.append(
            message(
                "The loss is misleadingly low, because the encoder reads the token to predict (allow_leak): predicted "
                "from each prefix alone, it is {loss}.",
                loss=format_number("loss", loss),
            )
        )
    comparison = compare_with_baseline(metrics, baseline, names, higher) if baseline else None
    if comparison is None:
        metric = next((name for name in names if is_number(metrics.get(name))), "")
        return Verdict(
            metric,
            metrics.get(metric),
            split,
            None,
            message("There is no baseline to compare with."),
            None,
            tuple(warnings),
        )
    if warnings and result.honest_loss:
        text, is_good = message("Not comparable with its baseline"), None
    elif run.recorded is None and comparison.metric != "loss":
        text, is_good = message("This run does not record whether higher is better: compare it with its baseline"), None
    elif comparison.gain > 0:
        text, is_good = message("Better than its baseline"), None if split == "train" else True
    elif comparison.gain == 0:
        text, is_good = message("No better than its baseline"), False
    else:
        text, is_good = message("Worse than its baseline"), False
    text = message("{text}, on the {split} split.", text=text, split=split)
    return Verdict(comparison.metric, comparison.value, split, comparison, text, is_good, tuple(warnings))


def _chosen_metric(run: RunContents) -> str:
    """Return the metric that the recipe chooses the best epoch by."""
    train = run.plan["recipe"].get("train")
    return str(train.get("metric")) if isinstance(train, dict) else ""
