"""Operations on encoder states, which are nested tuples of tensors.

A state is a tensor with the batch dimension first, a tuple of states, or None (`seqkit.contracts.State`). The functions
also take lists in place of tuples, and return tuples.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

import torch
from torch import Tensor

from seqkit.contracts import State
from seqkit.messages import message
from seqkit.runs.files import MAX_NESTING

Layout: TypeAlias = Any
"""The structure of a flattened state as JSON types: the name of a tensor, None, or a list of layouts."""


def map_state(function: Callable[[Tensor], Tensor], state: State) -> State:
    """Return the state with a function applied to each tensor."""
    if isinstance(state, tuple | list):
        return tuple(map_state(function, part) for part in state)
    return None if state is None else function(state)


def leaves(state: State) -> Iterator[Any]:
    """Yield the parts of a state that are neither tuples nor None, in order: its tensors, if it is a valid state."""
    if isinstance(state, tuple | list):
        for part in state:
            yield from leaves(part)
    elif state is not None:
        yield state


def is_complete(state: State) -> bool:
    """Return whether no part of a state is None, so that each part of an encoder can continue from it."""
    return all(map(is_complete, state)) if isinstance(state, tuple | list) else state is not None


def first_rows(state: State, rows: int) -> State:
    """Return the state of the first rows, detached from the graph that computed it."""
    return map_state(lambda tensor: tensor[:rows].detach(), state)


def select_rows(state: State, rows: Tensor) -> State:
    """Return the state of the given rows, int64 (rows,)."""
    return map_state(lambda tensor: tensor[rows], state)


def same_structure(one: State, other: State) -> bool:
    """Return whether two states are nested alike, with tensors of the same type, rank and batch size.

    Other dimensions may differ: an encoder's state can grow with the number of time steps.
    """
    if isinstance(one, tuple | list) and isinstance(other, tuple | list):
        return len(one) == len(other) and all(map(same_structure, one, other))
    if isinstance(one, Tensor) and isinstance(other, Tensor):
        return one.dtype == other.dtype and one.dim() == other.dim() and one.shape[:1] == other.shape[:1]
    return one is None and other is None


def flatten(state: State, name: str) -> tuple[dict[str, Tensor], Layout]:
    """Return the tensors of a state by name, and its layout.

    Args:
        state: the state.
        name: the name of the state. Its parts are called `name.0`, `name.1`, and so on.
    """
    if state is None:
        return {}, None
    if isinstance(state, Tensor):
        return {name: state}, name
    parts = [flatten(part, f"{name}.{number}") for number, part in enumerate(state)]
    return {key: tensor for tensors, _ in parts for key, tensor in tensors.items()}, [layout for _, layout in parts]


def unflatten(tensors: Mapping[str, Tensor], layout: Layout, depth: int = 0) -> State:
    """Return the state that was flattened. The layout may come from an untrusted file.

    Raises:
        KeyError, TypeError, ValueError: it is not a layout of these tensors.
    """
    if layout is None:
        return None
    if isinstance(layout, str):
        return tensors[layout]
    if depth == MAX_NESTING:
        raise ValueError(message("a carried state is nested more than {depth} levels deep", depth=MAX_NESTING))
    return tuple(unflatten(tensors, part, depth + 1) for part in layout)


def to_device(state: State, device: torch.device) -> State:
    """Return the state on a device."""
    return map_state(lambda tensor: tensor.to(device), state)
