"""Describe a language model by the data of its run: the held-out text beside a compressor, and its samples."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

from seqkit.contracts import DataNote, Example
from seqkit.contracts.parameters import PositiveInt
from seqkit.data.dataset import encode
from seqkit.errors import DataError, UsageError
from seqkit.inference.language_model import MAX_TOKENS, compare_with_compressor, study_samples, whole_text
from seqkit.inference.loading import RunParts
from seqkit.inference.recorded import read_recorded, was_in_memory
from seqkit.messages import message
from seqkit.recipe.rules import why_rejected


def describe_text(
    parts: RunParts, split: str, scores: Mapping[str, Any], samples: int | None, source: Any
) -> dict[str, Any]:
    """Return `compression`, if the split is held out, and `samples`, if they are requested.

    If the data is not there any more, and no samples are requested, a note says so.

    Args:
        parts: the run of a language model.
        split: the split that is scored.
        scores: its metrics, and its baseline.
        samples: the number of samples at each temperature; None for none.
        source: the file of the split, if it has moved; or the data in memory that the run was trained with.

    Raises:
        UsageError: the head does not generate text, or the number of samples is invalid.
        DataError: samples are requested, and the data has moved or changed.
    """
    engine = parts.engine
    if parts.is_ensemble or not engine.generates or engine.tokenizer is None:
        raise UsageError(
            message("{run}: the head '{head}' generates no samples", run=parts.directory.path, head=engine.head_name)
        )
    if samples is not None and (reason := why_rejected(samples, PositiveInt)):
        raise UsageError(message("samples {reason}", reason=reason))
    if split == "train" and samples is None:
        return {}
    try:
        held_out, train = _read(parts, split, source)
    except DataError as error:
        if samples is not None:
            raise
        warnings.warn(message("not compared with a compressor: {reason}", reason=error), stacklevel=2)
        return {}
    tokenizer = engine.tokenizer
    found: dict[str, Any] = {}
    if split != "train":
        texts = whole_text(train, tokenizer), whole_text(held_out, tokenizer)
        baseline = scores.get("baseline") or _baseline(parts, train, held_out)
        found["compression"] = compare_with_compressor(scores, baseline, *texts)
    if samples is not None:
        # As the tokenizer restores it: samples consist of its tokens.
        text = "\n".join(tokenizer.decode(encode(each.input, tokenizer)[-MAX_TOKENS:].tolist()) for each in train)
        seed = parts.recipe.get("seed")
        found["samples"] = study_samples(
            engine, tokenizer, held_out, text, samples, seed if isinstance(seed, int) else 0
        )
    return found


def _read(parts: RunParts, split: str, source: Any) -> tuple[list[Example], list[Example]]:
    """Return the examples of a split and of the training split."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataNote)  # training has issued them
        splits = read_recorded(parts, split, source)
        in_memory = source if was_in_memory(parts) else None
        train = splits["train"] if "train" in splits else read_recorded(parts, "train", in_memory)["train"]
    return splits[split], train


def _baseline(parts: RunParts, train: list[Example], held_out: list[Example]) -> dict[str, Any] | None:
    """Return the baseline of the head, which the recipe has turned off."""
    torch_engine = parts.torch_engine
    return torch_engine.model.head.baseline(train, held_out, torch_engine.tokenizer)
