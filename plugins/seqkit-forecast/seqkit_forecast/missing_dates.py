"""Missing dates and cells of a series: whether the drafted recipe fills them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from seqkit.contracts import Column
from seqkit.messages import counted, message
from seqkit_forecast.dates import IrregularDate, grid_positions

MAX_MISSING = 0.1
"""A larger share of missing time steps is not filled: the days without trading, for instance."""


def spacing_of(dates: Sequence[datetime], columns: Sequence[Column]) -> tuple[dict[str, Any], str, str]:
    """Return how the reader takes the distances between the dates, and cells without a number.

    Returns:
        The settings; a comment on them, and the end of the summary, both empty if no date is missing.
    """
    empty = max(_longest_gap(column) for column in columns)
    fill = {"fill": empty} if empty else {}
    if not dates:
        return fill, "", ""
    try:
        steps, _ = grid_positions(dates)
    except IrregularDate as error:
        comment = message(
            "row {row} is {problem}: each row is taken as one time step; `spacing: even` requires equal intervals",
            row=error.row + 1,
            problem=error,
        )
        return {"spacing": "any"} | fill, comment, message(", each row is a time step, as the intervals differ")
    missing = steps[-1] + 1 - len(dates)
    if not missing:
        return fill, "", ""
    gap = max(after - before - 1 for before, after in zip(steps, steps[1:], strict=False))
    fields = {"missing": missing, "dates": steps[-1] + 1, "gap": gap, "fill": gap + empty}
    if missing > MAX_MISSING * len(dates):
        comment = message(
            "{missing:,} of {dates:,} dates are missing, at most {gap:,} in a row: each row is taken as one time step; "
            "to repeat the previous value for them, write `fill: {fill}` in place of `spacing: any`",
            **fields,
        )
        summary = message(
            ", each row is a time step, though {missing:,} dates are missing (data.fill fills them)", **fields
        )
        return {"spacing": "any"} | fill, comment, summary
    comment = message(
        "{missing:,} of {dates:,} dates are missing, at most {gap:,} in a row: the previous value is repeated for "
        "them, so that seasons stay aligned; to take each row as one time step, write `spacing: any`",
        **fields,
    )
    summary = counted(
        missing,
        ", {count} missing date repeats the previous value",
        ", {count:,} missing dates repeat the previous value",
    )
    return {"fill": gap + empty}, comment, summary


def _longest_gap(column: Column) -> int:
    """Return the largest number of consecutive cells without a number."""
    filled = [row for row, value in enumerate(column.values) if str(value or "").strip()]
    edges = [-1, *filled, len(column.values)]
    return max(after - before - 1 for before, after in zip(edges, edges[1:], strict=False))
