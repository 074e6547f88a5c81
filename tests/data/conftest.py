"""A fixture that makes every text a long one."""

from __future__ import annotations

import pytest


@pytest.fixture
def every_text_is_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """Encode texts of any length into token files."""
    monkeypatch.setattr("seqkit.data.token_files.encode.MIN_BYTES", 0)
