"""Find the weights of a component in the run that it is initialized from, and compare their shapes (`init_from`).

They are found by their names: those of the section of the same kind, or of a part of it that has weights of the same
names. The rows of a table of vectors are left to `initialization`, which matches them by the text of their tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import nn

from seqkit.contracts import Embedding, Encoder
from seqkit.contracts.parameters import INIT_FROM
from seqkit.errors import suggest
from seqkit.messages import listed, message
from seqkit.recipe.initialization import InitFrom
from seqkit.recipe.yaml_parser import KeyPath

if TYPE_CHECKING:
    from seqkit.recipe.plan import Spec


class Mismatch(Exception):
    """The weights of a run do not fit a component.

    Attributes:
        path: the place in the recipe.
    """

    def __init__(self, path: KeyPath, text: str) -> None:
        super().__init__(text)
        self.path = path


@dataclass(frozen=True)
class MatchedWeights:
    """The weights of a component and those that it begins with.

    Attributes:
        spec: the component.
        module: the component, built.
        names: for each name in the module, the name in the run.
        table: the name in the module of the table with one vector per token; None without one.
    """

    spec: Spec
    module: nn.Module
    names: dict[str, str]
    table: str | None

    @property
    def init(self) -> InitFrom:
        """What the recipe says."""
        assert self.spec.init_from is not None
        return self.spec.init_from


def match_weights(spec: Spec, module: nn.Module) -> MatchedWeights:
    """Find the weights of a component in its run, and compare their shapes.

    Raises:
        Mismatch: there are no parameters, or a shape differs.
    """
    init, path = spec.init_from, (*spec.path, INIT_FROM)
    assert init is not None
    own, shapes = module.state_dict(), init.source.shapes
    names = list(own) if init.layers is None else _layer_names(spec, module, init.layers)
    prefix = _prefix(spec, names, is_whole=init.layers is None)
    if missing := next((name for name in names if prefix + name not in shapes), None):
        text = message(
            "{run} has no weight '{name}': set the same number of layers and the same options as there, or `layers`",
            run=init.run,
            name=prefix + missing,
        )
        raise Mismatch(path, text)
    extra = sorted(name for name in shapes if name.startswith(prefix) and name.removeprefix(prefix) not in own)
    if extra and init.layers is None:
        text = message(
            "{run} also has the weight '{name}', which there is no place for: set the same number of layers and the "
            "same options as there, or `layers`",
            run=init.run,
            name=extra[0],
        )
        raise Mismatch(path, text)
    weights = MatchedWeights(spec, module, {name: prefix + name for name in names}, _table(module))
    for name, other in weights.names.items():
        expected, actual = tuple(own[name].shape), shapes[other]
        if name == weights.table:
            expected, actual = expected[1:], actual[1:]
        if expected != actual:
            raise _shape_mismatch(weights, other, tuple(own[name].shape), shapes[other])
    return weights


def _layer_names(spec: Spec, module: nn.Module, layers: Sequence[int]) -> list[str]:
    """Return the names of the weights of some layers of an encoder."""
    assert isinstance(module, Encoder)
    found = [set(layer) for layer in module.layer_parameters()]
    for place, layer in enumerate(layers):
        if layer >= len(found):
            text = message(
                "the encoder '{name}' has no layer {layer}: its layers are 0 to {last}",
                name=spec.name,
                layer=layer,
                last=len(found) - 1,
            )
            raise Mismatch((*spec.path, INIT_FROM, "layers", str(place)), text)
    wanted = set().union(*(found[layer] for layer in layers))
    return [name for name, weight in module.named_parameters() if weight in wanted]


def _prefix(spec: Spec, names: Sequence[str], *, is_whole: bool) -> str:
    """Return what the names of the weights in the run begin with.

    Args:
        spec: the component.
        names: of the weights in the component.
        is_whole: whether these are all weights of the component.

    Raises:
        Mismatch: there is no such part, or several parts have weights of these names.
    """
    init = spec.init_from
    assert init is not None
    every = set(init.source.shapes)
    places = [name.split(".") for name in every]
    parts = sorted({".".join(place[:end]) for place in places for end in range(1, len(place))})
    if init.part is not None:
        if init.part not in parts:
            text = message("{run} has no part '{part}'", run=init.run, part=init.part) + (
                suggest(init.part, parts) or message("; it has {parts}", parts=listed(parts[:6]))
            )
            raise Mismatch((*spec.path, INIT_FROM, "part"), text)
        return f"{init.part}."
    section = spec.registered.kind

    def fits(prefix: str) -> bool:
        inside = {name.removeprefix(prefix) for name in every if name.startswith(prefix)}
        return inside == set(names) if is_whole else inside >= set(names)

    if not names or fits(f"{section}."):
        return f"{section}."
    found = [part for part in parts if part.startswith(f"{section}.") and fits(f"{part}.")]
    if len(found) > 1:
        text = message(
            "{run} has several parts with weights of these names: set `part` to one of {parts}",
            run=init.run,
            parts=listed(found),
        )
        raise Mismatch((*spec.path, INIT_FROM), text)
    return f"{found[0]}." if found else f"{section}."


def _table(module: nn.Module) -> str | None:
    """Return the name of the parameter that has one vector per token; None if there is none."""
    if not isinstance(module, Embedding) or module.takes != "ids":
        return None
    vectors = module.all_vectors()
    return next((name for name, weight in module.named_parameters() if weight is vectors), None)


def _shape_mismatch(weights: MatchedWeights, name: str, expected: tuple[int, ...], actual: tuple[int, ...]) -> Mismatch:
    """Return the error for a weight of another shape, at the size in the recipe that differs if there is one."""
    spec, run = weights.spec, weights.init.run
    shapes = message("'{name}' is {expected} here and {actual} there", name=name, expected=expected, actual=actual)
    section = weights.init.source.document["recipe"].get(spec.registered.kind)
    if isinstance(section, dict) and section.get("type") == spec.name:
        for key, value in spec.values.items():
            other = section.get(key)
            if isinstance(value, int) and isinstance(other, int) and value != other:
                text = message(
                    "is {value}, but {other} in {run} ({shapes}): set it to {other}, or use another run",
                    value=value,
                    other=other,
                    run=run,
                    shapes=shapes,
                )
                return Mismatch((*spec.path, key), text)
    text = message(
        "the weights of {run} have another shape ({shapes}): use the same sizes as there, also those of the components "
        "before this one",
        run=run,
        shapes=shapes,
    )
    return Mismatch((*spec.path, INIT_FROM), text)
