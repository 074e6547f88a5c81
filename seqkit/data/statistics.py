"""What is known about the splits of a data set: sizes, lengths and labels."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from copy import copy
from typing import Any

import numpy as np

from seqkit.contracts import Head, LongText, Tokenizer
from seqkit.data.dataset import Dataset, encode
from seqkit.data.splits import count_repeated
from seqkit.messages import listed, message

_MAX_BINS = 24
_MAX_LABELS = 60
_MAX_SIMILAR = 5

_FAR = 100
"""How many interquartile ranges a number that is certainly an error, or ruins training, is away from the quartiles."""


def describe_splits(splits: Mapping[str, Dataset]) -> dict[str, Any]:
    """Return the number of examples, rows and time steps of each split, and of examples that train has too."""
    examples = {split: dataset.examples for split, dataset in splits.items()}
    is_text = all(isinstance(each.input, str | LongText) for members in examples.values() for each in members)
    repeated = count_repeated(examples) if is_text else {}
    return {
        split: {
            "examples": len(dataset.examples),
            "rows": len(dataset.rows),
            "time_steps": sum(len(row.input) for row in dataset.rows),
            "also_in_train": repeated.get(split),
        }
        for split, dataset in splits.items()
    }


def describe_lengths(splits: Mapping[str, Dataset]) -> dict[str, Any]:
    """Return how many rows of each split have a length in each interval, and the median and the largest length."""
    lengths = {split: [len(row.input) for row in each.rows] for split, each in splits.items()}
    every = np.concatenate([np.asarray(values) for values in lengths.values()])
    low, high = int(every.min()), int(every.max())
    step = -(-(high - low + 1) // _MAX_BINS)
    edges = np.arange(low, high + step + 1, step)
    return {
        "edges": edges.tolist(),
        "counts": {split: np.histogram(values, edges)[0].tolist() for split, values in lengths.items()},
        "median": {split: float(np.median(values)) for split, values in lengths.items()},
        "longest": {split: max(values) for split, values in lengths.items()},
    }


def count_labels(splits: Mapping[str, Dataset], head: Head) -> dict[str, Any]:
    """Return the number of examples, or of time steps, with each label in each split; empty if targets are no labels.

    Of many labels, the most frequent ones are returned.
    """
    counts = _labels(splits, head)
    total: Counter[str] = sum(counts.values(), Counter())
    if not total:
        return {}
    names = sorted(sorted(total), key=lambda name: -total[name])
    shown = names[:_MAX_LABELS]
    return {
        "names": shown,
        "left_out": len(names) - len(shown),
        "counts": {split: [each[name] for name in shown] for split, each in counts.items()},
    }


def _labels(splits: Mapping[str, Dataset], head: Head) -> dict[str, Counter[str]]:
    """Return how often each label occurs in each split; empty if targets are no labels."""
    if not (head.stratifies or "labels" in head.provides):
        return {}
    return {
        split: Counter(label for each in dataset.examples for label in head.labels_of(each))
        for split, dataset in splits.items()
    }


def describe_cut_texts(splits: Mapping[str, Dataset], tokenizer: Tokenizer | None) -> str:
    """Return a note on the share of the texts that the tokenizer cuts; empty if it cuts none, or for other inputs."""
    if tokenizer is None or (limit := tokenizer.max_length) is None:
        return ""
    whole = copy(tokenizer)
    whole.max_length = None
    texts = [each.input for dataset in splits.values() for each in dataset.examples if isinstance(each.input, str)]
    cut = sum(len(text.encode()) > limit and len(encode(text, whole)) > limit for text in texts)  # no token is empty
    if not cut:
        return ""
    share = cut / len(texts)
    return message(
        "max_length of the tokenizer cuts {share} of the texts, {count:,} of {texts:,}, to their first {limit:,} "
        "tokens",
        share=f"{share:.0%}" if share >= 0.01 else f"{share:.1%}",
        count=cut,
        texts=len(texts),
        limit=limit,
    )


def describe_numbers(splits: Mapping[str, Dataset], head: Head) -> dict[str, Any]:
    """Return the smallest number of each split, its quartiles and its largest, of each column of the targets.

    Empty if targets are no numbers.
    """
    return {
        split: [np.quantile(column, (0, 0.25, 0.5, 0.75, 1)).tolist() for column in numbers.T]
        for split, numbers in ((split, _numbers(dataset, head)) for split, dataset in splits.items())
        if numbers.size
    }


def describe_far_number(splits: Mapping[str, Dataset], head: Head) -> str:
    """Return a note on the first number among the targets that is far from the others; empty if none is.

    It is far if its distance from the quartiles of its column is more than 100 times the distance between them.
    """
    every = [_numbers(dataset, head) for dataset in splits.values()]
    every = [numbers for numbers in every if numbers.size]
    if not every:
        return ""
    low, high = np.quantile(np.concatenate(every), (0.25, 0.75), axis=0)
    limit = _FAR * np.where(high > low, high - low, np.inf)
    for dataset in splits.values():
        for example in dataset.examples:
            numbers = head.numbers_of(example)
            far = np.maximum(low - numbers, numbers - high) / limit
            if not far.size or far.max() <= 1:
                continue
            step, column = np.unravel_index(far.argmax(), far.shape)
            place = example.location
            if len(numbers) > 1:
                place = message("time step {number:,} from {location}", location=place, number=step + 1)
            return message(
                "{location}: the target {value:g} is far from the others, of which half are between {low:g} and "
                "{high:g}: correct or remove it if it is an error",
                location=place,
                value=numbers[step, column],
                low=low[column],
                high=high[column],
            )
    return ""


def _numbers(dataset: Dataset, head: Head) -> np.ndarray:
    """Return the numbers that the head predicts, float (items, numbers); empty if targets are no numbers."""
    found = [numbers for numbers in map(head.numbers_of, dataset.examples) if numbers.size]
    return np.concatenate(found) if found else np.empty((0, 0))


def describe_similar_labels(splits: Mapping[str, Dataset], head: Head) -> str:
    """Return a note on the labels that are equal but for case and white space, with their counts; empty without any."""
    total: Counter[str] = sum(_labels(splits, head).values(), Counter())
    groups: dict[str, list[str]] = defaultdict(list)
    for label, count in total.most_common():
        groups["".join(label.split()).casefold()].append(message("'{label:.40}' ({count:,})", label=label, count=count))
    similar = [message(" / ").join(group) for group in groups.values() if len(group) > 1]
    if not similar:
        return ""
    return message(
        "labels that differ only in case or white space are learned as different ones: {labels}; if they mean the "
        "same, write them in one way in the data",
        labels=listed([*similar[:_MAX_SIMILAR], *(["…"] if similar[_MAX_SIMILAR:] else [])]),
    )
