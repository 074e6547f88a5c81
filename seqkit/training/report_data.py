"""The content of report.json: what a report shows that no other file of the run contains.

It is known only while the run has its data and its model. Nothing in it depends on time, so a resumed run writes the
same bytes.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from seqkit.contracts import Example, Head, LongText
from seqkit.contracts.capabilities import call_with_accepted
from seqkit.data.dataset import Dataset
from seqkit.data.splits import count_repeated
from seqkit.errors import describe_error
from seqkit.messages import message
from seqkit.modeling.model import Model
from seqkit.recipe.plan import Plan
from seqkit.runs.exhibits import exhibit_as_json
from seqkit.training.callbacks import Callbacks
from seqkit.training.progress import Progress
from seqkit.training.setup import TrainingSetup

FORMAT = 1

MAX_EXHIBITS_BYTES = 2_000_000
"""The maximum size of the exhibits of a split: a page with more would take seconds to open."""

_MAX_BINS = 24
_MAX_LABELS = 60


def report_document(setup: TrainingSetup, progress: Progress, exhibits: Mapping[str, Any]) -> dict[str, Any]:
    """Return the content of report.json.

    Args:
        setup: the plan, the data and the model.
        progress: the progress at the end of training.
        exhibits: those of each evaluated split.
    """
    data, plan = setup.data, setup.plan
    return {
        "format": FORMAT,
        "metrics": {
            "names": list(dict.fromkeys([plan.train.metric, *data.head.metric_names, "loss"])),
            "higher_is_better": sorted(setup.higher_is_better),
        },
        "best_epoch": progress.best_epoch if "valid" in data.splits else None,
        "generates": data.head.generates,
        "data": {
            "splits": _describe_splits(data.splits),
            "lengths": _histogram(
                {split: [len(row.input) for row in each.rows] for split, each in data.splits.items()}
            ),
            "labels": _count_labels(data.splits, data.head),
            "notes": [_without_folders(note, plan) for note in data.notes],
        },
        "model": _describe_model(setup.model, data.tokenizer.vocab_size if data.tokenizer else None),
        "exhibits": dict(exhibits),
    }


def _without_folders(note: str, plan: Plan) -> str:
    """Return a note without the folders of the files that it names: a run that is shared contains no such path."""
    paths = [spec.values.get("path") for spec in (plan.reader, *plan.side_readers.values())]
    paths += [path for spec in plan.components for path in spec.training_files.values()]
    for path in paths:
        if isinstance(path, Path):
            note = note.replace(str(path), path.name)
    return note


def _describe_splits(splits: Mapping[str, Dataset]) -> dict[str, Any]:
    examples = {split: dataset.examples for split, dataset in splits.items()}
    is_text = all(isinstance(each.input, str | LongText) for members in examples.values() for each in members)
    repeated = count_repeated(examples) if is_text else {}
    return {
        split: {
            "examples": len(dataset.examples),
            "rows": len(dataset.rows),
            "time_steps": sum(len(row.input) for row in dataset.rows),
            "also_in_train": repeated.get(split),
        }
        for split, dataset in splits.items()
    }


def _histogram(lengths: Mapping[str, Sequence[int]]) -> dict[str, Any]:
    """Return how many rows of each split have a length in each interval, and the median and the largest length."""
    every = np.concatenate([np.asarray(values) for values in lengths.values()])
    low, high = int(every.min()), int(every.max())
    step = -(-(high - low + 1) // _MAX_BINS)
    edges = np.arange(low, high + step + 1, step)
    return {
        "edges": edges.tolist(),
        "counts": {split: np.histogram(values, edges)[0].tolist() for split, values in lengths.items()},
        "median": {split: float(np.median(values)) for split, values in lengths.items()},
        "longest": {split: max(values) for split, values in lengths.items()},
    }


def _count_labels(splits: Mapping[str, Dataset], head: Head) -> dict[str, Any]:
    """Return the number of examples, or of time steps, with each label in each split; empty if targets are no labels.

    Of many labels, the most frequent ones are returned.
    """
    if not head.stratifies:
        return {}
    counts = {
        split: Counter(label for each in dataset.examples for label in _labels(each))
        for split, dataset in splits.items()
    }
    total: Counter[str] = sum(counts.values(), Counter())
    if not total:
        return {}
    names = sorted(sorted(total), key=lambda name: -total[name])
    shown = names[:_MAX_LABELS]
    return {
        "names": shown,
        "left_out": len(names) - len(shown),
        "counts": {split: [each[name] for name in shown] for split, each in counts.items()},
    }


def _labels(example: Example) -> list[str]:
    target = example.target
    if isinstance(target, str | int):
        return [str(target)]
    is_tags = isinstance(target, list | tuple) and all(isinstance(tag, str) for tag in target)
    return list(target) if is_tags else []


def _describe_model(model: Model, vocab_size: int | None) -> dict[str, Any]:
    sizes: dict[str, int] = {} if vocab_size is None else {"tokenizer": vocab_size}
    if model.embedding is not None:
        sizes["embedding"] = model.embedding.output_size
    sizes["encoder"] = model.encoder.output_size
    return {
        "weights": sum(weight.numel() for weight in model.parameters()),
        "sizes": sizes,
        "causal": model.encoder.causal,
        "layers": {name: type(module).__name__ for name, module in model.named_modules() if _has_tensors(module)},
    }


def _has_tensors(module: Any) -> bool:
    return any(True for _ in module.parameters(recurse=False)) or any(True for _ in module.buffers(recurse=False))


def collect_exhibits(
    setup: TrainingSetup, split: str, predictions: Sequence[Mapping[str, Any]], callbacks: Callbacks
) -> list[dict[str, Any]]:
    """Return the head's exhibits of a split as JSON; none if the head fails, which must not fail the run.

    Args:
        setup: the plan and the data.
        split: the name of the split.
        predictions: its predictions.
        callbacks: are notified if the head fails, so that there is no exhibit.
    """
    head, dataset = setup.data.head, setup.data.splits[split]
    try:
        exhibits = call_with_accepted(head.exhibits, predictions, dataset.examples, tokenizer=dataset.tokenizer)
        found = [exhibit_as_json(exhibit) for exhibit in exhibits]
        size = len(json.dumps(found, ensure_ascii=False, allow_nan=False).encode())
        if size > MAX_EXHIBITS_BYTES:
            raise ValueError(message("{size:,} bytes are more than a page can show", size=size))
        return found
    except Exception as error:
        callbacks.note(
            message(
                "the report shows no exhibits of the {split} split: the head '{head}' failed: {reason}",
                split=split,
                head=setup.plan.head.name,
                reason=describe_error(error),
            )
        )
        return []
