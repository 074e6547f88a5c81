"""The gates and states of `lstm` and `bilstm`, against the formulas and the results of torch.nn.LSTM."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from seqkit.encoders.lstm import LSTM, BiLSTM
from seqkit.encoders.projected import Projected
from seqkit.encoders.stacked import Stacked


def by_hand(cell: nn.LSTM, inputs: Tensor) -> dict[str, Tensor]:
    """Return the gates and states of one row, (time, units), by the formulas of the documentation of torch.nn.LSTM."""
    weights = dict(cell.named_parameters())
    h, c = inputs.new_zeros(cell.proj_size or cell.hidden_size), inputs.new_zeros(cell.hidden_size)
    found: dict[str, list[Tensor]] = {}
    for x in inputs:
        i, f, g, o = (
            weights["weight_ih_l0"][part] @ x
            + weights["weight_hh_l0"][part] @ h
            + (weights["bias_ih_l0"][part] + weights["bias_hh_l0"][part] if cell.bias else 0)
            for part in torch.arange(4 * cell.hidden_size).chunk(4)
        )
        i, f, g, o = torch.sigmoid(i), torch.sigmoid(f), torch.tanh(g), torch.sigmoid(o)
        c = f * c + i * g
        h = o * torch.tanh(c)
        if cell.proj_size:
            h = weights["weight_hr_l0"] @ h
        names = ("input gate", "forget gate", "cell candidate", "output gate", "cell", "hidden state")
        for name, value in zip(names, (i, f, g, o, c, h), strict=True):
            found.setdefault(name, []).append(value)
    return {name: torch.stack(values) for name, values in found.items()}


@pytest.mark.parametrize("options", [{}, {"bias": False}, {"proj_size": 2}], ids=str)
@pytest.mark.parametrize("cls", [LSTM, BiLSTM])
@torch.no_grad()
def test_trace_equals_the_formulas_row_by_row(cls: type[LSTM], options: dict) -> None:
    torch.manual_seed(0)
    encoder = cls(3, hidden_size=5, num_layers=2, **options).double().eval()
    inputs, lengths = torch.randn(3, 6, 3).double(), torch.tensor([6, 2, 4])
    traces = encoder.trace(inputs, lengths)
    directions = cls.directions
    assert [trace.name for trace in traces] == (
        ["layer 1", "layer 2"]
        if directions == 1
        else ["layer 1, forward", "layer 1, backward", "layer 2, forward", "layer 2, backward"]
    )
    for row, length in enumerate(lengths.tolist()):
        below = inputs[row, :length]
        for layer in range(2):
            outputs = []
            for direction in range(directions):
                number = layer * directions + direction
                expected = by_hand(encoder.layers.cells[number], below.flip(0) if direction else below)
                if direction:
                    expected = {name: values.flip(0) for name, values in expected.items()}
                for name, values in traces[number].values.items():
                    torch.testing.assert_close(values[row, :length], expected[name], rtol=0, atol=1e-12)
                outputs.append(expected["hidden state"])
            below = torch.cat(outputs, dim=1)
    encoded = encoder(inputs, lengths)
    top = torch.cat([trace.values["hidden state"] for trace in traces[-directions:]], dim=2)
    real = torch.arange(6) < lengths[:, None]
    torch.testing.assert_close(top[real], encoded.outputs[real], rtol=0, atol=1e-12)


@torch.no_grad()
def test_cell_is_that_of_torch_lstm() -> None:
    torch.manual_seed(1)
    encoder = LSTM(4, hidden_size=6).double().eval()
    inputs = torch.randn(2, 7, 4).double()
    (trace,) = encoder.trace(inputs, torch.tensor([7, 7]))
    state = None
    for step in range(7):
        outputs, state = encoder.layers.cells[0](inputs[:, step : step + 1], state)
        torch.testing.assert_close(trace.values["hidden state"][:, step], outputs[:, 0], rtol=0, atol=1e-12)
        torch.testing.assert_close(trace.values["cell"][:, step], state[1][0], rtol=0, atol=1e-12)


@torch.no_grad()
def test_encoders_that_contain_others_return_their_traces() -> None:
    torch.manual_seed(2)
    stacked = Stacked(3, layers=[lambda size: LSTM(size, hidden_size=4), lambda size: BiLSTM(size, hidden_size=2)])
    inputs, lengths = torch.randn(2, 5, 3), torch.tensor([5, 3])
    names = [trace.name for trace in stacked.trace(inputs, lengths)]
    assert names == ["encoder 1, layer 1", "encoder 2, layer 1, forward", "encoder 2, layer 1, backward"]
    projected = Projected(3, encoder=lambda size: stacked, proj_size=2)
    assert [trace.name for trace in projected.trace(inputs, lengths)] == names
    top = torch.cat([trace.values["hidden state"] for trace in stacked.trace(inputs, lengths)[1:]], dim=2)
    torch.testing.assert_close(top[0], stacked(inputs, lengths).outputs[0])


class Doubled(LSTM):
    """An LSTM whose `forward` differs, so that the inherited trace would be wrong."""

    def forward(self, inputs, lengths, state=None):  # type: ignore[no-untyped-def]
        return super().forward(2 * inputs, lengths, state)


def test_subclass_that_overrides_forward_has_no_trace() -> None:
    assert list(Doubled(3, hidden_size=2).trace(torch.randn(1, 2, 3), torch.tensor([2]))) == []
