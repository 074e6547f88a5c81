"""The protocol of an inference engine, through which `Run` uses a trained model.

There are two engines, and `seqkit.inference.loading` chooses between them:

    NumpyEngine (numpy_engine/engine.py)   for built-in components; never imports torch
    TorchEngine (torch_engine.py)          for all components, through their torch modules

An engine reads each file of the run directory when it is first needed, so a corrupt file is reported only then, and by
any of its attributes and methods.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from seqkit.contracts import Example, State, Tokenizer
from seqkit.errors import DataError
from seqkit.messages import message


class LanguageModel(Protocol):
    """The part of an engine that generation uses: the logits of the next token, and a state to continue from.

    A state covers several rows of text and is used once: `step` and `select` may change it.
    """

    def read(self, texts: Sequence[np.ndarray]) -> tuple[np.ndarray, State]:
        """Read texts from their beginning.

        Args:
            texts: the ids of each text, int64 (time,), not empty; at least one text.

        Returns:
            The logits of the next token, (rows, vocab_size), and the state after the texts, one row for each. The state
            is None if the model cannot continue from one: the longer texts are then read again for each token.
        """

    def step(self, ids: np.ndarray, state: State) -> tuple[np.ndarray, State]:
        """Read one more id per row.

        Args:
            ids: int64 (rows,).
            state: as `read`, `step` or `select` returned it; not None.

        Returns:
            The logits of the next token, (rows, vocab_size), and the new state.
        """

    def select(self, state: State, rows: np.ndarray) -> State:
        """Return the state of some rows.

        Args:
            state: as `read`, `step` or `select` returned it; not None.
            rows: the indices of the rows, int64 (rows,), in ascending order.
        """


class Engine(LanguageModel, Protocol):
    """A trained model, opened from a run directory.

    Raises:
        DataError: from each attribute and method, if a file that it needs is missing or corrupt; from those that
            compute, if the result is not finite.
    """

    @property
    def max_rows(self) -> int:
        """The number of rows to generate together in one state."""

    @property
    def thread_safe(self) -> bool:
        """Whether the engine can be used in several threads, once loaded."""

    @property
    def head_name(self) -> str:
        """The name of the head in the recipe, for messages."""

    @property
    def generates(self) -> bool:
        """Whether the head generates text. If not, it predicts."""

    @property
    def whole_texts(self) -> bool:
        """Whether the head generates whole texts, from the special token `begin` to `end`."""

    @property
    def time_step_fields(self) -> frozenset[str]:
        """The fields of a formatted prediction that have a value per time step."""

    @property
    def tokenizer(self) -> Tokenizer | None:
        """The fitted tokenizer; None if the reader yields features."""

    @property
    def feature_width(self) -> int | None:
        """The number of features per time step; None if there is a tokenizer."""

    @property
    def reads_pairs(self) -> bool:
        """Whether each input is a pair of texts."""

    @property
    def reads_words(self) -> bool:
        """Whether inputs are encoded word by word: the head predicts from words, and the tokenizer cuts them."""

    def load(self) -> None:
        """Read the weights and build the model now, if that has not been done yet."""

    def prediction_input(self, encoded: np.ndarray, feature_names: Sequence[str] = ()) -> np.ndarray:
        """Return the part of an input that a prediction is computed from.

        Args:
            encoded: ids, int64 (time,); or features, float (time, features).
            feature_names: the names of the features; empty if they have none.
        """

    def predict(self, inputs: Sequence[np.ndarray]) -> list[dict[str, Any]]:
        """Return the head's prediction for each input.

        Args:
            inputs: as `prediction_input` returned them.
        """

    def combine(self, predictions: Sequence[Sequence[dict[str, Any]]]) -> list[dict[str, Any]]:
        """Combine the predictions of the members of an ensemble, each as its `predict` returned them."""

    def format_predictions(
        self, predictions: Sequence[dict[str, Any]], examples: Sequence[Example]
    ) -> list[dict[str, Any]]:
        """Return predictions in the form that users see.

        Args:
            predictions: as `predict` or `combine` returned them.
            examples: the examples, before encoding.
        """


def check_logits(logits: np.ndarray, weights: Path) -> None:
    """Check that there is a most likely token. A head can exclude tokens by minus infinity.

    Args:
        logits: (rows, vocab_size).
        weights: the file of the weights.

    Raises:
        DataError: the logits contain NaN, or the largest of a row is not finite.
    """
    # For a single row, argmax is several times as fast as max. Both find NaN.
    if len(logits) == 1:
        is_finite = math.isfinite(logits[0, logits[0].argmax()])
    else:
        is_finite = bool(np.isfinite(logits.max(axis=1)).all())
    if not is_finite:
        raise not_finite(weights)


def not_finite(weights: Path) -> DataError:
    """Return the error for a result that is not finite, given the file of the weights."""
    return DataError(
        message("{file}: the result is not finite: the weights are corrupt, or an input is too large", file=weights)
    )


def ignored_overflow() -> np.errstate:
    """Return a context without NumPy's warnings about overflow: gates saturate, as in torch, or the result is checked.

    Threads do not inherit it.
    """
    return np.errstate(over="ignore", invalid="ignore")
