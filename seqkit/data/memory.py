"""Data in memory, in place of a file: the readers of lists, arrays and tables, and the forms of their values."""

from __future__ import annotations

import hashlib
import json
import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from seqkit.contracts import DataNote, Example, Reader, TextPair
from seqkit.data.tables import Table, columns_of, is_pair_of_columns, pair_column, values_of
from seqkit.errors import DataError
from seqkit.messages import counted, format_object, format_value, message
from seqkit.readers.sequences import label_text

if TYPE_CHECKING:
    from seqkit.recipe.plan import Spec


_SURROGATE = re.compile("[\ud800-\udfff]")


class MemoryReader(Reader):
    """A reader of data in memory, which takes the place of a recipe's reader.

    Args:
        inputs: texts, lists of words, pairs of texts, or arrays (time, features).
        targets: their targets; None if there are none.
        yields: whether the inputs are text or features.
        empty: what to do with a missing text or label, as in the reader `table`.
        pairs: whether the inputs are pairs of texts.
        columns: the values of other columns by name, for `Example.columns`.
    """

    def __init__(
        self,
        inputs: Sequence[Any],
        targets: Sequence[Any] | None,
        yields: Literal["text", "features"] = "text",
        empty: str = "error",
        pairs: bool = False,
        columns: Mapping[str, Sequence[Any]] | None = None,
    ) -> None:
        self.inputs = inputs
        self.targets = targets
        self.labelled = targets is not None
        self.yields = yields  # type: ignore[misc]  # that of the recipe's reader
        self.yields_pairs = pairs
        self.empty = empty
        self.columns = columns or {}

    def read(self) -> Iterator[Example]:
        if not len(self.inputs):
            raise DataError(message("the data has no rows: pass at least one example"))
        is_skipped = True
        targets: Iterable[Any] = [None] * len(self.inputs) if self.targets is None else self.targets
        for row, (value, target) in enumerate(zip(self.inputs, targets, strict=True), start=1):
            location = message("row {row}", row=row)
            value = as_pair(value) if self.yields_pairs else value
            is_missing = _is_missing(value) or (self.labelled and not _is_list(target) and _is_missing(target))
            if is_missing and self.empty == "skip":
                warnings.warn(DataNote(message("skipped: the text or the label is empty"), location), stacklevel=2)
                continue
            if is_missing:
                what = message("the input") if _is_missing(value) else message("the target")
                raise DataError(
                    message(
                        "{location} of the data: {what} is missing or empty: fill it in, or remove the row",
                        location=location,
                        what=what,
                    )
                )
            is_skipped = False
            others = {name: _cell(values[row - 1]) for name, values in self.columns.items()}
            place = message("{location} of the data", location=location)
            target = target_of(target, place)
            yield Example(self._input(value, location), target, location, row=row, columns=others)
        if is_skipped:
            raise DataError(
                counted(
                    len(self.inputs),
                    "the only row of the data has an empty text or label: fill it in",
                    "all {count} rows of the data have an empty text or label: fill them in",
                )
            )

    def _input(self, value: Any, location: str) -> Any:
        """Return an input in the form that a reader yields.

        Raises:
            DataError: it is neither text nor words nor features, or not a pair of texts.
        """
        if self.yields_pairs:
            return _checked_pair(value, location)
        if self.yields == "features":
            return _features(value, location)
        if isinstance(value, np.ndarray):
            value = value.tolist()
        place = message("{location} of the data", location=location)
        if isinstance(value, str):
            return _checked_text(value, place)
        if isinstance(value, list | tuple) and all(isinstance(word, str) for word in value):
            return [_checked_text(word, place) for word in value]
        raise DataError(
            message("{location} of the data: must be text, not {value}", location=location, value=format_object(value))
        )

    def sha256(self) -> str:
        """Return the digest of the data: all inputs and targets, in order."""
        digest = hashlib.sha256()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DataNote)  # `read` has issued them
            for example in self.read():
                for part in (example.input, example.target):
                    digest.update(_content(part))
        return digest.hexdigest()


def memory_reader(data: Any) -> Callable[[Spec], MemoryReader]:
    """Return a function that reads data in memory in place of a recipe's reader.

    Args:
        data: one of `FORMS`.

    Raises:
        UsageError: it is not.
    """
    table = Table.of(data)
    columns = None if table else columns_of(data)
    return lambda spec: _build(spec, table, columns)


def _build(
    spec: Spec, table: Table | None, columns: tuple[list[Any], list[Any] | None] | None, *, others: bool = False
) -> MemoryReader:
    """Build the reader.

    Args:
        spec: the reader of the recipe, whose parameters name the columns of a table.
        table: the table; None if the data is not a table.
        columns: the inputs and targets of data that is not a table.
        others: whether to read the other columns of a table too.

    Raises:
        DataError: the table has no such column.
    """
    reader: Any = spec.cls
    yields, empty, pairs = reader.yields, str(spec.values.get("empty", "error")), pair_column(spec) is not None
    if table is None:
        assert columns is not None
        return MemoryReader(*columns, yields, empty, pairs)
    inputs, targets = table.examples(spec)
    return MemoryReader(inputs, targets, yields, empty, pairs, table.others(spec) if others else None)


def read_inputs(data: Any, reader: Callable[[], Spec]) -> list[Any] | None:
    """Return the inputs of a table or of (inputs, targets), to predict; None if the data is neither.

    Args:
        data: what was passed. A tuple of two inputs is not (inputs, targets).
        reader: returns the reader of the run, whose parameters name the columns of a table.

    Raises:
        DataError: there is no such column.
        UsageError: a table cannot be read.
    """
    if table := Table.of(data):
        return table.inputs(reader())
    if not is_pair_of_columns(data):
        return None
    inputs = values_of(data[0])
    if inputs and isinstance(inputs[0], str):
        return inputs if pair_column(reader()) is None else None  # two pairs of texts are two inputs
    is_input = inputs and (isinstance(inputs[0], list | tuple | TextPair) or getattr(inputs[0], "ndim", 0) == 2)
    return inputs if is_input else None


def evaluation_reader(data: Any, reader: Callable[[], Spec]) -> MemoryReader | None:
    """Return the reader of a table, with its other columns, or of (inputs, targets); None if the data is neither.

    Takes the arguments of `read_inputs`, and raises as it does.
    """
    if table := Table.of(data):
        return _build(reader(), table, None, others=True)
    return _build(reader(), None, columns_of(data)) if is_pair_of_columns(data) else None


def as_pair(value: Any) -> Any:
    """Return two texts in a list, a tuple or an array as a `TextPair`; any other value as it is."""
    is_pair = isinstance(value, list | tuple | np.ndarray) and len(value) == 2
    # A string of NumPy becomes Python's.
    return TextPair(*(str(text) if isinstance(text, str) else text for text in value)) if is_pair else value


def _checked_pair(value: Any, location: str) -> TextPair:
    """Return a pair of texts.

    Raises:
        DataError: it is anything else.
    """
    if isinstance(value, TextPair) and isinstance(value.first, str) and isinstance(value.second, str):
        place = message("{location} of the data", location=location)
        return TextPair(_checked_text(value.first, place), _checked_text(value.second, place))
    raise DataError(
        message(
            "{location} of the data: must be a pair of texts, (first, second), not {value}",
            location=location,
            value=format_value(value),
        )
    )


def _is_missing(value: Any) -> bool:
    """Return whether a value is None, NaN, the NA or NaT of pandas, or an empty text or sequence."""
    if is_nothing(value):
        return True
    if isinstance(value, TextPair):
        return _is_missing(value.first) or _is_missing(value.second)
    if isinstance(value, str):
        return not value.strip()
    return hasattr(value, "__len__") and len(value) == 0


def is_nothing(value: Any) -> bool:
    """Return whether a value is None, NaN, or the NA or NaT of pandas."""
    is_nan = isinstance(value, float) and value != value
    return value is None or is_nan or type(value).__name__ in ("NAType", "NaTType")


def _is_list(value: Any) -> bool:
    """Return whether a target is a list of labels or numbers, which may be empty."""
    return isinstance(value, list | tuple | np.ndarray) or hasattr(value, "tolist")


def _features(value: Any, location: str) -> np.ndarray:
    """Return features as float64 (time, features); a sequence of numbers has one feature.

    Raises:
        DataError: they are not numbers of that shape.
    """
    try:
        features = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        features = np.empty(0)
    if features.ndim == 1 and len(features):
        features = features[:, None]
    if features.ndim != 2 or not features.shape[1]:
        raise DataError(
            message(
                "{location} of the data: must be numbers of shape (time, features), not {value}",
                location=location,
                value=format_object(value),
            )
        )
    return features


def target_of(value: Any, place: str) -> Any:
    """Return a target as a reader yields it: a label or a number as text, several in a list.

    Args:
        value: the target; None for none.
        place: its place, for messages.

    Raises:
        DataError: it is bytes, a set or another object that is no label, or a value in a list is missing.
    """
    if callable(convert := getattr(value, "tolist", None)):
        value = convert()
    if isinstance(value, list | tuple):
        return [_item_of(item, place) for item in value]
    is_object = type(value).__str__ is object.__str__ and type(value).__repr__ is object.__repr__
    if is_object or isinstance(value, bytes | bytearray | memoryview | complex | Mapping | AbstractSet):
        raise DataError(
            message(
                "{place}: the target must be a label, a number or a list of them, not {value}",
                place=place,
                value=format_object(value),
            )
        )
    return _checked_text(value, place).strip() if isinstance(value, str) else label_text(value)


def _item_of(item: Any, place: str) -> Any:
    """Return a target in a list. Raises as `target_of` does."""
    if is_nothing(item):
        raise DataError(message("{place}: a value in the list of targets is missing: remove it", place=place))
    return target_of(item, place)


def _checked_text(text: str, place: str) -> str:
    """Return a text that a file in UTF-8 can contain; a string of NumPy becomes Python's.

    Raises:
        DataError: it contains half of a surrogate pair, as text does that was decoded with errors="surrogateescape".
    """
    text = str(text)
    if not text.isascii() and (surrogate := _SURROGATE.search(text)):
        raise DataError(
            message(
                "{place}: {value} contains U+{code:04X}, half of a surrogate pair: decode the text with its encoding",
                place=place,
                value=ascii(text[:20]),
                code=ord(surrogate[0]),
            )
        )
    return text


def _cell(value: Any) -> Any:
    """Return a value of another column as a reader of files yields it: JSON, or else text; None if it is missing."""
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, str | list | dict):
        return value
    if _is_missing(value):
        return None
    return value if isinstance(value, int | float) else str(value)


def _content(part: Any) -> bytes:
    """Return a part of an example as bytes that no other has."""
    if isinstance(part, np.ndarray):
        return f"{part.shape}".encode() + np.ascontiguousarray(part).tobytes()
    part = [part.first, part.second] if isinstance(part, TextPair) else part
    return json.dumps(part, default=str).encode() + b"\n"
