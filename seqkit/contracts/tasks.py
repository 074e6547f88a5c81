"""What `seqkit init` knows about a data file, and the recipe that a plugin drafts for it.

A plugin registers a task (`hookspecs.seqkit_tasks`) with a function that answers whether it recognizes a file:

    def draft(file: DataFile) -> Draft | str:
        if not file.columns:
            return "no table"
        return Draft(0.8, {"data": {...}, "encoder": {...}, "head": {...}, "train": {...}}, "the labels are in 'label'")
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from seqkit.errors import UsageError, explain_missing_column
from seqkit.messages import message
from seqkit.strict_json import is_number

_DECIMAL_COMMA = re.compile(r"[+-]?\d+(,\d+)?", re.ASCII)
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)


def is_filled(value: Any) -> bool:
    """Return whether a value of a column is not empty."""
    return value is not None and (not isinstance(value, str) or bool(value.strip()))


@dataclass(frozen=True)
class Column:
    """A column of a table, or a key of the objects of JSON Lines.

    Attributes:
        name: its name; `column_1`, … if the file has no header.
        values: the values of the rows that were read: text, or any JSON value where the format has types; None for a
            missing one.
        missing: the texts that the file has in place of missing numbers, such as `nan`.
    """

    name: str
    values: Sequence[Any]
    missing: Sequence[str] = ()

    @cached_property
    def filled(self) -> list[Any]:
        """The values that are not empty."""
        return list(filter(is_filled, self.values))

    @property
    def filled_share(self) -> float:
        """The share of the values that are not empty."""
        return len(self.filled) / max(1, len(self.values))

    @cached_property
    def counts(self) -> Counter[str]:
        """How often each value occurs, as text without surrounding white space; `true` and `false` as in JSON."""
        return Counter(str(value).lower() if isinstance(value, bool) else str(value).strip() for value in self.filled)

    @cached_property
    def has_lists(self) -> bool:
        """Whether the values are lists."""
        return bool(self.filled) and all(isinstance(value, list) for value in self.filled)

    @cached_property
    def is_numeric(self) -> bool:
        """Whether all values are numbers, or texts of numbers."""
        return bool(self.filled) and all(
            _NUMBER.fullmatch(value.strip()) if isinstance(value, str) else is_number(value) for value in self.filled
        )

    @cached_property
    def has_decimal_commas(self) -> bool:
        """Whether all values are numbers, and some have a comma in place of a point: `3,5`."""
        texts = [str(value).strip() for value in self.filled]
        return any("," in text for text in texts) and all(_DECIMAL_COMMA.fullmatch(text) for text in texts)

    @cached_property
    def is_text(self) -> bool:
        """Whether all values are texts that are not all numbers."""
        return not self.is_numeric and bool(self.filled) and all(isinstance(value, str) for value in self.filled)

    @cached_property
    def mean_length(self) -> float:
        """The mean length of the values in characters."""
        return sum(len(str(value)) for value in self.filled) / max(1, len(self.filled))


@dataclass(frozen=True)
class DataFile:
    """A data file, as far as it was read: all of it, or the beginning of a large one.

    Attributes:
        path: the file.
        encoding: the encoding that it can be read in.
        lines: its lines; empty for a binary format.
        columns: its columns, if it is a table.
        format: `csv`, `tsv`, `jsonl` or `parquet`; `fasttext` for lines with labels before a text, whose columns are
            `label` and `text`; empty if it is no table.
        label_prefix: what each label of a `fasttext` file begins with; None if the first word of a line is its label.
        delimiter: what separates the columns of a csv or tsv file.
        has_header: whether the first row of a csv or tsv file names the columns.
        rows: the number of rows, or of lines that are not blank, of the whole file; estimated for a large one.
        characters: the number of characters of the whole file; estimated for a large one.
        text: the column of the text, if the user names it; those of a pair of texts are separated by a comma.
        label: the column of the label, if the user names it; several columns are separated by commas.
        task: the task, if the user names it.
        siblings: the files of the validation and test splits, by split, if there are such files beside it.
    """

    path: Path
    encoding: str = "utf-8"
    lines: Sequence[str] = ()
    columns: Sequence[Column] = ()
    format: str = ""
    label_prefix: str | None = None
    delimiter: str = ","
    has_header: bool = True
    rows: int = 0
    characters: int = 0
    text: str | None = None
    label: str | None = None
    task: str | None = None
    siblings: Mapping[str, Path] = field(default_factory=dict)

    @property
    def texts(self) -> list[str]:
        """The names of the columns of texts, if the user names them: one, or those of a pair."""
        return self._named(self.text)

    @property
    def labels(self) -> list[str]:
        """The names of the columns of labels, if the user names them."""
        return self._named(self.label)

    def _named(self, names: str | None) -> list[str]:
        if names is None or any(column.name == names for column in self.columns):
            return [] if names is None else [names]
        return list(dict.fromkeys(name.strip() for name in names.split(",")))

    def column(self, name: str) -> Column:
        """Return a column by its name."""
        return next(column for column in self.columns if column.name == name)

    def named_column(self, name: str, option: str) -> Column:
        """Return the column that the user names.

        Args:
            name: its name.
            option: the option that names it, `--text` or `--label`.

        Raises:
            UsageError: there is no such column.
        """
        names = [column.name for column in self.columns]
        if name not in names:
            raise UsageError(
                message(
                    "{option} {name}: {path} has no such column{found}",
                    option=option,
                    name=name,
                    path=self.path,
                    found=explain_missing_column(name, names),
                )
            )
        return self.column(name)


@dataclass(frozen=True)
class Draft:
    """A recipe for a data file, before the number of epochs is fitted to the time that training may take.

    Attributes:
        fit: how well the file fits the task, 0 to 1; the task with the best fit is chosen. 0 for a task that is only
            chosen by its name (`--task`).
        recipe: the sections of the recipe, without `name`, `plugins`, the path of the data, and the split. It must set
            `train.epochs`, the number that suits the data.
        summary: what the columns are used for, as a short sentence.
        comments: comments in the recipe, by key: `{"data.label": "2 labels: 1 (5,322), 0 (2,443)"}`.
        smaller: the sections of a cheaper model, which are merged into the recipe if few epochs fit in the time.
        split: the split, unless the file has siblings; by default by the hash of the text.
        notes: what the user is to know of a choice that the recipe makes.
        other_labels: other columns that can be the label, to be named if the text does not predict the chosen one.

    Raises:
        ValueError: `fit` is not from 0 to 1, or the recipe lacks a section or a key that each draft must have.
    """

    fit: float
    recipe: Mapping[str, Any]
    summary: str
    comments: Mapping[str, str] = field(default_factory=dict)
    smaller: Mapping[str, Any] = field(default_factory=dict)
    split: Mapping[str, Any] | None = None
    notes: Sequence[str] = ()
    other_labels: Sequence[str] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.fit <= 1:
            raise ValueError(message("fit is {fit}: it must be from 0 to 1", fit=self.fit))
        for section, key in (("data", "type"), ("encoder", "type"), ("head", "type"), ("train", "epochs")):
            if key not in self.recipe.get(section, {}):
                raise ValueError(message("the recipe lacks {section}.{key}", section=section, key=key))
