"""The length of training in epochs and steps."""

from __future__ import annotations

import pytest

from seqkit.contracts import TrainingLength
from seqkit.recipe.schema import Train
from seqkit.training.length import training_length


@pytest.mark.parametrize(
    ("train", "length"),
    [
        ({}, (10, 70, 7)),
        ({"epochs": 3}, (3, 21, 7)),
        ({"steps": 21}, (3, 21, 7)),
        ({"steps": 22}, (4, 22, 7)),
        ({"steps": 1}, (1, 1, 7)),
    ],
)
def test_training_length_from_epochs_or_steps(train: dict[str, int], length: tuple[int, int, int]) -> None:
    assert training_length(Train(**train), 7) == TrainingLength(*length)
