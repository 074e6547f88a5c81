"""Tests of the contract of encoders, and of `stacked` and `projected` against the same layers applied one by one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from seqkit.contracts import Encoded, Encoder
from seqkit.encoders.lstm import LSTM, BiLSTM
from seqkit.encoders.projected import Projected
from seqkit.encoders.stacked import Stacked
from seqkit.recipe.resolve import resolve
from seqkit.recipe.source import read_recipe
from seqkit.registry import load_registry

INPUT_SIZE = 3
LENGTHS = torch.tensor([3, 6, 1, 6, 4])

# Sections of a recipe, with every registered encoder, and whether the encoder is causal.
SECTIONS: dict[str, tuple[dict[str, Any], bool]] = {
    "lstm": ({"type": "lstm", "hidden_size": 4}, True),
    "lstm, three projected layers": (
        {"type": "lstm", "hidden_size": 5, "num_layers": 3, "proj_size": 2, "bias": False},
        True,
    ),
    "bilstm": ({"type": "bilstm", "hidden_size": 4, "num_layers": 2}, False),
    "bilstm, projected": ({"type": "bilstm", "hidden_size": 5, "proj_size": 3}, False),
    "stacked": (
        {
            "type": "stacked",
            "layers": [{"type": "lstm", "hidden_size": 4}, {"type": "lstm", "hidden_size": 5, "num_layers": 2}],
        },
        True,
    ),
    "stacked, bidirectional lower layer": (
        {"type": "stacked", "layers": [{"type": "bilstm", "hidden_size": 4}, {"type": "lstm", "hidden_size": 5}]},
        False,
    ),
    "projected": ({"type": "projected", "proj_size": 2, "encoder": {"type": "lstm", "hidden_size": 4}}, True),
    "projected, of stacked of projected": (
        {
            "type": "projected",
            "proj_size": 2,
            "bias": False,
            "encoder": {
                "type": "stacked",
                "layers": [
                    {"type": "projected", "proj_size": 3, "encoder": {"type": "bilstm", "hidden_size": 4}},
                    {"type": "bilstm", "hidden_size": 2},
                ],
            },
        },
        False,
    ),
}
CAUSAL = [name for name, (_, causal) in SECTIONS.items() if causal]

every_encoder = pytest.mark.parametrize("name", SECTIONS)


def build(name: str) -> Any:
    """Build an encoder of the table from a recipe."""
    recipe = {"data": {"type": "text", "text": "ab"}, "head": {"type": "next_char", "objective": "prefix"}}
    plan = resolve(read_recipe(recipe | {"encoder": SECTIONS[name][0]}), load_registry())
    return plan.encoder.build(INPUT_SIZE)


def parts_of(encoded: Encoded) -> list[Tensor]:
    """Return all tensors of an encoder's output, those of a nested state included."""

    def tensors(state: Any) -> Iterator[Tensor]:
        if isinstance(state, Tensor):
            yield state
        else:
            for part in state:
                yield from tensors(part)

    return [encoded.outputs, encoded.final, *tensors(encoded.state)]


@pytest.fixture(autouse=True)
def _float64_and_seed() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    yield
    torch.set_default_dtype(torch.float32)


def assert_close(actual: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(actual, expected, rtol=0, atol=1e-12)


def test_every_built_in_encoder_is_tested() -> None:
    registered = {entry.name for entry in load_registry().all("encoder") if entry.distribution == "seqkit"}
    assert {section["type"] for section, _ in SECTIONS.values()} == registered


@every_encoder
def test_sizes_and_causality(name: str) -> None:
    encoder = build(name)
    encoded = encoder(torch.randn(5, 6, INPUT_SIZE), LENGTHS)
    assert encoded.outputs.shape == (5, 6, encoder.output_size)
    assert encoded.final.shape == (5, encoder.final_size)
    assert all(len(part) == 5 for part in parts_of(encoded))
    assert encoder.causal is SECTIONS[name][1]


@every_encoder
def test_causal_outputs_do_not_depend_on_later_inputs(name: str) -> None:
    encoder = build(name)
    inputs = torch.randn(2, 6, INPUT_SIZE, requires_grad=True)
    outputs = encoder(inputs, torch.tensor([6, 5])).outputs
    for step in range(5):
        (gradient,) = torch.autograd.grad(outputs[:, step].sum(), inputs, retain_graph=True)
        assert gradient[:, : step + 1].all()
        if encoder.causal:
            assert not gradient[:, step + 1 :].any()
        else:
            assert gradient[0, step + 1 :].all()


@every_encoder
def test_rows_are_independent_of_the_batch(name: str) -> None:
    encoder = build(name)
    inputs = torch.randn(5, 6, INPUT_SIZE)
    batched = encoder(inputs, LENGTHS)
    for row, length in enumerate(LENGTHS.tolist()):
        single = encoder(inputs[row : row + 1, :length], LENGTHS[row : row + 1])
        assert_close(single.outputs[0], batched.outputs[row, :length])
        for actual, expected in zip(parts_of(single)[1:], parts_of(batched)[1:], strict=True):
            assert_close(actual[0], expected[row])


@every_encoder
def test_outputs_follow_the_order_of_rows(name: str) -> None:
    encoder = build(name)
    inputs = torch.randn(5, 6, INPUT_SIZE)
    order = torch.tensor([3, 0, 4, 1, 2])
    batched, shuffled = encoder(inputs, LENGTHS), encoder(inputs[order], LENGTHS[order])
    real = torch.arange(6) < LENGTHS[order, None]
    assert_close(shuffled.outputs[real], batched.outputs[order][real])
    for actual, expected in zip(parts_of(shuffled)[1:], parts_of(batched)[1:], strict=True):
        assert_close(actual, expected[order])


@every_encoder
def test_gradient_of_a_row_is_independent_of_other_rows(name: str) -> None:
    encoder = build(name)
    inputs = torch.randn(5, 6, INPUT_SIZE, requires_grad=True)
    (gradient,) = torch.autograd.grad(encoder(inputs, LENGTHS).final[0].sum(), inputs)
    assert gradient[0, : LENGTHS[0]].all()
    assert not gradient[0, LENGTHS[0] :].any()
    assert not gradient[1:].any()


@pytest.mark.parametrize("windows", [[1] * 7, [3, 3, 1], [5, 2]], ids=str)
@pytest.mark.parametrize("name", CAUSAL)
def test_windows_with_a_carried_state_equal_one_pass(name: str, windows: list[int]) -> None:
    encoder = build(name)
    inputs = torch.randn(2, 7, INPUT_SIZE)
    one_pass = encoder(inputs, torch.tensor([7, 7]))
    outputs, state = [], None
    for window in inputs.split(windows, dim=1):
        encoded = encoder(window, torch.full((2,), window.shape[1]), state)
        state = encoded.state
        outputs.append(encoded.outputs)
    assert_close(torch.cat(outputs, dim=1), one_pass.outputs)
    for actual, expected in zip(parts_of(encoded)[1:], parts_of(one_pass)[1:], strict=True):
        assert_close(actual, expected)


@pytest.mark.parametrize("name", CAUSAL)
def test_carried_state_with_different_lengths(name: str) -> None:
    encoder = build(name)
    inputs, lengths = torch.randn(2, 7, INPUT_SIZE), torch.tensor([7, 5])
    one_pass = encoder(inputs, lengths)
    first = encoder(inputs[:, :4], torch.tensor([4, 4]))
    second = encoder(inputs[:, 4:], lengths - 4, first.state)
    for actual, expected in zip(parts_of(second)[1:], parts_of(one_pass)[1:], strict=True):
        assert_close(actual, expected)


@every_encoder
def test_empty_batch(name: str) -> None:
    encoder = build(name)
    encoded = encoder(torch.randn(0, 4, INPUT_SIZE), LENGTHS[:0])
    assert encoded.outputs.shape == (0, 4, encoder.output_size)
    assert encoded.final.shape == (0, encoder.final_size)


@every_encoder
def test_ids_equal_one_hot_vectors(name: str) -> None:
    encoder = build(name)
    assert encoder.accepts_ids
    ids = torch.randint(0, INPUT_SIZE, (5, 6))
    actual, expected = encoder(ids, LENGTHS), encoder(nn.functional.one_hot(ids, INPUT_SIZE).double(), LENGTHS)
    real = torch.arange(6) < LENGTHS[:, None]
    assert_close(actual.outputs[real], expected.outputs[real])
    for actual_part, expected_part in zip(parts_of(actual)[1:], parts_of(expected)[1:], strict=True):
        assert_close(actual_part, expected_part)


@every_encoder
def test_every_weight_is_trained(name: str) -> None:
    encoder = build(name)
    encoded = encoder(torch.randn(5, 6, INPUT_SIZE), LENGTHS)
    (encoded.outputs.sum() + encoded.final.sum()).backward()
    assert all(weight.grad is not None and weight.grad.any() for weight in encoder.parameters())


class FirstAndLast(nn.Module, Encoder):
    """An encoder whose final vector is wider than its outputs: the outputs at the first and the last time step."""

    causal = True

    def __init__(self, input_size: int) -> None:
        super().__init__()
        self.inner = LSTM(input_size, hidden_size=4)
        self.output_size, self.final_size = 4, 8

    def forward(self, inputs: Tensor, lengths: Tensor, state: Any = None) -> Encoded:
        encoded = self.inner(inputs, lengths, state)
        return encoded._replace(final=torch.cat([encoded.outputs[:, 0], encoded.final], dim=1))


@pytest.mark.parametrize("accepts", ["accepts_ids", "accepts_lookup"])
def test_flags_of_nested_encoders(accepts: str) -> None:
    lstm = lambda size: LSTM(size, hidden_size=6)  # noqa: E731
    assert not getattr(Projected(INPUT_SIZE, encoder=FirstAndLast, proj_size=2), accepts)
    assert not getattr(Stacked(INPUT_SIZE, layers=[FirstAndLast, lstm]), accepts)
    assert getattr(Stacked(INPUT_SIZE, layers=[lstm, FirstAndLast]), accepts)
    assert getattr(Projected(INPUT_SIZE, encoder=lstm, proj_size=2), accepts)


def test_stacked_equals_one_encoder_on_the_outputs_of_another() -> None:
    torch.manual_seed(5)
    stacked = Stacked(
        INPUT_SIZE,
        layers=[lambda size: BiLSTM(size, hidden_size=4), lambda size: LSTM(size, hidden_size=5, proj_size=2)],
    )
    torch.manual_seed(5)
    lower = BiLSTM(INPUT_SIZE, hidden_size=4)
    upper = LSTM(8, hidden_size=5, proj_size=2)
    inputs = torch.randn(5, 6, INPUT_SIZE)
    intermediate = lower(inputs, LENGTHS)
    expected = upper(intermediate.outputs, LENGTHS)
    actual = stacked(inputs, LENGTHS)
    for actual_part, expected_part in zip(
        parts_of(actual), [expected.outputs, expected.final, *intermediate.state, *expected.state], strict=True
    ):
        assert torch.equal(actual_part, expected_part)
    actual_gradients = torch.autograd.grad(actual.outputs.square().sum(), list(stacked.parameters()))
    expected_gradients = torch.autograd.grad(
        expected.outputs.square().sum(), [*lower.parameters(), *upper.parameters()]
    )
    assert all(torch.equal(one, other) for one, other in zip(actual_gradients, expected_gradients, strict=True))


def test_stacked_lstms_equal_the_layers_of_one_lstm() -> None:
    torch.manual_seed(5)
    stacked = Stacked(INPUT_SIZE, layers=[lambda size: LSTM(size, hidden_size=4)] * 3)
    torch.manual_seed(5)
    deep = LSTM(INPUT_SIZE, hidden_size=4, num_layers=3)
    inputs = torch.randn(5, 6, INPUT_SIZE)
    actual, expected = stacked(inputs, LENGTHS), deep(inputs, LENGTHS)
    real = torch.arange(6) < LENGTHS[:, None]
    assert torch.equal(actual.outputs[real], expected.outputs[real])
    assert torch.equal(actual.final, expected.final)


def test_stacked_dropout_acts_between_encoders_in_training() -> None:
    stacked = Stacked(INPUT_SIZE, layers=[lambda size: LSTM(size, hidden_size=4)] * 2, dropout=0.5)
    lower, upper = stacked.layers
    inputs = torch.randn(5, 6, INPUT_SIZE)
    torch.manual_seed(1)
    actual = stacked(inputs, LENGTHS).final
    torch.manual_seed(1)
    expected = upper(nn.functional.dropout(lower(inputs, LENGTHS).outputs, 0.5), LENGTHS).final
    assert torch.equal(actual, expected)
    plain = upper(lower(inputs, LENGTHS).outputs, LENGTHS).final
    assert not torch.allclose(actual, plain)
    assert torch.equal(stacked.eval()(inputs, LENGTHS).final, plain)


def test_stacked_dropout_without_effect_warns() -> None:
    with pytest.warns(UserWarning, match="dropout applies between encoders and has no effect with one encoder"):
        Stacked(INPUT_SIZE, layers=[lambda size: LSTM(size, hidden_size=4)], dropout=0.5)


def test_stacked_returns_the_final_vector_of_the_top_encoder() -> None:
    top_wide = Stacked(INPUT_SIZE, layers=[lambda size: LSTM(size, hidden_size=6), FirstAndLast])
    assert (top_wide.output_size, top_wide.final_size) == (4, 8)
    low_wide = Stacked(INPUT_SIZE, layers=[FirstAndLast, lambda size: LSTM(size, hidden_size=6)])
    assert (low_wide.output_size, low_wide.final_size) == (6, 6)
    for encoder in (top_wide, low_wide):
        assert encoder(torch.randn(5, 6, INPUT_SIZE), LENGTHS).final.shape == (5, encoder.final_size)


@pytest.mark.parametrize("bias", [True, False])
def test_projected_shares_one_linear_map(bias: bool) -> None:
    projected = Projected(INPUT_SIZE, encoder=lambda size: BiLSTM(size, hidden_size=4), proj_size=2, bias=bias)
    inputs = torch.randn(5, 6, INPUT_SIZE)
    inner = projected.encoder(inputs, LENGTHS)
    actual = projected(inputs, LENGTHS)
    shift = projected.projection.bias if bias else 0
    assert_close(actual.outputs, torch.einsum("btf,pf->btp", inner.outputs, projected.projection.weight) + shift)
    assert_close(actual.final, torch.einsum("bf,pf->bp", inner.final, projected.projection.weight) + shift)
    assert all(
        torch.equal(actual_part, expected_part)
        for actual_part, expected_part in zip(actual.state, inner.state, strict=True)
    )
    assert sum(weight.numel() for weight in projected.parameters()) == (
        sum(weight.numel() for weight in projected.encoder.parameters()) + 8 * 2 + 2 * bias
    )


def test_projected_has_two_linear_maps_for_different_widths() -> None:
    torch.manual_seed(5)
    projected = Projected(INPUT_SIZE, encoder=FirstAndLast, proj_size=2)
    torch.manual_seed(5)
    inner, output_map, final_map = FirstAndLast(INPUT_SIZE), nn.Linear(4, 2), nn.Linear(8, 2)
    inputs = torch.randn(5, 6, INPUT_SIZE)
    encoded = inner(inputs, LENGTHS)
    actual = projected(inputs, LENGTHS)
    assert (projected.output_size, projected.final_size) == (2, 2)
    assert torch.equal(actual.outputs, output_map(encoded.outputs))
    assert torch.equal(actual.final, final_map(encoded.final))
