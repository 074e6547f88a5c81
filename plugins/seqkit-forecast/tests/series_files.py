"""The content of files for the tests of the reader `series`."""

from __future__ import annotations

from collections.abc import Sequence

HOURS = "date,a,b\n2020-01-01 00:00:00,1,-2.5\n2020-01-01 01:00:00,2e1,0\n2020-01-01 02:00:00,3,7\n"
DATED = "date,a\n2020-01-01,1\n"
DAYS = [f"2020-01-0{day}" for day in range(1, 6)]
VALUES = [4.5, 3.0, -1.0, 7.25, 0.0]


def table(header: str, *columns: Sequence[object], delimiter: str = ",") -> str:
    """Return the content of a file with a header and columns."""
    rows = [delimiter.join(map(str, row)) for row in zip(*columns, strict=True)]
    return "\n".join([header, *rows]) + "\n"
