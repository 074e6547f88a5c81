"""Labels in order, without saying where each stands: connectionist temporal classification."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from seqkit.contracts import Batch, Encoded, Example, Fraction, Head, Loss, PositiveInt, Row, Tokenizer
from seqkit.errors import DataError
from seqkit_ctc.decoding import BLANK, greedy, prefix_beam
from seqkit_ctc.edit_distance import label_error_rate
from seqkit_ctc.floors import CONTEXT, LinearSteps, central_answer


class CTC(nn.Module, Head):
    """Labels in order, fewer than there are steps, without saying where each stands.

    A linear map of each step's output and a softmax give the probability of each label and of a blank. The loss is the
    negative logarithm of the probability of the target, summed over all its alignments, in nats a row (Graves et al.,
    2006).

    Args:
        labels: what a target is made of: its `characters`, or its `words`, set apart by white space.
        decoder: `greedy` takes the likeliest alignment; `beam` searches for the likeliest labelling, the sum over its
            alignments (Hannun et al., 2014).
        beam_size: how many prefixes the beam search keeps.
        dropout: the share of each output dropped in training.
    """

    needs = frozenset({"outputs", "targets"})
    metric_names = ("label_error_rate", "exact_match")
    higher_is_better = frozenset({"exact_match"})

    def __init__(
        self,
        *,
        labels: Literal["characters", "words"] = "characters",
        decoder: Literal["greedy", "beam"] = "greedy",
        beam_size: PositiveInt = 16,
        dropout: Fraction = 0.0,
    ) -> None:
        super().__init__()
        self.unit = labels
        self.decoder = decoder
        self.beam_size = beam_size
        self.dropout = nn.Dropout(dropout)
        self.labels: list[str] = []

    def fit(self, examples: Sequence[Example], tokenizer: Tokenizer | None) -> None:
        self._set_labels(sorted({label for example in examples for label in self.split(example.target)}))
        if not self.labels:
            raise DataError(f"the targets of all {len(examples)} training examples are empty: give texts")

    def state(self) -> dict[str, Any]:
        return {"labels": self.labels}

    def restore(self, state: Mapping[str, Any]) -> None:
        self._set_labels([str(label) for label in state["labels"]])

    def _set_labels(self, labels: list[str]) -> None:
        self.labels = labels
        self._numbers = {label: number for number, label in enumerate(labels, start=BLANK + 1)}

    def split(self, target: Any) -> list[str]:
        """Returns the labels of a target.

        Raises:
            DataError: there is none, or it is no text.
        """
        if not isinstance(target, str):
            raise DataError("there is no target" if target is None else f"the target must be text, not {target!r:.40}")
        return list(target) if self.unit == "characters" else target.split()

    def build(self, output_size: int, final_size: int) -> None:
        self.output = nn.Linear(output_size, BLANK + 1 + len(self.labels))

    def rows(self, example: Example, encoded_input: np.ndarray) -> Iterator[Row]:
        labels = self.split(example.target)
        for label in labels:
            if label not in self._numbers:
                shown = ", ".join(self.labels[:40]) + (" …" if len(self.labels) > 40 else "")
                raise DataError(f"the label '{label}' is not among the training data's: {shown}")
        needed = len(labels) + sum(one == other for one, other in zip(labels, labels[1:], strict=False))
        if needed > len(encoded_input):
            raise DataError(
                f"its {len(labels)} labels need {needed} steps, with a blank between equal neighbours, and its input "
                f"has {len(encoded_input)}: make the steps shorter, or leave it out"
            )
        yield Row(encoded_input, np.array([self._numbers[label] for label in labels], dtype=np.int64))

    def loss(self, encoded: Encoded, batch: Batch) -> Loss:
        """Returns the loss; its count is the number of rows."""
        assert batch.targets is not None and batch.target_lengths is not None
        log_probabilities = torch.log_softmax(self._logits(encoded), dim=2)
        total = _negative_log_likelihood(log_probabilities, batch.lengths, batch.targets, batch.target_lengths).sum()
        return Loss(total, len(batch.lengths))

    def predict(self, encoded: Encoded, batch: Batch) -> list[dict[str, Any]]:
        """Returns the `transcript` of each row, and its `probability` among all labellings."""
        if not len(batch.lengths):
            return []
        log_probabilities = torch.log_softmax(self._logits(encoded).detach().cpu().double(), dim=2)
        found = [
            self.decode(row[:length])
            for row, length in zip(log_probabilities.numpy(), batch.lengths.tolist(), strict=True)
        ]
        lengths = torch.tensor([len(labelling) for labelling in found])
        padded = torch.zeros(len(found), int(lengths.max()), dtype=torch.int64)
        for row, labelling in zip(padded, found, strict=True):
            row[: len(labelling)] = torch.tensor(labelling)
        likelihoods = torch.exp(-_negative_log_likelihood(log_probabilities, batch.lengths, padded, lengths))
        return [
            {"transcript": self.join(labelling), "probability": probability}
            for labelling, probability in zip(found, likelihoods.tolist(), strict=True)
        ]

    def decode(self, log_probabilities: np.ndarray) -> list[int]:
        """log_probabilities: float (time, labels) -> the numbers of the labels found."""
        if self.decoder == "greedy":
            return greedy(log_probabilities)
        return prefix_beam(log_probabilities, self.beam_size)

    def join(self, labelling: Sequence[int]) -> str:
        """Returns the text that labels' numbers stand for."""
        separator = "" if self.unit == "characters" else " "
        return separator.join(self.labels[number - BLANK - 1] for number in labelling)

    def _logits(self, encoded: Encoded) -> Tensor:
        """Returns float (batch, time, labels)."""
        return self.output(self.dropout(encoded.outputs))

    def metrics(
        self, loss: float, predictions: Sequence[Mapping[str, Any]], examples: Sequence[Example]
    ) -> dict[str, Any]:
        return self.scores([item["transcript"] for item in predictions], examples)

    def scores(self, transcripts: Sequence[str], examples: Sequence[Example]) -> dict[str, float]:
        """Returns the metrics of transcripts, in step with the examples.

        The label error rate is the edit distances' sum over the number of labels in the targets; an exact match is a
        transcript without an error.
        """
        references = [self.split(example.target) for example in examples]
        hypotheses = [self.split(transcript) for transcript in transcripts]
        matches = sum(one == other for one, other in zip(references, hypotheses, strict=True))
        return {
            "label_error_rate": label_error_rate(references, hypotheses),
            "exact_match": matches / len(references),
        }

    def baseline(self, train: Sequence[Example], test: Sequence[Example], tokenizer: Tokenizer | None) -> dict | None:
        """Returns the scores of a linear map of each step, where inputs are features, and of one answer to all."""
        answer = central_answer([self.split(example.target) for example in train])
        constant = self.join([self._numbers[label] for label in answer])
        floor = {"name": f"the answer '{constant}' to all"} | self.scores([constant] * len(test), test)
        if tokenizer is not None:
            return floor
        rows = [row for example in train for row in self.rows(example, np.asarray(example.input))]
        linear = LinearSteps(
            [row.input for row in rows], [row.target for row in rows], len(self.labels) + 1, _negative_log_likelihood
        )
        transcripts = [self.join(self.decode(linear.log_probabilities(np.asarray(item.input)))) for item in test]
        name = f"a linear map of each step and {CONTEXT} on either side, by CTC"
        return {"name": name} | self.scores(transcripts, test) | {"others": [floor]}


def _negative_log_likelihood(
    log_probabilities: Tensor, lengths: Tensor, targets: Tensor, target_lengths: Tensor
) -> Tensor:
    """log_probabilities: (batch, time, labels), targets: int64 (batch, time) -> a number a row, in nats: (batch,)."""
    return nn.functional.ctc_loss(
        log_probabilities.transpose(0, 1), targets, lengths, target_lengths, blank=BLANK, reduction="none"
    )
