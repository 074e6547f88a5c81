"""Tests of dropout in `lstm`, `bilstm` and `stacked`: values and gradients with the masks that a forward pass used."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from seqkit.contracts import Lookup
from seqkit.encoders.lstm import LSTM, BiLSTM, dispatch
from seqkit.encoders.lstm.kernels import LSTMWeights, run_cudnn, run_torch_kernel
from seqkit.encoders.projected import Projected
from seqkit.encoders.stacked import Stacked
from seqkit.layers.parallel import worker_threads

INPUT_SIZE, HIDDEN_SIZE = 9, 5
P = {"input_dropout": 0.2, "dropout": 0.3, "output_dropout": 0.4, "weight_dropout": 0.5}
CLASSES = {1: LSTM, 2: BiLSTM}
KERNELS = {
    "torch's kernel": {"MIN_LOOKUP_WORK": 10**9},
    "recurrence": {"MIN_LOOKUP_WORK": 0},
    "parallel jobs": {"MIN_LOOKUP_WORK": 0, "MIN_JOB_WORK": 1, "MIN_JOB_ROWS": 1},
}


@pytest.fixture(autouse=True)
def _float64_and_seed() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    yield
    torch.set_default_dtype(torch.float32)


def recorded_masks(encoder: Any) -> dict[str, list[Tensor]]:
    """Return lists that receive what each dropout of an encoder multiplies by, in the order of the calls."""
    masks: dict[str, list[Tensor]] = {}
    for name, dropout in encoder.layers.dropout.named_children():
        masks[name] = []

        def record(dropout: Any, inputs: Any, output: Tensor, name: str = name) -> None:
            masks[name].append((output.detach() != 0) / (1 - dropout.p))

        dropout.register_forward_hook(record)
    return masks


def hand_written(encoder: Any, vectors: Tensor, lengths: list[int], masks: dict[str, list[Tensor]]) -> Tensor:
    """Return the outputs of an encoder, (batch, time, output_size), computed row by row and time step by time step."""
    inputs = vectors * masks["inputs"][0] if masks["inputs"] else vectors
    directions = encoder.directions
    for number in range(0, len(encoder.layers.cells), directions):
        if number:
            inputs = inputs * masks["between"][number // directions - 1]
        rows = []
        for row, length in zip(inputs, lengths, strict=True):
            halves = [
                one_row(encoder.layers.cells[cell], masks["recurrent_weights"][cell], row[:length], cell > number)
                for cell in range(number, number + directions)
            ]
            padding = row.new_zeros(len(row) - length, encoder.output_size)
            rows.append(torch.cat([torch.cat(halves, dim=1), padding]))
        inputs = torch.stack(rows)
    return inputs * masks["outputs"][0]


def one_row(cell: nn.LSTM, weight_mask: Tensor, inputs: Tensor, reverse: bool) -> Tensor:
    """Return the outputs of a cell for one row, (time, output_size), with some recurrent weights dropped."""
    hidden, c = inputs.new_zeros(cell.proj_size or cell.hidden_size), inputs.new_zeros(cell.hidden_size)
    outputs = []
    for vector in inputs.flip(0) if reverse else inputs:
        gates = cell.weight_ih_l0 @ vector + (cell.weight_hh_l0 * weight_mask) @ hidden
        i, f, g, o = (gates + cell.bias_ih_l0 + cell.bias_hh_l0).chunk(4)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        hidden = o.sigmoid() * c.tanh()
        hidden = cell.weight_hr_l0 @ hidden if cell.proj_size else hidden
        outputs.append(hidden)
    return torch.stack(outputs[::-1] if reverse else outputs)


@pytest.mark.parametrize("variational", [True, False], ids=["variational", "elementwise"])
@pytest.mark.parametrize("form", ["vectors", "ids", "lookup"])
@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("lengths", [[4, 4, 4, 4], [2, 5, 1, 4]], ids=["equal", "mixed"])
@pytest.mark.parametrize("proj_size", [0, 3], ids=["", "projection"])
@pytest.mark.parametrize("directions", [1, 2], ids=["lstm", "bilstm"])
def test_outputs_and_gradients_equal_a_hand_written_lstm_with_the_same_masks(
    monkeypatch: pytest.MonkeyPatch,
    directions: int,
    proj_size: int,
    lengths: list[int],
    kernel: str,
    form: str,
    variational: bool,
) -> None:
    for name, value in KERNELS[kernel].items():
        monkeypatch.setattr(dispatch, name, value)
    # A row of ids looks its input products up only if inputs are not dropped.
    p = P | {"input_dropout": P["input_dropout"] if variational else 0.0}
    sizes = {"hidden_size": HIDDEN_SIZE, "num_layers": 2, "proj_size": proj_size}
    encoder = CLASSES[directions](INPUT_SIZE, variational=variational, **sizes, **p).train()
    time = max(lengths)
    ids = torch.randint(0, INPUT_SIZE, (len(lengths), time))
    table = torch.randn(INPUT_SIZE, INPUT_SIZE, requires_grad=True)
    vectors = torch.eye(INPUT_SIZE)[ids] if form == "ids" else table[ids]
    inputs: Any = {"vectors": table[ids], "ids": ids, "lookup": Lookup(ids, table)}[form]
    masks = recorded_masks(encoder)
    with worker_threads(2):
        actual = encoder(inputs, torch.tensor(lengths))
        leaves = [*encoder.parameters(), *([] if form == "ids" else [table])]
        weight = torch.randn_like(actual.outputs)
        gradients = torch.autograd.grad((actual.outputs * weight).sum() + actual.final.square().sum(), leaves)

    expected = hand_written(encoder, vectors, lengths, masks)
    last = torch.tensor(lengths) - 1
    width = proj_size or HIDDEN_SIZE
    undropped = hand_written(encoder, vectors, lengths, masks | {"outputs": [torch.ones(1)]})
    final = torch.cat(
        [undropped[torch.arange(len(lengths)), last, :width], *([undropped[:, 0, width:]] * (directions - 1))], dim=1
    )
    expected_final = final * masks["outputs"][-1].view_as(final)
    torch.testing.assert_close(actual.outputs, expected, rtol=0, atol=1e-12)
    torch.testing.assert_close(actual.final, expected_final, rtol=0, atol=1e-12)
    expected_gradients = torch.autograd.grad((expected * weight).sum() + expected_final.square().sum(), leaves)
    for actual_gradient, expected_gradient in zip(gradients, expected_gradients, strict=True):
        torch.testing.assert_close(actual_gradient, expected_gradient, rtol=1e-12, atol=1e-12)
    assert masks["recurrent_weights"][0].unique().tolist() == [0, 2]
    if variational:  # one mask for all time steps of a row
        assert masks["outputs"][0].shape == (len(lengths), 1, encoder.output_size)
        mask = masks["between"][0][:, : min(lengths)]
        assert (mask == mask[:, :1]).all()


PARTS = {"inputs": "input_dropout", "outputs": "output_dropout", "recurrent_weights": "weight_dropout"}


@pytest.mark.parametrize("parameter", PARTS.values())
@pytest.mark.parametrize("directions", [1, 2], ids=["lstm", "bilstm"])
def test_dropout_acts_in_training_alone_and_anew_in_each_batch(directions: int, parameter: str) -> None:
    encoder = CLASSES[directions](INPUT_SIZE, hidden_size=HIDDEN_SIZE, **{parameter: 0.5})
    plain = CLASSES[directions](INPUT_SIZE, hidden_size=HIDDEN_SIZE)
    plain.load_state_dict(encoder.state_dict())
    inputs, lengths = torch.randn(2, 4, INPUT_SIZE), torch.tensor([4, 3])
    first, second = (encoder(inputs, lengths).outputs for _ in range(2))
    assert not torch.allclose(first, second)
    encoder.eval()
    assert torch.equal(encoder(inputs, lengths).outputs, plain(inputs, lengths).outputs)


@pytest.mark.parametrize("directions", [1, 2], ids=["lstm", "bilstm"])
def test_all_rows_have_the_same_dropped_weights(directions: int) -> None:
    encoder = CLASSES[directions](INPUT_SIZE, hidden_size=HIDDEN_SIZE, weight_dropout=0.5)
    row = torch.randn(1, 4, INPUT_SIZE)
    outputs = encoder(row.expand(3, -1, -1), torch.tensor([4, 4, 4])).outputs
    torch.testing.assert_close(outputs, outputs[:1].expand(3, -1, -1), rtol=0, atol=1e-14)


def test_the_state_is_not_dropped() -> None:
    encoder = LSTM(INPUT_SIZE, hidden_size=HIDDEN_SIZE, output_dropout=0.5, variational=True)
    inputs, lengths = torch.randn(3, 4, INPUT_SIZE), torch.tensor([4, 2, 3])
    trained, evaluated = encoder.train()(inputs, lengths), encoder.eval()(inputs, lengths)
    assert not torch.equal(trained.final, evaluated.final)
    assert all(torch.equal(*parts) for parts in zip(trained.state, evaluated.state, strict=True))


def test_no_random_number_is_used_without_dropout() -> None:
    encoder = BiLSTM(INPUT_SIZE, hidden_size=HIDDEN_SIZE, num_layers=2)
    assert encoder.layers.dropout is None
    before = torch.get_rng_state()
    encoder.train()(torch.randn(2, 4, INPUT_SIZE, generator=torch.Generator()), torch.tensor([4, 3]))
    assert torch.equal(torch.get_rng_state(), before)


def lower(size: int) -> LSTM:
    return LSTM(size, hidden_size=HIDDEN_SIZE, weight_dropout=0.5, output_dropout=0.5, variational=True)


@pytest.mark.parametrize(
    "build",
    [
        lambda: Stacked(INPUT_SIZE, layers=[lower, lower]),
        lambda: Projected(INPUT_SIZE, encoder=lower, proj_size=3),
    ],
    ids=["stacked", "projected"],
)
def test_nested_encoders_are_regularized_in_training(build: Callable[[], Any]) -> None:
    encoder = build()
    inputs, lengths = torch.randn(2, 4, INPUT_SIZE), torch.tensor([4, 3])
    torch.manual_seed(1)
    first = encoder(inputs, lengths)
    torch.manual_seed(1)
    assert torch.equal(encoder(inputs, lengths).outputs, first.outputs)
    assert not torch.allclose(encoder(inputs, lengths).outputs, first.outputs)
    encoder.eval()
    assert torch.equal(encoder(inputs, lengths).outputs, encoder(inputs, lengths).outputs)


@pytest.mark.parametrize("directions", [1, 2])
@pytest.mark.parametrize("factors", [(2.0, 0.0), (0.0, 3.0), (2.0, 3.0)])
def test_penalties_are_means_over_real_time_steps(factors: tuple[float, float], directions: int) -> None:
    torch.manual_seed(0)
    cls = (LSTM, BiLSTM)[directions - 1]
    encoder = cls(
        INPUT_SIZE, hidden_size=3, output_dropout=0.5, activation_penalty=factors[0], temporal_penalty=factors[1]
    )
    inputs, lengths = torch.randn(3, 5, INPUT_SIZE), torch.tensor([5, 1, 3])
    dropped = encoder(inputs, lengths)
    mask = torch.arange(5) < lengths[:, None]
    plain = encoder.eval()(inputs, lengths)
    assert plain.penalties == ()
    squares = dropped.outputs[mask].square().mean()
    changes = torch.cat(
        [(row[1:length] - row[: length - 1]) for row, length in zip(plain.outputs, lengths, strict=True)]
    )
    expected = [
        factor * mean for factor, mean in zip(factors, (squares, changes.square().mean()), strict=True) if factor
    ]
    found = [penalty.total / penalty.count for penalty in dropped.penalties]
    torch.testing.assert_close(found, expected)


def test_an_encoder_returns_the_penalties_of_those_in_it() -> None:
    def layer(size: int) -> LSTM:
        return LSTM(size, hidden_size=HIDDEN_SIZE, activation_penalty=1.0)

    encoder = Projected(INPUT_SIZE, encoder=lambda size: Stacked(size, layers=[layer, lower, layer]), proj_size=2)
    assert len(encoder(torch.randn(2, 4, INPUT_SIZE), torch.tensor([4, 3])).penalties) == 2
    rows = layer(INPUT_SIZE)(torch.randn(2, 1, INPUT_SIZE), torch.tensor([1, 1])).penalties
    assert [penalty.count for penalty in rows] == [2 * HIDDEN_SIZE]


def test_variational_dropout_between_stacked_encoders() -> None:
    def layer(size: int) -> LSTM:
        return LSTM(size, hidden_size=HIDDEN_SIZE)

    encoder = Stacked(INPUT_SIZE, layers=[layer, layer], dropout=0.5, variational=True)
    seen: list[Tensor] = []
    encoder.dropout.register_forward_hook(lambda module, inputs, output: seen.append(output != 0))
    encoder(torch.randn(3, 4, INPUT_SIZE), torch.tensor([4, 4, 4]))
    assert (seen[0] == seen[0][:, :1]).all()
    assert 0 < seen[0].double().mean() < 1


@pytest.mark.parametrize(
    "build",
    [
        lambda: LSTM(INPUT_SIZE, hidden_size=4, variational=True, weight_dropout=0.5),
        lambda: Stacked(INPUT_SIZE, layers=[lower, lower], variational=True),
    ],
    ids=["lstm", "stacked"],
)
def test_variational_without_dropout_warns(build: Callable[[], Any]) -> None:
    with pytest.warns(UserWarning, match="variational has no effect without dropout: remove it, or set"):
        build()


@pytest.mark.parametrize("bias", [True, False], ids=["bias", "no bias"])
@pytest.mark.parametrize("reverse", [False, True], ids=["forward", "backward"])
@pytest.mark.parametrize("lengths", [[4, 4, 4], [2, 4, 1]], ids=["equal", "mixed"])
def test_the_call_of_the_kernel_for_gpus_equals_the_one_for_cpus(lengths: list[int], reverse: bool, bias: bool) -> None:
    """On a CPU, where torch takes the same call. The weights are not those of the layer."""
    layer = nn.LSTM(INPUT_SIZE, HIDDEN_SIZE, bias=bias, batch_first=True)
    weights = [torch.randn_like(weight) for weight in layer.parameters()]
    inputs, state = torch.randn(3, 4, INPUT_SIZE), (torch.randn(3, HIDDEN_SIZE), torch.randn(3, HIDDEN_SIZE))
    actual = run_cudnn(layer, weights, inputs, torch.tensor(lengths), state, reverse)
    cpu_weights = LSTMWeights.from_tensors(weights, bias, projected=False)
    expected = run_torch_kernel(cpu_weights, inputs, torch.tensor(lengths), state, reverse)
    is_real = torch.arange(4)[None, :, None] < torch.tensor(lengths)[:, None, None]
    torch.testing.assert_close(actual[0] * is_real, expected[0] * is_real, rtol=0, atol=1e-12)
    for part in (1, 2):
        torch.testing.assert_close(actual[part], expected[part], rtol=0, atol=1e-12)
