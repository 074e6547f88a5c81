"""The components of this plugin. Their classes are imported when a recipe uses them."""

from __future__ import annotations

from collections.abc import Iterator

import seqkit


@seqkit.hookimpl
def seqkit_metrics() -> Iterator[seqkit.Component]:
    yield seqkit.Component(
        "placeholder",
        "seqkit_placeholder.metric:Placeholder",
        "F-score of one label, with a weight of recall",
    )
