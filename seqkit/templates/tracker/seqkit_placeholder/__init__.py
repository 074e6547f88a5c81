"""The components of this plugin. Their classes are imported when a recipe uses them."""

from __future__ import annotations

from collections.abc import Iterator

import seqkit


@seqkit.hookimpl
def seqkit_trackers() -> Iterator[seqkit.Component]:
    yield seqkit.Component(
        "placeholder",
        "seqkit_placeholder.tracker:Placeholder",
        "the loss of every N steps, in a text file of the run",
    )
