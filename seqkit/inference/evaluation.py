"""Evaluate a trained run on new data."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqkit.contracts import DataNote, Example
from seqkit.data.batching import split_batches
from seqkit.data.dataset import Dataset, make_rows, read_examples
from seqkit.data.limits import LengthLimit
from seqkit.data.memory import read_pairs
from seqkit.data.token_files.encode import read_long_texts
from seqkit.errors import DataError, NotFiniteError, UsageError
from seqkit.inference.engine import not_finite
from seqkit.inference.inputs import check_features, examples_of_pairs, list_of
from seqkit.inference.loading import RunParts
from seqkit.inference.predictions import combine
from seqkit.inference.rebuild import rebuild_reader
from seqkit.messages import message
from seqkit.recipe.saved import saved_metrics
from seqkit.training.evaluation import evaluate as evaluate_model
from seqkit.training.evaluation import score_predictions
from seqkit.training.metrics import build_metrics

if TYPE_CHECKING:
    from seqkit.inference.torch_engine import TorchEngine


def evaluate(parts: RunParts, data: Any, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the metrics of a run, as `Run.evaluate` does."""
    wanted = message("evaluate takes a file or a list of (input, target) pairs")
    if isinstance(data, str) and "\0" in data:
        raise UsageError(message("{wanted}, not {value!r:.40}", wanted=wanted, value=data))
    pairs: list[Any] = []
    if not isinstance(data, str | Path):
        read = read_pairs(data, lambda: parts.reader)
        pairs = list_of(data, wanted, "run.evaluate(zip(frame['text'], frame['label']))") if read is None else read
        if parameters:
            raise UsageError(message("parameters of the reader need a file: pass its path"))
    engine = parts.torch_engine
    model, tokenizer = engine.model, engine.tokenizer
    _note_missing_metrics(parts)
    if isinstance(data, str | Path):
        examples = _read_examples(engine, Path(data), parameters)
    else:
        examples = examples_of_pairs(pairs, engine)
    if not examples:
        raise DataError(message("no data to evaluate: pass at least one example"))
    if parts.is_ensemble:
        return {"examples": len(examples)} | _evaluate_ensemble(parts, examples)
    dataset = Dataset(examples, make_rows(examples, tokenizer, model.head, _row_limit(engine)), tokenizer)
    if tokenizer is None:
        check_features(examples, engine, model)
    batches = split_batches(dataset, engine.plan.train, model.causal)
    try:
        return {"examples": len(examples)} | evaluate_model(model, dataset, batches, metrics=build_metrics(engine.plan))
    except NotFiniteError:
        raise not_finite(parts.directory.model) from None


def _row_limit(engine: TorchEngine) -> LengthLimit | None:
    """Return the limit of rows; None if they are read in windows, which are short enough."""
    return None if engine.plan.train.sequence_length else engine.length_limit


def _note_missing_metrics(parts: RunParts) -> None:
    """Issue a note for each metric of the recipe that is not installed."""
    computed = {spec.name for spec in parts.torch_engine.plan.train.metrics}
    document = parts.members[0].document
    for name in dict.fromkeys(str(metric.get("type")) for metric in saved_metrics(document)):
        if name not in computed:
            warnings.warn(message("the metric '{name}' is not installed: left out", name=name), stacklevel=2)


def _evaluate_ensemble(parts: RunParts, examples: list[Example]) -> dict[str, Any]:
    """Return the metrics of the combined predictions, and their loss if the head computes it from them."""
    engines = [member.torch_engine for member in parts.members]
    datasets: list[Dataset] = []
    for engine in engines:
        with warnings.catch_warnings():
            if datasets:  # the first member has issued the notes on the targets
                warnings.simplefilter("ignore", DataNote)
            rows = make_rows(examples, engine.tokenizer, engine.model.head, _row_limit(engine))
        datasets.append(Dataset(examples, rows, engine.tokenizer))
        if engine.tokenizer is None:
            check_features(examples, engine, engine.model)
    predictions = [
        engine.predict([row.input for row in dataset.rows]) for engine, dataset in zip(engines, datasets, strict=True)
    ]
    combined = combine(predictions, engines, parts.directory.members)
    model = engines[0].model
    try:
        loss = model.head.loss_of_predictions(combined, examples)
        return score_predictions(model, loss, combined, datasets[0], build_metrics(engines[0].plan))
    except NotFiniteError:
        raise not_finite(parts.directory.members) from None


def _read_examples(engine: TorchEngine, file: Path, parameters: Mapping[str, Any]) -> list[Example]:
    """Read a file with the recipe's reader, a long text in chunks. Raises as `Run.evaluate` does."""
    reader = rebuild_reader(engine.plan.reader, file, parameters, with_targets=True, pairs=engine.reads_pairs)
    long_texts = read_long_texts(engine.plan, {"test": reader}, engine.tokenizer, engine.model.head, is_fitted=True)
    return long_texts.splits["test"] if long_texts else read_examples(reader, engine.plan.reader.name, columns=False)
