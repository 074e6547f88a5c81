"""Engines whose logits are known, engines of models without a run directory, and a tokenizer fitted on a text."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqkit.inference.loading import RunParts
from seqkit.inference.numpy_engine.embeddings import Vocabulary
from seqkit.inference.numpy_engine.model import NumpyModel
from seqkit.inference.numpy_engine.weights import CheckedWeights
from seqkit.inference.torch_engine import TorchEngine
from seqkit.modeling.model import Model
from seqkit.runs.directory import RunDirectory
from seqkit.tokenizers.char import Char


class ScriptedEngine:
    """An engine whose most likely token is the next id of each row's script; it records what it is called with.

    Args:
        scripts: The ids to prefer, one sequence per row.
        vocab_size: Width of the logits.
        carries: Whether `read` returns a state for `step`.
        context: Number of ids of a text that `read` uses.
    """

    def __init__(self, *scripts: Sequence[int], vocab_size: int = 8, carries: bool = True, context: int = 99) -> None:
        self.scripts, self.vocab_size = [list(script) for script in scripts], vocab_size
        self.carries, self.context = carries, context
        self.read_texts: list[list[int]] = []
        self.steps: list[tuple[list[int], Any]] = []

    def read(self, texts: Sequence[np.ndarray]) -> tuple[np.ndarray, Any]:
        self.read_texts += [text.tolist()[-self.context :] for text in texts]
        if self.carries:
            return self._logits(range(len(texts)), 0), (list(range(len(texts))), 0)
        return self._logits(range(len(texts)), len(self.read_texts) // len(texts) - 1), None

    def step(self, ids: np.ndarray, state: Any) -> tuple[np.ndarray, Any]:
        rows, done = state
        self.steps.append((ids.tolist(), rows))
        return self._logits(rows, done + 1), (rows, done + 1)

    def select(self, state: Any, rows: np.ndarray) -> Any:
        return [state[0][row] for row in rows], state[1]

    def _logits(self, rows: Sequence[int], place: int) -> np.ndarray:
        logits = np.zeros((len(rows), self.vocab_size), np.float32)
        logits[np.arange(len(rows)), [self.scripts[row][place] for row in rows]] = 1
        return logits


class ConstantEngine:
    """An engine that returns the same logits at every time step."""

    def __init__(self, logits: Sequence[float]) -> None:
        self.logits = np.array(logits, np.float32)

    def read(self, texts: Sequence[np.ndarray]) -> tuple[np.ndarray, Any]:
        return np.array([self.logits for _ in texts]), len(texts)

    def step(self, ids: np.ndarray, state: Any) -> tuple[np.ndarray, Any]:
        return self.read(ids)

    def select(self, state: Any, rows: np.ndarray) -> Any:
        return len(rows)


def fitted_tokenizer(text: str, tokenizer: Any = None) -> Any:
    """Fit a tokenizer (a new `Char` by default) on one text and return it."""
    tokenizer = tokenizer or Char()
    tokenizer.fit([text])
    return tokenizer


def numpy_model(
    recipe: Mapping[str, Any],
    weights: Mapping[str, np.ndarray],
    vocab_size: int,
    output_size: int,
    decode: Callable[[Sequence[int]], str] = str,
) -> NumpyModel:
    """Build the model of the NumPy engine from weights in memory."""
    weights = CheckedWeights(weights, Path("model.safetensors"))
    return NumpyModel(recipe, weights, vocabulary=Vocabulary(vocab_size, decode), output_size=output_size)


def torch_engine(model: Model, plan: Any = None) -> TorchEngine:
    """Return the torch engine of a model in memory."""
    engine = TorchEngine(RunDirectory(Path("no-run")), plan)
    engine.model = model.eval()
    return engine


def assert_predicts_without_torch(run: Path, text: str) -> None:
    """Check that a classifier predicts a text in a process that does not import torch, as it does with torch."""
    script = (
        "import json, sys, seqkit; run = seqkit.load(sys.argv[1]); "
        "print(json.dumps([run.predict([sys.argv[2]])[0]['probabilities'], 'torch' in sys.modules]))"
    )
    command = [sys.executable, "-c", script, str(run), text]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    probabilities, has_torch = json.loads(result.stdout)
    assert not has_torch
    engine = RunParts(RunDirectory(run)).torch_engine
    assert engine.tokenizer is not None
    (expected,) = engine.predict([engine.tokenizer.encode(text)])
    assert probabilities == pytest.approx(expected["probabilities"], abs=1e-5)
