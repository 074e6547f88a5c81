"""The components of this plugin. Their classes are imported when a recipe uses them."""

from __future__ import annotations

from collections.abc import Iterator

import seqkit


@seqkit.hookimpl
def seqkit_readers() -> Iterator[seqkit.Component]:
    yield seqkit.Component(
        "placeholder",
        "seqkit_placeholder.reader:Placeholder",
        "one label and one text per line",
        checks="seqkit_placeholder.checks:reader",
    )
