"""Tests of the encoder `segments` against a loop over variables and segments."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from seqkit_forecast.segments import Segments

from seqkit.encoders.lstm import LSTM, BiLSTM

COLUMNS, LENGTH, DIM, HIDDEN = 3, 4, 5, 6


@pytest.fixture(autouse=True)
def _float64_and_seed() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    yield
    torch.set_default_dtype(torch.float32)


def segments(kind: type = LSTM) -> Segments:
    return Segments(COLUMNS, length=LENGTH, dim=DIM, encoder=lambda size: kind(size, hidden_size=HIDDEN))


@pytest.mark.parametrize("kind", [LSTM, BiLSTM])
@pytest.mark.parametrize("steps", [1, 3, 4, 5, 8, 11])
def test_outputs_equal_loop(kind: type, steps: int) -> None:
    encoder = segments(kind)
    row = torch.randn(steps, COLUMNS)
    encoded = encoder(row[None], torch.tensor([steps]))
    finals, outputs = [], []
    for column in range(COLUMNS):
        values = [float(value - row[-1, column]) for value in row[:, column]]
        padding = -len(values) % LENGTH
        values = [0.0] * padding + values
        vectors = [
            torch.relu(encoder.segment(torch.tensor(values[start : start + LENGTH])))
            for start in range(0, len(values), LENGTH)
        ]
        single = encoder.encoder(torch.stack(vectors)[None], torch.tensor([len(vectors)]))
        finals.append(single.final[0])
        outputs.append(torch.stack([single.outputs[0, (padding + step) // LENGTH] for step in range(steps)]))
    torch.testing.assert_close(encoded.final[0], torch.cat(finals), rtol=0, atol=1e-12)
    torch.testing.assert_close(encoded.outputs[0], torch.cat(outputs, dim=1), rtol=0, atol=1e-12)
    assert encoded.final.shape == (1, encoder.final_size)
    assert encoded.outputs.shape == (1, steps, encoder.output_size)


def test_rows_are_independent_of_padding_and_batch() -> None:
    encoder = segments()
    lengths = [9, 1, 4, 6]
    rows = [torch.randn(length, COLUMNS) for length in lengths]
    padded = torch.full((4, 11, COLUMNS), 1e6)
    for padded_row, row in zip(padded, rows, strict=True):
        padded_row[: len(row)] = row
    batched = encoder(padded, torch.tensor(lengths))
    for number, row in enumerate(rows):
        single = encoder(row[None], torch.tensor([len(row)]))
        torch.testing.assert_close(batched.final[number], single.final[0], rtol=0, atol=1e-12)
        torch.testing.assert_close(batched.outputs[number, : len(row)], single.outputs[0], rtol=0, atol=1e-12)


def test_constant_offset_of_a_variable_has_no_effect() -> None:
    encoder = segments()
    rows, lengths = torch.randn(2, 8, COLUMNS), torch.tensor([8, 8])
    shifted = encoder(rows + torch.tensor([5.0, -3.0, 0.0]), lengths)
    torch.testing.assert_close(shifted.final, encoder(rows, lengths).final, rtol=0, atol=1e-12)


def test_variables_share_weights() -> None:
    encoder = segments()
    rows, lengths = torch.randn(2, 8, COLUMNS), torch.tensor([8, 8])
    final = encoder(rows, lengths).final.unflatten(1, (COLUMNS, -1))
    permuted = encoder(rows[:, :, [2, 0, 1]], lengths).final.unflatten(1, (COLUMNS, -1))
    torch.testing.assert_close(permuted, final[:, [2, 0, 1]], rtol=0, atol=1e-12)
