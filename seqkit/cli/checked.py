"""Options that are checked by the rules of recipes, so that a mistake reads the same on the command line."""

from __future__ import annotations

from contextlib import suppress

import click


class Checked(click.ParamType):
    """A number that must fit an annotation, like the value of a recipe's key.

    Args:
        annotation: the name of an annotation in `seqkit.contracts.parameters`, which is imported on use.
        name: the type of the value in `--help`.
    """

    def __init__(self, annotation: str, name: str = "integer") -> None:
        self.annotation = annotation
        self.name = name

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> object:
        from seqkit.contracts import parameters
        from seqkit.recipe.rules import why_rejected

        for number in (int, float):
            with suppress(ValueError):
                value = number(str(value))
                break
        if reason := why_rejected(value, getattr(parameters, self.annotation)):
            self.fail(reason, param, ctx)
        return value
