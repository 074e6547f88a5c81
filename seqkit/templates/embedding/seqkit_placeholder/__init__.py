"""What this plugin adds to seqkit, by name: the class is imported when a recipe uses it."""

from __future__ import annotations

from collections.abc import Iterator

import seqkit


@seqkit.hookimpl
def seqkit_embeddings() -> Iterator[seqkit.Component]:
    yield seqkit.Component(
        "placeholder",
        "seqkit_placeholder.embedding:Placeholder",
        "a learned direction for each id",
    )
