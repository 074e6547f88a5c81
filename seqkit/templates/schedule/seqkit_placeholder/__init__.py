"""The components of this plugin. Their classes are imported when a recipe uses them."""

from __future__ import annotations

from collections.abc import Iterator

import seqkit


@seqkit.hookimpl
def seqkit_schedules() -> Iterator[seqkit.Component]:
    yield seqkit.Component(
        "placeholder",
        "seqkit_placeholder.schedule:Placeholder",
        "a rate that falls with the square root of the step",
    )
