"""Fixtures: read a series from the text of a file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from seqkit_forecast.series import Series

from seqkit.contracts import Example
from seqkit.errors import DataError


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., Example]:
    """Return a function that writes a file and reads it."""

    def read(content: str, name: str = "s.csv", **parameters: Any) -> Example:
        path = tmp_path / name
        path.write_text(content, encoding="utf-8")
        (example,) = Series(path=path, **parameters).read()
        return example

    return read


@pytest.fixture
def error_message(read: Callable[..., Example]) -> Callable[..., str]:
    """Return a function that returns the message of the DataError that reading raises, without the folder."""

    def error_message(content: str, **parameters: Any) -> str:
        with pytest.raises(DataError) as caught:
            read(content, **parameters)
        assert len(caught.value.lines) == 1
        return str(caught.value).rpartition("/s.csv:")[2]

    return error_message
