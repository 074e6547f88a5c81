"""What a component says of itself, and whether a class that inherits it still means it."""

from __future__ import annotations

from typing import Any


def stands_by(component: Any, claim: str, *methods: str) -> bool:
    """Returns whether a component makes a claim, which no class that inherits it has changed the grounds of.

    Args:
        claim: an attribute or a method.
        methods: what the claim speaks of. A class that overrides one of them has to make the claim anew.
    """
    if not getattr(component, claim, False):
        return False
    if claim in getattr(component, "__dict__", {}):
        return True
    classes = type(component).__mro__

    def place(name: str) -> int:
        return next((number for number, cls in enumerate(classes) if name in vars(cls)), len(classes))

    return all(place(claim) <= place(method) for method in methods)
