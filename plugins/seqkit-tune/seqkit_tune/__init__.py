"""The command `seqkit tune`, which searches the values of a recipe with Optuna."""

from __future__ import annotations

from collections.abc import Iterator

import seqkit
from seqkit.messages import message


@seqkit.hookimpl
def seqkit_commands() -> Iterator[seqkit.Command]:
    yield seqkit.Command("tune", "seqkit_tune.command:tune", message("Search the values of a recipe with Optuna."))
