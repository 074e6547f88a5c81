"""What the plugins' tests share: plugins are on, also where tests/conftest.py has turned them off for the core's."""

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture(scope="module", autouse=True)
def _plugins_on() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("SEQKIT_PLUGINS", "on")
        yield
