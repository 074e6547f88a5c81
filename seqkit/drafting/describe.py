"""What `seqkit init` found out, in words: for the comments of its recipe, and for the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from seqkit.messages import listed, message
from seqkit.strict_json import is_number


def describe_splits(examples: Mapping[str, int]) -> str:
    """Return the number of examples of each split; nothing if one text or series is divided."""
    if max(examples.values()) == 1:
        return ""
    splits = listed(f"{split} {count:,}" for split, count in examples.items())
    return message("examples: {splits}", splits=splits)


def describe_baseline(baseline: Mapping[str, Any]) -> str:
    """Return the metrics of a baseline and its name: `accuracy 0.88, macro_f1 0.86 (TF-IDF …)`."""
    numbers = [f"{name} {value:.4g}" for name, value in baseline.items() if is_number(value)]
    return message("{numbers} ({name})", numbers=listed(numbers[:4]), name=baseline.get("name", ""))


def describe_chance(baseline: Mapping[str, Any], options: Sequence[str]) -> str:
    """Return a note if a baseline is not better than the most frequent label; empty if it is, or does not say.

    Args:
        baseline: its metrics.
        options: options of `seqkit init` with which the user may mean something else.
    """
    accuracy, majority = baseline.get("accuracy"), baseline.get("majority_accuracy")
    if not (is_number(accuracy) and is_number(majority) and accuracy <= majority):
        return ""
    note = message(
        "the text hardly predicts the label: the baseline has an accuracy of {accuracy:.4g}, the most frequent label "
        "one of {majority:.4g}",
        accuracy=accuracy,
        majority=majority,
    )
    return message("{note}; perhaps you mean {options}", note=note, options=listed(options)) if options else note


def describe_time(seconds: float) -> str:
    """Return a time in words, rounded as an estimate should be."""
    if seconds < 10:
        return message("a few seconds")
    if seconds < 90:
        return message("about {seconds} seconds", seconds=10 * round(seconds / 10))
    return message("about {minutes:.1f} minutes", minutes=seconds / 60)
