"""Tests of pretraining both directions of an encoder as language models: no half reads the token that it predicts."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import seqkit
from helpers.recipes import CHARACTER_RECIPE, classification_recipe
from seqkit.contracts import Example
from seqkit.data.batching import collate
from seqkit.encoders.lstm import LSTM, BiLSTM
from seqkit.errors import RecipeError, UsageError
from seqkit.heads.next_char import NextChar

VOCAB_SIZE, WIDTH = 7, 5
LENGTHS = (6, 2, 4)


def built_head(**options: Any) -> NextChar:
    head = NextChar(objective="bidirectional", **options)
    head.restore({"vocab_size": VOCAB_SIZE})
    head.build(2 * WIDTH, 2 * WIDTH)
    return head


@pytest.fixture
def rows() -> list[np.ndarray]:
    generator = np.random.default_rng(0)
    return [generator.integers(0, VOCAB_SIZE, size=length) for length in LENGTHS]


def losses(head: NextChar, encoder: BiLSTM, ids: np.ndarray) -> dict[tuple[str, int], float]:
    """Return the loss of each prediction of a row: by direction, and by the place of the predicted token."""
    (row,) = head.rows(Example("", location=""), ids)
    batch = collate([row])
    with torch.no_grad():
        logits = head.output(encoder(batch.inputs, batch.lengths).outputs.unflatten(2, (2, -1)))[0]
    probabilities = logits.log_softmax(-1)  # (time, 2, vocab_size)
    found = {("forward", place): -probabilities[place - 1, 0, ids[place]].item() for place in range(1, len(ids))}
    return found | {
        ("backward", place): -probabilities[place + 1, 1, ids[place]].item() for place in range(len(ids) - 1)
    }


def test_loss_is_that_of_two_language_models(rows: list[np.ndarray]) -> None:
    """Parity with the loss of each prediction computed alone, from padded rows of different lengths."""
    head, encoder = built_head(), BiLSTM(VOCAB_SIZE, hidden_size=WIDTH)
    batch = collate([row for ids in rows for row in head.rows(Example(""), ids)])
    loss = head.loss(encoder(batch.inputs, batch.lengths), batch)
    expected = [value for ids in rows for value in losses(head, encoder, ids).values()]
    assert loss.count == len(expected) == sum(2 * (length - 1) for length in LENGTHS)
    assert loss.total.item() == pytest.approx(sum(expected), rel=1e-5)


@pytest.mark.parametrize("place", range(LENGTHS[0]))
def test_no_half_reads_its_answer(place: int, rows: list[np.ndarray]) -> None:
    """A changed token changes only predictions after it in the forward half, before it in the backward half."""
    head, encoder = built_head(), BiLSTM(VOCAB_SIZE, hidden_size=WIDTH)
    ids = rows[0]
    other = ids.copy()
    other[place] = (other[place] + 1) % VOCAB_SIZE
    before, after = (losses(head, encoder, each) for each in (ids, other))
    changed = {key for key in before if before[key] != after[key]}
    assert changed == {
        (direction, number)
        for direction, number in before
        if number == place or (number > place if direction == "forward" else number < place)
    }


@pytest.mark.parametrize(
    ("encoder", "is_separate"),
    [
        (BiLSTM(3, hidden_size=2), True),
        (BiLSTM(3, hidden_size=2, num_layers=2), False),
        (LSTM(3, hidden_size=2), False),
    ],
)
def test_only_one_layer_keeps_directions_separate(encoder: LSTM, is_separate: bool) -> None:
    assert encoder.separate_directions == is_separate


@pytest.mark.parametrize(
    "encoder",
    [
        {"type": "bilstm", "hidden_size": 3, "num_layers": 2},
        {"type": "lstm", "hidden_size": 4},
        {"type": "projected", "encoder": {"type": "bilstm", "hidden_size": 3}, "proj_size": 4},
        {"type": "stacked", "layers": [{"type": "bilstm", "hidden_size": 3}] * 2},
    ],
)
def test_encoder_that_mixes_directions_is_rejected(encoder: dict[str, Any], tmp_path: Path) -> None:
    head = {"type": "next_char", "objective": "bidirectional"}
    with pytest.raises(RecipeError) as caught:
        seqkit.run(CHARACTER_RECIPE | {"encoder": encoder, "head": head}, runs=tmp_path, quiet=True)
    (line,) = caught.value.lines
    assert line == (
        f"recipe: encoder.type: '{encoder['type']}' does not keep a forward and a backward direction separate, so "
        "'next_char' could read the tokens that it predicts: use an encoder that does, such as a `bilstm` with "
        "`num_layers: 1`"
    )


@pytest.mark.parametrize("pairs", ["next", "previous"])
def test_embedding_that_reads_neighbors_is_rejected(pairs: str, tmp_path: Path) -> None:
    embedding = {"type": "bigrams", "dim": 4, "pairs": pairs}
    with pytest.raises(RecipeError) as caught:
        seqkit.run(CHARACTER_RECIPE | BIDIRECTIONAL | {"embedding": embedding}, runs=tmp_path, quiet=True)
    assert caught.value.lines == [
        "recipe: embedding.type: the vectors of 'bigrams' depend on neighboring tokens, which 'next_char' predicts: "
        "use an embedding of single tokens, such as `learned`"
    ]


def test_allow_leak_has_no_effect(tmp_path: Path) -> None:
    head = {"type": "next_char", "objective": "bidirectional", "allow_leak": True}
    with pytest.raises(RecipeError, match=r"head.allow_leak: has no effect with the objective bidirectional"):
        seqkit.run(CHARACTER_RECIPE | {"head": head}, runs=tmp_path, quiet=True)


BIDIRECTIONAL = {
    "encoder": {"type": "bilstm", "hidden_size": 6},
    "head": {"type": "next_char", "objective": "bidirectional", "label_smoothing": 0.1, "dropout": 0.1},
}


def test_windows_and_whole_rows_learn(tmp_path: Path) -> None:
    """Every window has a prediction, even one of a single token: its neighbors are in other windows."""
    for train in ({}, {"batch_size": 3, "sequence_length": 1}):
        recipe = CHARACTER_RECIPE | BIDIRECTIONAL
        run = seqkit.run(recipe | {"train": CHARACTER_RECIPE["train"] | train}, runs=tmp_path, quiet=True)
        first, *_, last = [row["loss"] for row in run.metrics if row["split"] == "train"]
        assert last < first
        assert run.result["metrics"]["train"]["bits_per_char"] > 0


def test_run_neither_generates_nor_predicts(tmp_path: Path) -> None:
    run = seqkit.run(CHARACTER_RECIPE | BIDIRECTIONAL, runs=tmp_path, quiet=True)
    with pytest.raises(UsageError, match="does not generate text"):
        seqkit.load(run.path).generate("In", length=3)
    with pytest.raises(UsageError, match="makes no predictions: use evaluate"):
        seqkit.load(run.path).predict(["In"])
    with pytest.raises(RecipeError, match="'next_char' cannot generate"):
        seqkit.run(CHARACTER_RECIPE | BIDIRECTIONAL | {"generate": {"prompt": "In"}}, runs=tmp_path, quiet=True)


def test_text_of_one_token_is_skipped_with_a_note(tmp_path: Path) -> None:
    recipe = classification_recipe(tmp_path)
    with (tmp_path / "reviews.csv").open("a", encoding="utf-8") as file:
        csv.writer(file).writerow(["好", "pos"])
    del recipe["predict"]
    run = seqkit.run(recipe | {"head": BIDIRECTIONAL["head"]}, runs=tmp_path, quiet=True)
    assert run.result["examples"]["train"] == 5
