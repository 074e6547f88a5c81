"""`lstm` and `bilstm` against torch.nn.LSTM on a PackedSequence, which gives every row its own answer."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from itertools import product
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from seqkit.contracts import Encoded, Encoder, Lookup
from seqkit.encoders import paths
from seqkit.encoders.bilstm import BiLSTM
from seqkit.encoders.lstm import LSTM
from seqkit.workers import workers

INPUT_SIZE = 3
CLASSES = {1: LSTM, 2: BiLSTM}

LENGTHS = {
    "one step": ([1, 1, 1], 1),
    "equal": ([4, 4, 4], 4),
    "mixed": ([2, 5, 1, 4], 5),
    "mixed, padded further": ([2, 5, 1, 4], 8),
}
"""The lengths of a batch's rows, and the steps of the batch."""


def pair(directions: int, input_size: int = INPUT_SIZE, **parameters: Any) -> tuple[Encoder, nn.LSTM]:
    """Returns one of our encoders and torch's, with torch's random weights copied into ours by name."""
    reference = nn.LSTM(input_size, batch_first=True, bidirectional=directions == 2, **parameters)
    ours = CLASSES[directions](input_size, **parameters)
    with torch.no_grad():
        for mine, theirs in matched(ours, reference):
            mine.copy_(theirs)
    return ours, reference


def matched(ours: Any, reference: nn.LSTM) -> Iterator[tuple[nn.Parameter, nn.Parameter]]:
    """Yields each of our parameters beside torch's."""
    theirs = dict(reference.named_parameters())
    directions = 2 if reference.bidirectional else 1
    for name, mine in ours.named_parameters():
        _, _, cell, part = name.split(".")  # layers.cells.3.weight_ih_l0
        layer, direction = divmod(int(cell), directions)
        other = theirs.pop(part.removesuffix("0") + str(layer) + "_reverse" * direction)
        assert mine.shape == other.shape
        yield mine, other
    assert not theirs


def packed(reference: nn.LSTM, inputs: Tensor, lengths: Tensor, state: tuple[Tensor, Tensor] | None) -> Encoded:
    """Returns torch's answer in our form, with the final vector read from the outputs at the steps that define it."""
    given_state = None if state is None else tuple(part.transpose(0, 1).contiguous() for part in state)
    sequence = pack_padded_sequence(inputs, lengths, batch_first=True, enforce_sorted=False)
    sequence, (hidden, cell) = reference(sequence, given_state)
    outputs, _ = pad_packed_sequence(sequence, batch_first=True, total_length=inputs.shape[1])
    last = outputs[torch.arange(len(lengths)), lengths - 1]  # (batch, output_size)
    if reference.bidirectional:
        width = outputs.shape[2] // 2
        final = torch.cat([last[:, :width], outputs[:, 0, width:]], dim=1)
    else:
        final = last
    return Encoded(outputs, final, (hidden.transpose(0, 1), cell.transpose(0, 1)))


def random_state(directions: int, batch: int, parameters: dict[str, Any]) -> tuple[Tensor, Tensor]:
    layers, hidden_size = parameters["num_layers"] * directions, parameters["hidden_size"]
    width = parameters["proj_size"] or hidden_size
    return tuple(torch.randn(batch, layers, size, requires_grad=True) for size in (width, hidden_size))  # type: ignore[return-value]


def assert_same(
    directions: int, lengths: list[int], time: int, with_state: bool, *, form: str = "vectors", **parameters: Any
) -> None:
    """Compares everything that comes out, and every gradient under a random loss on all of it.

    Args:
        form: what ours gets: vectors; ids, for which torch gets their one-hot vectors; or a lookup.
    """
    input_size = parameters.pop("input_size", INPUT_SIZE)
    ours, reference = pair(directions, input_size, **parameters)
    start = random_state(directions, len(lengths), parameters) if with_state else None
    inputs: Any
    learned = []
    if form == "ids":
        inputs = torch.randint(0, input_size, (len(lengths), time))
        vectors = nn.functional.one_hot(inputs, input_size).double()
    elif form == "lookup":
        learned = [torch.randn(6, input_size, requires_grad=True)]
        inputs = Lookup(torch.randint(0, 6, (len(lengths), time)), learned[0])
        vectors = nn.functional.embedding(*inputs)
    else:
        inputs = vectors = torch.randn(len(lengths), time, input_size, requires_grad=True)
        learned = [inputs]
    leaves = [*learned, *(start or ())]

    mine = ours(inputs, torch.tensor(lengths), start)
    theirs = packed(reference, vectors, torch.tensor(lengths), start)
    parts = [(mine.outputs, theirs.outputs), (mine.final, theirs.final), *zip(mine.state, theirs.state, strict=True)]
    for name, (got, wanted) in zip(("outputs", "final", "h", "c"), parts, strict=True):
        assert got.shape == wanted.shape, name
        assert torch.allclose(got, wanted, rtol=0, atol=1e-12), name
    assert mine.outputs.shape[2] == ours.output_size
    assert mine.final.shape[1] == ours.final_size

    weights = [torch.randn_like(got) for got, _ in parts]
    own, other = zip(*matched(ours, reference), strict=True)
    got_gradients = torch.autograd.grad(
        sum((part * weight).sum() for (part, _), weight in zip(parts, weights, strict=True)), [*leaves, *own]
    )
    wanted_gradients = torch.autograd.grad(
        sum((part * weight).sum() for (_, part), weight in zip(parts, weights, strict=True)), [*leaves, *other]
    )
    names = [
        *(["inputs"] if learned else []),
        *(["h", "c"] if with_state else []),
        *(name for name, _ in ours.named_parameters()),
    ]
    for name, got, wanted in zip(names, got_gradients, wanted_gradients, strict=True):
        assert torch.allclose(got, wanted, rtol=1e-12, atol=1e-12), f"the gradient of {name}"


@pytest.fixture(autouse=True)
def _float64_and_seed() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize("with_state", [False, True], ids=["from zeros", "from a state"])
@pytest.mark.parametrize("case", LENGTHS)
@pytest.mark.parametrize("bias", [True, False], ids=["bias", "no bias"])
@pytest.mark.parametrize("proj_size", [0, 2], ids=["", "projection"])
@pytest.mark.parametrize("num_layers", [1, 2, 3])
@pytest.mark.parametrize("directions", [1, 2], ids=["lstm", "bilstm"])
def test_equals_torch(
    directions: int, num_layers: int, proj_size: int, bias: bool, case: str, with_state: bool
) -> None:
    assert_same(
        directions, *LENGTHS[case], with_state, hidden_size=4, num_layers=num_layers, proj_size=proj_size, bias=bias
    )


LOOK_UP = {"looked up": 0, "multiplied out": 10**9}
"""From so many ids a unit of the cell on, the product of weight and one-hot vector is looked up."""


@pytest.mark.parametrize("look_up", LOOK_UP)
@pytest.mark.parametrize("case", ["equal", "mixed, padded further"])
@pytest.mark.parametrize("bias", [True, False], ids=["bias", "no bias"])
@pytest.mark.parametrize("proj_size", [0, 2], ids=["", "projection"])
@pytest.mark.parametrize("directions", [1, 2], ids=["lstm", "bilstm"])
def test_ids_equal_the_vectors_that_they_stand_for_in_torch(
    monkeypatch: pytest.MonkeyPatch, directions: int, proj_size: int, bias: bool, case: str, look_up: str
) -> None:
    monkeypatch.setattr(paths, "LOOK_UP_FROM", LOOK_UP[look_up])
    for with_state in (False, True):
        parameters: dict[str, Any] = {"hidden_size": 4, "num_layers": 2, "proj_size": proj_size, "bias": bias}
        for form in ("ids", "lookup"):
            assert_same(directions, *LENGTHS[case], with_state, form=form, input_size=9, **parameters)


@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(data=st.data())
def test_equals_torch_at_any_size(data: st.DataObject) -> None:
    lengths = data.draw(st.lists(st.integers(1, 7), min_size=1, max_size=5))
    hidden_size = data.draw(st.integers(1, 6))
    torch.manual_seed(data.draw(st.integers(0, 2**16)))
    with pytest.MonkeyPatch.context() as patch, workers(data.draw(st.integers(1, 2))):
        patch.setattr(paths, "LOOK_UP_FROM", LOOK_UP[data.draw(st.sampled_from(sorted(LOOK_UP)))])
        if data.draw(st.booleans()):  # jobs side by side
            patch.setattr(paths, "WORTH_A_JOB", 1)
            patch.setattr(paths, "ROWS_A_JOB", 1)
        assert_same(
            data.draw(st.sampled_from([1, 2])),
            lengths,
            max(lengths) + data.draw(st.integers(0, 2)),
            data.draw(st.booleans()),
            form=data.draw(st.sampled_from(["vectors", "ids", "lookup"])),
            input_size=data.draw(st.sampled_from([1, 2, 5, 20])),
            hidden_size=hidden_size,
            num_layers=data.draw(st.integers(1, 3)),
            proj_size=data.draw(st.integers(0, hidden_size - 1)),
            bias=data.draw(st.booleans()),
        )


@pytest.mark.parametrize("garbage", [1e6, float("nan"), float("inf")])
@pytest.mark.parametrize("directions", [1, 2], ids=["lstm", "bilstm"])
def test_what_stands_in_the_padding_changes_nothing(directions: int, garbage: float) -> None:
    encoder = CLASSES[directions](INPUT_SIZE, hidden_size=4, num_layers=2, proj_size=2)
    lengths = torch.tensor([2, 6, 1, 4])
    answers = []
    for filling in (0.0, garbage):
        torch.manual_seed(1)
        inputs = torch.randn(4, 7, INPUT_SIZE)
        inputs[torch.arange(7) >= lengths[:, None]] = filling
        inputs.requires_grad_()
        encoded = encoder(inputs, lengths)
        parts = [encoded.outputs, encoded.final, *encoded.state]
        loss = sum((part * torch.randn_like(part)).sum() for part in parts)
        answers.append([*parts, *torch.autograd.grad(loss, [inputs, *encoder.parameters()])])
    for with_zeros, with_garbage in zip(*answers, strict=True):
        assert torch.equal(with_zeros, with_garbage)


def test_outputs_are_zero_at_padded_steps() -> None:
    encoder = BiLSTM(INPUT_SIZE, hidden_size=4)
    outputs = encoder(torch.randn(2, 5, INPUT_SIZE), torch.tensor([3, 5])).outputs
    assert not outputs[0, 3:].any()
    assert outputs[0, :3].all() and outputs[1].all()


@pytest.mark.parametrize(
    ("directions", "num_layers", "proj_size", "bias"), list(product([1, 2], [1, 3], [0, 2], [True, False]))
)
def test_a_seed_draws_the_weights_that_torch_draws(
    directions: int, num_layers: int, proj_size: int, bias: bool
) -> None:
    parameters: dict[str, Any] = {"hidden_size": 4, "num_layers": num_layers, "proj_size": proj_size, "bias": bias}
    torch.manual_seed(7)
    ours = CLASSES[directions](INPUT_SIZE, **parameters)
    after = torch.rand(())
    torch.manual_seed(7)
    reference = nn.LSTM(INPUT_SIZE, bidirectional=directions == 2, **parameters)
    assert torch.equal(after, torch.rand(()))  # so what is drawn next (a linear layer) is the same too
    assert all(torch.equal(mine, theirs) for mine, theirs in matched(ours, reference))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("proj_size", [0, 2])
@pytest.mark.parametrize("directions", [1, 2], ids=["lstm", "bilstm"])
def test_keeps_its_floating_type_and_warns_of_nothing(directions: int, proj_size: int, dtype: torch.dtype) -> None:
    ours, reference = pair(directions, hidden_size=4, num_layers=2, proj_size=proj_size)
    ours, reference = ours.to(dtype), reference.double()
    inputs = torch.randn(3, 6, INPUT_SIZE)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for lengths in (torch.tensor([6, 6, 6]), torch.tensor([6, 2, 3])):
            encoded = ours(inputs.to(dtype), lengths)
            encoded.outputs.sum().backward()
            wanted = packed(reference, inputs, lengths, None)
            for got, other in [(encoded.outputs, wanted.outputs), (encoded.final, wanted.final)]:
                assert got.dtype == dtype
                torch.testing.assert_close(got.double(), other, rtol=0, atol=1e-6)
    assert torch.backends.mkldnn.enabled  # put back after a projected layer


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("look_up", LOOK_UP)
def test_ids_are_computed_in_the_weights_floating_type(
    monkeypatch: pytest.MonkeyPatch, look_up: str, dtype: torch.dtype
) -> None:
    monkeypatch.setattr(paths, "LOOK_UP_FROM", LOOK_UP[look_up])
    ours, reference = pair(2, 9, hidden_size=4, proj_size=2)
    ids, lengths = torch.randint(0, 9, (3, 6)), torch.tensor([6, 2, 3])
    encoded = ours.to(dtype)(ids, lengths)
    encoded.outputs.sum().backward()
    wanted = packed(reference, nn.functional.one_hot(ids, 9).double(), lengths, None)
    for got, other in [(encoded.outputs, wanted.outputs), (encoded.final, wanted.final)]:
        assert got.dtype == dtype
        assert torch.allclose(got.double(), other, rtol=0, atol=1e-6)


@pytest.mark.parametrize("look_up", LOOK_UP)
def test_ids_in_the_padding_change_nothing(monkeypatch: pytest.MonkeyPatch, look_up: str) -> None:
    monkeypatch.setattr(paths, "LOOK_UP_FROM", LOOK_UP[look_up])
    encoder = BiLSTM(9, hidden_size=4, num_layers=2)
    ids, lengths = torch.randint(0, 9, (3, 6)), torch.tensor([4, 2, 5])
    other = torch.where(torch.arange(6) < lengths[:, None], ids, (ids + 1) % 9)
    gradients = []
    for given_ids in (ids, other):
        encoded = encoder(given_ids, lengths)
        parts = [encoded.outputs, encoded.final, *encoded.state]
        loss = sum((part * part).sum() for part in parts)
        gradients.append([*parts, *torch.autograd.grad(loss, list(encoder.parameters()))])
    assert all(torch.equal(one, another) for one, another in zip(*gradients, strict=True))


@pytest.mark.parametrize("with_state", [False, True], ids=["from zeros", "from a state"])
@pytest.mark.parametrize("directions", [1, 2], ids=["lstm", "bilstm"])
def test_no_rows_give_no_rows(directions: int, with_state: bool) -> None:
    parameters = {"hidden_size": 4, "num_layers": 2, "proj_size": 2}
    encoder = CLASSES[directions](INPUT_SIZE, **parameters)
    start = random_state(directions, 0, parameters) if with_state else None
    for inputs in (torch.randn(0, 5, INPUT_SIZE), torch.zeros(0, 5, dtype=torch.int64)):
        encoded = encoder(inputs, torch.tensor([], dtype=torch.int64), start)
        assert encoded.outputs.shape == (0, 5, 2 * directions)
        assert encoded.final.shape == (0, 2 * directions)
        assert [tuple(part.shape) for part in encoded.state] == [(0, 2 * directions, 2), (0, 2 * directions, 4)]


def test_dropout_falls_between_layers_and_only_in_training() -> None:
    encoder = LSTM(INPUT_SIZE, hidden_size=4, num_layers=2, dropout=0.5)
    lower, upper = LSTM(INPUT_SIZE, hidden_size=4), LSTM(4, hidden_size=4)
    for number, layer in enumerate((lower, upper)):
        layer.layers.cells[0].load_state_dict(encoder.layers.cells[number].state_dict())
    inputs, lengths = torch.randn(3, 5, INPUT_SIZE), torch.tensor([5, 5, 5])

    def by_hand(training: bool) -> Tensor:
        between = nn.functional.dropout(lower(inputs, lengths).outputs, 0.5, training)
        return upper(between, lengths).outputs

    drawn = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        drawn.append(encoder(inputs, lengths).outputs)
        torch.manual_seed(seed)
        torch.testing.assert_close(drawn[-1], by_hand(True), rtol=0, atol=1e-12)
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.allclose(drawn[0], drawn[2])
    encoder.eval()
    torch.testing.assert_close(encoder(inputs, lengths).outputs, by_hand(False), rtol=0, atol=1e-12)


@pytest.mark.parametrize("directions", [1, 2], ids=["lstm", "bilstm"])
def test_dropout_with_nothing_to_act_on_is_said(directions: int) -> None:
    with pytest.warns(UserWarning, match="dropout acts between layers: with one layer it does nothing"):
        CLASSES[directions](INPUT_SIZE, hidden_size=4, dropout=0.5)


@pytest.mark.parametrize("proj_size", [4, 5])
def test_a_projection_must_be_narrower_than_the_cell(proj_size: int) -> None:
    with pytest.raises(ValueError, match=rf"^proj_size must be below hidden_size, 4, not {proj_size}$"):
        LSTM(INPUT_SIZE, hidden_size=4, proj_size=proj_size)
