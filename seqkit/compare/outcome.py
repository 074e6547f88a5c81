"""The outcome of a comparison: means, intervals, differences and a verdict in words. Nothing here imports torch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any

from seqkit.compare.statistics import LEVEL, Interval, Paired, holm, mean_interval, paired_difference
from seqkit.compare.variants import Variant
from seqkit.messages import message
from seqkit.strict_json import is_number
from seqkit.training.result_lines import compare_with_baseline

_MATCHED = 0.2
"""The relative difference up to which matched candidates count as equal: seconds vary from run to run."""


@dataclass(frozen=True)
class Measurements:
    """What was measured of a candidate.

    Attributes:
        name: what it is called.
        source: the file of its recipe.
        overrides: what differs from the recipe.
        runs: the run directory of each seed or fold.
        values: the metric of each; one without it has failed.
        baseline: the scores of the baseline on the same split, the mean over the folds; None without one.
        train_seconds: the seconds of training of each.
        costs: weights, multiply_adds, memory and latency_ms, where they are known.
        failures: why one has no value.
    """

    name: str
    source: str
    overrides: tuple[str, ...]
    runs: dict[Variant, str]
    values: dict[Variant, float]
    baseline: Mapping[str, Any] | None = None
    train_seconds: dict[Variant, float] = field(default_factory=dict)
    costs: dict[str, float | None] = field(default_factory=dict)
    failures: dict[Variant, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """A candidate in a comparison.

    Attributes:
        measured: what was measured.
        interval: the mean of the metric with its interval; None if every run failed.
        baseline: the value of the baseline; None without one.
        difference: the paired differences from the first candidate; None for that one, or without common seeds
            or folds.
        p: the p-value, adjusted for the number of candidates; None with fewer than two pairs.
        verdict: the verdict in words.
        seconds: the mean seconds of training with their interval.
    """

    measured: Measurements
    interval: Interval | None
    baseline: float | None
    difference: Paired | None
    p: float | None
    verdict: str
    seconds: Interval | None


@dataclass(frozen=True)
class Comparison:
    """The outcome of a comparison.

    Attributes:
        metric: the metric that is compared.
        higher_is_better: whether it is to be maximized.
        split: the split that it was computed on.
        variants: the seeds, or the folds.
        match: what of the candidates was made equal to the first; empty for nothing.
        outcomes: the candidates, in the order of the command line. The first is the reference.
        notes: what a reader must know.
        same_data: whether the split has the same examples for all candidates, so that their scores can be compared.
    """

    metric: str
    higher_is_better: bool
    split: str
    variants: tuple[Variant, ...]
    match: str
    outcomes: tuple[Outcome, ...]
    notes: tuple[str, ...]
    same_data: bool = True

    @property
    def folds(self) -> int:
        """The number of folds; 0 without cross-validation."""
        return len({variant.fold for variant in self.variants} - {None})

    @property
    def best(self) -> Outcome | None:
        """The candidate with the best mean; None if their scores cannot be compared."""
        scored = [each for each in self.outcomes if each.interval is not None and self.same_data]
        sign = 1 if self.higher_is_better else -1
        return max(scored, key=lambda each: sign * each.interval.mean, default=None)  # type: ignore[union-attr]


def compare(
    measured: Sequence[Measurements],
    metric: str,
    higher_is_better: bool,
    split: str,
    variants: Sequence[Variant],
    match: str = "",
    *,
    same_data: bool = True,
    test_ratio: float = 0.0,
) -> Comparison:
    """Compare candidates by a metric; the first one is the reference of all differences.

    A difference is seen if the 95% interval of the paired differences does not contain 0 and, with more than two
    candidates, the p-value adjusted for their number (Holm, 1979) is below 0.05.

    Args:
        measured: what was measured of each candidate.
        metric: the metric.
        higher_is_better: whether it is to be maximized.
        split: the split that it was computed on.
        variants: the seeds, or the folds.
        match: what was made equal; empty for nothing.
        same_data: whether the split has the same examples for all candidates. If not, nothing is compared.
        test_ratio: as for `seqkit.compare.statistics.mean_interval`, for folds.
    """
    first = measured[0]
    differences = [None, *(_difference(each, first, test_ratio) if same_data else None for each in measured[1:])]
    tested = [place for place, each in enumerate(differences) if each is not None and each.p is not None]
    adjusted = dict(zip(tested, holm([differences[place].p for place in tested]), strict=True))  # type: ignore[union-attr, misc]
    outcomes = []
    for place, (each, difference) in enumerate(zip(measured, differences, strict=True)):
        found = None
        interval = mean_interval(list(unit_means(each.values).values()), test_ratio) if each.values else None
        if interval is not None and each.baseline:
            found = compare_with_baseline(
                {metric: interval.mean}, each.baseline, [metric], [metric] if higher_is_better else []
            )
        gain = found.gain if found else None
        p = adjusted.get(place)
        if not each.values:
            verdict = message("no run has a value: {reason}", reason=next(iter(each.failures.values()), ""))
        elif len(measured) == 1:
            verdict = _verdict_alone(each, gain)
        elif not same_data:
            verdict = _joined([message("not compared"), *_warnings(each, gain)])
        else:
            verdict = _verdict(each, place == 0, difference, p, higher_is_better, gain, variants[0].fold is not None)
        outcomes.append(
            Outcome(
                each,
                interval,
                found.baseline if found else None,
                difference,
                p,
                verdict,
                mean_interval(list(each.train_seconds.values())) if each.train_seconds else None,
            )
        )
    return Comparison(
        metric,
        higher_is_better,
        split,
        tuple(variants),
        match,
        tuple(outcomes),
        tuple(_notes(measured, split, match, same_data, len({each.fold for each in variants} - {None}))),
        same_data,
    )


def unit_means(values: Mapping[Variant, float]) -> dict[int, float]:
    """Return the mean of the values of each fold over its seeds; or of each seed, without folds, its value."""
    units: dict[int, list[float]] = {}
    for variant, value in values.items():
        units.setdefault(variant.unit, []).append(value)
    return {unit: fmean(found) for unit, found in units.items()}


def mean_baseline(baselines: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """Return the mean scores of the baselines of several runs: of each method, those that it has in all of them."""
    methods: dict[str, list[Mapping[str, Any]]] = {}
    for baseline in baselines:
        for method in (baseline, *baseline.get("others", [])):
            methods.setdefault(method["name"], []).append(method)
    means = [
        {"name": name}
        | {
            key: fmean(each[key] for each in found)
            for key in found[0]
            if all(is_number(each.get(key)) for each in found)
        }
        for name, found in methods.items()
        if len(found) == len(baselines)
    ]
    return means[0] | {"others": means[1:]} if means else None


def _difference(measured: Measurements, first: Measurements, test_ratio: float) -> Paired | None:
    common = [variant for variant in measured.values if variant in first.values]
    if not common:
        return None
    values, others = (unit_means({variant: each.values[variant] for variant in common}) for each in (measured, first))
    return paired_difference(list(values.values()), list(others.values()), test_ratio)


def _verdict(
    measured: Measurements,
    is_first: bool,
    difference: Paired | None,
    p: float | None,
    higher: bool,
    gain: float | None,
    has_folds: bool,
) -> str:
    """Return the verdict: how a candidate compares with the first one, and with its baseline."""
    parts = []
    if is_first:
        parts.append(message("the reference"))
    elif difference is None:
        parts.append(message("no run in common with the reference"))
    elif p is None and has_folds:
        parts.append(message("one fold shows no difference"))
    elif p is None:
        parts.append(message("one seed shows no difference: use --seeds 5"))
    elif p < 1 - LEVEL:
        is_better = (difference.interval.mean > 0) == higher
        parts.append(message("better") if is_better else message("worse"))
    elif has_folds:
        parts.append(message("no difference to be seen with {count} folds", count=difference.count))
    else:
        parts.append(message("no difference to be seen with {count} seeds", count=difference.count))
    return _joined([*parts, *_warnings(measured, gain)])


def _verdict_alone(measured: Measurements, gain: float | None) -> str:
    """Return the verdict on the only candidate."""
    if gain is None:
        text = message("without a baseline to compare with")
    else:
        text = message("above its baseline") if gain > 0 else ""
    return _joined(filter(None, [text, *_warnings(measured, gain)]))


def _joined(parts: Iterable[str]) -> str:
    first, *others = parts
    for other in others:
        first = message("{verdict}, {warning}", verdict=first, warning=other)
    return first


def _warnings(measured: Measurements, gain: float | None) -> Iterator[str]:
    if gain is not None and gain <= 0:
        yield message("below its baseline") if gain < 0 else message("no better than its baseline")
    if measured.failures:
        yield message("{count} of its runs have no value", count=len(measured.failures))


def _notes(measured: Sequence[Measurements], split: str, match: str, same_data: bool, folds: int) -> list[str]:
    notes = []
    if not same_data:
        notes.append(
            message("The {split} split differs between candidates: their scores are not comparable.", split=split)
        )
    if folds:
        notes.append(
            message(
                "Cross-validation with {count} folds. Intervals and p-values take into account that the folds share "
                "training data (Nadeau and Bengio, 2003).",
                count=folds,
            )
        )
    if folds and split == "test":
        if len(measured) > 1:
            notes.append(message("The best of several candidates has a score that is too good: it was chosen by it."))
    elif split == "valid":
        notes.append(message("Compared on the validation split. The test split was not used to choose."))
    elif split == "test":
        notes.append(
            message("Compared on the test split, as requested: a choice made by it makes its scores too good.")
        )
    else:
        notes.append(message("No data is held out: compared on the {split} split, which models memorize.", split=split))
    notes += _unmatched(measured, match)
    if match == "seconds":
        notes.append(
            message("Widths were chosen such that training takes the same time, with the epochs of each recipe.")
        )
    if len(measured) > 2 and same_data:
        notes.append(
            message(
                "With {count} candidates, a verdict also requires an adjusted p-value (Holm) below 0.05.",
                count=len(measured),
            )
        )
    return notes


def _unmatched(measured: Sequence[Measurements], match: str) -> Iterator[str]:
    """Yield a note for each candidate that no width makes equal to the first one."""

    if match == "parameters":
        what, sizes = message("weights"), [each.costs.get("weights") for each in measured]
    elif match == "seconds":
        what = message("training seconds")
        sizes = [fmean(each.train_seconds.values()) if each.train_seconds else None for each in measured]
    else:
        return
    for each, size in zip(measured[1:], sizes[1:], strict=True):
        ratio = size / sizes[0] if size and sizes[0] else 1.0
        if abs(ratio - 1) > _MATCHED:
            yield message(
                "{name} has {ratio:.2f} times the {what} of the first: they are not equal.",
                name=each.name,
                ratio=ratio,
                what=what,
            )
