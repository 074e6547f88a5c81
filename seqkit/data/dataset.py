"""Data sets: read examples, encode them, and make the rows that a head trains on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from seqkit.contracts import Example, Head, LongText, Reader, Row, TextPair, Tokenizer
from seqkit.data.limits import LengthLimit
from seqkit.data.splits import SPLITS, by_hash, by_order, by_random, empty_split_error
from seqkit.data.tokenizer_checks import check_encoded_text
from seqkit.data.words import encode_words, first_ids
from seqkit.errors import DataError, PluginError, SeqkitError
from seqkit.messages import counted, message
from seqkit.recipe.initialization import restore_tokenizer

if TYPE_CHECKING:
    from seqkit.recipe.plan import Plan


@dataclass
class Dataset:
    """One split.

    Attributes:
        examples: the examples.
        rows: the rows that the head makes of them.
        tokenizer: the tokenizer that encoded them; None for features.
    """

    examples: list[Example]
    rows: list[Row] = field(default_factory=list)
    tokenizer: Tokenizer | None = None


def build_readers(plan: Plan) -> dict[str, Reader]:
    """Build the reader of `train`, and those of the splits that have separate files."""
    return {"train": plan.memory or plan.reader.build()} | {
        split: spec.build() for split, spec in plan.side_readers.items()
    }


def read_splits(
    plan: Plan, readers: Mapping[str, Reader], lookback: int = 0, *, columns: bool = False
) -> dict[str, list[Example]]:
    """Read the data of a plan and split them.

    Args:
        plan: the plan, which contains the split.
        readers: as `build_readers` returns them.
        lookback: that of the head.
        columns: whether to keep `Example.columns`, which training does not need.

    Returns:
        The examples of `train`, and of `valid` and `test` if the plan has them.

    Raises:
        DataError: a source is unreadable, a split is empty, or nothing precedes a split.
    """
    examples = read_examples(readers["train"], plan.reader.name, columns=columns)
    if lookback and (plan.side_readers or (plan.split and (plan.split.by != "order" or len(examples) > 1))):
        raise DataError(
            message(
                "data.split: the head '{head}' reads the time steps before each split: use one series with "
                "`split: {{by: order, …}}`",
                head=plan.head.name,
            )
        )
    splits = _split(plan, examples, lookback)
    for split, spec in plan.side_readers.items():
        splits[split] = read_examples(readers[split], spec.name, columns=columns)
    for split in SPLITS:
        if split in splits and not any(len(example.input) for example in splits[split]):
            raise empty_split_error(split, plan.split.by if plan.split else "", examples)
    _check_words(plan, splits)
    return splits


def _split(plan: Plan, examples: list[Example], lookback: int) -> dict[str, list[Example]]:
    split = plan.split
    if split is None:
        return {"train": examples}
    if split.by == "hash":
        return by_hash(examples, split)
    if split.by == "random":
        stratify = getattr(plan.head.cls, "stratifies", True)
        return by_random(examples, split.valid, split.test, plan.seed, stratify)
    if len(examples) == 1 and not isinstance(examples[0].input, TextPair):
        (whole,) = examples
        splits = {}
        for name, (start, end) in by_order(len(whole.input), split.valid, split.test).items():
            first = max(start - lookback, 0) if name != "train" and start < end else start
            next_dates = whole.next_dates if end == len(whole.input) else None
            splits[name] = [replace(whole, input=whole.input[first:end], next_dates=next_dates)]
        return splits
    parts = by_order(len(examples), split.valid, split.test)
    return {name: examples[start:end] for name, (start, end) in parts.items()}


def _check_words(plan: Plan, splits: Mapping[str, Sequence[Example]]) -> None:
    """Check that lists of words come with a tokenizer that takes them."""
    if plan.tokenizer is None or getattr(plan.tokenizer.cls, "takes_words", False):
        return
    for example in (example for examples in splits.values() for example in examples):
        if isinstance(example.input, list | tuple):
            raise DataError(
                message(
                    "{location}: the reader '{reader}' yields words, but the tokenizer '{tokenizer}' takes text: "
                    "set `tokenizer` to one that takes words",
                    location=example.location or "data",
                    reader=plan.reader.name,
                    tokenizer=plan.tokenizer.name,
                )
            )


def read_examples(reader: Reader, name: str, *, columns: bool = True) -> list[Example]:
    """Return the examples of a reader.

    Args:
        reader: the reader.
        name: its name in the recipe, for messages.
        columns: whether to keep `Example.columns`, which training does not need.

    Raises:
        DataError, PluginError: as `iterate_examples`.
    """
    examples = iterate_examples(reader, name)
    return list(examples if columns else map(_without_columns, examples))


def iterate_examples(reader: Reader, name: str) -> Iterator[Example]:
    """Yield the examples of a reader, one after another.

    Args:
        reader: the reader.
        name: its name in the recipe, for messages.

    Raises:
        DataError: there are no examples, or the source cannot be read.
        PluginError: an example violates the contract.
    """
    width, number = None, 0
    for number, example in enumerate(_read(reader, name), start=1):
        place = _describe_place(name, number, getattr(example, "location", ""))
        if not isinstance(example, Example):
            raise PluginError(
                message(
                    "{place}: is a {type}, not a seqkit.contracts.Example", place=place, type=type(example).__name__
                )
            )
        if reader.yields == "text":
            if not hasattr(example.input, "__len__"):
                raise PluginError(
                    message("{place}: the input is {value}, not text", place=place, value=f"{example.input!r:.40}")
                )
            if isinstance(example.input, TextPair) != reader.yields_pairs:
                raise PluginError(
                    message(
                        "{place}: the input is a {type}, but `yields_pairs` of the reader is {pairs}",
                        place=place,
                        type=type(example.input).__name__,
                        pairs=reader.yields_pairs,
                    )
                )
            yield example
            continue
        features = np.asarray(example.input)
        if features.ndim != 2 or features.dtype.kind != "f":
            raise PluginError(
                message(
                    "{place}: the input is {dtype} {shape}, not float (time, features)",
                    place=place,
                    dtype=features.dtype,
                    shape=features.shape,
                )
            )
        if features.shape[1] != (width := width or features.shape[1]):
            raise PluginError(
                counted(
                    features.shape[1],
                    "{place}: has 1 feature, but the first example has {expected}",
                    "{place}: has {count} features, but the first example has {expected}",
                    place=place,
                    expected=width,
                )
            )
        if not np.isfinite(features).all():
            raise DataError(message("{place}: contains a number that is not finite", place=place))
        yield example
    if not number:
        raise DataError(
            message("the reader '{reader}' found no examples: check its source and its parameters", reader=name)
        )


def _read(reader: Reader, name: str) -> Iterator[Example]:
    number, location = 0, ""
    try:
        for example in reader.read():
            number, location = number + 1, getattr(example, "location", "")
            yield example
    except OSError as error:
        raise DataError(message("the reader '{reader}': {reason}", reader=name, reason=error)) from None
    except Exception as error:
        if number and not isinstance(error, SeqkitError):
            place = message(" ({location})", location=location) if location else ""
            error.add_note(message("after example {number}{place}", number=number, place=place))
        raise


def _without_columns(example: Example) -> Example:
    return replace(example, columns={}) if getattr(example, "columns", None) else example


def _describe_place(reader: str, number: int, location: str) -> str:
    if location:
        return message(
            "the reader '{reader}', example {number} ({location})", reader=reader, number=number, location=location
        )
    return message("the reader '{reader}', example {number}", reader=reader, number=number)


def fit_tokenizer(plan: Plan, tokenizer: Tokenizer, texts: Iterable[Any]) -> None:
    """Fit the tokenizer of a plan on the training texts; or give it the vocabulary of the run, or of `init_from`.

    Raises:
        DataError: the texts contain no token for the vocabulary.
        PluginError: it does not set `vocab_size`.
    """
    if plan.tokenizer is not None and plan.tokenizer.is_restored:
        tokenizer.restore(plan.tokenizer.state)
        return
    if plan.tokenizer is not None and plan.tokenizer.init_from:
        restore_tokenizer(tokenizer, plan.tokenizer.init_from.source)
        return
    tokenizer.fit(texts)
    if plan.tokenizer is not None and not isinstance(getattr(tokenizer, "vocab_size", None), int):
        raise PluginError(
            message(
                "the tokenizer '{tokenizer}' of {provider} does not set vocab_size",
                tokenizer=plan.tokenizer.name,
                provider=plan.tokenizer.registered.provider,
            )
        )


def make_rows(
    examples: Sequence[Example], tokenizer: Tokenizer | None, head: Head, limit: LengthLimit | None = None
) -> list[Row]:
    """Encode examples and return the rows that the head makes of them.

    Args:
        examples: the examples.
        tokenizer: the fitted tokenizer; None for features.
        head: the fitted head.
        limit: the longest input that the model takes; None for any.

    Raises:
        DataError: an example cannot be encoded, or the head rejects it. The message names its location.
    """
    rows: list[Row] = []
    made: Iterable[Row]
    for example in examples:
        try:
            value = example.input
            if tokenizer is not None and tokenizer.cuts_words and head.per_word is not None:
                encoded = encode_words(value, tokenizer)
                made = [row._replace(input=encoded) for row in head.rows(example, first_ids(encoded))]
            else:
                encoded = stored_ids(value) if isinstance(value, LongText) else encode(value, tokenizer)
                made = head.rows(example, encoded)
            rows += made if limit is None else [row._replace(input=limit.fit(row.input)) for row in made]
        except DataError as error:
            if not example.location:
                raise
            raise type(error)(message("{location}: {problem}", location=example.location, problem=error)) from None
    return rows


def encode(value: Any, tokenizer: Tokenizer | None) -> np.ndarray:
    """Return the ids of an input, int64 (time, ...); or the input itself if it is features, float (time, features).

    Args:
        value: text, words, a `LongText` or features.
        tokenizer: the tokenizer; None for features.

    Raises:
        DataError: the input is empty, or nothing in it is in the vocabulary.
        PluginError: the tokenizer returns something else than ids.
    """
    if isinstance(value, LongText):
        return stored_ids(value).astype(np.int64)
    encoded = np.asarray(value) if tokenizer is None else tokenizer.encode_input(value)
    if tokenizer is not None:
        check_encoded_text(encoded, tokenizer)
    if not len(encoded):
        raise DataError(
            message("no token of the text is in the vocabulary") if len(value) else message("the text is empty")
        )
    return encoded


def stored_ids(text: LongText) -> np.ndarray:
    """Return the ids of a long text as they are stored, integers (time,), without a copy.

    Raises:
        DataError: there are no ids.
    """
    if not len(text.ids):
        raise DataError(message("no token of the text is in the vocabulary"))
    return text.ids
