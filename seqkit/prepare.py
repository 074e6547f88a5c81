"""The data of a plan, read and turned into rows, and what was learned from its training split on the way."""

from __future__ import annotations

import hashlib
import platform
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from typing import Any

import numpy as np

import seqkit
from seqkit.contracts import Head, LongText, Row, Tokenizer
from seqkit.data import SPLITS, Dataset, encode, fit_tokenizer, make_rows, read_splits
from seqkit.errors import DataError, Fault, RecipeError, UsageError
from seqkit.long_text import read_long_texts
from seqkit.plan import BuildError, Plan
from seqkit.recipe import Recipe
from seqkit.rundir import FORMAT, RunDirectory
from seqkit.token_file import BLOCK


@dataclass
class Prepared:
    """The data of a plan, and what was fitted on its training split.

    Attributes:
        notes: what the user is told about the data.
    """

    tokenizer: Tokenizer | None
    head: Head
    splits: dict[str, Dataset]
    notes: list[str] = field(default_factory=list)

    @property
    def features(self) -> int | None:
        """The width of the features, where the reader yields them."""
        return None if self.tokenizer else int(self.splits["train"].rows[0].input.shape[-1])

    @property
    def scored(self) -> str:
        """The split that the baseline is scored on: the one that was kept furthest from training."""
        return next(side for side in ("test", "valid", "train") if side in self.splits)

    def digests(self) -> dict[str, str]:
        """Returns the sha256 of every row of each split."""
        return {side: _digest(dataset) for side, dataset in self.splits.items()}


def _digest(dataset: Dataset) -> str:
    long_text = next((example.input for example in dataset.examples if isinstance(example.input, LongText)), None)
    if long_text is not None and _predicts_next(dataset.rows, long_text.ids):
        return long_text.next_sha256
    digest = hashlib.sha256()
    for row in dataset.rows:
        for part in row:
            # Ids are digested as int64, whatever type a long text's are kept in.
            for block in [np.ascontiguousarray(part)] if long_text is None else _int64_blocks(part):
                digest.update(block.tobytes())
    return digest.hexdigest()


def _predicts_next(rows: Sequence[Row], ids: np.ndarray) -> bool:
    """Returns whether the rows are one, whose parts are views of all ids but the last and of all but the first."""
    parts = [part for row in rows for part in row]
    return len(parts) == 2 and all(
        isinstance(part, np.ndarray)
        and (part.dtype, part.shape, part.strides) == (view.dtype, view.shape, view.strides)
        and part.ctypes.data == view.ctypes.data
        for part, view in zip(parts, (ids[:-1], ids[1:]), strict=True)
    )


def _int64_blocks(part: Any) -> Iterator[np.ndarray]:
    part = np.atleast_1d(part)
    for start in range(0, len(part), BLOCK):
        block = np.ascontiguousarray(part[start : start + BLOCK])
        yield block.astype(np.int64) if block.dtype.kind == "u" else block


def prepare(plan: Plan, stop: Callable[[], int] = int) -> Prepared:
    """Reads the data, fits tokenizer and head on its training split, and makes the rows of every split.

    Args:
        stop: returns the number of a signal that asks to stop, or 0; asked while a long text is read.

    Raises:
        DataError: the data is wrong.
        Interrupted: `stop` asked for it.
        BuildError: what a component was told does not fit the data.
    """
    tokenizer: Tokenizer | None = plan.tokenizer.build() if plan.tokenizer else None
    head = plan.head.build()
    readers = {"train": plan.reader.build()} | {side: spec.build() for side, spec in plan.side_readers.items()}
    long_texts = read_long_texts(plan, readers, tokenizer, head, stop=stop)
    examples = long_texts.splits if long_texts else read_splits(plan, readers)
    splits = {side: Dataset(members) for side, members in examples.items()}
    if tokenizer is not None and not long_texts:
        fit_tokenizer(plan, tokenizer, (example.input for example in splits["train"].examples))
    try:
        head.fit(splits["train"].examples, tokenizer)
    except ValueError as error:
        first, _, rest = str(error).partition(" ")
        if first in plan.head.values:
            raise BuildError(("head", first), rest) from error
        raise DataError(f"the head '{plan.head.name}' cannot learn from these targets: {error}") from error
    for side in SPLITS:
        if side in splits:
            splits[side].rows = make_rows(splits[side].examples, tokenizer, head)
            if not splits[side].rows:
                raise DataError(f"the {side} part holds nothing that the head '{plan.head.name}' can use")
    return Prepared(tokenizer, head, splits, [long_texts.note] if long_texts else [])


def check_asked_for(plan: Plan, recipe: Recipe, prepared: Prepared) -> None:
    """Finds out before training whether the prompt and the texts to predict can be encoded."""
    prompt = [plan.generate.prompt] if plan.generate and plan.generate.prompt else []
    places = [(("generate", "prompt"), text) for text in prompt]
    places += [(("predict", str(number)), text) for number, text in enumerate(plan.predict)]
    faults: list[Fault] = []
    for path, text in places:
        try:
            encode(text, prepared.tokenizer)
        except DataError as error:
            faults.append(recipe.fault(path, str(error)))
    if faults:
        raise RecipeError(faults)


def plan_document(plan: Plan, prepared: Prepared) -> dict[str, Any]:
    """Returns plan.json: the whole recipe, resolved, and what it was resolved with."""
    return {
        "format": FORMAT,
        "recipe": plan.as_data(),
        "components": [
            {"kind": each.kind, "name": each.name, "distribution": each.distribution, "version": each.version}
            for each in (spec.registered for spec in plan.components)
        ],
        "data_sha256": prepared.digests(),
        "versions": {
            "python": platform.python_version(),
            "torch": metadata.version("torch"),
            "numpy": np.__version__,
            "seqkit": seqkit.__version__,
        }
        | plan.providers(),
    }


def fitted_document(prepared: Prepared) -> dict[str, Any]:
    """Returns tokenizer.json: what tokenizer and head learned from the data."""
    return {
        "tokenizer": prepared.tokenizer.state() if prepared.tokenizer else None,
        "head": prepared.head.state(),
        "features": prepared.features,
    }


def refuse_if_different(run: RunDirectory, document: dict[str, Any]) -> None:
    """Raises UsageError or DataError when a run to be resumed is not the run that this recipe and data make.

    The same data may have moved: where it stands is not compared.
    """
    before = run.read_plan()
    differing = sorted(_differences(before["recipe"], document["recipe"]))
    if differing := [key for key in differing if not re.fullmatch(r"data\.((valid|test)\.)?path", key)]:
        raise UsageError(f"{run.path}: was made by another recipe: {', '.join(differing)}: resume it with its own")
    if differing := _differences(before.get("data_sha256"), document["data_sha256"]):
        parts = ", ".join(side for side in SPLITS if side in differing) or "all of it"
        raise DataError(f"{run.path}: the data is not what it was when this run began: {parts}")


def _differences(one: Any, other: Any, path: str = "") -> list[str]:
    if isinstance(one, dict) and isinstance(other, dict):
        keys = one.keys() | other.keys()
        return [
            found
            for key in keys
            for found in _differences(one.get(key), other.get(key), f"{path}.{key}" if path else str(key))
        ]
    return [] if one == other else [path]
