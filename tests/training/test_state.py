"""Encoder states: the functions that walk nested tuples of tensors."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load, save

from seqkit.modeling.state import (
    first_rows,
    flatten,
    is_complete,
    leaves,
    map_state,
    same_structure,
    select_rows,
    to_device,
    unflatten,
)
from seqkit.runs.files import MAX_NESTING

BATCH = 4
DTYPES = [torch.float32, torch.float64, torch.int64, torch.bool]


@st.composite
def tensors(draw: st.DrawFn) -> torch.Tensor:
    """A tensor (BATCH, ...) of any of several types and ranks, with values that differ between elements."""
    shape = (BATCH, *draw(st.lists(st.integers(0, 3), max_size=2)))
    values = torch.arange(torch.Size(shape).numel()) * 7 + draw(st.integers(0, 100))
    return values.reshape(shape).to(draw(st.sampled_from(DTYPES)))


def nested(leaf: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """States with the given leaves."""
    return st.recursive(leaf, lambda inner: st.lists(inner, max_size=3).map(tuple), max_leaves=8)


states = nested(st.none() | tensors())
complete_states = nested(tensors())


def as_lists(state: Any) -> Any:
    """Return a state with lists in place of tuples."""
    return [as_lists(part) for part in state] if isinstance(state, tuple) else state


def walk(state: Any) -> Iterator[Any]:
    """Yield everything in a state, in order: tuples, tensors and None."""
    pending = [state]
    while pending:
        part = pending.pop()
        yield part
        if isinstance(part, tuple):
            pending += reversed(part)


def tensors_of(state: Any) -> list[torch.Tensor]:
    return [part for part in walk(state) if isinstance(part, torch.Tensor)]


def equal(one: Any, other: Any) -> bool:
    """Return whether two states have the same structure, types, shapes and values."""
    if isinstance(one, tuple) or isinstance(other, tuple):
        return type(one) is type(other) and len(one) == len(other) and all(map(equal, one, other))
    if one is None or other is None:
        return one is other
    return one.dtype == other.dtype and torch.equal(one, other)


# map_state and leaves


@given(states)
def test_map_state_with_the_identity(state: Any) -> None:
    assert equal(map_state(lambda tensor: tensor, state), state)
    assert equal(map_state(lambda tensor: tensor, as_lists(state)), state)


@given(states)
def test_map_state_calls_the_function_once_per_tensor_in_order(state: Any) -> None:
    arguments: list[torch.Tensor] = []

    def record(tensor: torch.Tensor) -> torch.Tensor:
        arguments.append(tensor)
        return torch.tensor([len(arguments)])

    mapped = map_state(record, state)
    assert [id(tensor) for tensor in arguments] == [id(tensor) for tensor in tensors_of(state)]
    assert [int(tensor) for tensor in tensors_of(mapped)] == list(range(1, len(arguments) + 1))
    assert [type(part) for part in walk(mapped)] == [type(part) for part in walk(state)]


@given(states)
def test_leaves_are_the_tensors_in_order(state: Any) -> None:
    expected = [id(tensor) for tensor in tensors_of(state)]
    assert [id(tensor) for tensor in leaves(state)] == expected
    assert [id(tensor) for tensor in leaves(as_lists(state))] == expected


def test_leaves_include_values_that_are_not_tensors() -> None:
    assert list(leaves((3, [None, "text"], {"a": 1}))) == [3, "text", {"a": 1}]


# is_complete


@given(states)
def test_state_is_complete_if_no_part_is_none(state: Any) -> None:
    expected = all(part is not None for part in walk(state))
    assert is_complete(state) is expected
    assert is_complete(as_lists(state)) is expected


@given(complete_states)
def test_state_without_none_is_complete(state: Any) -> None:
    assert is_complete(state)
    assert not is_complete((state, None))


# same_structure


@given(states, st.data())
def test_same_structure_ignores_values_and_other_dimensions(state: Any, data: st.DataObject) -> None:
    def other_size(tensor: torch.Tensor) -> torch.Tensor:
        sizes = [data.draw(st.integers(0, 3)) for _ in tensor.shape[1:]]
        return torch.zeros(len(tensor), *sizes, dtype=tensor.dtype)

    other = map_state(other_size, state)
    assert same_structure(state, state)
    assert same_structure(state, other)
    assert same_structure(other, state)
    assert same_structure(as_lists(state), other)
    assert same_structure(state, as_lists(other))


@given(states, states)
def test_same_structure_is_symmetric_and_compares_all_parts(one: Any, other: Any) -> None:
    def describe(state: Any) -> list[Any]:
        return [
            (part.dtype, part.dim())
            if isinstance(part, torch.Tensor)
            else (len(part) if isinstance(part, tuple) else None)
            for part in walk(state)
        ]

    expected = describe(one) == describe(other)
    assert same_structure(one, other) is expected
    assert same_structure(other, one) is expected


TENSOR = torch.zeros(BATCH, 3)
DIFFERENT: dict[str, Any] = {
    "type": TENSOR.double(),
    "rank": TENSOR[..., None],
    "batch size": TENSOR[:3],
    "none": None,
    "tuple": (TENSOR,),
    "empty tuple": (),
    "number": 3,
}


@pytest.mark.parametrize("case", DIFFERENT)
def test_states_of_different_structure(case: str) -> None:
    other = DIFFERENT[case]
    for one, two in ((TENSOR, other), ((TENSOR, TENSOR), (TENSOR, other)), ((None, (TENSOR,)), (None, (other,)))):
        assert not same_structure(one, two)
        assert not same_structure(two, one)


def test_states_of_different_length() -> None:
    assert not same_structure((TENSOR, TENSOR), (TENSOR,))
    assert not same_structure((TENSOR,), (TENSOR, None))


# flatten and unflatten


@given(states)
def test_flatten_round_trip_through_the_files_of_a_checkpoint(state: Any) -> None:
    flat, layout = flatten(state, "carried")
    restored = unflatten(load(save(flat)), json.loads(json.dumps(layout)))
    assert equal(restored, state)
    assert same_structure(restored, state)


@given(states)
def test_flatten_names_each_tensor_by_its_place(state: Any) -> None:
    flat, layout = flatten(state, "carried")
    assert list(map(id, flat.values())) == list(map(id, tensors_of(state)))
    for name, tensor in flat.items():
        first, *places = name.split(".")
        assert first == "carried"
        part = state
        for place in places:
            part = part[int(place)]
        assert part is tensor
    assert list(_names(layout)) == list(flat)
    from_lists, same_layout = flatten(as_lists(state), "carried")
    assert list(from_lists) == list(flat)
    assert same_layout == layout


def _names(layout: Any) -> Iterator[str]:
    if isinstance(layout, str):
        yield layout
    elif layout is not None:
        yield from itertools.chain.from_iterable(map(_names, layout))


def test_flatten_of_a_nested_state() -> None:
    hidden, cell = torch.zeros(2, 3), torch.ones(2, 1)
    flat, layout = flatten((hidden, (None, cell), ()), "state")
    assert layout == ["state.0", [None, "state.1.1"], []]
    assert flat.keys() == {"state.0", "state.1.1"}
    assert flat["state.0"] is hidden
    assert flat["state.1.1"] is cell
    assert flatten(None, "state") == ({}, None)


@pytest.mark.parametrize(
    ("layout", "error"),
    [("other", KeyError), (["state.0", "other"], KeyError), (3, TypeError), (["state.0", 1.5], TypeError)],
)
def test_unflatten_rejects_another_layout(layout: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        unflatten({"state.0": TENSOR}, layout)


def test_unflatten_limits_the_nesting() -> None:
    layout: Any = "state"
    for _ in range(MAX_NESTING):
        layout = [layout]
    assert [part is TENSOR for part in leaves(unflatten({"state": TENSOR}, layout))] == [True]
    with pytest.raises(ValueError, match=f"^a carried state is nested more than {MAX_NESTING} levels deep$"):
        unflatten({"state": TENSOR}, [layout])


# Rows and devices


@given(states, st.lists(st.integers(0, BATCH - 1), max_size=6))
def test_select_rows_indexes_each_tensor(state: Any, rows: list[int]) -> None:
    index = torch.tensor(rows, dtype=torch.int64)
    selected = select_rows(state, index)
    assert [type(part) for part in walk(selected)] == [type(part) for part in walk(state)]
    for source, tensor in zip(tensors_of(state), tensors_of(selected), strict=True):
        assert (tensor.dtype, tensor.shape) == (source.dtype, (len(rows), *source.shape[1:]))
        assert all(torch.equal(tensor[place], source[row]) for place, row in enumerate(rows))
    assert equal(select_rows(as_lists(state), index), selected)


@given(states, st.integers(0, BATCH))
def test_first_rows_are_selected_rows(state: Any, rows: int) -> None:
    assert equal(first_rows(state, rows), select_rows(state, torch.arange(rows)))


def test_select_rows_keeps_the_graph_and_first_rows_do_not() -> None:
    weight = torch.ones(BATCH, 2, requires_grad=True)
    (selected,) = tensors_of(select_rows((weight * 2,), torch.tensor([1, 1])))
    selected.sum().backward()
    assert weight.grad is not None
    assert weight.grad.tolist() == [[0, 0], [4, 4], [0, 0], [0, 0]]
    (detached,) = tensors_of(first_rows((weight * 2,), 2))
    assert not detached.requires_grad


@given(states)
def test_to_device_moves_each_tensor(state: Any) -> None:
    assert equal(to_device(state, torch.device("cpu")), state)
    moved = to_device(state, torch.device("meta"))
    assert all(tensor.device.type == "meta" for tensor in tensors_of(moved))
    assert same_structure(moved, state)
