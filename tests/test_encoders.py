"""What every encoder owes, and `stacked` and `projected` against the same composed by hand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from seqkit.contracts import Encoded, Encoder
from seqkit.encoders.bilstm import BiLSTM
from seqkit.encoders.lstm import LSTM
from seqkit.encoders.projected import Projected
from seqkit.encoders.stacked import Stacked
from seqkit.recipe import read_recipe
from seqkit.registry import load_registry
from seqkit.resolve import resolve

INPUT_SIZE = 3
LENGTHS = torch.tensor([3, 6, 1, 6, 4])

# Sections of a recipe; each registered encoder stands in one of them at least. Beside it: whether it is causal.
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
    "stacked, the lower both ways": (
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
    """Builds an encoder of the table as a recipe does."""
    recipe = {"data": {"type": "text", "text": "ab"}, "head": {"type": "next_char", "objective": "prefix"}}
    plan = resolve(read_recipe(recipe | {"encoder": SECTIONS[name][0]}), load_registry())
    return plan.encoder.build(INPUT_SIZE)


def parts_of(encoded: Encoded) -> list[Tensor]:
    """Returns every tensor of an answer, those of a nested state included."""

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


def assert_close(got: Tensor, wanted: Tensor) -> None:
    torch.testing.assert_close(got, wanted, rtol=0, atol=1e-12)


def test_the_table_holds_every_encoder_that_seqkit_registers() -> None:
    registered = {entry.name for entry in load_registry().all("encoder") if entry.distribution == "seqkit"}
    assert {section["type"] for section, _ in SECTIONS.values()} == registered


@every_encoder
def test_sizes_and_causality_are_as_stated(name: str) -> None:
    encoder = build(name)
    encoded = encoder(torch.randn(5, 6, INPUT_SIZE), LENGTHS)
    assert encoded.outputs.shape == (5, 6, encoder.output_size)
    assert encoded.final.shape == (5, encoder.final_size)
    assert all(len(part) == 5 for part in parts_of(encoded))
    assert encoder.causal is SECTIONS[name][1]


@every_encoder
def test_a_step_sees_what_comes_after_it_only_where_causal_is_false(name: str) -> None:
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
def test_a_row_is_answered_alone_as_it_is_in_company(name: str) -> None:
    encoder = build(name)
    inputs = torch.randn(5, 6, INPUT_SIZE)
    together = encoder(inputs, LENGTHS)
    for row, length in enumerate(LENGTHS.tolist()):
        alone = encoder(inputs[row : row + 1, :length], LENGTHS[row : row + 1])
        assert_close(alone.outputs[0], together.outputs[row, :length])
        for got, wanted in zip(parts_of(alone)[1:], parts_of(together)[1:], strict=True):
            assert_close(got[0], wanted[row])


@every_encoder
def test_the_order_of_rows_orders_the_answers_and_nothing_else(name: str) -> None:
    encoder = build(name)
    inputs = torch.randn(5, 6, INPUT_SIZE)
    order = torch.tensor([3, 0, 4, 1, 2])
    together, shuffled = encoder(inputs, LENGTHS), encoder(inputs[order], LENGTHS[order])
    real = torch.arange(6) < LENGTHS[order, None]
    assert_close(shuffled.outputs[real], together.outputs[order][real])
    for got, wanted in zip(parts_of(shuffled)[1:], parts_of(together)[1:], strict=True):
        assert_close(got, wanted[order])


@every_encoder
def test_a_rows_gradient_is_its_own(name: str) -> None:
    encoder = build(name)
    inputs = torch.randn(5, 6, INPUT_SIZE, requires_grad=True)
    (gradient,) = torch.autograd.grad(encoder(inputs, LENGTHS).final[0].sum(), inputs)
    assert gradient[0, : LENGTHS[0]].all()
    assert not gradient[0, LENGTHS[0] :].any()
    assert not gradient[1:].any()


@pytest.mark.parametrize("windows", [[1] * 7, [3, 3, 1], [5, 2]], ids=str)
@pytest.mark.parametrize("name", CAUSAL)
def test_windows_with_carried_state_equal_one_long_pass(name: str, windows: list[int]) -> None:
    encoder = build(name)
    inputs = torch.randn(2, 7, INPUT_SIZE)
    whole = encoder(inputs, torch.tensor([7, 7]))
    outputs, state = [], None
    for window in inputs.split(windows, dim=1):
        encoded = encoder(window, torch.full((2,), window.shape[1]), state)
        state = encoded.state
        outputs.append(encoded.outputs)
    assert_close(torch.cat(outputs, dim=1), whole.outputs)
    for got, wanted in zip(parts_of(encoded)[1:], parts_of(whole)[1:], strict=True):
        assert_close(got, wanted)


@pytest.mark.parametrize("name", CAUSAL)
def test_a_last_window_may_end_sooner_for_some_rows(name: str) -> None:
    encoder = build(name)
    inputs, lengths = torch.randn(2, 7, INPUT_SIZE), torch.tensor([7, 5])
    whole = encoder(inputs, lengths)
    first = encoder(inputs[:, :4], torch.tensor([4, 4]))
    second = encoder(inputs[:, 4:], lengths - 4, first.state)
    for got, wanted in zip(parts_of(second)[1:], parts_of(whole)[1:], strict=True):
        assert_close(got, wanted)


@every_encoder
def test_no_rows_give_no_rows(name: str) -> None:
    encoder = build(name)
    encoded = encoder(torch.randn(0, 4, INPUT_SIZE), LENGTHS[:0])
    assert encoded.outputs.shape == (0, 4, encoder.output_size)
    assert encoded.final.shape == (0, encoder.final_size)


@every_encoder
def test_ids_stand_for_their_one_hot_vectors(name: str) -> None:
    encoder = build(name)
    assert encoder.accepts_ids
    ids = torch.randint(0, INPUT_SIZE, (5, 6))
    got, wanted = encoder(ids, LENGTHS), encoder(nn.functional.one_hot(ids, INPUT_SIZE).double(), LENGTHS)
    real = torch.arange(6) < LENGTHS[:, None]
    assert_close(got.outputs[real], wanted.outputs[real])
    for mine, theirs in zip(parts_of(got)[1:], parts_of(wanted)[1:], strict=True):
        assert_close(mine, theirs)


@every_encoder
def test_every_weight_is_trained(name: str) -> None:
    encoder = build(name)
    encoded = encoder(torch.randn(5, 6, INPUT_SIZE), LENGTHS)
    (encoded.outputs.sum() + encoded.final.sum()).backward()
    assert all(weight.grad is not None and weight.grad.any() for weight in encoder.parameters())


class FirstAndLast(nn.Module, Encoder):
    """An encoder whose final vector is wider than its outputs: the outputs at the first and the last real step."""

    causal = True

    def __init__(self, input_size: int) -> None:
        super().__init__()
        self.inner = LSTM(input_size, hidden_size=4)
        self.output_size, self.final_size = 4, 8

    def forward(self, inputs: Tensor, lengths: Tensor, state: Any = None) -> Encoded:
        encoded = self.inner(inputs, lengths, state)
        return encoded._replace(final=torch.cat([encoded.outputs[:, 0], encoded.final], dim=1))


@pytest.mark.parametrize("accepts", ["accepts_ids", "accepts_lookup"])
def test_an_encoder_over_one_that_takes_no_ids_takes_none(accepts: str) -> None:
    lstm = lambda size: LSTM(size, hidden_size=6)  # noqa: E731
    assert not getattr(Projected(INPUT_SIZE, encoder=FirstAndLast, proj_size=2), accepts)
    assert not getattr(Stacked(INPUT_SIZE, layers=[FirstAndLast, lstm]), accepts)
    assert getattr(Stacked(INPUT_SIZE, layers=[lstm, FirstAndLast]), accepts)
    assert getattr(Projected(INPUT_SIZE, encoder=lstm, proj_size=2), accepts)


def test_stacked_is_one_encoder_on_the_outputs_of_another() -> None:
    torch.manual_seed(5)
    stacked = Stacked(
        INPUT_SIZE,
        layers=[lambda size: BiLSTM(size, hidden_size=4), lambda size: LSTM(size, hidden_size=5, proj_size=2)],
    )
    torch.manual_seed(5)
    lower = BiLSTM(INPUT_SIZE, hidden_size=4)
    upper = LSTM(8, hidden_size=5, proj_size=2)
    inputs = torch.randn(5, 6, INPUT_SIZE)
    below = lower(inputs, LENGTHS)
    wanted = upper(below.outputs, LENGTHS)
    got = stacked(inputs, LENGTHS)
    for mine, theirs in zip(parts_of(got), [wanted.outputs, wanted.final, *below.state, *wanted.state], strict=True):
        assert torch.equal(mine, theirs)
    mine = torch.autograd.grad(got.outputs.square().sum(), list(stacked.parameters()))
    theirs = torch.autograd.grad(wanted.outputs.square().sum(), [*lower.parameters(), *upper.parameters()])
    assert all(torch.equal(one, other) for one, other in zip(mine, theirs, strict=True))


def test_stacked_lstms_are_the_layers_of_one_lstm() -> None:
    torch.manual_seed(5)
    stacked = Stacked(INPUT_SIZE, layers=[lambda size: LSTM(size, hidden_size=4)] * 3)
    torch.manual_seed(5)
    deep = LSTM(INPUT_SIZE, hidden_size=4, num_layers=3)
    inputs = torch.randn(5, 6, INPUT_SIZE)
    got, wanted = stacked(inputs, LENGTHS), deep(inputs, LENGTHS)
    real = torch.arange(6) < LENGTHS[:, None]
    assert torch.equal(got.outputs[real], wanted.outputs[real])
    assert torch.equal(got.final, wanted.final)


def test_stacked_drops_between_encoders_and_only_in_training() -> None:
    stacked = Stacked(INPUT_SIZE, layers=[lambda size: LSTM(size, hidden_size=4)] * 2, dropout=0.5)
    lower, upper = stacked.layers
    inputs = torch.randn(5, 6, INPUT_SIZE)
    torch.manual_seed(1)
    got = stacked(inputs, LENGTHS).final
    torch.manual_seed(1)
    wanted = upper(nn.functional.dropout(lower(inputs, LENGTHS).outputs, 0.5), LENGTHS).final
    assert torch.equal(got, wanted)
    plain = upper(lower(inputs, LENGTHS).outputs, LENGTHS).final
    assert not torch.allclose(got, plain)
    assert torch.equal(stacked.eval()(inputs, LENGTHS).final, plain)


def test_stacked_dropout_with_nothing_to_act_on_is_said() -> None:
    with pytest.warns(UserWarning, match="dropout acts between encoders: with one it does nothing"):
        Stacked(INPUT_SIZE, layers=[lambda size: LSTM(size, hidden_size=4)], dropout=0.5)


def test_stacked_has_the_top_encoders_final() -> None:
    top_wide = Stacked(INPUT_SIZE, layers=[lambda size: LSTM(size, hidden_size=6), FirstAndLast])
    assert (top_wide.output_size, top_wide.final_size) == (4, 8)
    low_wide = Stacked(INPUT_SIZE, layers=[FirstAndLast, lambda size: LSTM(size, hidden_size=6)])
    assert (low_wide.output_size, low_wide.final_size) == (6, 6)
    for encoder in (top_wide, low_wide):
        assert encoder(torch.randn(5, 6, INPUT_SIZE), LENGTHS).final.shape == (5, encoder.final_size)


@pytest.mark.parametrize("bias", [True, False])
def test_projected_is_one_linear_map_of_outputs_and_final(bias: bool) -> None:
    projected = Projected(INPUT_SIZE, encoder=lambda size: BiLSTM(size, hidden_size=4), proj_size=2, bias=bias)
    inputs = torch.randn(5, 6, INPUT_SIZE)
    inner = projected.encoder(inputs, LENGTHS)
    got = projected(inputs, LENGTHS)
    shift = projected.projection.bias if bias else 0
    assert_close(got.outputs, torch.einsum("btf,pf->btp", inner.outputs, projected.projection.weight) + shift)
    assert_close(got.final, torch.einsum("bf,pf->bp", inner.final, projected.projection.weight) + shift)
    assert all(torch.equal(mine, theirs) for mine, theirs in zip(got.state, inner.state, strict=True))
    assert sum(weight.numel() for weight in projected.parameters()) == (
        sum(weight.numel() for weight in projected.encoder.parameters()) + 8 * 2 + 2 * bias
    )


def test_projected_maps_a_final_of_another_width_by_weights_of_its_own() -> None:
    torch.manual_seed(5)
    projected = Projected(INPUT_SIZE, encoder=FirstAndLast, proj_size=2)
    torch.manual_seed(5)
    inner, of_outputs, of_final = FirstAndLast(INPUT_SIZE), nn.Linear(4, 2), nn.Linear(8, 2)
    inputs = torch.randn(5, 6, INPUT_SIZE)
    encoded = inner(inputs, LENGTHS)
    got = projected(inputs, LENGTHS)
    assert (projected.output_size, projected.final_size) == (2, 2)
    assert torch.equal(got.outputs, of_outputs(encoded.outputs))
    assert torch.equal(got.final, of_final(encoded.final))
