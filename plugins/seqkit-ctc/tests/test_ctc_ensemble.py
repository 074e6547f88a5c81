"""Tests of ensembles of CTC models: the labeling with the highest mean probability."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
import torch
from seqkit_ctc.head import CTC
from seqkit_ctc.likelihood import label_frames

from seqkit.contracts import Example

LABELS = ["a", "b"]


def ctc() -> CTC:
    head = CTC()
    head.restore({"labels": LABELS})
    head.build(3, 3)
    return head.eval()


def prediction(transcript: str, frames: list[list[float]]) -> dict[str, Any]:
    """Return a prediction of which each time step has these probabilities of the blank, `a` and `b`."""
    table = torch.tensor(frames, dtype=torch.float64).log()
    return {"transcript": transcript, "probability": 1.0, "members": [[1.0, label_frames(table)]]}


def test_members_that_emit_a_label_at_different_time_steps_agree() -> None:
    """The mean of their probabilities at each time step would lose the label."""
    early = prediction("a", [[0.1, 0.9, 0.0], [0.9, 0.1, 0.0], [1.0, 0.0, 0.0]])
    late = prediction("a", [[1.0, 0.0, 0.0], [0.9, 0.1, 0.0], [0.1, 0.9, 0.0]])
    head = ctc()
    (combined,) = head.combine([[early], [late]])
    assert combined["transcript"] == "a"
    assert combined["probability"] == pytest.approx(1 - 0.1 * 0.9, rel=1e-9)  # all alignments but blanks alone
    assert head.format_prediction(combined, None) == {"transcript": "a", "probability": combined["probability"]}
    json.dumps(combined, allow_nan=False)


def test_the_probability_is_the_mean_over_members_with_any_number_of_time_steps() -> None:
    sure, unsure = prediction("b", [[0.0, 0.1, 0.9]]), prediction("a", [[0.4, 0.6, 0.0], [1.0, 0.0, 0.0]])
    head = ctc()
    (combined,) = head.combine([[sure], [unsure]])
    means = {"a": (0.1 + 0.6) / 2, "b": (0.9 + 0.0) / 2}
    assert combined["transcript"] == "b"
    assert combined["probability"] == pytest.approx(means["b"], rel=1e-6)
    loss = head.loss_of_predictions([combined], [Example(None, "a")])
    assert loss is not None and loss.count == 1
    assert float(loss.total) == pytest.approx(-math.log(means["a"]), rel=1e-6)
    assert head.loss_of_predictions([combined], [Example(None, "c")]).count == 0
    assert head.loss_of_predictions([combined], [Example(None, "a")] * 2) is None


def test_equal_members_weigh_as_much_as_their_number() -> None:
    one, other = prediction("a", [[0.4, 0.6, 0.0]]), prediction("b", [[0.3, 0.0, 0.7]])
    (combined,) = ctc().combine([[one], [one], [other]])
    assert combined["transcript"] == "a"
    assert combined["probability"] == pytest.approx(0.4, rel=1e-9)
    assert [weight for weight, _ in combined["members"]] == pytest.approx([2 / 3, 1 / 3])
