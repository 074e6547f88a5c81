"""Data in memory, in place of a file: the readers of lists, arrays and tables."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from seqkit.contracts import DataNote, Example, Reader, TextPair
from seqkit.data.tables import Table, columns_of, is_pair_of_columns, pair_column, values_of
from seqkit.data.values import (
    as_pair,
    cell_of,
    checked_pair,
    checked_text,
    content_of,
    features_of,
    is_list,
    is_missing,
    target_of,
)
from seqkit.errors import DataError
from seqkit.messages import counted, format_object, message

if TYPE_CHECKING:
    from seqkit.recipe.plan import Spec


class MemoryReader(Reader):
    """A reader of data in memory, which takes the place of a recipe's reader.

    Args:
        inputs: texts, lists of words, pairs of texts, or arrays (time, features).
        targets: their targets; None if there are none.
        yields: whether the inputs are text or features.
        empty: what to do with a missing text or label, as in the reader `table`.
        pairs: whether the inputs are pairs of texts.
        columns: the values of other columns by name, for `Example.columns`.
        optional_label: whether a missing target means no labels, as in the reader `table`.
    """

    def __init__(
        self,
        inputs: Sequence[Any],
        targets: Sequence[Any] | None,
        yields: Literal["text", "features"] = "text",
        empty: str = "error",
        pairs: bool = False,
        columns: Mapping[str, Sequence[Any]] | None = None,
        optional_label: bool = False,
    ) -> None:
        self.inputs = inputs
        self.targets = targets
        self.labelled = targets is not None
        self.yields = yields  # type: ignore[misc]  # that of the recipe's reader
        self.yields_pairs = pairs
        self.empty = empty
        self.columns = columns or {}
        self.optional_label = optional_label

    def read(self) -> Iterator[Example]:
        if not len(self.inputs):
            raise DataError(message("the data has no rows: pass at least one example"))
        is_skipped = True
        targets: Iterable[Any] = [None] * len(self.inputs) if self.targets is None else self.targets
        for row, (value, target) in enumerate(zip(self.inputs, targets, strict=True), start=1):
            location = message("row {row}", row=row)
            value = as_pair(value) if self.yields_pairs else value
            lacks_target = self.labelled and not is_list(target) and is_missing(target)
            if lacks_target and self.optional_label:
                target, lacks_target = [], False
            lacks_part = is_missing(value) or lacks_target
            if lacks_part and self.empty == "skip":
                warnings.warn(DataNote(message("skipped: the text or the label is empty"), location), stacklevel=2)
                continue
            if lacks_part:
                what = message("the input") if is_missing(value) else message("the target")
                raise DataError(
                    message(
                        "{location} of the data: {what} is missing or empty: fill it in, or remove the row",
                        location=location,
                        what=what,
                    )
                )
            is_skipped = False
            others = {name: cell_of(values[row - 1]) for name, values in self.columns.items()}
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
            return checked_pair(value, location)
        if self.yields == "features":
            return features_of(value, location)
        if isinstance(value, np.ndarray):
            value = value.tolist()
        place = message("{location} of the data", location=location)
        if isinstance(value, str):
            return checked_text(value, place)
        if isinstance(value, list | tuple) and all(isinstance(word, str) for word in value):
            return [checked_text(word, place) for word in value]
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
                    digest.update(content_of(part))
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
    optional = spec.values.get("optional_label", False) is True
    if table is None:
        assert columns is not None
        return MemoryReader(*columns, yields, empty, pairs, optional_label=optional)
    inputs, targets = table.examples(spec)
    return MemoryReader(inputs, targets, yields, empty, pairs, table.others(spec) if others else None, optional)


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
