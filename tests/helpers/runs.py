"""Use a run directory, and replace values of its JSON files."""

from __future__ import annotations

import copy
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

import seqkit
from seqkit.errors import DataError

RUN_FILES = {
    "recipe.yaml",
    "recipe.given.yaml",
    "overrides.txt",
    "plan.json",
    "tokenizer.json",
    "model.safetensors",
    "metrics.jsonl",
    "timing.jsonl",
    "checkpoints",
    "result.json",
    "report.json",
    "report.html",
}
"""What the directory of a finished run contains."""


def load_and_use(path: Path) -> Any:
    """Load a run and generate or predict with it."""
    run = seqkit.load(path)
    return run.generate(length=2) if (run.recipe.get("head") or {}).get("type") == "next_char" else run.predict(["好"])


def load_and_evaluate(path: Path) -> Any:
    """Load a run and evaluate it, which uses torch rather than NumPy."""
    run = seqkit.load(path)
    return run.evaluate([("In", None)] if run.recipe["head"]["type"] == "next_char" else [("好", "pos")])


def data_error_line(path: Path, action: Callable[[Path], Any] = load_and_use) -> str:
    """Return the one-line message of the `DataError` that a damaged run raises."""
    with pytest.raises(DataError) as caught:
        action(path)
    (line,) = caught.value.lines
    assert len(line.replace(str(path), "")) < 250
    return line


ABSENT = object()
"""A placeholder for no value: `with_value` removes the key."""

HOSTILE_VALUES = st.one_of(
    st.sampled_from(
        [ABSENT, None, True, -1, 0, 10**9, 10**30, 1e308, "", "x", "lstm", "../../etc/passwd", "\0", "\ud800"]
    ),
    st.sampled_from(
        [[], {}, [None], [[]], {"type": "lstm"}, {"type": []}, ["lstm"], json.loads("[" * 300 + "]" * 300)]
    ),
    st.sampled_from([float("nan"), float("inf")]),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=5,
    ),
)
"""Values of any kind, to replace one in a JSON file."""


def value_paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of every value inside a JSON value, as keys and indices from the outside in."""
    yield path
    for key, item in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from value_paths(item, (*path, key))


def with_value(document: Any, path: tuple[Any, ...], value: Any) -> Any:
    """Return a copy of a JSON value with the value at `path` replaced, or removed for `ABSENT`."""
    if not path:
        return {} if value is ABSENT else value
    changed = copy.deepcopy(document)
    holder = changed
    for key in path[:-1]:
        holder = holder[key]
    if value is ABSENT:
        del holder[path[-1]]
    else:
        holder[path[-1]] = value
    return changed


def with_large_weights(run: Path, folder: Path) -> Path:
    """Return a copy of a run whose weights are finite but so large that sums of them are not."""
    copied = Path(shutil.copytree(run, folder / "large"))
    weights = load_file(copied / "model.safetensors")
    signs = {name: np.where(np.indices(weight.shape).sum(axis=0) % 2, -1, 1) for name, weight in weights.items()}
    large = {name: (3.4e38 * sign).astype(np.float32) for name, sign in signs.items()}
    save_file(large, copied / "model.safetensors")
    return copied
