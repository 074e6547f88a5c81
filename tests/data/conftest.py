"""Fixtures that write a file, and that make every text a long one."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def every_text_is_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """Encode texts of any length into token files."""
    monkeypatch.setattr("seqkit.data.token_files.encode.MIN_BYTES", 0)


@pytest.fixture
def write_file(tmp_path: Path):
    """Return a function that writes a file and returns its path."""

    def write(content: str | bytes, name: str = "a.txt", encoding: str = "utf-8") -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
        return path

    return write
