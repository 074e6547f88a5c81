"""Groups of parameters: which are frozen, until when, and what share of the learning rate the others have."""

from __future__ import annotations

import math
from collections.abc import Iterator
from fnmatch import fnmatchcase

from torch import nn

from seqkit.contracts import Embedding, Encoder, Head, ParameterGroup
from seqkit.contracts.capabilities import class_name
from seqkit.errors import Fault, PluginError, RecipeError, suggest
from seqkit.messages import listed, message
from seqkit.modeling.model import Model
from seqkit.recipe.recipe import Recipe
from seqkit.recipe.schema import Group


def parameter_groups(model: Model, groups: tuple[Group, ...], recipe: Recipe) -> list[ParameterGroup]:
    """Return the trained parameters of a model, each in one group, and freeze those that are never trained.

    The groups of the recipe come before those of the components, and of these, the groups of a component before those
    of the components that it contains. All parameters without a group are in the first one.

    Args:
        model: the model.
        groups: the section `train.groups`.
        recipe: the recipe, for messages.

    Raises:
        RecipeError: a pattern matches no parameter, or two match the same one; or all parameters are frozen.
        PluginError: a component returns something else than groups of its parameters.
    """
    trained = {name: weight for name, weight in model.named_parameters() if weight.requires_grad}
    found = [*_groups_of_recipe(trained, groups, recipe), *_groups_of_components(model)]
    taken: set[nn.Parameter] = set()
    result = []
    for group in found:
        weights = [weight for weight in group.parameters if weight.requires_grad and weight not in taken]
        taken.update(weights)
        if math.isinf(group.frozen_epochs):
            for weight in weights:
                weight.requires_grad_(False)
        elif weights:
            result.append(ParameterGroup(weights, group.lr_scale, group.frozen_epochs))
    if rest := [weight for weight in trained.values() if weight not in taken]:
        result.insert(0, ParameterGroup(rest))
    if trained and not any(group.frozen_epochs == 0 for group in result):
        text = message("all parameters are frozen in the first epoch: leave a group out, or set its frozen_epochs to 0")
        raise RecipeError([recipe.fault(("train", "groups"), text)])
    return result


def _groups_of_recipe(
    trained: dict[str, nn.Parameter], groups: tuple[Group, ...], recipe: Recipe
) -> Iterator[ParameterGroup]:
    """Yield the groups of a recipe. Raises as `parameter_groups` does."""
    faults: list[Fault] = []
    owners: dict[str, str] = {}
    for place, group in enumerate(groups):
        pattern, path = group.parameters, ("train", "groups", str(place), "parameters")
        names = [name for name in trained if fnmatchcase(name, pattern)]
        if not names:
            text = message(
                "'{pattern}' matches no trained parameter{hint}", pattern=pattern, hint=_hint(pattern, [*trained])
            )
            faults.append(recipe.fault(path, text, rejected=pattern))
        elif repeated := next((name for name in names if name in owners), ""):
            text = message(
                "'{pattern}' and '{other}' both match {name}: change one, so that a parameter is in one group",
                pattern=pattern,
                other=owners[repeated],
                name=repeated,
            )
            faults.append(recipe.fault(path, text))
        owners |= dict.fromkeys(names, pattern)
        frozen = math.inf if group.frozen_epochs == "always" else float(group.frozen_epochs)
        yield ParameterGroup([trained[name] for name in names], group.lr_scale, frozen)
    if faults:
        raise RecipeError(faults)


def _hint(pattern: str, names: list[str]) -> str:
    """Return a hint for a pattern that matches nothing: a similar name or pattern, or what there is."""
    parts = [name.split(".") for name in names]
    patterns = dict.fromkeys(".".join([*part[:end], "*"]) for part in parts for end in range(1, len(part)))
    if hint := suggest(pattern, [*patterns, *names]):
        return hint
    if pattern in {".".join(part[:end]) for part in parts for end in range(1, len(part))}:
        return message(" (did you mean '{pattern}.*'?)", pattern=pattern)
    shown = listed(names[:6]) + (" …" if len(names) > 6 else "")
    return message("; the parameters are {names}", names=shown)


def _groups_of_components(model: Model) -> Iterator[ParameterGroup]:
    """Yield the groups of the components, each before those that it contains. Raises as `parameter_groups` does."""
    for component in model.modules():
        if not isinstance(component, Embedding | Encoder | Head):
            continue
        own = set(component.parameters())
        used: set[nn.Parameter] = set()
        for group in component.parameter_groups():
            if not isinstance(group, ParameterGroup):
                problem = message("contains a {type}, not a ParameterGroup", type=type(group).__name__)
            elif not own.issuperset(group.parameters):
                problem = message("contains what is not one of its parameters")
            elif not used.isdisjoint(group.parameters):
                problem = message("contains a parameter twice")
            else:
                used.update(group.parameters)
                yield group
                continue
            raise PluginError(
                message("{name}: parameter_groups {problem}", name=class_name(type(component)), problem=problem)
            )
