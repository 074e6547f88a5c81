"""Copy the weights of other runs into the components that name one (`init_from`).

`source_weights` finds and compares the weights. The rows of a table of vectors are matched by the text of their tokens,
so that the vocabularies may differ. In all other cases they must be the same: the weights depend on the numbers of the
tokens.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from seqkit.contracts import Tokenizer
from seqkit.contracts.parameters import INIT_FROM
from seqkit.errors import DataError, RecipeError, SeqkitError
from seqkit.messages import message
from seqkit.modeling.model import Model
from seqkit.modeling.source_weights import MatchedWeights, Mismatch, match_weights
from seqkit.modeling.weights import read_weights
from seqkit.recipe.no_compiler import meta_device
from seqkit.recipe.saved import saved_tokenizer

if TYPE_CHECKING:
    from seqkit.recipe.plan import Plan, Spec
    from seqkit.recipe.recipe import Recipe


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
        found = [match_weights(spec, module) for spec, module in _initialized(plan, model.modules())]
        notes = [note for weights in found for note in _copy(weights, model, tokenizer)]
    except Mismatch as error:
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
    with suppress(Exception), torch.random.fork_rng(devices=[]), meta_device():
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
            match_weights(spec, module)
    except Mismatch as error:
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


def _copy(weights: MatchedWeights, model: Model, tokenizer: Tokenizer | None) -> Iterator[str]:
    """Copy weights into a component; yield notes about it.

    Raises:
        Mismatch: the vocabularies differ.
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


def _matched_rows(weights: MatchedWeights, tokenizer: Tokenizer) -> dict[int, int] | None:
    """Return for each token that both vocabularies contain its id here and there; None if they are the same.

    Raises:
        Mismatch: the vocabularies differ, and there is no table whose rows could be matched, or nothing in common.
    """
    spec, init = weights.spec, weights.init
    path = (*spec.path, INIT_FROM)
    try:
        other = saved_tokenizer(init.source)
    except SeqkitError as error:
        raise Mismatch(path, str(error)) from None
    remedy = message("set `tokenizer: {{type: …, init_from: {run}}}` to take its vocabulary too", run=init.run)
    if other is None:
        raise Mismatch(path, message("{run} has no tokenizer: name another run", run=init.run))
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
        raise Mismatch(path, text)
    known = {token: number for number, token in enumerate(_tokens(other))}
    rows = {number: known[token] for number, token in enumerate(_tokens(tokenizer)) if token in known}
    if not rows:
        text = message("no token of the vocabulary is in that of {run}: {remedy}", run=init.run, remedy=remedy)
        raise Mismatch(path, text)
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
