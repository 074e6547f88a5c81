"""What weights a run of seqkit's own components must hold, told from its recipe: by name and shape, without torch.

A run directory may be a stranger's, or damaged. The NumPy engine would multiply whatever fits, so names, shapes and
numbers are checked before it is given any.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import Any, TypeAlias

import numpy as np

from seqkit.errors import DataError
from seqkit.rundir import RunDirectory, shown

Wanted: TypeAlias = Generator[tuple[str, tuple[int, ...]], None, int]
"""Yields names and shapes, and returns the width of what comes out."""


def check_weights(
    directory: RunDirectory,
    recipe: Mapping[str, Any],
    weights: Mapping[str, np.ndarray],
    vocab_size: int,
    head_state: Mapping[str, Any],
) -> None:
    """Checks the weights of a run, and what its head learned, against its recipe.

    Args:
        recipe: resolved, of built-in components.
        vocab_size: of the fitted tokenizer.
        head_state: what the head learned from the data.

    Raises:
        DataError: the recipe's sizes are no sizes, the head's labels no labels, or a name, a shape or a number among
            the weights is wrong.
    """
    if recipe["head"]["type"] == "next_char":
        answers = vocab_size
        if head_state.get("vocab_size") != vocab_size:
            raise DataError(f"{directory.tokenizer}: damaged: the head's vocab_size is not {vocab_size}")
    else:
        labels: Any = head_state.get("labels")
        words = isinstance(labels, list) and bool(labels) and all(isinstance(word, str) and word for word in labels)
        if not words or len(set(labels)) != len(labels):
            raise DataError(f"{directory.tokenizer}: damaged: the head's labels are not a list of words")
        answers = len(labels)
    known = set()
    try:
        for name, shape in _model(recipe, vocab_size, answers):
            known.add(name)
            if name not in weights:
                raise DataError(f"{directory.model}: '{name}' is missing: these are not the weights of this recipe")
            if weights[name].shape != shape:
                raise DataError(f"{directory.model}: '{name}' has the shape {weights[name].shape}, not {shape}")
    except _NoSize as error:
        raise DataError(f"{directory.plan}: damaged: {error}") from None
    if odd := sorted(set(weights) - known):
        raise DataError(f"{directory.model}: {shown(odd[0])} is not part of the model")
    for name, tensor in weights.items():
        if tensor.dtype.kind != "f":
            raise DataError(f"{directory.model}: '{name}' holds {tensor.dtype}, not floating-point numbers")
        with np.errstate(over="ignore"):  # a float64 that is no float32
            finite = bool(np.isfinite(tensor.astype(np.float32, copy=False)).all())
        if not finite:
            raise DataError(f"{directory.model}: '{name}' holds a number that is not finite")


class _NoSize(ValueError):
    pass


def _model(recipe: Mapping[str, Any], vocab_size: int, answers: int) -> Wanted:
    size = vocab_size
    if recipe["embedding"]["type"] == "learned":
        size = _whole(recipe["embedding"], "dim", "embedding")
        yield "embedding.vectors.weight", (vocab_size, size)
    size = yield from _encoder(recipe["encoder"], "encoder.", size)
    yield "head.output.weight", (answers, size)
    yield "head.output.bias", (answers,)
    return answers


def _encoder(section: Mapping[str, Any], prefix: str, size: int) -> Wanted:
    where = prefix[:-1]
    if section["type"] == "stacked":
        layers = section.get("layers")
        if not isinstance(layers, list) or not layers:
            raise _NoSize(f"{where}.layers must be a list of at least one encoder, not {shown(layers)}")
        for number, layer in enumerate(layers):
            size = yield from _encoder(layer, f"{prefix}layers.{number}.", size)
        return size
    if section["type"] == "projected":
        if not isinstance(section.get("encoder"), dict):
            raise _NoSize(f"{where}.encoder is required")
        inner = yield from _encoder(section["encoder"], f"{prefix}encoder.", size)
        projected = _whole(section, "proj_size", where)
        yield f"{prefix}projection.weight", (projected, inner)
        if _flag(section, "bias", where):
            yield f"{prefix}projection.bias", (projected,)
        return projected
    hidden = _whole(section, "hidden_size", where)
    projected = _whole(section, "proj_size", where, least=0)
    biased = _flag(section, "bias", where)
    width = projected or hidden
    directions = 2 if section["type"] == "bilstm" else 1
    for number in range(_whole(section, "num_layers", where) * directions):
        cell = f"{prefix}layers.cells.{number}."
        yield cell + "weight_ih_l0", (4 * hidden, size if number < directions else directions * width)
        yield cell + "weight_hh_l0", (4 * hidden, width)
        if biased:
            yield cell + "bias_ih_l0", (4 * hidden,)
            yield cell + "bias_hh_l0", (4 * hidden,)
        if projected:
            yield cell + "weight_hr_l0", (projected, hidden)
    return directions * width


def _whole(section: Mapping[str, Any], key: str, where: str, least: int = 1) -> int:
    value = section.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise _NoSize(f"{where}.{key} must be a whole number of at least {least}, not {shown(value)}")
    return value


def _flag(section: Mapping[str, Any], key: str, where: str) -> bool:
    value = section.get(key)
    if not isinstance(value, bool):
        raise _NoSize(f"{where}.{key} must be true or false, not {shown(value)}")
    return value
