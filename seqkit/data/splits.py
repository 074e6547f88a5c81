"""Splits of a data set: by hash, at random, or by order."""

from __future__ import annotations

import hashlib
import heapq
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np

from seqkit.contracts import Example, LongText, TextPair
from seqkit.errors import DataError
from seqkit.messages import message

if TYPE_CHECKING:
    from seqkit.recipe.schema import HashSplit

SPLITS = ("train", "valid", "test")

_MORE = message("increase its fraction, or provide more data")


def by_hash(examples: Iterable[Example], split: HashSplit) -> dict[str, list[Example]]:
    """Split by u = int(sha256(text.strip()), 16) % 1000 / 1000, so that an example's split depends on its text alone.
    The texts of a pair are joined with a line break.

    Boundaries are computed as fractions, because k/5 and sums of tenths are not exact in floating point.
    """
    test, valid = Fraction(str(split.test)), Fraction(str(split.valid))
    start = Fraction(0)
    if split.folds is not None and split.fold is not None:
        start, test = Fraction(split.fold, split.folds), Fraction(1, split.folds)
    split_of = ["train"] * 1000  # of an example, by its thousandths
    ends = [math.ceil(1000 * end) for end in (start, start + test, start + test + valid)]
    for name, first, end in (("test", ends[0], ends[1]), ("valid", ends[1], ends[2])):
        for thousandths in range(first, end):
            split_of[thousandths % 1000] = name  # a part that passes 1 continues at 0
    found: dict[str, list[Example]] = {"train": [], "valid": [], "test": []}
    for example in examples:
        value = example.input
        text = _content(value)
        content = np.ascontiguousarray(value).tobytes() if text is None else text.encode()
        found[split_of[int(hashlib.sha256(content).hexdigest(), 16) % 1000]].append(example)
    wanted = {"train", *(["valid"] if split.valid else []), *(["test"] if split.test or split.folds else [])}
    return {name: members for name, members in found.items() if name in wanted}


def by_random(
    examples: Sequence[Example], valid: float, test: float, seed: int, stratify: bool = True
) -> dict[str, list[Example]]:
    """Split at random, stratified: each split has its proportion of each label, to within one example.

    Every label occurs in the training split: the only example of a label trains, whatever the seed, and other labels
    take its place in the other splits. If there are too many such labels, the other splits are smaller.

    Args:
        examples: all examples. A target that is not a string or an integer is no label.
        valid: the fraction of the validation split.
        test: the fraction of the test split.
        seed: the seed of the permutation.
        stratify: whether targets are labels. Otherwise they are ignored.
    """
    generator = np.random.default_rng(seed)
    groups: dict[str, list[int]] = defaultdict(list)
    for number, example in enumerate(examples):
        is_label = stratify and isinstance(example.target, str | Integral)
        groups[f"label {example.target}" if is_label else ""].append(number)
    members = [generator.permutation(groups[label]) for label in sorted(groups)]
    ranks = generator.permutation(len(members)).tolist()

    sizes = [len(group) for group in members]
    room = [size - 1 for size in sizes]
    tested, validated = (round(len(examples) * Fraction(str(fraction))) for fraction in (test, valid))
    if tested + validated > sum(room):
        tested = round(Fraction(sum(room) * tested, tested + validated))
        validated = sum(room) - tested
    quotas = [size * Fraction(str(test)) for size in sizes]
    tests = _apportion(tested, quotas, quotas, room, ranks)

    room = [rest - count for rest, count in zip(room, tests, strict=True)]
    quotas_of_valid = [size * Fraction(str(valid)) for size in sizes]
    # A label that got less of the test split than its proportion is the first to get more of the validation split.
    targets = [v + t - count for v, t, count in zip(quotas_of_valid, quotas, tests, strict=True)]
    valids = _apportion(validated, quotas_of_valid, targets, room, ranks)

    found: dict[str, list[int]] = {"train": [], "valid": [], "test": []}
    for group, test_count, valid_count in zip(members, tests, valids, strict=True):
        parts = np.split(group, [test_count, test_count + valid_count])
        for name, part in zip(("test", "valid", "train"), parts, strict=True):
            found[name] += part.tolist()
    wanted = {"train", *(["valid"] if valid else []), *(["test"] if test else [])}
    return {name: [examples[number] for number in sorted(found[name])] for name in SPLITS if name in wanted}


def _apportion(
    total: int, quotas: Sequence[Fraction], targets: Sequence[Fraction], room: Sequence[int], ranks: Sequence[int]
) -> list[int]:
    """Distribute a number of examples to labels by the method of the largest remainder.

    Each label gets its quota without the fractional part; then one label after another gets one more.

    Args:
        total: the number of examples, at most the sum of `room`.
        quotas: the exact proportion of each label.
        targets: the label that is farthest below its target is the next to get one more.
        room: the maximum for each label.
        ranks: the order of labels that are equally far below.
    """
    counts = [min(int(quota), most) for quota, most in zip(quotas, room, strict=True)]
    waiting = [
        (counts[label] >= quotas[label], counts[label] - targets[label], ranks[label], label)
        for label in range(len(counts))
        if counts[label] < room[label]
    ]
    heapq.heapify(waiting)
    for _ in range(total - sum(counts)):
        label = waiting[0][3]
        counts[label] += 1
        if counts[label] < room[label]:
            following = (counts[label] >= quotas[label], counts[label] - targets[label], ranks[label], label)
            heapq.heapreplace(waiting, following)
        else:
            heapq.heappop(waiting)
    return counts


def by_order(count: int, valid: float, test: float) -> dict[str, tuple[int, int]]:
    """Return where each split starts and ends among `count` items: train first, then valid, then test."""
    tested, validated = round(count * test), round(count * valid)
    trained = count - tested - validated
    ends = {"train": (0, trained)}
    if valid:
        ends["valid"] = (trained, trained + validated)
    if test:
        ends["test"] = (trained + validated, count)
    return ends


def empty_split_error(split: str, by: str, examples: Sequence[Example]) -> DataError:
    """Return the error for a split without examples.

    Args:
        split: the name of the split.
        by: how `data.split` divides the examples; empty if it does not.
        examples: the examples of all splits.
    """
    single = examples[0] if len(examples) == 1 and not isinstance(examples[0].input, TextPair) else None
    if single is not None and by == "order":
        return empty_part_error(split, len(single.input), is_series=_is_series(single))
    remedy = _MORE
    if single is not None and single.target is None and by:  # not a table of one row
        remedy = message("use `by: order` to split a single text")
        if _is_series(single):
            remedy = message("use `by: order` to split a single series")
    elif len(examples) > 2 and by == "hash":
        remedy = message("increase its fraction, or, as equal texts share a hash, use `by: random`")
    return DataError(
        message(
            "data.split: the {split} split is empty (examples in total: {count}): {remedy}",
            split=split,
            count=len(examples),
            remedy=remedy,
        )
    )


def _is_series(example: Example) -> bool:
    return np.ndim(example.input) == 2


def empty_part_error(split: str, length: int, *, is_series: bool = False) -> DataError:
    """Return the error for a split of the only text or series that is empty; `length` is that of all splits."""
    total = message("characters in total: {count}", count=length)
    if is_series:
        total = message("time steps in total: {count}", count=length)
    return DataError(
        message("data.split: the {split} split is empty ({total}): {remedy}", split=split, total=total, remedy=_MORE)
    )


def count_repeated(splits: Mapping[str, Sequence[Example]]) -> dict[str, int]:
    """Return for each held-out split how many of its examples are in the training split too, word for word."""
    known = {_content(example.input) for example in splits["train"]} - {None}
    return {
        split: sum(_content(example.input) in known for example in examples)
        for split, examples in splits.items()
        if split != "train"
    }


def _content(value: Any) -> str | None:
    """Return the text without surrounding white space, or a digest of it; None for features."""
    if isinstance(value, LongText):
        return value.sha256
    if isinstance(value, TextPair):
        return f"{value.first.strip()}\n{value.second.strip()}"
    return value.strip() if isinstance(value, str) else None
