"""The components of this plugin, by name. A class is imported only when a recipe uses it."""

from __future__ import annotations

from collections.abc import Iterator

import seqkit


@seqkit.hookimpl
def seqkit_encoders() -> Iterator[seqkit.Component]:
    yield seqkit.Component("gru", "seqkit_gru.encoder:GRU", "a one-directional GRU")
