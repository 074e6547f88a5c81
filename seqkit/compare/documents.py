"""A comparison as JSON. Nothing here imports torch."""

from __future__ import annotations

from typing import Any

from seqkit.compare.outcome import Comparison, Outcome
from seqkit.compare.statistics import LEVEL, Interval


def as_json(comparison: Comparison) -> dict[str, Any]:
    """Return a comparison as JSON types."""
    return {
        "metric": comparison.metric,
        "higher_is_better": comparison.higher_is_better,
        "split": comparison.split,
        "seeds": list(dict.fromkeys(variant.seed for variant in comparison.variants)),
        "folds": comparison.folds or None,
        "match": comparison.match or None,
        "level": LEVEL,
        "candidates": [_outcome_as_json(each) for each in comparison.outcomes],
        "best": comparison.best.measured.name if comparison.best else None,
        "notes": list(comparison.notes),
    }


def _outcome_as_json(outcome: Outcome) -> dict[str, Any]:
    measured, difference = outcome.measured, outcome.difference
    return {
        "name": measured.name,
        "recipe": measured.source,
        "overrides": list(measured.overrides),
        "runs": {variant.key: run for variant, run in measured.runs.items()},
        "values": {variant.key: value for variant, value in measured.values.items()},
        "failures": {variant.key: reason for variant, reason in measured.failures.items()},
        "mean": outcome.interval.mean if outcome.interval else None,
        "interval": _ends(outcome.interval),
        "baseline": outcome.baseline,
        "difference": None
        if difference is None
        else {
            "mean": difference.interval.mean,
            "interval": _ends(difference.interval),
            "p": difference.p,
            "adjusted_p": outcome.p,
            "pairs": difference.count,
        },
        "verdict": outcome.verdict,
        "costs": measured.costs
        | {
            "train_seconds": outcome.seconds.mean if outcome.seconds else None,
            "train_seconds_interval": _ends(outcome.seconds),
        },
    }


def _ends(interval: Interval | None) -> list[float] | None:
    return None if interval is None or interval.low is None or interval.high is None else [interval.low, interval.high]
