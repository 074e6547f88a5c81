"""Tests that the checks detect mistakes in the scores of a head, its pooling weights, and the trace of an encoder."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from seqkit.contracts import Scores, Trace
from seqkit.encoders.lstm import LSTM, BiLSTM
from seqkit.heads.classify import Classify
from seqkit.testing import ContractViolation, checks_for_encoder, checks_for_head
from seqkit.testing.default_cases import EXAMPLES


def faulty(base: type, **attributes: Any) -> type:
    return type("Faulty", (base,), attributes)


def changed(change: Any) -> Any:
    return lambda self, *arguments: change(Classify.scores(self, *arguments))


HEADS: dict[str, tuple[dict[str, Any], str, str]] = {
    "as many scores as tokens": (
        {"scores": lambda self, encoded, batch: Scores(encoded.outputs)},
        "scores",
        "the values of the scores are",
    ),
    "a tensor": ({"scores": changed(lambda found: found.values)}, "scores", "scores returns a Tensor: return"),
    "names that are numbers": ({"score_names": lambda self: [0, 1]}, "scores", "must return a string per score"),
    "detached": ({"scores": changed(lambda found: Scores(found.values.detach()))}, "scores", "do not detach them"),
    "token values of another shape": (
        {"scores": changed(lambda found: Scores(found.values, found.values))},
        "scores",
        "not (batch, time, names)",
    ),
    "token values at padding": (
        {
            "scores": lambda self, encoded, batch: Scores(
                Classify.scores(self, encoded, batch).values, torch.ones(*batch.inputs.shape, len(self.labels))
            )
        },
        "scores",
        "token_values are not 0 at padding",
    ),
    "a temperature that predictions do not have": (
        {"scores": changed(lambda found: Scores(found.values * 2))},
        "scores_match_predictions",
        "differ from those of the predictions",
    ),
    "another kind": ({"score_kind": "sigmoid"}, "scores_match_predictions", "and its `score_kind`"),
    "weights that do not add up": (
        {"pooling_weights": lambda self, encoded, batch: batch.mask.double()},
        "pooling_weights",
        "a sum of 1 for each row",
    ),
    "weights per output": (
        {"pooling_weights": lambda self, encoded, batch: encoded.outputs},
        "pooling_weights",
        "not (batch, time)",
    ),
}


@pytest.mark.parametrize(("attributes", "name", "message"), HEADS.values(), ids=HEADS)
def test_faults_of_heads_are_detected(attributes: Any, name: str, message: str) -> None:
    checks = checks_for_head(faulty(Classify, **attributes), EXAMPLES["labels"])
    (check,) = [each for each in checks if each.name == name]
    with pytest.raises(ContractViolation) as caught:
        check()
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def traced(change: Any) -> Any:
    return lambda self, inputs, lengths: change(BiLSTM.trace(self, inputs, lengths), lengths)


def backward_reads_padding(self: Any, inputs: Any, lengths: Any) -> Any:
    return BiLSTM.trace(self, inputs, torch.full_like(lengths, inputs.shape[1]))


ENCODERS: dict[str, tuple[Any, str]] = {
    "padding is read": (backward_reads_padding, "in the trace of a row that is traced alone"),
    "no records": (traced(lambda traces, lengths: [trace.values for trace in traces]), "return seqkit.contracts.Trace"),
    "one name twice": (traced(lambda traces, lengths: [*traces, traces[0]]), "give each layer its own name"),
    "the mean over units": (
        traced(lambda traces, lengths: [Trace("a", {"cell": traces[0].values["cell"].mean(dim=2)})]),
        "return floats (batch, time, units)",
    ),
    "infinite": (
        traced(lambda traces, lengths: [Trace("a", {"cell": traces[0].values["cell"] / 0})]),
        "'cell' of a is not finite",
    ),
}


@pytest.mark.parametrize(("trace", "message"), ENCODERS.values(), ids=ENCODERS)
def test_faults_of_traces_are_detected(trace: Any, message: str) -> None:
    cls = faulty(BiLSTM, trace=trace)
    (check,) = [each for each in checks_for_encoder(lambda size: cls(size, hidden_size=2)) if each.name == "trace"]
    with pytest.raises(ContractViolation) as caught:
        check()
    assert message in str(caught.value)


def test_an_overridden_prediction_needs_new_scores() -> None:
    class Shifted(Classify):
        def predict(self, encoded: Any, batch: Any) -> list[dict[str, Any]]:
            return super().predict(encoded, batch)

    assert Classify.explains == "row"
    assert Shifted.explains is None
    assert LSTM.trace is not faulty(LSTM, forward=lambda self, *_: None).trace  # type: ignore[attr-defined]
