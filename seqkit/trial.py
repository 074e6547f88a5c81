"""Components built from their parameters alone, before there is data, to hear what their constructors say of them."""

from __future__ import annotations

from typing import Any

from seqkit.plan import BuildError, Spec
from seqkit.yaml_marks import Path as KeyPath


def try_out(spec: Spec, *supplied: Any) -> Any:
    """Builds without memory for weights and without drawing random numbers, where the component allows it."""
    import torch

    with torch.random.fork_rng(devices=[]):
        try:
            with torch.device("meta"):
                return spec.build(*supplied)
        except BuildError:
            raise
        except Exception:  # not every constructor can work without values; such a one gets its memory
            if huge(spec):
                raise
            return spec.build(*supplied)


def huge(spec: Spec) -> tuple[KeyPath, int] | None:
    """Returns the largest whole number of a component, and its place, when memory cannot hold so many of anything."""
    numbers = [
        ((*inner.path, name), value)
        for inner in spec.walk()
        for name, value in inner.values.items()
        if isinstance(value, int)
    ]
    place, largest = max(numbers, key=lambda number: number[1], default=((), 0))
    return (place, largest) if largest > 10_000_000 else None
