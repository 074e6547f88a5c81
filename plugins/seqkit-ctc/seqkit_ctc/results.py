"""The results of the head `ctc` on a split: metrics, exhibits, judgments and outcomes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from seqkit.contracts import Example, Head, Judgment, Outcomes, Tokenizer, Transcripts
from seqkit.errors import DataError
from seqkit.messages import message
from seqkit_ctc.edit_distance import edit_distance, label_error_rate
from seqkit_ctc.exhibits import worst_transcripts


class CTCResults(Head):
    """Base class of `CTC`, which compares transcripts with the targets of the examples.

    Attributes:
        unit: the labels of a target: its characters, or its words.
        too_long: what to do with an example whose input has fewer time steps than its labels require.
    """

    unit: Literal["characters", "words"]
    too_long: Literal["error", "skip"]

    def split_labels(self, target: Any) -> list[str]:
        """Return the labels of a target.

        Raises:
            DataError: the target is missing or is not text.
        """
        if not isinstance(target, str):
            raise DataError(
                message("the target is missing")
                if target is None
                else message("the target is not text: {target!r:.40}", target=target)
            )
        return list(target) if self.unit == "characters" else target.split()

    def required_steps(self, example: Example) -> int:
        """Return the number of time steps that the target requires: equal neighbors have a blank between them."""
        labels = self.split_labels(example.target)
        return len(labels) + sum(one == other for one, other in zip(labels, labels[1:], strict=False))

    def scored(self, examples: Sequence[Example], tokenizer: Tokenizer | None) -> Sequence[Example]:
        """Return the examples that have a row."""
        if self.too_long == "error":
            return examples
        return [example for example in examples if self.required_steps(example) <= _num_steps(example, tokenizer)]

    def metrics(
        self,
        loss: float,
        predictions: Sequence[Mapping[str, Any]],
        examples: Sequence[Example],
        *,
        tokenizer: Tokenizer | None = None,
    ) -> dict[str, Any]:
        scored = self.scored(examples, tokenizer)
        return self.transcript_metrics([item["transcript"] for item in predictions], scored)

    def outcomes(
        self, predictions: Sequence[Mapping[str, Any]], examples: Sequence[Example], *, tokenizer: Tokenizer | None
    ) -> Outcomes:
        """Return the text of each example that has a row."""
        scored = self.scored(examples, tokenizer)
        return Outcomes([example.target for example in scored], [item["transcript"] for item in predictions])

    def transcript_metrics(self, transcripts: Sequence[str], examples: Sequence[Example]) -> dict[str, float]:
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
        scored = {id(example) for example in self.scored(examples, tokenizer)}
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

    def exhibits(
        self,
        predictions: Sequence[Mapping[str, Any]],
        examples: Sequence[Example],
        *,
        tokenizer: Tokenizer | None = None,
    ) -> list[Transcripts]:
        """Return the transcripts with most errors."""
        scored = [
            (self.split_labels(example.target), self.split_labels(prediction["transcript"]), prediction["probability"])
            for example, prediction in zip(self.scored(examples, tokenizer), predictions, strict=True)
        ]
        return worst_transcripts(scored, separator="" if self.unit == "characters" else " ")


def _num_steps(example: Example, tokenizer: Tokenizer | None) -> int:
    return len(example.input if tokenizer is None else tokenizer.encode(example.input))
