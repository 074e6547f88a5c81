"""The checks of this plugin's components, for `seqkit check-plugin` and for the tests."""

from __future__ import annotations

from seqkit.testing import Check, checks_for_reader
from seqkit_placeholder.reader import Placeholder


def reader() -> list[Check]:
    return checks_for_reader(
        lambda path: Placeholder(path=path),
        "ham: at eight\nspam: win\n",
        expected=[("at eight", "ham"), ("win", "spam")],
        broken={"ham: at eight\nspam\n": 2},
    )
