"""Tests of `lstm` and `bilstm` against torch.nn.LSTM on a PackedSequence, which computes each row independently."""

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
from seqkit.encoders.lstm import LSTM, BiLSTM, dispatch
from seqkit.layers.parallel import worker_threads

INPUT_SIZE = 3
CLASSES = {1: LSTM, 2: BiLSTM}

LENGTHS = {
    "one step": ([1, 1, 1], 1),
    "equal": ([4, 4, 4], 4),
    "mixed": ([2, 5, 1, 4], 5),
    "mixed, padded further": ([2, 5, 1, 4], 8),
}
"""The lengths of the rows of a batch, and the time steps of the padded batch."""


def pair(directions: int, input_size: int = INPUT_SIZE, **parameters: Any) -> tuple[Encoder, nn.LSTM]:
    """Return one of our encoders and torch's, with torch's random weights copied into ours by name."""
    reference = nn.LSTM(input_size, batch_first=True, bidirectional=directions == 2, **parameters)
    ours = CLASSES[directions](input_size, **parameters)
    with torch.no_grad():
        for mine, theirs in matching_parameters(ours, reference):
            mine.copy_(theirs)
    return ours, reference


def matching_parameters(ours: Any, reference: nn.LSTM) -> Iterator[tuple[nn.Parameter, nn.Parameter]]:
    """Yield each of our parameters with the corresponding parameter of torch."""
    theirs = dict(reference.named_parameters())
    directions = 2 if reference.bidirectional else 1
    for name, mine in ours.named_parameters():
        _, _, cell, part = name.split(".")  # layers.cells.3.weight_ih_l0
        layer, direction = divmod(int(cell), directions)
        reference_parameter = theirs.pop(part.removesuffix("0") + str(layer) + "_reverse" * direction)
        assert mine.shape == reference_parameter.shape
        yield mine, reference_parameter
    assert not theirs


def run_reference(reference: nn.LSTM, inputs: Tensor, lengths: Tensor, state: tuple[Tensor, Tensor] | None) -> Encoded:
    """Return torch's result as `Encoded`, with the final vector taken from the outputs that define it."""
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
    """Compare all outputs, and all gradients of a random loss of them.

    Args:
        form: the inputs of our encoder: vectors; ids, where torch gets their one-hot vectors; or a lookup.
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
    theirs = run_reference(reference, vectors, torch.tensor(lengths), start)
    parts = [(mine.outputs, theirs.outputs), (mine.final, theirs.final), *zip(mine.state, theirs.state, strict=True)]
    for name, (actual, expected) in zip(("outputs", "final", "h", "c"), parts, strict=True):
        assert actual.shape == expected.shape, name
        assert torch.allclose(actual, expected, rtol=0, atol=1e-12), name
    assert mine.outputs.shape[2] == ours.output_size
    assert mine.final.shape[1] == ours.final_size

    weights = [torch.randn_like(actual) for actual, _ in parts]
    our_parameters, reference_parameters = zip(*matching_parameters(ours, reference), strict=True)
    actual_gradients = torch.autograd.grad(
        sum((part * weight).sum() for (part, _), weight in zip(parts, weights, strict=True)), [*leaves, *our_parameters]
    )
    expected_gradients = torch.autograd.grad(
        sum((part * weight).sum() for (_, part), weight in zip(parts, weights, strict=True)),
        [*leaves, *reference_parameters],
    )
    names = [
        *(["inputs"] if learned else []),
        *(["h", "c"] if with_state else []),
        *(name for name, _ in ours.named_parameters()),
    ]
    for name, actual, expected in zip(names, actual_gradients, expected_gradients, strict=True):
        assert torch.allclose(actual, expected, rtol=1e-12, atol=1e-12), f"the gradient of {name}"


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
def test_outputs_and_gradients_equal_torch(
    directions: int, num_layers: int, proj_size: int, bias: bool, case: str, with_state: bool
) -> None:
    assert_same(
        directions, *LENGTHS[case], with_state, hidden_size=4, num_layers=num_layers, proj_size=proj_size, bias=bias
    )


INPUT_PRODUCTS = {"lookup": 0, "matrix product": 10**9}
"""Values of `MIN_LOOKUP_WORK`: input products are always looked up, or never."""


@pytest.mark.parametrize("input_product", INPUT_PRODUCTS)
@pytest.mark.parametrize("case", ["equal", "mixed, padded further"])
@pytest.mark.parametrize("bias", [True, False], ids=["bias", "no bias"])
@pytest.mark.parametrize("proj_size", [0, 2], ids=["", "projection"])
@pytest.mark.parametrize("directions", [1, 2], ids=["lstm", "bilstm"])
def test_ids_and_lookups_equal_vectors_in_torch(
    monkeypatch: pytest.MonkeyPatch, directions: int, proj_size: int, bias: bool, case: str, input_product: str
) -> None:
    monkeypatch.setattr(dispatch, "MIN_LOOKUP_WORK", INPUT_PRODUCTS[input_product])
    for with_state in (False, True):
        parameters: dict[str, Any] = {"hidden_size": 4, "num_layers": 2, "proj_size": proj_size, "bias": bias}
        for form in ("ids", "lookup"):
            assert_same(directions, *LENGTHS[case], with_state, form=form, input_size=9, **parameters)


@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(data=st.data())
def test_random_configurations_equal_torch(data: st.DataObject) -> None:
    lengths = data.draw(st.lists(st.integers(1, 7), min_size=1, max_size=5))
    hidden_size = data.draw(st.integers(1, 6))
    torch.manual_seed(data.draw(st.integers(0, 2**16)))
    with pytest.MonkeyPatch.context() as patch, worker_threads(data.draw(st.integers(1, 2))):
        patch.setattr(dispatch, "MIN_LOOKUP_WORK", INPUT_PRODUCTS[data.draw(st.sampled_from(sorted(INPUT_PRODUCTS)))])
        if data.draw(st.booleans()):  # parallel jobs
            patch.setattr(dispatch, "MIN_JOB_WORK", 1)
            patch.setattr(dispatch, "MIN_JOB_ROWS", 1)
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


@pytest.mark.parametrize("padding", [1e6, float("nan"), float("inf")])
@pytest.mark.parametrize("directions", [1, 2], ids=["lstm", "bilstm"])
def test_padding_does_not_change_the_result(directions: int, padding: float) -> None:
    encoder = CLASSES[directions](INPUT_SIZE, hidden_size=4, num_layers=2, proj_size=2)
    lengths = torch.tensor([2, 6, 1, 4])
    results = []
    for fill in (0.0, padding):
        torch.manual_seed(1)
        inputs = torch.randn(4, 7, INPUT_SIZE)
        inputs[torch.arange(7) >= lengths[:, None]] = fill
        inputs.requires_grad_()
        encoded = encoder(inputs, lengths)
        parts = [encoded.outputs, encoded.final, *encoded.state]
        loss = sum((part * torch.randn_like(part)).sum() for part in parts)
        results.append([*parts, *torch.autograd.grad(loss, [inputs, *encoder.parameters()])])
    for with_zeros, with_garbage in zip(*results, strict=True):
        assert torch.equal(with_zeros, with_garbage)


def test_outputs_are_zero_at_padded_time_steps() -> None:
    encoder = BiLSTM(INPUT_SIZE, hidden_size=4)
    outputs = encoder(torch.randn(2, 5, INPUT_SIZE), torch.tensor([3, 5])).outputs
    assert not outputs[0, 3:].any()
    assert outputs[0, :3].all() and outputs[1].all()


@pytest.mark.parametrize(
    ("directions", "num_layers", "proj_size", "bias"), list(product([1, 2], [1, 3], [0, 2], [True, False]))
)
def test_initial_weights_equal_torch(directions: int, num_layers: int, proj_size: int, bias: bool) -> None:
    parameters: dict[str, Any] = {"hidden_size": 4, "num_layers": num_layers, "proj_size": proj_size, "bias": bias}
    torch.manual_seed(7)
    ours = CLASSES[directions](INPUT_SIZE, **parameters)
    after = torch.rand(())
    torch.manual_seed(7)
    reference = nn.LSTM(INPUT_SIZE, bidirectional=directions == 2, **parameters)
    assert torch.equal(after, torch.rand(()))  # the layers that are initialized next have the same weights too
    assert all(torch.equal(mine, theirs) for mine, theirs in matching_parameters(ours, reference))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("proj_size", [0, 2])
@pytest.mark.parametrize("directions", [1, 2], ids=["lstm", "bilstm"])
def test_floating_type_is_preserved_without_warnings(directions: int, proj_size: int, dtype: torch.dtype) -> None:
    ours, reference = pair(directions, hidden_size=4, num_layers=2, proj_size=proj_size)
    ours, reference = ours.to(dtype), reference.double()
    inputs = torch.randn(3, 6, INPUT_SIZE)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for lengths in (torch.tensor([6, 6, 6]), torch.tensor([6, 2, 3])):
            encoded = ours(inputs.to(dtype), lengths)
            encoded.outputs.sum().backward()
            expected = run_reference(reference, inputs, lengths, None)
            for actual, expected_part in [(encoded.outputs, expected.outputs), (encoded.final, expected.final)]:
                assert actual.dtype == dtype
                torch.testing.assert_close(actual.double(), expected_part, rtol=0, atol=1e-6)
    assert torch.backends.mkldnn.enabled


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("input_product", INPUT_PRODUCTS)
def test_ids_are_computed_in_the_floating_type_of_the_weights(
    monkeypatch: pytest.MonkeyPatch, input_product: str, dtype: torch.dtype
) -> None:
    monkeypatch.setattr(dispatch, "MIN_LOOKUP_WORK", INPUT_PRODUCTS[input_product])
    ours, reference = pair(2, 9, hidden_size=4, proj_size=2)
    ids, lengths = torch.randint(0, 9, (3, 6)), torch.tensor([6, 2, 3])
    encoded = ours.to(dtype)(ids, lengths)
    encoded.outputs.sum().backward()
    expected = run_reference(reference, nn.functional.one_hot(ids, 9).double(), lengths, None)
    for actual, expected_part in [(encoded.outputs, expected.outputs), (encoded.final, expected.final)]:
        assert actual.dtype == dtype
        assert torch.allclose(actual.double(), expected_part, rtol=0, atol=1e-6)


@pytest.mark.parametrize("input_product", INPUT_PRODUCTS)
def test_ids_in_the_padding_do_not_change_the_result(monkeypatch: pytest.MonkeyPatch, input_product: str) -> None:
    monkeypatch.setattr(dispatch, "MIN_LOOKUP_WORK", INPUT_PRODUCTS[input_product])
    encoder = BiLSTM(9, hidden_size=4, num_layers=2)
    ids, lengths = torch.randint(0, 9, (3, 6)), torch.tensor([4, 2, 5])
    ids_with_other_padding = torch.where(torch.arange(6) < lengths[:, None], ids, (ids + 1) % 9)
    gradients = []
    for given_ids in (ids, ids_with_other_padding):
        encoded = encoder(given_ids, lengths)
        parts = [encoded.outputs, encoded.final, *encoded.state]
        loss = sum((part * part).sum() for part in parts)
        gradients.append([*parts, *torch.autograd.grad(loss, list(encoder.parameters()))])
    assert all(torch.equal(one, another) for one, another in zip(*gradients, strict=True))


@pytest.mark.parametrize("with_state", [False, True], ids=["from zeros", "from a state"])
@pytest.mark.parametrize("directions", [1, 2], ids=["lstm", "bilstm"])
def test_empty_batch(directions: int, with_state: bool) -> None:
    parameters = {"hidden_size": 4, "num_layers": 2, "proj_size": 2}
    encoder = CLASSES[directions](INPUT_SIZE, **parameters)
    start = random_state(directions, 0, parameters) if with_state else None
    for inputs in (torch.randn(0, 5, INPUT_SIZE), torch.zeros(0, 5, dtype=torch.int64)):
        encoded = encoder(inputs, torch.tensor([], dtype=torch.int64), start)
        assert encoded.outputs.shape == (0, 5, 2 * directions)
        assert encoded.final.shape == (0, 2 * directions)
        assert [tuple(part.shape) for part in encoded.state] == [(0, 2 * directions, 2), (0, 2 * directions, 4)]


def test_dropout_acts_between_layers_in_training() -> None:
    encoder = LSTM(INPUT_SIZE, hidden_size=4, num_layers=2, dropout=0.5)
    lower, upper = LSTM(INPUT_SIZE, hidden_size=4), LSTM(4, hidden_size=4)
    for number, layer in enumerate((lower, upper)):
        layer.layers.cells[0].load_state_dict(encoder.layers.cells[number].state_dict())
    inputs, lengths = torch.randn(3, 5, INPUT_SIZE), torch.tensor([5, 5, 5])

    def two_encoders(training: bool) -> Tensor:
        between = nn.functional.dropout(lower(inputs, lengths).outputs, 0.5, training)
        return upper(between, lengths).outputs

    outputs = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        outputs.append(encoder(inputs, lengths).outputs)
        torch.manual_seed(seed)
        torch.testing.assert_close(outputs[-1], two_encoders(True), rtol=0, atol=1e-12)
    assert torch.equal(outputs[0], outputs[1])
    assert not torch.allclose(outputs[0], outputs[2])
    encoder.eval()
    torch.testing.assert_close(encoder(inputs, lengths).outputs, two_encoders(False), rtol=0, atol=1e-12)


@pytest.mark.parametrize("directions", [1, 2], ids=["lstm", "bilstm"])
def test_dropout_without_effect_warns(directions: int) -> None:
    with pytest.warns(UserWarning, match="has no effect with one layer: remove it, or increase num_layers"):
        CLASSES[directions](INPUT_SIZE, hidden_size=4, dropout=0.5)


@pytest.mark.parametrize("proj_size", [4, 5])
def test_projection_must_be_narrower_than_the_cell(proj_size: int) -> None:
    with pytest.raises(ValueError, match=rf"^proj_size must be less than hidden_size \(4\), not {proj_size}$"):
        LSTM(INPUT_SIZE, hidden_size=4, proj_size=proj_size)
