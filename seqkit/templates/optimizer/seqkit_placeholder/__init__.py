"""The components of this plugin. Their classes are imported when a recipe uses them."""

from __future__ import annotations

from collections.abc import Iterator

import seqkit


@seqkit.hookimpl
def seqkit_optimizers() -> Iterator[seqkit.Component]:
    yield seqkit.Component(
        "placeholder",
        "seqkit_placeholder.optimizer:Placeholder",
        "steps in the direction of the signs of the momentum",
    )
