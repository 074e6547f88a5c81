"""Copy the weights of other runs into the components that name one (`init_from`).

The weights of a component are found in the other run by their names: those of its section, or of a part of the section
that has weights of the same names. The rows of a table of vectors are matched by the text of their tokens, so that the
vocabularies may differ. In all other cases they must be the same: the weights depend on the numbers of the tokens.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from seqkit.contracts import Embedding, Encoder, Tokenizer
from seqkit.errors import DataError, RecipeError, SeqkitError, suggest
from seqkit.messages import message
from seqkit.modeling.model import Model
from seqkit.modeling.weights import read_weights
from seqkit.recipe.initialization import KEY, InitFrom
from seqkit.recipe.saved import saved_tokenizer
from seqkit.recipe.yaml_parser import KeyPath

if TYPE_CHECKING:
    from seqkit.recipe.plan import Plan, Spec
    from seqkit.recipe.recipe import Recipe


class _Mismatch(Exception):
    """The weights of a run do not fit a component.

    Attributes:
        path: the place in the recipe.
    """

    def __init__(self, path: KeyPath, text: str) -> None:
        super().__init__(text)
        self.path = path


@dataclass(frozen=True)
class _Weights:
    """The weights of a component and those that it begins with.

    Attributes:
        spec: the component.
        module: the component, built.
        names: for each name in the module, the name in the run.
        table: the name in the module of the table with one vector per token; None if there is none.
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


def initialize(model: Model, plan: Plan, tokenizer: Tokenizer | None, recipe: Recipe) -> list[str]:
    """Copy weights of other runs into the components of a new model that are to begin with them.

    Args:
        model: the model, with initial weights.
        plan: its plan.
        tokenizer: the fitted tokenizer; None if the reader yields features.
        recipe: the recipe, for messages.

    Returns:
        Notes for the user.

    Raises:
        RecipeError: the weights do not fit.
        DataError: the weights are corrupt.
    """
    try:
        # All are compared before any is changed.
        found = [_matched(spec, module) for spec, module in _initialized(plan, model.modules())]
        notes = [note for weights in found for note in _copy(weights, model, tokenizer)]
    except _Mismatch as error:
        raise RecipeError([recipe.fault(error.path, str(error))]) from None
    for spec in plan.components:
        spec.built.clear()
    return notes


def check_shapes_of_sources(plan: Plan, recipe: Recipe) -> None:
    """Compare weights with those of the runs that they are initialized from, as far as possible before there is data.

    Raises:
        RecipeError: they do not fit.
    """
    specs = [spec for spec in plan.components if spec.init_from and spec.registered.kind != "tokenizer"]
    if not specs:
        return
    built: list[nn.Module] = []
    # What fails here, on its own, is reported when the model is built.
    with suppress(Exception), torch.random.fork_rng(devices=[]), torch.device("meta"):
        init = specs[0].init_from
        assert init is not None
        tokenizer = saved_tokenizer(init.source)
        if plan.embedding is not None and tokenizer is not None:
            # With the vocabulary of the run: other vocabularies are matched later.
            embedding = plan.embedding.build(tokenizer)
            built.append(embedding)
            built.append(plan.encoder.build(embedding.output_size))
    try:
        for spec, module in _initialized(plan, nn.ModuleList(built).modules()):
            _matched(spec, module)
    except _Mismatch as error:
        raise RecipeError([recipe.fault(error.path, str(error))]) from None
    finally:
        for spec in specs:
            spec.built.clear()


def _initialized(plan: Plan, modules: Iterable[nn.Module]) -> Iterator[tuple[Spec, nn.Module]]:
    """Yield the components that are to be initialized from a run, and their modules."""
    known = set(modules)
    for spec in plan.components:
        if spec.init_from and spec.registered.kind != "tokenizer":
            yield from ((spec, module) for module in spec.built if module in known)


def _matched(spec: Spec, module: nn.Module) -> _Weights:
    """Find the weights of a component in its run, and compare their shapes.

    Raises:
        _Mismatch: there are none, or a shape differs.
    """
    init, path = spec.init_from, (*spec.path, KEY)
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
        raise _Mismatch(path, text)
    extra = sorted(name for name in shapes if name.startswith(prefix) and name.removeprefix(prefix) not in own)
    if extra and init.layers is None:
        text = message(
            "{run} also has the weight '{name}', which there is no place for: set the same number of layers and the "
            "same options as there, or `layers`",
            run=init.run,
            name=extra[0],
        )
        raise _Mismatch(path, text)
    weights = _Weights(spec, module, {name: prefix + name for name in names}, _table(module))
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
            raise _Mismatch((*spec.path, KEY, "layers", str(place)), text)
    wanted = set().union(*(found[layer] for layer in layers))
    return [name for name, weight in module.named_parameters() if weight in wanted]


def _prefix(spec: Spec, names: Sequence[str], *, is_whole: bool) -> str:
    """Return what the names of the weights in the run begin with.

    Args:
        spec: the component.
        names: of the weights in the component.
        is_whole: whether these are all weights of the component.

    Raises:
        _Mismatch: there is no such part, or several parts have weights of these names.
    """
    init = spec.init_from
    assert init is not None
    every = set(init.source.shapes)
    places = [name.split(".") for name in every]
    parts = sorted({".".join(place[:end]) for place in places for end in range(1, len(place))})
    if init.part is not None:
        if init.part not in parts:
            text = message("{run} has no part '{part}'", run=init.run, part=init.part) + (
                suggest(init.part, parts) or message("; it has {parts}", parts=", ".join(parts[:6]))
            )
            raise _Mismatch((*spec.path, KEY, "part"), text)
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
            parts=", ".join(found),
        )
        raise _Mismatch((*spec.path, KEY), text)
    return f"{found[0]}." if found else f"{section}."


def _table(module: nn.Module) -> str | None:
    """Return the name of the parameter that has one vector per token; None if there is none."""
    if not isinstance(module, Embedding) or module.takes != "ids":
        return None
    vectors = module.all_vectors()
    return next((name for name, weight in module.named_parameters() if weight is vectors), None)


def _shape_mismatch(weights: _Weights, name: str, expected: tuple[int, ...], actual: tuple[int, ...]) -> _Mismatch:
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
                return _Mismatch((*spec.path, key), text)
    text = message(
        "the weights of {run} have another shape ({shapes}): use the same sizes as there, also those of the components "
        "before this one",
        run=run,
        shapes=shapes,
    )
    return _Mismatch((*spec.path, KEY), text)


def _copy(weights: _Weights, model: Model, tokenizer: Tokenizer | None) -> Iterator[str]:
    """Copy weights into a component; yield notes about it.

    Raises:
        _Mismatch: the vocabularies differ.
        DataError: the weights are corrupt.
    """
    spec, module = weights.spec, weights.module
    file = weights.init.source.directory.model
    stored, state = read_weights(file), module.state_dict()
    rows = None
    if tokenizer is not None and _depends_on_vocabulary(spec, model):
        rows = _matched_rows(weights, tokenizer)
    for name, other in weights.names.items():
        weight = stored[other]
        if weight.is_floating_point() != state[name].is_floating_point():
            text = message("{file}: '{name}' has the type {type}", file=file, name=other, type=weight.dtype)
            raise DataError(text)
        if weight.is_floating_point() and not weight.isfinite().all():
            raise DataError(message("{file}: '{name}' contains a number that is not finite", file=file, name=other))
        if rows is not None and name == weights.table:
            weight = _with_rows(state[name], weight, rows)
        state[name] = weight
    try:
        module.load_state_dict(state)
    except ValueError as error:  # of a component that checks what it restores
        raise DataError(message("{file}: corrupt: {reason}", file=file, reason=error)) from None
    if rows is not None:
        yield message(
            "{key}: {known:,} of {all:,} tokens begin with their vectors of {run}; the vectors of the others are new",
            key=".".join(spec.path),
            known=len(rows),
            all=len(state[weights.table or ""]),
            run=weights.init.run,
        )


def _depends_on_vocabulary(spec: Spec, model: Model) -> bool:
    """Return whether weights of a component belong to the numbers of tokens."""
    if spec.registered.kind == "embedding":
        return True
    return model.embedding is not None and model.embedding.is_one_hot and spec.path[0] == "encoder"


def _matched_rows(weights: _Weights, tokenizer: Tokenizer) -> dict[int, int] | None:
    """Return for each token that both vocabularies contain its id here and there; None if they are the same.

    Raises:
        _Mismatch: the vocabularies differ, and there is no table whose rows could be matched, or nothing in common.
    """
    spec, init = weights.spec, weights.init
    path = (*spec.path, KEY)
    try:
        other = saved_tokenizer(init.source)
    except SeqkitError as error:
        raise _Mismatch(path, str(error)) from None
    remedy = message("set `tokenizer: {{type: …, init_from: {run}}}` to take its vocabulary too", run=init.run)
    if other is None:
        raise _Mismatch(path, message("{run} has no tokenizer: name another run", run=init.run))
    is_same_type = type(other) is type(tokenizer)
    if is_same_type and other.vocab_size == tokenizer.vocab_size and other.state() == tokenizer.state():
        return None
    if weights.table is None or not is_same_type:
        text = message(
            "the vocabulary has {own:,} tokens and that of {run} {other:,}, and not the same ones: {remedy}",
            own=tokenizer.vocab_size,
            run=init.run,
            other=other.vocab_size,
            remedy=remedy,
        )
        raise _Mismatch(path, text)
    known = {token: number for number, token in enumerate(_tokens(other))}
    rows = {number: known[token] for number, token in enumerate(_tokens(tokenizer)) if token in known}
    if not rows:
        text = message("no token of the vocabulary is in that of {run}: {remedy}", run=init.run, remedy=remedy)
        raise _Mismatch(path, text)
    return rows


def _tokens(tokenizer: Tokenizer) -> Iterator[tuple[Any, ...]]:
    """Yield what identifies each token: its text, whether it has one, and a number if several have the same text."""
    suppressed, seen = set(tokenizer.suppressed_ids), Counter[tuple[Any, ...]]()
    for number in range(tokenizer.vocab_size):
        token = tokenizer.decode([number]), number in suppressed
        yield (*token, seen[token])
        seen[token] += 1


def _with_rows(own: Tensor, other: Tensor, rows: dict[int, int]) -> Tensor:
    """Return a table in which some rows are those of another table."""
    result = own.clone()
    result[list(rows)] = other[list(rows.values())].to(own.dtype)
    return result
