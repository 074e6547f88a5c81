"""The components of this plugin, by name. A class is imported only when a recipe uses it."""

from __future__ import annotations

from collections.abc import Iterator

import seqkit
from seqkit.messages import message


@seqkit.hookimpl
def seqkit_encoders() -> Iterator[seqkit.Component]:
    yield seqkit.Component("gru", "seqkit_gru.encoder:GRU", message("a one-directional GRU"))
