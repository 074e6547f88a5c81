"""The checks of the built-in encoders, named by their registrations."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from seqkit.encoders.lstm import LSTM, BiLSTM
from seqkit.encoders.projected import Projected
from seqkit.encoders.stacked import Stacked
from seqkit.testing.checks import Check, variants
from seqkit.testing.encoder import checks_for_encoder


def torch_lstm(encoder: Any, inputs: Tensor) -> Tensor:
    """Return the outputs of torch.nn.LSTM with the weights of an `lstm` or `bilstm`, as a reference.

    Args:
        encoder: an `LSTM` or `BiLSTM`.
        inputs: (batch, time, input_size), without padding.
    """
    layers, first = encoder.layers, encoder.layers.cells[0]
    reference = nn.LSTM(
        first.input_size,
        first.hidden_size,
        layers.num_layers,
        bias=first.bias,
        batch_first=True,
        bidirectional=layers.directions == 2,
        proj_size=first.proj_size,
    )
    weights = [weight for cell in layers.cells for weight in cell.parameters()]
    with torch.no_grad():
        for parameter, weight in zip(reference.parameters(), weights, strict=True):
            parameter.copy_(weight)
        return reference(inputs)[0]


def lstm() -> list[Check]:
    def deep(size: int) -> LSTM:
        return LSTM(size, hidden_size=5, num_layers=3, proj_size=2, bias=False, dropout=0.3)

    return variants(
        {
            "one layer": checks_for_encoder(lambda size: LSTM(size, hidden_size=4), reference=torch_lstm),
            "three layers, projected": checks_for_encoder(deep, reference=torch_lstm),
            "ids": checks_for_encoder(lambda size: LSTM(size, hidden_size=2), input_size=11, reference=torch_lstm),
            "regularized": checks_for_encoder(
                lambda size: LSTM(
                    size,
                    hidden_size=4,
                    input_dropout=0.2,
                    output_dropout=0.3,
                    variational=True,
                    weight_dropout=0.4,
                ),
                reference=torch_lstm,
            ),
        }
    )


def bilstm() -> list[Check]:
    return variants(
        {
            "two layers": checks_for_encoder(
                lambda size: BiLSTM(size, hidden_size=4, num_layers=2, dropout=0.3), reference=torch_lstm
            ),
            "projected": checks_for_encoder(
                lambda size: BiLSTM(size, hidden_size=5, proj_size=3), reference=torch_lstm
            ),
        }
    )


def stacked() -> list[Check]:
    def lower(size: int) -> LSTM:
        return LSTM(size, hidden_size=4)

    return variants(
        {
            "two forward layers": checks_for_encoder(
                lambda size: Stacked(size, layers=[lower, lambda size: LSTM(size, hidden_size=3)], dropout=0.3)
            ),
            "bidirectional below": checks_for_encoder(
                lambda size: Stacked(size, layers=[lambda size: BiLSTM(size, hidden_size=2), lower])
            ),
        }
    )


def projected() -> list[Check]:
    return variants(
        {
            "lstm": checks_for_encoder(
                lambda size: Projected(size, encoder=lambda size: LSTM(size, hidden_size=4), proj_size=2)
            ),
            "bilstm": checks_for_encoder(
                lambda size: Projected(size, encoder=lambda size: BiLSTM(size, hidden_size=4), proj_size=3, bias=False)
            ),
        }
    )
