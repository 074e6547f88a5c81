"""Data in memory, in place of a file: lists, arrays, and the tables of pandas, polars, datasets and Arrow.

None of these libraries is imported unless the data comes from it.
"""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from seqkit.contracts import DataNote, Example, Reader, TextPair
from seqkit.errors import DataError, UsageError, suggest
from seqkit.messages import format_value, message

if TYPE_CHECKING:
    from seqkit.recipe.plan import Spec

FORMS = message(
    "(inputs, targets), a list of inputs, a pandas DataFrame, a datasets.Dataset, or a table with __arrow_c_stream__"
)
"""The forms of data in memory, for messages."""


class MemoryReader(Reader):
    """A reader of data in memory, which takes the place of a recipe's reader.

    Args:
        inputs: texts, lists of words, pairs of texts, or arrays (time, features).
        targets: their targets; None if there are none.
        yields: whether the inputs are text or features.
        empty: what to do with a missing text or label, as in the reader `table`.
        pairs: whether the inputs are pairs of texts.
    """

    def __init__(
        self,
        inputs: Sequence[Any],
        targets: Sequence[Any] | None,
        yields: Literal["text", "features"] = "text",
        empty: str = "error",
        pairs: bool = False,
    ) -> None:
        self.inputs = inputs
        self.targets = targets
        self.labelled = targets is not None
        self.yields = yields  # type: ignore[misc]  # that of the recipe's reader
        self.yields_pairs = pairs
        self.empty = empty

    def read(self) -> Iterator[Example]:
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
            yield Example(self._input(value, location), _target(target), location, row=row)

    def _input(self, value: Any, location: str) -> Any:
        """Return an input in the form that a reader yields.

        Raises:
            DataError: it is neither text nor words nor features, or not a pair of texts.
        """
        if self.yields_pairs:
            return _checked_pair(value, location)
        if self.yields == "features":
            return _features(value, location)
        if isinstance(value, str):
            return str(value)  # a string of NumPy becomes Python's
        if isinstance(value, np.ndarray):
            value = value.tolist()
        if isinstance(value, list | tuple) and all(isinstance(word, str) for word in value):
            return [str(word) for word in value]
        raise DataError(
            message("{location} of the data: must be text, not {value!r:.40}", location=location, value=value)
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
    table = _Table.of(data)
    columns = None if table else _columns_of(data)

    def build(spec: Spec) -> MemoryReader:
        """Build the reader.

        Args:
            spec: the reader of the recipe, whose parameters name the columns of a table.

        Raises:
            DataError: the table has no such column.
        """
        reader: Any = spec.cls
        yields, empty, pairs = reader.yields, str(spec.values.get("empty", "error")), _pair_column(spec) is not None
        if table is None:
            assert columns is not None
            return MemoryReader(*columns, yields, empty, pairs)
        inputs, targets = table.examples(spec)
        return MemoryReader(inputs, targets, yields, empty, pairs)

    return build


def read_inputs(data: Any, reader: Callable[[], Spec]) -> list[Any] | None:
    """Return the inputs of a table or of (inputs, targets), to predict; None if the data is neither.

    Args:
        data: what was passed. A tuple of two inputs is not (inputs, targets).
        reader: returns the reader of the run, whose parameters name the columns of a table.

    Raises:
        DataError: there is no such column.
        UsageError: a table cannot be read.
    """
    if table := _Table.of(data):
        return table.inputs(reader())
    if not _is_pair_of_columns(data):
        return None
    inputs = _values(data[0])
    if inputs and isinstance(inputs[0], str):
        return inputs if _pair_column(reader()) is None else None  # two pairs of texts are two inputs
    is_input = inputs and (isinstance(inputs[0], list | tuple | TextPair) or getattr(inputs[0], "ndim", 0) == 2)
    return inputs if is_input else None


def read_pairs(data: Any, reader: Callable[[], Spec]) -> list[tuple[Any, Any]] | None:
    """Return the (input, target) pairs of a table or of (inputs, targets), to evaluate; None if the data is neither.

    Takes the arguments of `read_inputs`, and raises as it does.
    """
    if table := _Table.of(data):
        inputs, targets = table.examples(reader())
    elif _is_pair_of_columns(data):
        inputs, targets = _columns_of(data)
    else:
        return None
    return [(value, _target(target)) for value, target in zip(inputs, targets or [None] * len(inputs), strict=True)]


def _is_pair_of_columns(data: Any) -> bool:
    """Return whether data is a tuple of two lists, arrays or columns, and not of two pairs."""
    return isinstance(data, tuple) and len(data) == 2 and all(map(_is_column, data))


class _Table:
    """A table in memory.

    Args:
        names: the names of its columns.
        column: a function that returns the values of a column.
    """

    def __init__(self, names: Sequence[Any], column: Callable[[Any], list[Any]]) -> None:
        self.names = list(names)
        self._column = column

    @classmethod
    def of(cls, data: Any) -> _Table | None:
        """Return data as a table; None if it is none.

        Raises:
            UsageError: it is an Arrow stream, and pyarrow is not installed; or several tables.
        """
        if isinstance(data, Mapping) and data and all(hasattr(part, "column_names") for part in data.values()):
            first = next(iter(data))
            raise UsageError(
                message("data contains several tables: pass one of them, as in data=dataset[{name!r}]", name=first)
            )
        names = getattr(data, "column_names", None)  # datasets, pyarrow
        if names is None:
            names = getattr(data, "columns", None)  # pandas, polars
        if names is not None and hasattr(data, "__getitem__"):
            return cls(list(names), lambda name: _values(data[name]))
        if not hasattr(data, "__arrow_c_stream__") or hasattr(data, "to_list") or hasattr(data, "to_pylist"):
            return None
        try:
            import pyarrow
        except ImportError:
            raise UsageError(
                message(
                    "a {type} is read through Arrow, for which pyarrow is not installed: pip install 'seqkit[arrow]'",
                    type=type(data).__name__,
                )
            ) from None
        return cls.of(pyarrow.table(data))

    def examples(self, spec: Spec) -> tuple[list[Any], list[Any] | None]:
        """Return the inputs and the targets; None for the targets if the recipe names no column for them.

        Raises:
            DataError: there is no such column.
        """
        parameter = _parameters(spec)[1]
        name = spec.values.get(parameter, parameter)
        return self.inputs(spec), None if name is None else self._values_of(parameter, name)

    def inputs(self, spec: Spec) -> list[Any]:
        """Return the inputs: texts, features or pairs of texts.

        Raises:
            DataError: there is no such column, or there are two.
        """
        parameter = _parameters(spec)[0]
        values = self._values_of(parameter, spec.values.get(parameter, parameter))
        second = _pair_column(spec)
        return values if second is None else list(map(TextPair, values, self._values_of(*second)))

    def _values_of(self, parameter: str, name: Any) -> list[Any]:
        """Return the values of the column that a parameter of the reader names. Raises as `inputs` does."""
        if (count := self.names.count(name)) == 1:
            return self._column(name)
        if count:
            raise DataError(message("the data has {count} columns '{name}': rename the others", count=count, name=name))
        names = [str(each) for each in self.names]
        found = suggest(str(name), names) or message("; the columns are {names}", names=", ".join(names[:20]))
        raise DataError(
            message(
                "the data has no column '{name}'{found}: set data.{parameter} in the recipe",
                name=name,
                found=found,
                parameter=parameter,
            )
        )


def _parameters(spec: Spec) -> tuple[str, str]:
    """Return the parameters of a reader that name the columns of inputs and targets."""
    return getattr(spec.cls, "table_columns", Reader.table_columns)


def _pair_column(spec: Spec) -> tuple[str, Any] | None:
    """Return the parameter that names the column of second texts, and the column; None if inputs are no pairs."""
    parameter = getattr(spec.cls, "pair_column", Reader.pair_column)
    name = None if parameter is None else spec.values.get(parameter)
    return None if name is None else (str(parameter), name)


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
        return TextPair(str(value.first), str(value.second))
    raise DataError(
        message(
            "{location} of the data: must be a pair of texts, (first, second), not {value}",
            location=location,
            value=format_value(value),
        )
    )


def _columns_of(data: Any) -> tuple[list[Any], list[Any] | None]:
    """Return the inputs and targets of data that is not a table.

    Raises:
        UsageError: the data is neither (inputs, targets) nor a list of inputs.
    """
    if isinstance(data, tuple):
        if len(data) != 2 or not _is_column(data[0]) or not (data[1] is None or _is_column(data[1])):
            raise UsageError(message("data must be {forms}, not {value!r:.40}", forms=FORMS, value=data))
        inputs, targets = _values(data[0]), None if data[1] is None else _values(data[1])
        if targets is not None and len(inputs) != len(targets):
            raise UsageError(
                message(
                    "data has {inputs:,} inputs and {targets:,} targets: pass one target per input",
                    inputs=len(inputs),
                    targets=len(targets),
                )
            )
        return inputs, targets
    if not _is_column(data):
        raise UsageError(message("data must be {forms}, not {value!r:.40}", forms=FORMS, value=data))
    return _values(data), None


def _is_column(value: Any) -> bool:
    """Return whether a value is a list, an array or a column of a table."""
    unordered = isinstance(value, str | bytes | bytearray | Mapping | AbstractSet | tuple)
    return not unordered and isinstance(value, Iterable) and getattr(value, "ndim", 1) > 0


def _values(column: Any) -> list[Any]:
    """Return the values of a column as Python values, an array of several dimensions as a list of arrays."""
    if isinstance(column, np.ndarray):
        return list(column) if column.ndim > 1 else column.tolist()
    for convert in ("to_pylist", "to_list", "tolist"):  # pyarrow, polars and pandas, the array module
        if callable(method := getattr(column, convert, None)):
            return list(method())
    return list(column)


def _is_missing(value: Any) -> bool:
    """Return whether a value is None, NaN, the NA or NaT of pandas, or an empty text or sequence."""
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    if isinstance(value, TextPair):
        return _is_missing(value.first) or _is_missing(value.second)
    if isinstance(value, str):
        return not value.strip()
    if isinstance(value, float):
        return value != value
    return hasattr(value, "__len__") and len(value) == 0


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
                "{location} of the data: must be numbers of shape (time, features), not {value!r:.40}",
                location=location,
                value=value,
            )
        )
    return features


def _target(value: Any) -> Any:
    """Return a target as a reader yields it: a label or a number as text, several in a list."""
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, list | tuple):
        return [_target(item) for item in value]
    return value.strip() if isinstance(value, str) else value


def _content(part: Any) -> bytes:
    """Return a part of an example as bytes that no other has."""
    if isinstance(part, np.ndarray):
        return f"{part.shape}".encode() + np.ascontiguousarray(part).tobytes()
    part = [part.first, part.second] if isinstance(part, TextPair) else part
    return json.dumps(part, default=str).encode() + b"\n"
