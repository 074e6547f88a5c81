"""Fixtures for the tests of `check-plugin` and `new-plugin`."""

from __future__ import annotations

import pytest

from seqkit.testing import distribution
from seqkit.testing.checks import Check


class NoProcess:
    """A second process that takes no time, for tests whose subject is not the order of sets."""

    def __init__(self, name: str) -> None:
        pass

    def checks(self, component: object, checks: object) -> list[Check]:
        return []

    def close(self) -> None:
        pass


@pytest.fixture
def one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distribution, "OtherProcess", NoProcess)
