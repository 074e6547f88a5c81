"""Find the width at which a model has as many weights, or takes as long to train, as another."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Literal, TypeAlias

from seqkit.compare.probe import train_seconds
from seqkit.data.prepare import PreparedData, prepare
from seqkit.errors import PluginError, UsageError
from seqkit.messages import message
from seqkit.modeling.model import build_model
from seqkit.recipe.no_compiler import meta_device
from seqkit.recipe.plan import BuildError, Plan, Spec
from seqkit.recipe.recipe import Recipe

Match: TypeAlias = Literal["parameters", "width", "seconds"]

MAX_WIDTH = 2**15
"""The largest width that is tried."""

_TOLERANCE = 0.03
"""The relative difference of training seconds that is not reduced further: measurements vary by as much."""


def matched_widths(match: Match, reference: tuple[Plan, Recipe], other: tuple[Plan, Recipe]) -> list[str]:
    """Return the overrides that give a recipe the width at which it matches another.

    All widths of its encoder are multiplied by one factor, such that the largest of them is any integer.

    Args:
        match: `parameters`: the number of weights is the nearest to the other's. `width`: the largest widths are equal.
            `seconds`: the estimated training seconds are; the number of epochs stays that of the recipe.
        reference: the recipe to match.
        other: the recipe whose width changes.

    Raises:
        UsageError: the encoder names no width.
        SeqkitError: a recipe, its data or a component is invalid.
    """
    plan, recipe = other
    largest = max(_widths(plan).values(), default=0)
    if not largest:
        raise UsageError(
            message(
                "--match {match}: the encoder '{name}' of {recipe} names no width parameter: compare without --match",
                match=match,
                name=plan.encoder.name,
                recipe=recipe.origin.file,
            )
        )
    if match == "width":
        wanted = max(_widths(reference[0]).values(), default=0)
        if not wanted:
            raise UsageError(
                message(
                    "--match width: the encoder '{name}' of {recipe} names no width parameter",
                    name=reference[0].encoder.name,
                    recipe=reference[1].origin.file,
                )
            )
        width = wanted
    elif match == "parameters":
        target: float = _count_weights(reference[0], prepare(reference[0]))
        data = prepare(plan)
        width = closest(lambda width: _count_weights(_scaled(plan, width / largest), data), target, largest)
    else:
        target = train_seconds(*reference)
        width = closest(
            lambda width: train_seconds(_scaled(plan, width / largest), recipe), target, largest, tolerance=_TOLERANCE
        )
    return [f"{'.'.join(path)}={value}" for path, value in _widths(_scaled(plan, width / largest)).items()]


def closest(size: Callable[[int], float], target: float, start: int, *, tolerance: float = 0.0) -> int:
    """Return the integer, at least 1, for which an increasing function is closest to a target.

    Args:
        size: the function.
        target: the value to approach.
        start: the number to begin with.
        tolerance: the relative distance from the target at which the search ends.
    """
    known: dict[int, float] = {}

    def value(number: int) -> float:
        if number not in known:
            known[number] = size(number)
        return known[number]

    low, high = 0, max(1, start)
    while value(high) < target and high < MAX_WIDTH:
        low, high = high, 2 * high
    while high - low > 1 and min(abs(each - target) for each in known.values()) > tolerance * target:
        middle = (low + high) // 2
        low, high = (middle, high) if value(middle) < target else (low, middle)
    return min(known, key=lambda number: (abs(known[number] - target), number))


def _widths(plan: Plan) -> Mapping[tuple[str, ...], int]:
    """Return the widths of the encoder and of those in it, by their path in the recipe, without those that are 0."""
    return dict(_each_width(plan.encoder))


def _each_width(spec: Spec) -> Iterator[tuple[tuple[str, ...], int]]:
    for each in spec.walk():
        for name in getattr(each.cls, "width_parameters", ()):
            if not isinstance(width := each.values.get(name), int):
                raise PluginError(
                    message(
                        "encoder '{name}' of {provider}: width_parameters names {parameter}, which is not an integer "
                        "of its constructor",
                        name=each.name,
                        provider=each.registered.provider,
                        parameter=name,
                    )
                )
            if width:
                yield (*each.path, name), width


def _scaled(plan: Plan, factor: float) -> Plan:
    """Return a plan whose encoder has its widths multiplied by a factor."""
    return replace(plan, encoder=_scaled_spec(plan.encoder, factor))


def _scaled_spec(spec: Spec, factor: float) -> Spec:
    names = getattr(spec.cls, "width_parameters", ())
    values: dict[str, Any] = {}
    for name, value in spec.values.items():
        if isinstance(value, Spec):
            values[name] = _scaled_spec(value, factor)
        elif isinstance(value, list):
            values[name] = [_scaled_spec(each, factor) if isinstance(each, Spec) else each for each in value]
        else:
            values[name] = max(1, round(value * factor)) if name in names and value else value
    return replace(spec, values=values)


def _count_weights(plan: Plan, data: PreparedData) -> int:
    """Return the number of weights of a model, whose tensors are not allocated; 0 if a width is too small for it."""
    try:
        with meta_device():
            model = build_model(plan, data.tokenizer, copy.deepcopy(data.head), data.features)
    except BuildError:
        return 0
    return model.num_weights
