"""Evaluate a trained run: on the data that it was trained with, or on new data."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqkit.contracts import DataNote, Example
from seqkit.data.batching import split_batches
from seqkit.data.dataset import Dataset, make_rows, read_examples
from seqkit.data.memory import evaluation_reader
from seqkit.data.token_files.encode import read_long_texts
from seqkit.errors import DataError, NotFiniteError, UsageError
from seqkit.heads.calibration import BINS, ReliabilityBin, brier_score, expected_calibration_error, reliability
from seqkit.heads.label_predictions import label_table
from seqkit.inference.engine import not_finite
from seqkit.inference.inputs import check_features, checked_examples, examples_of_pairs, list_of
from seqkit.inference.loading import RunParts
from seqkit.inference.predictions import combine
from seqkit.inference.rebuild import rebuild_reader
from seqkit.inference.recorded import NotAsRecordedError, read_recorded, recorded_extras
from seqkit.messages import format_object, message
from seqkit.recipe.saved import saved_metrics
from seqkit.runs.numbers import numbers_of
from seqkit.training.evaluation import evaluate_split, score_predictions
from seqkit.training.metrics import build_metrics

if TYPE_CHECKING:
    from seqkit.inference.torch_engine import TorchEngine


class Evaluation:
    """The predictions of a run for examples whose targets are known, and how good they are.

    Args:
        parts: the run, or the ensemble.
        examples: the examples, at least one.
        split: the split of the data of the run that they are; None for other data.
        temperature: of the probabilities, if the run is calibrated; None for uncalibrated ones.

    Attributes:
        scores: the metrics of the head.
        predictions: the prediction of each row; empty if the head makes none.
        members: of an ensemble, the metrics of each member that are numbers.
        reliability: the points of the reliability diagram, if the head predicts probabilities of labels.
        groups: the scores of groups of examples, as `score_groups` returned them; None if they are not computed.

    Raises:
        DataError: the head rejects an example, or the loss or a metric is not finite.
    """

    scores: dict[str, Any]
    predictions: list[dict[str, Any]]

    def __init__(
        self,
        parts: RunParts,
        examples: list[Example],
        split: str | None = None,
        *,
        temperature: float | None = None,
    ) -> None:
        if not examples:
            raise DataError(message("no data to evaluate: pass at least one example"))
        self.parts = parts
        self.examples = examples
        self.split = split
        self.members: list[dict[str, Any]] = []
        self.reliability: list[ReliabilityBin] = []
        self.groups: dict[str, Any] | None = None
        _note_missing_metrics(parts)
        engines = [member.torch_engine for member in parts.members]
        datasets: list[Dataset] = []
        for engine in engines:
            with warnings.catch_warnings():
                if datasets:  # the first member has issued the notes on the targets
                    warnings.simplefilter("ignore", DataNote)
                datasets.append(_dataset(examples, engine))
        try:
            if parts.is_ensemble:
                self._evaluate_members(engines, datasets)
            else:
                model = engines[0].model
                batches = split_batches(datasets[0], engines[0].plan.train, model.causal)
                self.scores, self.predictions = evaluate_split(
                    model, datasets[0], batches, metrics=build_metrics(engines[0].plan)
                )
            if engines[0].model.head.label_probabilities:
                self._calibrate(engines, datasets[0], temperature)
        except NotFiniteError:
            raise not_finite(parts.weights) from None

    def _evaluate_members(self, engines: Sequence[TorchEngine], datasets: Sequence[Dataset]) -> None:
        """Score the combined predictions, with their loss if the head computes it from them, and those of each member.

        Args:
            engines: the engines of the members.
            datasets: the examples, with the rows of each member.
        """
        predictions = [
            engine.predict([row.input for row in dataset.rows])
            for engine, dataset in zip(engines, datasets, strict=True)
        ]
        self.predictions = combine(predictions, engines, self.parts.weights)
        self.scores = _score(engines[0], self.predictions, datasets[0])
        for number, found in enumerate(predictions):
            scores = numbers_of(_score(engines[number], found, datasets[number]))
            self.members.append({"member": number + 1, "run": self._member_names[number]} | scores)

    def _calibrate(self, engines: Sequence[TorchEngine], dataset: Dataset, temperature: float | None) -> None:
        """Score the probabilities, at the temperature of a calibrated run."""
        calibration: dict[str, Any]
        self.reliability, calibration = _calibration(self.predictions, dataset)
        if temperature is not None:
            without = {name: self.scores[name] for name in ("loss",) if name in self.scores} | calibration
            self.predictions = combine([self.predictions], engines[:1], self.parts.weights, temperature)
            self.scores = _score(engines[0], self.predictions, dataset)
            self.reliability, calibration = _calibration(self.predictions, dataset)
            calibration |= {"temperature": temperature, "without_temperature": without}
        bins = {"bins": BINS, "reliability": [each._asdict() for each in self.reliability]}
        self.scores = self.scores | {"calibration": calibration | bins}

    @cached_property
    def _member_names(self) -> list[str]:
        return [str(each.get("run", "")) if isinstance(each, dict) else "" for each in self.parts.document["members"]]

    def as_data(self) -> dict[str, Any]:
        """Return the number of examples and the metrics as JSON types, as `Run.evaluate` does."""
        data: dict[str, Any] = {} if self.split is None else {"split": self.split}
        data |= {"examples": len(self.examples)} | self.scores
        if self.split is not None:
            data |= recorded_extras(self.parts, self.split)
        data |= {"members": self.members} if self.members else {}
        return data | ({"groups": self.groups} if self.groups else {})


def read_data(
    parts: RunParts,
    data: Any,
    parameters: Mapping[str, Any],
    split: str | None,
) -> list[Example]:
    """Return the examples to evaluate.

    Args:
        parts: the run.
        data: a file, (input, target) pairs, or another form of data in memory; with a split, None, or the data in
            memory that the run was trained with.
        parameters: parameters of the reader that replace those of the recipe; with a split, only `path`.
        split: a split of the data of the run; None for new data.

    Raises:
        DataError: the data cannot be read, or has changed.
        UsageError: the recipe's reader cannot read this file, or has no such parameter; or there is no such split.
    """
    wanted = message("evaluate takes a file or a list of (input, target) pairs")
    if split is not None:
        if others := [key for key in parameters if key != "path"]:
            raise UsageError(
                message(
                    "{key}: without data, the data of the run is read as in training, and only path can be set: pass "
                    "the file with --data",
                    key=others[0],
                )
            )
        try:
            return read_recorded(parts, split, parameters.get("path") if data is None else data)[split]
        except NotAsRecordedError as error:
            raise DataError(message("{problem}; or evaluate other data with --data FILE", problem=error)) from None
    if isinstance(data, str) and "\0" in data:
        raise UsageError(message("{wanted}, not {value}", wanted=wanted, value=format_object(data)))
    if isinstance(data, str | Path):
        return _read_file(parts.torch_engine, Path(data), parameters)
    if parameters:
        raise UsageError(message("parameters of the reader need a file: pass its path"))
    engine = parts.torch_engine
    if reader := evaluation_reader(data, lambda: parts.reader):
        return list(checked_examples(read_examples(reader, engine.plan.reader.name), engine))
    pairs = list_of(data, wanted, "run.evaluate(zip(frame['text'], frame['label']))")
    return examples_of_pairs(pairs, engine)


def _note_missing_metrics(parts: RunParts) -> None:
    """Issue a note for each metric of the recipe that is not installed."""
    computed = {spec.name for spec in parts.torch_engine.plan.train.metrics}
    document = parts.members[0].document
    for name in dict.fromkeys(str(metric.get("type")) for metric in saved_metrics(document)):
        if name not in computed:
            warnings.warn(message("the metric '{name}' is not installed: left out", name=name), stacklevel=2)


def _read_file(engine: TorchEngine, file: Path, parameters: Mapping[str, Any]) -> list[Example]:
    """Read a file with the recipe's reader, a long text in chunks. Raises as `read_data` does."""
    reader = rebuild_reader(engine.plan.reader, file, parameters, with_targets=True, pairs=engine.reads_pairs)
    long_texts = read_long_texts(engine.plan, {"test": reader}, engine.tokenizer, engine.model.head, is_fitted=True)
    return long_texts.splits["test"] if long_texts else read_examples(reader, engine.plan.reader.name)


def _dataset(examples: list[Example], engine: TorchEngine) -> Dataset:
    """Return the examples with the rows that the head makes of them."""
    rows = make_rows(examples, engine.tokenizer, engine.model.head, engine.row_limit)
    dataset = Dataset(examples, rows, engine.tokenizer)
    if engine.tokenizer is None:
        check_features(examples, engine, engine.model)
    return dataset


def _calibration(
    predictions: Sequence[dict[str, Any]], dataset: Dataset
) -> tuple[list[ReliabilityBin], dict[str, Any]]:
    """Return the points of the reliability diagram, the expected calibration error and the Brier score."""
    probabilities, targets = label_table(predictions, [str(example.target) for example in dataset.examples])
    found = reliability(probabilities.max(axis=1), probabilities.argmax(axis=1) == targets)
    error, brier = expected_calibration_error(found), brier_score(probabilities, targets)
    return found, {"expected_calibration_error": error, "brier": brier}


def _score(engine: TorchEngine, predictions: list[dict[str, Any]], dataset: Dataset) -> dict[str, Any]:
    """Return the metrics of predictions, and their loss if the head computes it from them."""
    loss = engine.model.head.loss_of_predictions(predictions, dataset.examples)
    return score_predictions(engine.model, loss, predictions, dataset, build_metrics(engine.plan))
