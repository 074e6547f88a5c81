"""Tables and columns in memory: those of pandas, polars, datasets, pyarrow and NumPy, and lists.

None of these libraries is imported unless the data comes from it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Any

import numpy as np

from seqkit.contracts import Reader, TextPair
from seqkit.data.values import is_missing
from seqkit.errors import DataError, UsageError, explain_missing_column
from seqkit.messages import counted, format_object, message
from seqkit.readers.label_columns import label_set

if TYPE_CHECKING:
    from seqkit.recipe.plan import Spec

FORMS = message(
    "(inputs, targets), a list of inputs, a pandas DataFrame, a datasets.Dataset, or a table with __arrow_c_stream__"
)
"""The forms of data in memory, for messages."""


class Table:
    """A table in memory.

    Args:
        names: the names of its columns.
        column: a function that returns the values of a column.
    """

    def __init__(self, names: Sequence[Any], column: Callable[[Any], list[Any]]) -> None:
        self.names = list(names)
        self._column = column

    @classmethod
    def of(cls, data: Any) -> Table | None:
        """Return data as a table; None if it is not a table.

        Raises:
            UsageError: it is an Arrow stream, and pyarrow is not installed or cannot read it; or several tables.
        """
        if isinstance(data, Mapping) and data and all(map(_is_table, data.values())):
            first = next(iter(data))
            raise UsageError(
                message("data contains several tables: pass one of them, as in data=dataset[{name!r}]", name=first)
            )
        if type(data).__name__ == "LazyFrame":  # polars
            data = data.collect()
        names = getattr(data, "column_names", None)  # datasets, pyarrow
        if names is None:
            names = getattr(data, "columns", None)  # pandas, polars
        is_stream = hasattr(data, "__arrow_c_stream__")
        if names is not None and hasattr(data, "__getitem__") and not (is_stream and hasattr(data, "fetchall")):
            return cls(list(names), lambda name: values_of(data[name]))
        if not is_stream or hasattr(data, "to_list") or hasattr(data, "to_pylist"):
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
        try:
            return cls.of(pyarrow.table(data))
        except pyarrow.ArrowException as error:
            raise UsageError(
                message("a {type} is no table for Arrow: {reason}", type=type(data).__name__, reason=error)
            ) from None

    def examples(self, spec: Spec) -> tuple[list[Any], list[Any] | None]:
        """Return the inputs and the targets; None for the targets if the recipe names no column for them.

        Raises:
            DataError: there is no such column, or one of several columns of labels is neither 0 nor 1.
        """
        parameter = _parameters(spec)[1]
        name = spec.values.get(parameter, parameter)
        if isinstance(name, list):
            columns = zip(*(self._values_of(parameter, each) for each in name), strict=True)
            rows = [dict(zip(name, values, strict=True)) for values in columns]
            if spec.values.get("optional_label"):
                rows = [{key: value for key, value in row.items() if not is_missing(value)} for row in rows]
            targets = [
                label_set(row, list(row), message("row {row}", row=number)) for number, row in enumerate(rows, start=1)
            ]
            return self.inputs(spec), targets
        is_optional = parameter not in spec.values and not self._find(name)  # a reader without targets
        return self.inputs(spec), None if name is None or is_optional else self._values_of(parameter, name)

    def inputs(self, spec: Spec) -> list[Any]:
        """Return the inputs: texts, features or pairs of texts.

        Raises:
            DataError: there is no such column, or there are two.
        """
        parameter = _parameters(spec)[0]
        name = spec.values.get(parameter)
        values = self._values_of(parameter, parameter if name is None else name)
        second = pair_column(spec)
        return values if second is None else list(map(TextPair, values, self._values_of(*second)))

    def others(self, spec: Spec) -> dict[str, list[Any]]:
        """Return the values of the columns that contain neither inputs nor targets, by name."""
        named = [spec.values.get(parameter, parameter) for parameter in _parameters(spec)]
        used = [name for each in named for name in (each if isinstance(each, list) else [each])]
        if (second := pair_column(spec)) is not None:
            used.append(second[1])
        taken = [found for name in used for found in self._find(name)]
        return {
            str(name): self._column(name) for name in self.names if name not in taken and self.names.count(name) == 1
        }

    def _find(self, name: Any) -> list[Any]:
        """Return the columns with a name. A number or a tuple, as pandas has them, is found by its text."""
        return [each for each in self.names if each == name] or [each for each in self.names if str(each) == name]

    def _values_of(self, parameter: str, name: Any) -> list[Any]:
        """Return the values of the column that a parameter of the reader names. Raises as `inputs` does."""
        columns = self._find(name)
        if len(columns) == 1:
            return self._column(columns[0])
        if columns:
            raise DataError(
                message("the data has {count} columns '{name}': rename the others", count=len(columns), name=name)
            )
        if not self.names:
            raise DataError(message("the data has no columns, and '{name}' is needed", name=name))
        raise DataError(
            message(
                "the data has no column '{name}'{found}: set data.{parameter} in the recipe",
                name=name,
                found=explain_missing_column(str(name), [str(each) for each in self.names]),
                parameter=parameter,
            )
        )


def _parameters(spec: Spec) -> tuple[str, str]:
    """Return the parameters of a reader that name the columns of inputs and targets."""
    return getattr(spec.cls, "table_columns", Reader.table_columns)


def pair_column(spec: Spec) -> tuple[str, Any] | None:
    """Return the parameter that names the column of second texts, and the column; None if inputs are no pairs."""
    parameter = getattr(spec.cls, "pair_column", Reader.pair_column)
    name = None if parameter is None else spec.values.get(parameter)
    return None if name is None else (str(parameter), name)


def columns_of(data: Any) -> tuple[list[Any], list[Any] | None]:
    """Return the inputs and targets of data that is not a table.

    Raises:
        UsageError: the data is neither (inputs, targets) nor a list of inputs.
    """
    if isinstance(data, tuple):
        _check_columns(data)
        if len(data) != 2 or not is_column(data[0]) or not (data[1] is None or is_column(data[1])):
            raise UsageError(message("data must be {forms}, not {value}", forms=FORMS, value=format_object(data)))
        inputs, targets = values_of(data[0]), None if data[1] is None else values_of(data[1])
        if targets is not None and len(inputs) != len(targets):
            raise UsageError(
                counted(
                    len(inputs),
                    "data has 1 input and {targets:,} targets: pass one target per input",
                    "data has {count:,} inputs and {targets:,} targets: pass one target per input",
                    targets=len(targets),
                )
            )
        return inputs, targets
    if not is_column(data):
        raise UsageError(message("data must be {forms}, not {value}", forms=FORMS, value=format_object(data)))
    return values_of(data), None


def check_section(data: Any) -> None:
    """Check a dictionary that overrides the section `data` of a recipe.

    Raises:
        UsageError: it contains columns or tables.
    """
    if not isinstance(data, Mapping) or not data:
        return
    Table.of(data)  # raises if it contains tables
    for key, value in data.items():
        check_side((key,), value)
    wrong = [key for key, value in data.items() if _is_table(value) or hasattr(value, "__array__")]
    if "type" not in data and all(map(is_column, data.values())):
        wrong = list(data)
    if wrong:
        raise UsageError(
            message(
                "data={{{key!r}: …}}: a dictionary overrides the section data of the recipe, and contains no columns "
                "or tables: pass data=pandas.DataFrame(…) or data=(texts, labels)",
                key=wrong[0],
            )
        )


def check_side(path: tuple[str, ...], value: Any) -> None:
    """Check that the value of `data.valid` or `data.test` is not data in memory.

    Args:
        path: the key in the section `data`.
        value: its value.

    Raises:
        UsageError: it is.
    """
    if path in (("valid",), ("test",)) and (_is_table(value) or is_column(value) or isinstance(value, tuple)):
        raise UsageError(
            message(
                "data.{side} takes a file: write these rows to one, and pass data__{side}={{'path': '{side}.csv'}}; or "
                "put them at the end of data, and pass data__split={{'by': 'order', '{side}': 0.1}}, with their share",
                side=path[0],
            )
        )


def is_column(value: Any) -> bool:
    """Return whether a value is a list, an array or a column of a table."""
    unordered = isinstance(value, str | bytes | bytearray | Mapping | AbstractSet | tuple) or _is_table(value)
    return not unordered and isinstance(value, Iterable) and getattr(value, "ndim", 1) > 0


def _check_columns(data: tuple[Any, ...]) -> None:
    """Check that none of (inputs, targets) is a table. Raises as `is_pair_of_columns` does."""
    if any(map(_is_table, data)):
        raise UsageError(
            message("a table is among (inputs, targets): pass its column, as in (frame['text'], frame['label'])")
        )


def _is_table(value: Any) -> bool:
    return hasattr(value, "column_names") or hasattr(value, "columns")


def values_of(column: Any) -> list[Any]:
    """Return the values of a column as Python values, an array of several dimensions as a list of arrays."""
    if isinstance(column, np.ndarray):
        if column.dtype.kind in "Mm":  # in nanoseconds, they would become integers
            column = column.astype(column.dtype.kind + "8[us]") if "ns" in column.dtype.str else column
        return list(column) if column.ndim > 1 else column.tolist()
    for convert in ("to_pylist", "to_list", "tolist"):  # pyarrow, polars and pandas, the array module
        if callable(method := getattr(column, convert, None)):
            return list(method())
    return list(column)


def is_pair_of_columns(data: Any) -> bool:
    """Return whether data is a tuple of two lists, arrays or columns, and not of two pairs.

    Raises:
        UsageError: it is a tuple with a table.
    """
    if isinstance(data, tuple):
        _check_columns(data)
    return isinstance(data, tuple) and len(data) == 2 and all(map(is_column, data))
