"""The columns of a table that a model of texts or sequences reads, and the drafts of recipes for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seqkit.contracts import Column, DataFile, Draft
from seqkit.messages import listed, message
from seqkit.tasks.columns import (
    MAX_LABELS,
    is_clear_label_name,
    is_date,
    is_sequence,
    label_candidates,
    no_texts,
    second_text,
    text_column,
)
from seqkit.tasks.models import table_section, text_model, train_section

_MAX_OTHERS = 5
"""The number of other columns that can be the label that are named."""

_RANDOM_BELOW = 400
"""Fewer rows than this are divided at random by label: a split by hash could lack a label."""


class Inputs:
    """The columns that the model reads."""

    def __init__(self, file: DataFile, first: Column, second: Column | None) -> None:
        self.file = file
        self.first = first
        self.second = second

    @property
    def columns(self) -> list[Column]:
        """The columns of the texts."""
        return [self.first, *([] if self.second is None else [self.second])]

    def draft(
        self,
        fit: float,
        label: Column | list[Column],
        head: Mapping[str, Any],
        metric: str,
        role: str,
        comments: Mapping[str, str],
    ) -> Draft:
        """Return the draft for a column of labels, or for several columns of 0 and 1."""
        split = None
        if self.file.rows < _RANDOM_BELOW:
            split = {"by": "random", "valid": 0.2, "test": 0.2}
        elif self.file.rows < 2000:
            split = {"by": "hash", "valid": 0.15, "test": 0.15}
        if is_sequence(self.first) and isinstance(label, Column):
            return self._of_sequences(fit, label, head, metric, role, comments, split)
        names: dict[str, str | list[str] | None] = {
            "text": self.first.name,
            "text_pair": self.second.name if self.second else None,
            "label": label.name if isinstance(label, Column) else [column.name for column in label],
        }
        texts = [str(value) for value in self.first.filled]
        if self.second:
            texts = [f"{one} {other}" for one, other in zip(self.first.values, self.second.values, strict=True)]
        model = text_model(texts, self.file.rows)
        recipe = {
            "data": table_section(self.file, {key: name for key, name in names.items() if name is not None}),
            "tokenizer": model.tokenizer,
            "embedding": model.embedding,
            "encoder": model.encoder,
            "head": {**head, **model.head},
            "train": train_section(self.file.rows, model.is_short, metric),
        }
        others = self._other_labels(label) if isinstance(label, Column) else []
        shown = listed([*(f"'{name}'" for name in others[:_MAX_OTHERS]), *(["…"] if others[_MAX_OTHERS:] else [])])
        summary = message(
            "the text is '{text}'{pair}, {role} '{label}'{alternatives}",
            text=self.first.name,
            pair=message(" with '{column}'", column=self.second.name) if self.second else "",
            role=role,
            label=label.name if isinstance(label, Column) else message("', '").join(column.name for column in label),
            alternatives=message(", or with --label {names}", names=shown) if others else "",
        )
        return Draft(
            fit,
            recipe,
            summary,
            {**model.comments, **comments},
            model.smaller,
            split,
            other_labels=others[:_MAX_OTHERS],
        )

    def _other_labels(self, label: Column) -> list[str]:
        """Return the other columns that can be labels, unless the user or the name of the column has decided."""
        if self.file.label is not None or is_clear_label_name(label.name):
            return []
        used = (self.first, self.second, label)
        return [
            column.name
            for column in self.file.columns
            if column not in used and column.name and 2 <= len(column.counts) <= MAX_LABELS and not is_date(column)
        ]

    def _of_sequences(
        self,
        fit: float,
        label: Column,
        head: Mapping[str, Any],
        metric: str,
        role: str,
        comments: Mapping[str, str],
        split: Mapping[str, Any] | None,
    ) -> Draft:
        data = {"type": "sequences", "sequence": self.first.name, "label": label.name}
        if self.file.encoding != "utf-8":
            data["encoding"] = self.file.encoding
        recipe = {
            "data": data,
            "embedding": {"type": "scaled"},
            "encoder": {"type": "bilstm", "hidden_size": 64},
            "head": {**head, "pooling": ["final", "mean"], "dropout": 0.2},
            "train": train_section(self.file.rows, True, metric),
        }
        summary = message(
            "the sequences are in '{sequences}', {role} in '{label}'",
            sequences=self.first.name,
            role=role,
            label=label.name,
        )
        return Draft(fit, recipe, summary, comments, {"encoder": {"hidden_size": 32}}, split)


def find_inputs(file: DataFile) -> tuple[Inputs, list[Column]] | str:
    """Return the columns to read and the columns that can be labels; or why no column can be one."""
    if not file.columns:
        return message("the file is no table")
    if file.format == "jsonl":
        sequence = next((column for column in file.columns if is_sequence(column)), None)
        if sequence is not None and file.text in (None, sequence.name):
            return Inputs(file, sequence, None), label_candidates(file, sequence)
    first = text_column(file)
    if first is None:
        return no_texts(file)
    second = second_text(file, first)
    candidates = label_candidates(file, first, second)
    if file.text is None and second is not None:
        if not any(2 <= len(column.counts) <= MAX_LABELS for column in candidates):
            second, candidates = None, label_candidates(file, first)
        elif file.columns.index(second) < file.columns.index(first):
            first, second = second, first
    return Inputs(file, first, second), candidates
