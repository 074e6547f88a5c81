"""A head for sequences of labels without alignment: connectionist temporal classification (CTC)."""

from __future__ import annotations

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
    Head,
    Judgment,
    Loss,
    PositiveInt,
    Row,
    Tokenizer,
)
from seqkit.errors import DataError
from seqkit_ctc.baselines import CONTEXT, LinearCTC, medoid
from seqkit_ctc.decoding import BLANK, greedy_decode, prefix_beam_search
from seqkit_ctc.edit_distance import edit_distance, label_error_rate

_UNKNOWN = -1
"""The id of a label that does not occur in the training data."""


class CTC(nn.Module, Head):
    """A sequence of labels that is shorter than the input and not aligned with it.

    A linear layer and a softmax compute the probabilities of each label and of a blank at each time step. The loss is
    the negative log-likelihood of the target, summed over all its alignments, in nats per row (Graves et al., 2006).

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

    def __init__(
        self,
        *,
        labels: Literal["characters", "words"] = "characters",
        decoder: Literal["greedy", "beam"] = "greedy",
        beam_size: PositiveInt = 16,
        dropout: Fraction = 0.0,
        too_long: Literal["error", "skip"] = "error",
    ) -> None:
        super().__init__()
        self.unit = labels
        self.decoder = decoder
        self.beam_size = beam_size
        self.dropout = nn.Dropout(dropout)
        self.too_long = too_long
        self.labels: list[str] = []

    def fit(self, examples: Sequence[Example], tokenizer: Tokenizer | None) -> None:
        self._set_labels(sorted({label for example in examples for label in self.split_labels(example.target)}))
        if not self.labels:
            raise DataError(f"the targets of all {len(examples)} training examples are empty: provide non-empty texts")

    def state(self) -> dict[str, Any]:
        return {"labels": self.labels}

    def restore(self, state: Mapping[str, Any]) -> None:
        labels = state.get("labels")
        if not isinstance(labels, list) or not labels or not all(map(self._is_label, labels)):
            raise ValueError("'labels' is not a list of labels")
        if len(set(labels)) < len(labels):
            raise ValueError("'labels' contains a label twice")
        self._set_labels(labels)

    def _is_label(self, value: object) -> bool:
        if not isinstance(value, str):
            return False
        return len(value) == 1 if self.unit == "characters" else value.split() == [value]

    def _set_labels(self, labels: list[str]) -> None:
        self.labels = labels
        self._label_ids = {label: label_id for label_id, label in enumerate(labels, start=BLANK + 1)}

    def split_labels(self, target: Any) -> list[str]:
        """Return the labels of a target.

        Raises:
            DataError: the target is missing or is not text.
        """
        if not isinstance(target, str):
            raise DataError("the target is missing" if target is None else f"the target is not text: {target!r:.40}")
        return list(target) if self.unit == "characters" else target.split()

    def join_labels(self, label_ids: Sequence[int]) -> str:
        """Return the text of a sequence of label ids."""
        separator = "" if self.unit == "characters" else " "
        return separator.join(self.labels[label_id - BLANK - 1] for label_id in label_ids)

    def build(self, output_size: int, final_size: int) -> None:
        self.output = nn.Linear(output_size, BLANK + 1 + len(self.labels))

    def rows(self, example: Example, encoded_input: np.ndarray) -> Iterator[Row]:
        labels = self.split_labels(example.target)
        required = self._required_steps(example)
        if required > len(encoded_input):
            if self.too_long == "error":
                raise DataError(
                    f"its {len(labels)} labels require {required} time steps (with a blank between equal neighbors), "
                    f"but its input has {len(encoded_input)}: use shorter time steps, remove the example, or set "
                    "`too_long: skip` to skip such examples"
                )
            note = "skipped: the input has fewer time steps than the labels require"
            warnings.warn(DataNote(note, example.location), stacklevel=2)
            return
        label_ids = np.array([self._label_ids.get(label, _UNKNOWN) for label in labels], dtype=np.int64)
        unknown = next((label for label in labels if label not in self._label_ids), None)
        if unknown is not None:
            note = (
                "a label that does not occur in the training data counts as an error, and the loss leaves out its text"
            )
            location = f"{example.location or 'an example'}, label '{unknown}'"
            warnings.warn(DataNote(note, location), stacklevel=2)
        yield Row(encoded_input, label_ids)

    def _required_steps(self, example: Example) -> int:
        """Return the number of time steps that the target requires: equal neighbors have a blank between them."""
        labels = self.split_labels(example.target)
        return len(labels) + sum(one == other for one, other in zip(labels, labels[1:], strict=False))

    def _scored(self, examples: Sequence[Example], tokenizer: Tokenizer | None) -> Sequence[Example]:
        """Return the examples that have a row."""
        if self.too_long == "error":
            return examples
        return [example for example in examples if self._required_steps(example) <= _num_steps(example, tokenizer)]

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
        return Loss(_negative_log_likelihood(*likelihoods).sum(), len(likelihoods[1]))

    def predict(self, encoded: Encoded, batch: Batch) -> list[dict[str, Any]]:
        """Return the `transcript` of each row, and the `probability` of this labeling."""
        if not len(batch.lengths):
            return []
        log_probabilities = torch.log_softmax(self._label_scores(encoded).detach().cpu().double(), dim=2)
        labelings = [
            self.decode(row[:length])
            for row, length in zip(log_probabilities.numpy(), batch.lengths.tolist(), strict=True)
        ]
        lengths = torch.tensor([len(labeling) for labeling in labelings])
        padded = torch.zeros(len(labelings), int(lengths.max()), dtype=torch.int64)
        for row, labeling in zip(padded, labelings, strict=True):
            row[: len(labeling)] = torch.tensor(labeling)
        likelihoods = torch.exp(-_negative_log_likelihood(log_probabilities, batch.lengths, padded, lengths))
        return [
            {"transcript": self.join_labels(labeling), "probability": probability}
            for labeling, probability in zip(labelings, likelihoods.tolist(), strict=True)
        ]

    def decode(self, log_probabilities: np.ndarray) -> list[int]:
        """Return the label ids decoded from log probabilities, float (time, labels)."""
        if self.decoder == "greedy":
            return greedy_decode(log_probabilities)
        return prefix_beam_search(log_probabilities, self.beam_size)

    def _label_scores(self, encoded: Encoded) -> Tensor:
        """Return the unnormalized scores of the blank and the labels, float (batch, time, labels)."""
        return self.output(self.dropout(encoded.outputs))

    def metrics(
        self,
        loss: float,
        predictions: Sequence[Mapping[str, Any]],
        examples: Sequence[Example],
        *,
        tokenizer: Tokenizer | None = None,
    ) -> dict[str, Any]:
        scored = self._scored(examples, tokenizer)
        return self._transcript_metrics([item["transcript"] for item in predictions], scored)

    def _transcript_metrics(self, transcripts: Sequence[str], examples: Sequence[Example]) -> dict[str, float]:
        """Return the label error rate, and the fraction of transcripts without an error. One transcript per example."""
        references = [self.split_labels(example.target) for example in examples]
        hypotheses = [self.split_labels(transcript) for transcript in transcripts]
        matches = sum(one == other for one, other in zip(references, hypotheses, strict=True))
        return {
            "label_error_rate": label_error_rate(references, hypotheses),
            "exact_match": matches / len(references),
        }

    def judge(
        self, predictions: Sequence[Mapping[str, Any]], examples: Sequence[Example], *, tokenizer: Tokenizer | None
    ) -> Iterator[Judgment]:
        """Yield a judgment per example that has a row, in the order of the edit distance in labels."""
        scored = {id(example) for example in self._scored(examples, tokenizer)}
        numbers = [number for number, example in enumerate(examples) if id(example) in scored]
        for number, prediction in zip(numbers, predictions, strict=True):
            truth, transcript = examples[number].target, prediction["transcript"]
            distance = edit_distance(self.split_labels(truth), self.split_labels(transcript))
            yield Judgment(
                example=number,
                truth=truth,
                prediction=transcript,
                is_error=distance > 0,
                order=float(distance),
                probability=min(prediction["probability"], 1.0),
                facts={"distance": distance},
            )

    def baseline(self, train: Sequence[Example], test: Sequence[Example], tokenizer: Tokenizer | None) -> dict | None:
        """Return the scores of a linear model if the inputs are features, and of the best constant transcript."""
        train, test = self._scored(train, tokenizer), self._scored(test, tokenizer)
        label_ids = [self._label_ids[label] for label in medoid([self.split_labels(item.target) for item in train])]
        transcript = self.join_labels(label_ids)
        constant = {"name": f"constant transcript '{transcript}'"} | self._transcript_metrics(
            [transcript] * len(test), test
        )
        if tokenizer is not None:
            return constant
        rows = [row for example in train for row in self.rows(example, np.asarray(example.input))]
        linear = LinearCTC(
            [row.input for row in rows], [row.target for row in rows], len(self.labels) + 1, _negative_log_likelihood
        )
        transcripts = [self.join_labels(self.decode(linear.log_probabilities(np.asarray(item.input)))) for item in test]
        name = f"linear model of {2 * CONTEXT + 1} time steps, trained with CTC"
        return {"name": name} | self._transcript_metrics(transcripts, test) | {"others": [constant]}


def _num_steps(example: Example, tokenizer: Tokenizer | None) -> int:
    return len(example.input if tokenizer is None else tokenizer.encode(example.input))


def _negative_log_likelihood(
    log_probabilities: Tensor, lengths: Tensor, targets: Tensor, target_lengths: Tensor
) -> Tensor:
    """Return the negative log-likelihood of each row in nats, (batch,).

    Args:
        log_probabilities: float (batch, time, labels).
        lengths: int64 (batch,): the number of time steps of each row.
        targets: int64 (batch, time).
        target_lengths: int64 (batch,): the number of labels of each target.
    """
    return nn.functional.ctc_loss(
        log_probabilities.transpose(0, 1), targets, lengths, target_lengths, blank=BLANK, reduction="none"
    )
