"""Exhibits: what a head shows in the report of a run, as typed data. The report writes the HTML and draws the pictures.

    def exhibits(self, predictions, examples):
        rows = tuple((example.input, str(example.target)) for example in examples[:20])
        return [Table("Longest texts", columns=("text", "label"), rows=rows)]

All texts are plain text, and everything is JSON: convert NumPy's numbers with `float`, and use tuples. An exhibit that
does not fit together raises `ValueError` when it is built. Show a few dozen examples, not all of them: a report is one
file that a browser opens at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from seqkit.messages import message

Cell: TypeAlias = str | int | float | None
"""A value of a table: a text, a number, or None for an empty cell."""

Fact: TypeAlias = tuple[str, Cell]
"""The name of a value, and the value."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Described:
    """Base class of exhibits.

    Attributes:
        note: a sentence below the title: what is shown and how it was chosen; empty for none.
    """

    note: str = ""


@dataclass(frozen=True, slots=True)
class Table(_Described):
    """A table.

    Attributes:
        title: the heading.
        columns: the heading of each column.
        rows: the rows, each with a value per column.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]

    def __post_init__(self) -> None:
        _check_lengths("rows", self.rows, len(self.columns))


@dataclass(frozen=True, slots=True)
class Matrix(_Described):
    """A matrix of numbers, shown as a heat map: a confusion matrix, the weights of attention.

    Attributes:
        title: the heading.
        values: the rows, each with a number per column.
        row_labels: the label of each row.
        column_labels: the label of each column.
        row_title: what the rows are, such as `true label`.
        column_title: what the columns are, such as `predicted label`.
    """

    title: str
    values: tuple[tuple[int | float, ...], ...]
    row_labels: tuple[str, ...]
    column_labels: tuple[str, ...]
    row_title: str = ""
    column_title: str = ""

    def __post_init__(self) -> None:
        _check_count("values", len(self.values), len(self.row_labels))
        _check_lengths("values", self.values, len(self.column_labels))


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a chart, or points.

    Attributes:
        name: the name in the legend.
        x: the position of each point, in ascending order.
        y: the value of each point; None where the line has a gap.
        low: the lower end of a band around the line, one number per point; empty for no band.
        high: the upper end of the band.
        dashed: whether the line is a reference (a baseline), which is drawn dashed.
        points: whether only the points are drawn, as in a scatter plot, where several can have the same x.
    """

    name: str
    x: tuple[int | float, ...]
    y: tuple[int | float | None, ...]
    low: tuple[int | float, ...] = ()
    high: tuple[int | float, ...] = ()
    dashed: bool = False
    points: bool = False

    def __post_init__(self) -> None:
        _check_count("y", len(self.y), len(self.x))
        for name, values in (("low", self.low), ("high", self.high)):
            if self.low or self.high:
                _check_count(name, len(values), len(self.x))


@dataclass(frozen=True, slots=True)
class Series(_Described):
    """Lines in one chart: a forecast beside the truth, errors by time step.

    Attributes:
        title: the heading.
        lines: the lines, at most 8.
        x_title: what x is, with its unit.
        y_title: what y is, with its unit.
    """

    title: str
    lines: tuple[Line, ...]
    x_title: str = ""
    y_title: str = ""

    def __post_init__(self) -> None:
        if not 0 < len(self.lines) <= 8:
            raise ValueError(message("lines must be 1 to 8, not {count}", count=len(self.lines)))


@dataclass(frozen=True, slots=True)
class Text:
    """A text, such as a generated sample.

    Attributes:
        text: the text.
        prompt: what it continues, shown before it in another color; empty for none.
        facts: values about it, shown above it.
    """

    text: str
    prompt: str = ""
    facts: tuple[Fact, ...] = ()


@dataclass(frozen=True, slots=True)
class Texts(_Described):
    """Texts, one below the other.

    Attributes:
        title: the heading.
        items: the texts.
    """

    title: str
    items: tuple[Text, ...]


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a sequence of tokens with a label.

    Attributes:
        start: the index of its first token.
        end: the index after its last token.
        label: the label.
    """

    start: int
    end: int
    label: str


@dataclass(frozen=True, slots=True)
class SpanText:
    """A sequence of tokens with its true and its predicted spans. The report marks where they differ.

    Attributes:
        tokens: the tokens.
        expected: the true spans, in order, none inside another.
        predicted: the predicted spans.
        facts: values about it, shown above it.
    """

    tokens: tuple[str, ...]
    expected: tuple[Span, ...]
    predicted: tuple[Span, ...]
    facts: tuple[Fact, ...] = ()

    def __post_init__(self) -> None:
        for name, spans in (("expected", self.expected), ("predicted", self.predicted)):
            end = 0
            for number, span in enumerate(spans):
                if not end <= span.start < span.end <= len(self.tokens):
                    raise ValueError(
                        message(
                            "{name}[{number}] is {start} to {end}: spans must be in order, must not overlap, and must "
                            "end within the {count} tokens",
                            name=name,
                            number=number,
                            start=span.start,
                            end=span.end,
                            count=len(self.tokens),
                        )
                    )
                end = span.end


@dataclass(frozen=True, slots=True)
class Spans(_Described):
    """Sequences of tokens with labeled spans.

    Attributes:
        title: the heading.
        items: the sequences.
        separator: what is between two tokens: a space, or nothing for Chinese.
    """

    title: str
    items: tuple[SpanText, ...]
    separator: str = " "


@dataclass(frozen=True, slots=True)
class Transcript:
    """A predicted sequence beside the expected one. The report aligns them and marks the edits.

    Attributes:
        expected: the tokens of the target.
        predicted: the tokens of the prediction.
        source: the text that was transcribed or translated; empty for none.
        facts: values about it, shown above it.
    """

    expected: tuple[str, ...]
    predicted: tuple[str, ...]
    source: str = ""
    facts: tuple[Fact, ...] = ()


@dataclass(frozen=True, slots=True)
class Transcripts(_Described):
    """Predicted sequences beside the expected ones.

    Attributes:
        title: the heading.
        items: the sequences.
        separator: what is between two tokens: nothing for characters, a space for words.
    """

    title: str
    items: tuple[Transcript, ...]
    separator: str = ""


Exhibit: TypeAlias = Table | Matrix | Series | Texts | Spans | Transcripts
"""What a head can show."""


def _check_count(name: str, count: int, expected: int) -> None:
    if count != expected:
        raise ValueError(
            message("{name} has {count} entries, not {expected}", name=name, count=count, expected=expected)
        )


def _check_lengths(name: str, rows: Sequence[Sequence[object]], expected: int) -> None:
    for number, row in enumerate(rows):
        _check_count(message("{name}[{number}]", name=name, number=number), len(row), expected)
