"""Examples read, cut into splits, and turned into the rows that a head trains on."""

from __future__ import annotations

import hashlib
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from seqkit.contracts import Example, Head, LongText, Reader, Row, Tokenizer
from seqkit.errors import DataError, PluginError

if TYPE_CHECKING:
    from seqkit.plan import Plan
    from seqkit.settings import HashSplit

SPLITS = ("train", "valid", "test")


@dataclass
class Dataset:
    """One split: its examples, and their rows."""

    examples: list[Example]
    rows: list[Row] = field(default_factory=list)


def read_splits(plan: Plan, readers: Mapping[str, Reader] | None = None) -> dict[str, list[Example]]:
    """Reads the data of a plan.

    Args:
        readers: the plan's, where they are built already: of `train`, and of splits with files of their own.

    Returns:
        The examples of `train`, and of `valid` and `test` where the plan has them.

    Raises:
        DataError: a source is unreadable, or a split is empty.
    """
    from dataclasses import replace

    if readers is None:
        readers = {"train": plan.reader.build()} | {side: spec.build() for side, spec in plan.side_readers.items()}
    examples = read(readers["train"], plan.reader.name)
    splits = {"train": examples}
    split = plan.split
    if split is None:
        pass
    elif split.by == "hash":
        splits = by_hash(examples, split)
    elif split.by == "random":
        splits = by_random(examples, split.valid, split.test, plan.seed)
    elif len(examples) == 1:
        whole = examples[0]
        splits = {
            side: [replace(whole, input=whole.input[start:end])]
            for side, (start, end) in by_order(len(whole.input), split.valid, split.test).items()
        }
    else:
        splits = {
            side: examples[start:end] for side, (start, end) in by_order(len(examples), split.valid, split.test).items()
        }
    for side, spec in plan.side_readers.items():
        splits[side] = read(readers[side], spec.name)
    for side in SPLITS:
        if side in splits and not any(len(part.input) for part in splits[side]):
            one_text = len(examples) == 1 and split is not None and split.by != "order"
            raise nothing_falls_into(side, len(examples), "one text is cut by `by: order`" if one_text else "")
    if plan.tokenizer is not None and not getattr(plan.tokenizer.cls, "takes_words", False):
        for example in (example for side in splits.values() for example in side):
            if isinstance(example.input, list | tuple):
                raise DataError(
                    f"{example.where or 'data'}: the reader '{plan.reader.name}' gives words, and the tokenizer "
                    f"'{plan.tokenizer.name}' cuts texts: use one that takes words"
                )
    return splits


def nothing_falls_into(side: str, count: int, remedy: str = "") -> DataError:
    """Returns the error of a part that is empty, where there are so many examples."""
    remedy = remedy or "make that part larger, or give more data"
    return DataError(f"data.split: no example falls into the {side} part, of {count}: {remedy}")


def read(reader: Reader, name: str) -> list[Example]:
    """Returns a reader's examples.

    Raises:
        DataError: there are none, or the source cannot be read.
        PluginError: one is not what the contract says.
    """
    try:
        examples = list(reader.read())
    except OSError as error:
        raise DataError(f"the reader '{name}': {error}") from None
    if not examples:
        raise DataError(f"the reader '{name}' found no example")
    width = None
    for number, example in enumerate(examples, start=1):
        where = f"the reader '{name}', example {number}{f' ({example.where})' if getattr(example, 'where', '') else ''}"
        if not isinstance(example, Example):
            raise PluginError(f"{where}: is a {type(example).__name__}, not a seqkit.contracts.Example")
        if reader.yields == "text":
            if not hasattr(example.input, "__len__"):
                raise PluginError(f"{where}: its input is {example.input!r:.40}, not text")
            continue
        features = np.asarray(example.input)
        if features.ndim != 2 or features.dtype.kind != "f":
            raise PluginError(f"{where}: its input is {features.dtype} {features.shape}, not float (time, features)")
        if features.shape[1] != (width := width or features.shape[1]):
            raise PluginError(f"{where}: is {features.shape[1]} features wide, where the first is {width}")
        if not np.isfinite(features).all():
            raise DataError(f"{where}: holds a number that is not finite")
    return examples


def by_hash(examples: Iterable[Example], split: HashSplit) -> dict[str, list[Example]]:
    """Splits by u = int(sha256(text.strip()), 16) % 1000 / 1000, so that an example's side depends on nothing else.

    Where a part ends is computed in fractions, since k/5 and a sum of tenths are not exact in floating point.
    """
    test, valid = Fraction(str(split.test)), Fraction(str(split.valid))
    start = Fraction(0)
    if split.folds is not None and split.fold is not None:
        start, test = Fraction(split.fold, split.folds), Fraction(1, split.folds)
    side_of = ["train"] * 1000  # of an example by its thousandths
    ends = [math.ceil(1000 * end) for end in (start, start + test, start + test + valid)]
    for side, first, end in (("test", ends[0], ends[1]), ("valid", ends[1], ends[2])):
        for thousandths in range(first, end):
            side_of[thousandths % 1000] = side  # from 0 again past 1
    sides: dict[str, list[Example]] = {"train": [], "valid": [], "test": []}
    for example in examples:
        value = example.input
        content = value.strip().encode() if isinstance(value, str) else np.ascontiguousarray(value).tobytes()
        sides[side_of[int(hashlib.sha256(content).hexdigest(), 16) % 1000]].append(example)
    wanted = {"train", *(["valid"] if split.valid else []), *(["test"] if split.test or split.folds else [])}
    return {side: chosen for side, chosen in sides.items() if side in wanted}


def by_random(examples: Sequence[Example], valid: float, test: float, seed: int) -> dict[str, list[Example]]:
    """Splits by drawing, each label's examples in proportion, to within one of each."""
    generator = np.random.default_rng(seed)
    groups: dict[Any, list[int]] = defaultdict(list)
    for number, example in enumerate(examples):
        groups[example.target if isinstance(example.target, str | int) else None].append(number)
    # Label after label, each one's examples shuffled: what is evenly spread over this has each label in proportion.
    rest = np.concatenate([generator.permutation(groups[label]) for label in sorted(groups, key=str)])
    sides = {}
    for side, share in (("test", test), ("valid", valid / (1 - test))):
        chosen = np.diff(np.round(np.arange(len(rest) + 1) * share)) > 0
        sides[side], rest = rest[chosen], rest[~chosen]
    sides["train"] = rest
    wanted = {"train", *(["valid"] if valid else []), *(["test"] if test else [])}
    return {side: [examples[number] for number in sorted(sides[side])] for side in SPLITS if side in wanted}


def by_order(count: int, valid: float, test: float) -> dict[str, tuple[int, int]]:
    """Returns where each split starts and ends among `count` things: train first, then valid, then test."""
    tested, validated = round(count * test), round(count * valid)
    trained = count - tested - validated
    ends = {"train": (0, trained)}
    if valid:
        ends["valid"] = (trained, trained + validated)
    if test:
        ends["test"] = (trained + validated, count)
    return ends


def fit_tokenizer(plan: Plan, tokenizer: Tokenizer, texts: Iterable[Any]) -> None:
    """Fits a plan's tokenizer to the training texts.

    Raises:
        DataError: there is nothing in them to learn.
        PluginError: it sets no `vocab_size`.
    """
    tokenizer.fit(texts)
    if plan.tokenizer is not None and not isinstance(getattr(tokenizer, "vocab_size", None), int):
        provider = plan.tokenizer.registered.provider
        raise PluginError(f"the tokenizer '{plan.tokenizer.name}' of {provider} does not set vocab_size")


def make_rows(examples: Sequence[Example], tokenizer: Tokenizer | None, head: Head) -> list[Row]:
    """Encodes examples and lets the head make its rows of them.

    Raises:
        DataError: with the example's file and line.
    """
    rows: list[Row] = []
    for example in examples:
        try:
            value = example.input
            rows += head.rows(example, long_ids(value) if isinstance(value, LongText) else encode(value, tokenizer))
        except DataError as error:
            raise type(error)(f"{example.where}: {error}" if example.where else str(error)) from None
    return rows


def encode(value: Any, tokenizer: Tokenizer | None) -> np.ndarray:
    """Returns an input's ids, or the features that it is.

    Raises:
        DataError: nothing is left of it to encode.
    """
    if isinstance(value, LongText):
        return long_ids(value).astype(np.int64)
    encoded = np.asarray(value) if tokenizer is None else tokenizer.encode(value)
    if not len(encoded):
        raise DataError("the text is empty" if not len(value) else "nothing in the text is in the vocabulary")
    return encoded


def long_ids(text: LongText) -> np.ndarray:
    """Returns a long text's ids as they stand.

    Raises:
        DataError: there are none.
    """
    if not len(text.ids):
        raise DataError("nothing in the text is in the vocabulary")
    return text.ids


def repeated(splits: dict[str, list[Example]]) -> dict[str, int]:
    """Returns how many examples of each later split stand word for word in the training split too."""
    known = {_content(example.input) for example in splits["train"]} - {None}
    return {
        side: sum(_content(example.input) in known for example in splits[side]) for side in splits if side != "train"
    }


def _content(value: Any) -> str | None:
    """Returns what tells whether two texts are the same but for the white space around them; None for features."""
    if isinstance(value, LongText):
        return value.sha256
    return value.strip() if isinstance(value, str) else None
