"""The encoder `segments`: each variable alone, segment by segment, whatever it is batched with."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from seqkit_forecast.segments import Segments

from seqkit.encoders.bilstm import BiLSTM
from seqkit.encoders.lstm import LSTM

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
def test_each_variable_is_read_alone(kind: type, steps: int) -> None:
    encoder = segments(kind)
    row = torch.randn(steps, COLUMNS)
    encoded = encoder(row[None], torch.tensor([steps]))
    finals, outputs = [], []
    for column in range(COLUMNS):
        values = [float(value - row[-1, column]) for value in row[:, column]]
        before = -len(values) % LENGTH
        values = [0.0] * before + values
        vectors = [
            torch.relu(encoder.segment(torch.tensor(values[place : place + LENGTH])))
            for place in range(0, len(values), LENGTH)
        ]
        alone = encoder.encoder(torch.stack(vectors)[None], torch.tensor([len(vectors)]))
        finals.append(alone.final[0])
        outputs.append(torch.stack([alone.outputs[0, (before + step) // LENGTH] for step in range(steps)]))
    torch.testing.assert_close(encoded.final[0], torch.cat(finals), rtol=0, atol=1e-12)
    torch.testing.assert_close(encoded.outputs[0], torch.cat(outputs, dim=1), rtol=0, atol=1e-12)
    assert encoded.final.shape == (1, encoder.final_size)
    assert encoded.outputs.shape == (1, steps, encoder.output_size)


def test_a_row_does_not_depend_on_its_padding_or_its_batch() -> None:
    encoder = segments()
    lengths = [9, 1, 4, 6]
    rows = [torch.randn(length, COLUMNS) for length in lengths]
    padded = torch.full((4, 11, COLUMNS), 1e6)
    for place, row in zip(padded, rows, strict=True):
        place[: len(row)] = row
    together = encoder(padded, torch.tensor(lengths))
    for number, row in enumerate(rows):
        alone = encoder(row[None], torch.tensor([len(row)]))
        torch.testing.assert_close(together.final[number], alone.final[0], rtol=0, atol=1e-12)
        torch.testing.assert_close(together.outputs[number, : len(row)], alone.outputs[0], rtol=0, atol=1e-12)


def test_a_level_that_is_added_to_a_variable_changes_nothing() -> None:
    encoder = segments()
    rows, lengths = torch.randn(2, 8, COLUMNS), torch.tensor([8, 8])
    shifted = encoder(rows + torch.tensor([5.0, -3.0, 0.0]), lengths)
    torch.testing.assert_close(shifted.final, encoder(rows, lengths).final, rtol=0, atol=1e-12)


def test_variables_have_the_same_weights() -> None:
    encoder = segments()
    rows, lengths = torch.randn(2, 8, COLUMNS), torch.tensor([8, 8])
    final = encoder(rows, lengths).final.unflatten(1, (COLUMNS, -1))
    turned = encoder(rows[:, :, [2, 0, 1]], lengths).final.unflatten(1, (COLUMNS, -1))
    torch.testing.assert_close(turned, final[:, [2, 0, 1]], rtol=0, atol=1e-12)
