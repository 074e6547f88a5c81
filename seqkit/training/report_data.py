"""The content of report.json: what a report shows that no other file of the run contains.

It is known only while the run has its data and its model. Nothing in it depends on time, so a resumed run writes the
same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from seqkit.contracts.capabilities import call_with_accepted
from seqkit.data.statistics import count_labels, describe_lengths, describe_splits
from seqkit.errors import describe_error
from seqkit.messages import message
from seqkit.modeling.model import Model
from seqkit.modeling.multiply_adds import multiply_adds
from seqkit.runs.exhibits import exhibit_as_json
from seqkit.training.callbacks import Callbacks
from seqkit.training.progress import Progress
from seqkit.training.setup import TrainingSetup

FORMAT = 1

MAX_EXHIBITS_BYTES = 2_000_000
"""The maximum size of the exhibits of a split: a page with more would take seconds to open."""


def report_document(
    setup: TrainingSetup, progress: Progress, exhibits: Mapping[str, Any], notes: Sequence[str]
) -> dict[str, Any]:
    """Return the content of report.json.

    Args:
        setup: the plan, the data and the model.
        progress: the progress at the end of training.
        exhibits: those of each evaluated split.
        notes: about the data.
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
            "splits": describe_splits(data.splits),
            "lengths": describe_lengths(data.splits),
            "labels": count_labels(data.splits, data.head),
            "notes": list(notes),
        },
        "model": _describe_model(setup.model, data.tokenizer.vocab_size if data.tokenizer else None),
        "exhibits": dict(exhibits),
    }


def _describe_model(model: Model, vocab_size: int | None) -> dict[str, Any]:
    sizes: dict[str, int] = {} if vocab_size is None else {"tokenizer": vocab_size}
    if model.embedding is not None:
        sizes["embedding"] = model.embedding.output_size
    sizes["encoder"] = model.encoder.output_size
    return {
        "weights": model.num_weights,
        "sizes": sizes,
        "causal": model.encoder.causal,
        "layers": {name: type(module).__name__ for name, module in model.named_modules() if _has_tensors(module)},
        "multiply_adds": multiply_adds(model),
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
