"""A head for sequences of labels without alignment: connectionist temporal classification (CTC)."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from seqkit.contracts import (
    Batch,
    DataNote,
    Encoded,
    Example,
    Fraction,
    Loss,
    PositiveInt,
    Row,
    Tokenizer,
)
from seqkit.errors import DataError
from seqkit.messages import message
from seqkit_ctc.baselines import CONTEXT, LinearCTC, medoid
from seqkit_ctc.decoding import BLANK, greedy_decode, prefix_beam_search
from seqkit_ctc.likelihood import Mixture, label_frames, negative_log_likelihood, padded
from seqkit_ctc.results import CTCResults

_UNKNOWN = -1
"""The id of a label that does not occur in the training data."""

_BEAM_SIZE = 16


class CTC(nn.Module, CTCResults):
    """A sequence of labels that is shorter than the input and not aligned with it.

    A linear layer and a softmax compute the probabilities of each label and of a blank at each time step. The loss is
    the negative log of the likelihood of the target, which is summed over all its alignments, in nats per row (Graves
    et al., 2006).

    Args:
        labels: the labels of a target: its `characters`, or its `words`, separated by white space.
        decoder: `greedy` uses the most likely alignment; `beam` searches for the most likely labeling, whose
            probability is the sum over its alignments (Hannun et al., 2014).
        beam_size: the number of prefixes in the beam.
        dropout: the dropout probability of the encoder's outputs.
        too_long: what to do with an example whose input has fewer time steps than its labels require: `error` raises an
            error, `skip` leaves it out of training, loss and metrics, with a note.
    """

    needs = frozenset({"outputs", "targets"})
    stratifies = False
    metric_names = ("label_error_rate", "exact_match")
    higher_is_better = frozenset({"exact_match"})
    provides = frozenset({"texts"})

    def __init__(
        self,
        *,
        labels: Literal["characters", "words"] = "characters",
        decoder: Literal["greedy", "beam"] = "greedy",
        beam_size: PositiveInt = _BEAM_SIZE,
        dropout: Fraction = 0.0,
        too_long: Literal["error", "skip"] = "error",
    ) -> None:
        super().__init__()
        if decoder == "greedy" and beam_size != _BEAM_SIZE:
            raise ValueError(
                message("beam_size has no effect with the decoder greedy: set `decoder: beam`, or remove this key")
            )
        self.unit = labels
        self.decoder = decoder
        self.beam_size = beam_size
        self.dropout = nn.Dropout(dropout)
        self.too_long = too_long
        self.labels: list[str] = []

    def fit(self, examples: Sequence[Example], tokenizer: Tokenizer | None) -> None:
        self._set_labels(sorted({label for example in examples for label in self.split_labels(example.target)}))
        if not self.labels:
            raise DataError(
                message(
                    "the targets of all {count} training examples are empty: provide non-empty texts",
                    count=len(examples),
                )
            )

    def state(self) -> dict[str, Any]:
        return {"labels": self.labels}

    def restore(self, state: Mapping[str, Any]) -> None:
        labels = state.get("labels")
        if not isinstance(labels, list) or not labels or not all(map(self._is_label, labels)):
            raise ValueError(message("'labels' is not a list of labels"))
        if len(set(labels)) < len(labels):
            raise ValueError(message("'labels' contains a label twice"))
        self._set_labels(labels)

    def _is_label(self, value: object) -> bool:
        if not isinstance(value, str):
            return False
        return len(value) == 1 if self.unit == "characters" else value.split() == [value]

    def _set_labels(self, labels: list[str]) -> None:
        self.labels = labels
        self._label_ids = {label: label_id for label_id, label in enumerate(labels, start=BLANK + 1)}

    def join_labels(self, label_ids: Sequence[int]) -> str:
        """Return the text of a sequence of label ids."""
        separator = "" if self.unit == "characters" else " "
        return separator.join(self.labels[label_id - BLANK - 1] for label_id in label_ids)

    def build(self, output_size: int, final_size: int) -> None:
        self.output = nn.Linear(output_size, BLANK + 1 + len(self.labels))

    def rows(self, example: Example, encoded_input: np.ndarray) -> Iterator[Row]:
        labels = self.split_labels(example.target)
        required = self.required_steps(example)
        if required > len(encoded_input):
            if self.too_long == "error":
                raise DataError(
                    message(
                        "its {labels} labels require {required} time steps (with a blank between equal neighbors), "
                        "but its input has {steps}: remove the example, or train with shorter time steps or with "
                        "`too_long: skip`, which skips such examples",
                        labels=len(labels),
                        required=required,
                        steps=len(encoded_input),
                    )
                )
            note = message("skipped: the input has fewer time steps than the labels require")
            warnings.warn(DataNote(note, example.location), stacklevel=2)
            return
        label_ids = np.array([self._label_ids.get(label, _UNKNOWN) for label in labels], dtype=np.int64)
        unknown = next((label for label in labels if label not in self._label_ids), None)
        if unknown is not None:
            note = message(
                "a label that does not occur in the training data counts as an error, and the loss leaves out its text"
            )
            location = message(
                "{location}, label '{label}'", location=example.location or message("an example"), label=unknown
            )
            warnings.warn(DataNote(note, location), stacklevel=2)
        yield Row(encoded_input, label_ids)

    def loss(self, encoded: Encoded, batch: Batch) -> Loss:
        """Return the summed loss and the number of rows."""
        assert batch.targets is not None and batch.target_lengths is not None
        log_probabilities = torch.log_softmax(self._label_scores(encoded), dim=2)
        likelihoods = (log_probabilities, batch.lengths, batch.targets, batch.target_lengths)
        is_known = (batch.targets != _UNKNOWN).all(dim=1)
        if not is_known.all():
            is_known_on_cpu = is_known.cpu()  # lengths are on the CPU
            likelihoods = (
                log_probabilities[is_known],
                batch.lengths[is_known_on_cpu],
                batch.targets[is_known],
                batch.target_lengths[is_known_on_cpu],
            )
            if not len(likelihoods[1]):
                return Loss(log_probabilities.sum() * 0, 0)
        return Loss(negative_log_likelihood(*likelihoods).sum(), len(likelihoods[1]))

    def predict(self, encoded: Encoded, batch: Batch) -> list[dict[str, Any]]:
        """Return the `transcript` of each row, the `probability` of this labeling, and what `combine` needs."""
        if not len(batch.lengths):
            return []
        log_probabilities = torch.log_softmax(self._label_scores(encoded).detach().cpu().double(), dim=2)
        lengths = batch.lengths.tolist()
        rows = [row[:length] for row, length in zip(log_probabilities, lengths, strict=True)]
        labelings = [self.decode(row.numpy()) for row in rows]
        targets, target_lengths = padded(labelings)
        likelihoods = torch.exp(-negative_log_likelihood(log_probabilities, batch.lengths, targets, target_lengths))
        return [
            {
                "transcript": self.join_labels(labeling),
                "probability": probability,
                "members": [[1.0, label_frames(row)]],
            }
            for labeling, probability, row in zip(labelings, likelihoods.tolist(), rows, strict=True)
        ]

    def format_prediction(self, prediction: Mapping[str, Any], value: Any) -> dict[str, Any]:
        return {name: prediction[name] for name in ("transcript", "probability")}

    def task(self) -> dict[str, Any]:
        return {message("unit of labels"): self.unit, message("labels"): self.labels}

    def combine(self, predictions: Sequence[Sequence[Mapping[str, Any]]]) -> list[dict[str, Any]]:
        """Return the labeling of each row whose mean probability is highest, among those that the members propose.

        Candidates are the transcript of each member and, if all have the same number of time steps, the labeling
        decoded from the means of their label probabilities. Those means alone would not do: two networks emit the same
        label at different time steps (Kurata and Audhkhasi, Guiding CTC Posterior Spike Timings for Improved Posterior
        Fusion and Knowledge Distillation, 2019).

        Args:
            predictions: for each member, what its `predict` returned for the same rows.
        """
        return [self._combine_row(row) for row in zip(*predictions, strict=True)]

    def _combine_row(self, row: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        members: list[list[Any]] = []  # the weight and the frames of each; equal ones are one
        for weight, frames in (member for prediction in row for member in prediction["members"]):
            equal = next((member for member in members if member[1] == frames), None)
            if equal is None:
                members.append([weight / len(row), frames])
            else:
                equal[0] += weight / len(row)
        mixture = Mixture(members, len(self.labels))
        transcripts = dict.fromkeys(prediction["transcript"] for prediction in row)
        labelings = [[self._label_ids[label] for label in self.split_labels(text)] for text in transcripts]
        if (mean := mixture.mean()) is not None:
            labelings.append(self.decode(mean))
        scores = [mixture.log_probability(labeling) for labeling in labelings]
        best = max(range(len(scores)), key=scores.__getitem__)
        transcript, probability = self.join_labels(labelings[best]), math.exp(scores[best])
        return {"transcript": transcript, "probability": probability, "members": members}

    def loss_of_predictions(self, predictions: Sequence[Mapping[str, Any]], examples: Sequence[Example]) -> Loss | None:
        """Return the loss of combined predictions: of the mean of the members' probabilities of a target.

        Args:
            predictions: one per row, in the order of the examples.
            examples: the examples; None is returned if some of them have no row.
        """
        if len(predictions) != len(examples):
            return None
        total, count = 0.0, 0
        for prediction, example in zip(predictions, examples, strict=True):
            labels = self.split_labels(example.target)
            if all(label in self._label_ids for label in labels):
                mixture = Mixture(prediction["members"], len(self.labels))
                total -= mixture.log_probability([self._label_ids[label] for label in labels])
                count += 1
        return Loss(torch.tensor(total, dtype=torch.float64), count)

    def decode(self, log_probabilities: np.ndarray) -> list[int]:
        """Return the label ids decoded from log probabilities, float (time, labels)."""
        if self.decoder == "greedy":
            return greedy_decode(log_probabilities)
        return prefix_beam_search(log_probabilities, self.beam_size)

    def _label_scores(self, encoded: Encoded) -> Tensor:
        """Return the unnormalized scores of the blank and the labels, float (batch, time, labels)."""
        return self.output(self.dropout(encoded.outputs))

    def baseline(self, train: Sequence[Example], test: Sequence[Example], tokenizer: Tokenizer | None) -> dict | None:
        """Return the scores of a linear model if the inputs are features, and of the best constant transcript."""
        train, test = self.scored(train, tokenizer), self.scored(test, tokenizer)
        label_ids = [self._label_ids[label] for label in medoid([self.split_labels(item.target) for item in train])]
        transcript = self.join_labels(label_ids)
        name = message("constant transcript '{transcript}'", transcript=transcript)
        constant = {"name": name} | self.transcript_metrics([transcript] * len(test), test)
        if tokenizer is not None:
            return constant
        rows = [row for example in train for row in self.rows(example, np.asarray(example.input))]
        linear = LinearCTC(
            [row.input for row in rows], [row.target for row in rows], len(self.labels) + 1, negative_log_likelihood
        )
        transcripts = [self.join_labels(self.decode(linear.log_probabilities(np.asarray(item.input)))) for item in test]
        name = message("linear model of {count} time steps, trained with CTC", count=2 * CONTEXT + 1)
        return {"name": name} | self.transcript_metrics(transcripts, test) | {"others": [constant]}
