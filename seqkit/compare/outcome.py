"""The outcome of a comparison: means, intervals, differences and a verdict in words. Nothing here imports torch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any

from seqkit.compare.statistics import LEVEL, Interval, Paired, holm, mean_interval, paired_difference
from seqkit.messages import message
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
        runs: the run directory of each seed.
        values: the metric of each seed; a seed without one has failed.
        baseline: the scores of the baseline on the same split; None without one.
        train_seconds: the seconds of training of each seed.
        costs: weights, multiply_adds, memory and latency_ms, where they are known.
        failures: why a seed has no value.
    """

    name: str
    source: str
    overrides: tuple[str, ...]
    runs: dict[int, str]
    values: dict[int, float]
    baseline: Mapping[str, Any] | None = None
    train_seconds: dict[int, float] = field(default_factory=dict)
    costs: dict[str, float | None] = field(default_factory=dict)
    failures: dict[int, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """A candidate in a comparison.

    Attributes:
        measured: what was measured.
        interval: the mean of the metric with its interval; None if every seed failed.
        baseline: the value of the baseline; None without one.
        difference: the paired differences from the first candidate; None for that one, or without common seeds.
        p: the p-value, adjusted for the number of candidates; None with fewer than two seeds.
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
        seeds: the seeds.
        match: what of the candidates was made equal to the first; empty for nothing.
        outcomes: the candidates, in the order of the command line. The first is the reference.
        notes: what a reader must know.
        same_data: whether the split has the same examples for all candidates, so that their scores can be compared.
    """

    metric: str
    higher_is_better: bool
    split: str
    seeds: tuple[int, ...]
    match: str
    outcomes: tuple[Outcome, ...]
    notes: tuple[str, ...]
    same_data: bool = True

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
    seeds: Sequence[int],
    match: str = "",
    *,
    same_data: bool = True,
) -> Comparison:
    """Compare candidates by a metric; the first one is the reference of all differences.

    A difference is seen if the 95% interval of the paired differences does not contain 0 and, with more than two
    candidates, the p-value adjusted for their number (Holm, 1979) is below 0.05.

    Args:
        measured: what was measured of each candidate.
        metric: the metric.
        higher_is_better: whether it is to be maximized.
        split: the split that it was computed on.
        seeds: the seeds.
        match: what was made equal; empty for nothing.
        same_data: whether the split has the same examples for all candidates. If not, nothing is compared.
    """
    first = measured[0]
    differences = [None, *(_difference(each, first) if same_data else None for each in measured[1:])]
    tested = [place for place, each in enumerate(differences) if each is not None and each.p is not None]
    adjusted = dict(zip(tested, holm([differences[place].p for place in tested]), strict=True))  # type: ignore[union-attr, misc]
    outcomes = []
    for place, (each, difference) in enumerate(zip(measured, differences, strict=True)):
        found = None
        interval = mean_interval(list(each.values.values())) if each.values else None
        if interval is not None and each.baseline:
            found = compare_with_baseline(
                {metric: interval.mean}, each.baseline, [metric], [metric] if higher_is_better else []
            )
        gain = found.gain if found else None
        p = adjusted.get(place)
        if not each.values:
            verdict = message("no value with any seed: {reason}", reason=next(iter(each.failures.values()), ""))
        elif len(measured) == 1:
            verdict = _verdict_alone(each, gain)
        elif not same_data:
            verdict = _joined([message("not compared"), *_warnings(each, gain)])
        else:
            verdict = _verdict(each, place == 0, difference, p, higher_is_better, gain)
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
        tuple(seeds),
        match,
        tuple(outcomes),
        tuple(_notes(measured, split, match, same_data)),
        same_data,
    )


def _difference(measured: Measurements, first: Measurements) -> Paired | None:
    seeds = [seed for seed in measured.values if seed in first.values]
    if not seeds:
        return None
    return paired_difference([measured.values[seed] for seed in seeds], [first.values[seed] for seed in seeds])


def _verdict(
    measured: Measurements, is_first: bool, difference: Paired | None, p: float | None, higher: bool, gain: float | None
) -> str:
    """Return the verdict: how a candidate compares with the first one, and with its baseline."""
    parts = []
    if is_first:
        parts.append(message("the reference"))
    elif difference is None:
        parts.append(message("no seed in common with the reference"))
    elif p is None:
        parts.append(message("one seed shows no difference: use --seeds 5"))
    elif p < 1 - LEVEL:
        is_better = (difference.interval.mean > 0) == higher
        parts.append(message("better") if is_better else message("worse"))
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
        yield message("no value with {count} of its seeds", count=len(measured.failures))


def _notes(measured: Sequence[Measurements], split: str, match: str, same_data: bool) -> list[str]:
    notes = []
    if not same_data:
        notes.append(
            message("The {split} split differs between candidates: their scores are not comparable.", split=split)
        )
    if split == "valid":
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
