"""What to know about data before training: duplicates across splits, labels that disagree, unknown tokens."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from seqkit.contracts import Example, LongText, TextPair
from seqkit.data.dataset import Dataset
from seqkit.data.near_duplicates import near_duplicates
from seqkit.data.prepare import PreparedData
from seqkit.data.splits import SPLITS
from seqkit.data.statistics import count_labels, describe_lengths, describe_numbers, describe_splits

_SHOWN = 5
"""How many examples of each finding are listed."""

_WINDOW = 32
"""The length of the windows of long inputs that are searched for in the training split, in time steps."""

_MAX_STEPS = 20_000_000
_LONG = 4 * _WINDOW


def inspect_data(data: PreparedData) -> dict[str, Any]:
    """Return what is known about the data of a recipe, as JSON types.

    Returns:
        `splits` (examples, rows, time_steps, median_length, longest), `labels`, `numbers` (of each column of
        the targets: the minimum, the quartiles and the maximum), `vocabulary`, `duplicates`,
        `near_duplicates`, `disagreements`, `entities` and `windows`, without those that do not apply; `notes`.
    """
    splits = data.splits
    lengths = describe_lengths(splits)
    found: dict[str, Any] = {
        "splits": {
            split: {key: value for key, value in sizes.items() if key != "also_in_train"}
            | {"median_length": lengths["median"][split], "longest": lengths["longest"][split]}
            for split, sizes in describe_splits(splits).items()
        },
        "labels": _labels(data),
        "numbers": describe_numbers(splits, data.head),
        "vocabulary": _vocabulary(data),
    }
    texts = {split: [text_of(each.input) for each in dataset.examples] for split, dataset in splits.items()}
    is_one_text = all(len(each) == 1 for each in texts.values())
    if not is_one_text and all(text is not None for each in texts.values() for text in each):
        known = {split: [str(text) for text in each] for split, each in texts.items()}
        found["duplicates"] = _duplicates(known)
        found["near_duplicates"] = _near_duplicates(known, splits)
        if "values" not in data.head.provides:  # equal texts often have slightly different numbers
            found["disagreements"] = _disagreements(known, splits)
    found |= {"entities": _entities(splits), "windows": _windows(splits)}
    return {key: value for key, value in found.items() if value} | {"notes": data.notes}


def text_of(value: Any) -> str | None:
    """Return an input as text without surrounding white space; None for features and texts too long for memory."""
    if isinstance(value, TextPair):
        return f"{value.first.strip()}\n{value.second.strip()}"
    if isinstance(value, list | tuple) and all(isinstance(word, str) for word in value):
        return " ".join(value)
    return value.strip() if isinstance(value, str) else None


def _labels(data: PreparedData) -> dict[str, Any]:
    """Return the counts of the most frequent labels in each split, and how many examples, or tagged words, it has.

    `without` has the number of examples without a label, if there are any.
    """
    found = count_labels(data.splits, data.head)
    empty = {
        split: sum(not data.head.labels_of(each) for each in of.examples if not isinstance(each.input, list))
        for split, of in data.splits.items()
    }
    totals = {
        split: sum(len(data.head.labels_of(each)) if isinstance(each.input, list) else 1 for each in of.examples)
        for split, of in data.splits.items()
    }
    return found and found | {"totals": totals} | ({"without": empty} if any(empty.values()) else {})


def _vocabulary(data: PreparedData) -> dict[str, Any]:
    """Return the size of the vocabulary, and for each split the share of unknown and of new tokens."""
    if data.tokenizer is None:
        return {}
    unknown = data.tokenizer.special_ids.get("unknown")
    ids = {split: np.concatenate([_token_ids(row.input) for row in each.rows]) for split, each in data.splits.items()}
    seen = np.unique(ids["train"])
    return {
        "size": data.tokenizer.vocab_size,
        "splits": {
            split: {
                "distinct": len(np.unique(tokens)),
                "unknown": None if unknown is None else float((tokens == unknown).mean()),
                "not_in_train": float((~np.isin(tokens, seen)).mean()),
            }
            for split, tokens in ids.items()
        },
    }


def _token_ids(ids: np.ndarray) -> np.ndarray:
    """Return one id per token: of a token with several integers, the first."""
    return np.asarray(ids).reshape(len(ids), -1)[:, 0]


def _pairs(splits: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield each held-out split with an earlier one: (valid, train), (test, train), (test, valid)."""
    for split in SPLITS[1:]:
        yield from ((split, other) for other in SPLITS[: SPLITS.index(split)] if split in splits and other in splits)


def _duplicates(texts: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Return how many texts of each split occur before in it, and how many of one split are in another too."""
    sets = {split: set(each) for split, each in texts.items()}
    return {
        "within": {split: len(each) - len(sets[split]) for split, each in texts.items()},
        "across": {
            f"{split} in {other}": sum(text in sets[other] for text in texts[split]) for split, other in _pairs(texts)
        },
    }


def _near_duplicates(texts: Mapping[str, Sequence[str]], splits: Mapping[str, Dataset]) -> dict[str, Any]:
    """Return how many texts of each held-out split are nearly equal to one of the training split, but not equal."""
    train = list(dict.fromkeys(texts["train"]))
    first: dict[str, int] = {}
    for place, text in enumerate(texts["train"]):
        first.setdefault(text, place)
    held_out = [
        (split, place)
        for split in texts
        if split != "train"
        for place, text in enumerate(texts[split])
        if text not in first
    ]
    near = near_duplicates([texts[split][place] for split, place in held_out], train)
    found: dict[str, Any] = {split: {"count": 0, "examples": []} for split in texts if split != "train"}
    for each in sorted(near, key=lambda each: -each.similarity):
        split, place = held_out[each.text]
        found[split]["count"] += 1
        if len(found[split]["examples"]) < _SHOWN:
            text, other = texts[split][place], train[each.other]
            found[split]["examples"].append(
                {
                    "similarity": round(each.similarity, 3),
                    "location": splits[split].examples[place].location,
                    "text": text,
                    "train_location": splits["train"].examples[first[other]].location,
                    "train_text": other,
                }
            )
    return found


def _disagreements(texts: Mapping[str, Sequence[str]], splits: Mapping[str, Dataset]) -> dict[str, Any]:
    """Return the texts that occur with different labels, in whichever splits."""
    groups: dict[str, list[Example]] = defaultdict(list)
    for split, dataset in splits.items():
        for text, example in zip(texts[split], dataset.examples, strict=True):
            if example.target is not None:
                groups[text].append(example)
    found = {text: group for text, group in groups.items() if len({repr(each.target) for each in group}) > 1}
    if not found:
        return {}
    return {
        "texts": len(found),
        "examples_affected": sum(map(len, found.values())),
        "examples": [
            {
                "text": text,
                "labels": [each.target for each in group[:_SHOWN]],
                "locations": [each.location for each in group[:_SHOWN]],
            }
            for text, group in list(found.items())[:_SHOWN]
        ],
    }


def _entities(splits: Mapping[str, Dataset]) -> dict[str, Any]:
    """Return how many entities of BIO tags a split has, and the share of them that the training split has too."""
    entities = {
        split: [name for each in dataset.examples for name in _spans(each)] for split, dataset in splits.items()
    }
    known = set(entities["train"])
    if not known:
        return {}
    return {
        split: {
            "count": len(names),
            "distinct": len(set(names)),
            "in_train": sum(name in known for name in names) / len(names) if names else None,
        }
        for split, names in entities.items()
    }


def _spans(example: Example) -> Iterator[tuple[str, str]]:
    """Yield the kind and the words of each entity; nothing if the targets are no BIO tags."""
    words, tags = example.input, example.target
    if not (isinstance(words, list | tuple) and isinstance(tags, list | tuple) and len(words) == len(tags)):
        return
    span: list[str] = []
    kind = ""
    for word, tag in zip([*words, ""], [*tags, "O"], strict=True):
        prefix, _, name = str(tag).partition("-")
        if span and not (prefix == "I" and name == kind):
            yield kind, " ".join(span)
            span = []
        if prefix == "B" or (prefix == "I" and name and not span):
            kind = name
        if prefix in ("B", "I") and name:
            span.append(str(word))


def _windows(splits: Mapping[str, Dataset]) -> dict[str, Any]:
    """Return the share of the windows of long held-out inputs, one after another, that the training split contains."""
    inputs = {split: [_steps(each.input) for each in dataset.examples] for split, dataset in splits.items()}
    if any(len(steps) < _LONG for each in inputs.values() for steps in each):
        return {}
    keys = {split: [_row_hashes(steps) for steps in each] for split, each in inputs.items()}
    train = np.unique(np.concatenate([_window_hashes(each) for each in keys["train"]]))
    found = {}
    for split in (each for each in keys if each != "train"):
        windows = np.concatenate([_window_hashes(each)[::_WINDOW] for each in keys[split]])
        found[split] = {"length": _WINDOW, "count": len(windows), "in_train": float(np.isin(windows, train).mean())}
    return found


def _steps(value: Any) -> np.ndarray:
    """Return the time steps of an input, cut to what is compared; characters of a text."""
    if isinstance(value, LongText):
        return value.ids[:_MAX_STEPS]
    if isinstance(value, str):
        return np.frombuffer(value[:_MAX_STEPS].encode("utf-32-le", "surrogatepass"), np.uint32)
    return value[:_MAX_STEPS] if isinstance(value, np.ndarray) else np.empty(0)


def _row_hashes(steps: np.ndarray) -> np.ndarray:
    """Return a hash of each time step, uint64."""
    columns = np.ascontiguousarray(steps).reshape(len(steps), -1)
    if columns.dtype.kind == "f":
        columns = columns.astype(np.float64).view(np.uint64)
    key = np.zeros(len(columns), np.uint64)
    for column in columns.T:
        key = (key ^ column.astype(np.uint64)) * np.uint64(0xBF58476D1CE4E5B9)
        key ^= key >> np.uint64(31)
    return key


def _window_hashes(keys: np.ndarray) -> np.ndarray:
    """Return a hash of the window that begins at each time step."""
    count = len(keys) - _WINDOW + 1
    found = np.zeros(count, np.uint64)
    for place in range(_WINDOW):
        found = found * np.uint64(0x100000001B3) + keys[place : place + count]
    return found
