"""The data of a plan, read and turned into rows, and what was learned from its training split on the way."""

from __future__ import annotations

import hashlib
import platform
import re
from dataclasses import dataclass
from importlib import metadata
from typing import Any

import numpy as np

import seqkit
from seqkit.contracts import Head, Tokenizer
from seqkit.data import SPLITS, Dataset, encode, make_rows, read_splits
from seqkit.errors import DataError, Fault, PluginError, RecipeError, UsageError
from seqkit.plan import BuildError, Plan
from seqkit.recipe import Recipe
from seqkit.rundir import FORMAT, RunDirectory


@dataclass
class Prepared:
    """The data of a plan, and what was fitted on its training split."""

    tokenizer: Tokenizer | None
    head: Head
    splits: dict[str, Dataset]

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
        digests = {}
        for side, dataset in self.splits.items():
            digest = hashlib.sha256()
            for row in dataset.rows:
                for part in row:
                    digest.update(np.ascontiguousarray(part).tobytes())
            digests[side] = digest.hexdigest()
        return digests


def prepare(plan: Plan) -> Prepared:
    """Reads the data, fits tokenizer and head on its training split, and makes the rows of every split.

    Raises:
        DataError: the data is wrong.
        BuildError: what a component was told does not fit the data.
    """
    splits = {side: Dataset(examples) for side, examples in read_splits(plan).items()}
    tokenizer: Tokenizer | None = plan.tokenizer.build() if plan.tokenizer else None
    head = plan.head.build()
    if plan.tokenizer is not None and tokenizer is not None:
        tokenizer.fit(example.input for example in splits["train"].examples)
        if not isinstance(getattr(tokenizer, "vocab_size", None), int):
            provider = plan.tokenizer.registered.provider
            raise PluginError(f"the tokenizer '{plan.tokenizer.name}' of {provider} does not set vocab_size")
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
    return Prepared(tokenizer, head, splits)


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
