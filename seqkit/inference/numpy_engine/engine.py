"""The NumPy engine, for runs whose components are all built in. It does not import torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Literal

import numpy as np

from seqkit.contracts import Example, InputLimit, PositiveInt, Tokenizer
from seqkit.contracts.parameters import Probability
from seqkit.data.limits import LengthLimit, smallest_limit
from seqkit.errors import DataError
from seqkit.heads.label_predictions import average_probabilities, label_predictions
from seqkit.heads.label_sets import average_label_sets, label_set_predictions
from seqkit.heads.numbers import average_numbers, number_predictions
from seqkit.inference.builtin_tokenizer import builtin_tokenizer
from seqkit.inference.engine import check_logits, ignored_overflow
from seqkit.inference.numpy_engine.embeddings import Vocabulary
from seqkit.inference.numpy_engine.model import NumpyModel
from seqkit.inference.numpy_engine.stepper import MAX_ROWS, Stepper
from seqkit.inference.numpy_engine.weights import InvalidSetting, read_setting, read_weights
from seqkit.inference.rebuild import restore_tokenizer
from seqkit.messages import message
from seqkit.runs.directory import RunDirectory

SUPPORTED: dict[str, frozenset[str]] = {
    "tokenizer": frozenset({"char", "byte", "word", "bpe"}),
    "embedding": frozenset({"one_hot", "learned", "pretrained", "char_ngrams", "bigrams", "concat"}),
    "encoder": frozenset({"lstm", "bilstm", "stacked", "projected"}),
    "head": frozenset({"next_char", "classify", "sentiment", "multi_label", "regress"}),
}
"""The components that this engine computes, by kind. All are built in, and a plugin cannot register these names."""


def supports(recipe: Mapping[str, Any]) -> bool:
    """Return whether this engine can run a resolved recipe; False for a corrupt one, which the torch engine reports."""
    if not all(_supports_section(kind, recipe.get(kind)) for kind in SUPPORTED):
        return False
    return recipe["head"].get("objective") != "bidirectional"  # it neither generates nor predicts


def _supports_section(kind: str, section: Any) -> bool:
    if not isinstance(section, dict) or not isinstance(section.get("type"), str):
        return False
    nested = section.get("layers", section.get("embeddings", []))
    if section["type"] not in SUPPORTED[kind] or not isinstance(nested, list):
        return False
    nested = [*nested, section["encoder"]] if "encoder" in section else nested
    return all(_supports_section(kind, inner) for inner in nested)


class NumpyEngine:
    """An `Engine` for built-in components, in NumPy.

    Args:
        directory: the run directory.
        recipe: the resolved recipe, for which `supports` returned True.
    """

    max_rows = MAX_ROWS
    thread_safe = True
    feature_width: int | None = None
    reads_words = False
    time_step_fields: frozenset[str] = frozenset()

    def __init__(self, directory: RunDirectory, recipe: Mapping[str, Any]) -> None:
        self._directory = directory
        self._recipe = recipe

    @property
    def head_name(self) -> str:
        return self._recipe["head"]["type"]

    @property
    def generates(self) -> bool:
        return self.head_name == "next_char"

    @property
    def whole_texts(self) -> bool:
        return self.generates and self._recipe["head"].get("whole_texts", False) is True

    @cached_property
    def tokenizer(self) -> Tokenizer:
        """The fitted tokenizer.

        Raises:
            DataError: it is corrupt.
        """
        try:
            tokenizer = builtin_tokenizer(self._recipe["tokenizer"])
        except ValueError as error:
            raise DataError(
                message("{file}: corrupt: tokenizer.{reason}", file=self._directory.plan, reason=error)
            ) from None
        return restore_tokenizer(tokenizer, self._directory, self._fitted)

    @property
    def reads_pairs(self) -> bool:
        return self._fitted["pairs"]

    def load(self) -> None:
        _ = self._model

    def read(self, texts: Sequence[np.ndarray]) -> tuple[np.ndarray, Stepper | None]:
        logits, state = self._model.read(texts)
        check_logits(logits, self._directory.model)
        return logits, state

    def step(self, ids: np.ndarray, state: Stepper) -> tuple[np.ndarray, Stepper]:
        logits = state.step(ids)
        check_logits(logits, self._directory.model)
        return logits, state

    def select(self, state: Stepper, rows: np.ndarray) -> Stepper:
        return self._model.select(state, rows)

    def prediction_input(self, encoded: np.ndarray, feature_names: Sequence[str] = ()) -> np.ndarray:
        return encoded if self._length_limit is None else self._length_limit.fit(encoded)

    def predict(self, inputs: Sequence[np.ndarray]) -> list[dict[str, Any]]:
        model, state = self._model, self._fitted["head"]
        if self.head_name == "regress":
            with ignored_overflow():
                return number_predictions(
                    np.array(state["mean"]) + np.array(state["deviation"]) * model.outputs(inputs)
                )
        if self.head_name == "multi_label":
            with ignored_overflow():
                probabilities = 1 / (1 + np.exp(-model.outputs(inputs)))
            return label_set_predictions(probabilities, state["labels"], self._threshold)
        return label_predictions(model.label_probabilities(inputs), state["labels"])

    def combine(self, predictions: Sequence[Sequence[dict[str, Any]]]) -> list[dict[str, Any]]:
        if self.head_name == "regress":
            return average_numbers(predictions)
        if self.head_name == "multi_label":
            return average_label_sets(predictions, self._threshold)
        return average_probabilities(predictions)

    def format_predictions(
        self, predictions: Sequence[dict[str, Any]], examples: Sequence[Example]
    ) -> list[dict[str, Any]]:
        return list(predictions)

    @cached_property
    def _fitted(self) -> dict[str, Any]:
        return self._directory.read_fitted()

    @cached_property
    def _length_limit(self) -> LengthLimit | None:
        """The longest input that the head takes; None for any. A run of an earlier version has no such setting."""
        head = self._recipe["head"]
        if head.get("max_length") is None:
            return None
        try:
            steps = read_setting(head, "max_length", "head", PositiveInt)
            cut = read_setting(head, "too_long", "head", Literal["cut", "error"]) == "cut"
        except InvalidSetting as error:
            raise DataError(message("{file}: corrupt: {reason}", file=self._directory.plan, reason=error)) from None
        return smallest_limit({"head": InputLimit(steps, cut)}, accepts_cut=True)

    @cached_property
    def _model(self) -> NumpyModel:
        weights = read_weights(self._directory.model)
        vocab_size = self.tokenizer.vocab_size
        output_size = self._output_size(vocab_size)
        vocabulary = Vocabulary(vocab_size, self.tokenizer.decode)
        try:
            if self.head_name == "multi_label":
                _ = self._threshold
            with ignored_overflow():
                return NumpyModel(self._recipe, weights, vocabulary=vocabulary, output_size=output_size)
        except InvalidSetting as error:
            raise DataError(message("{file}: corrupt: {reason}", file=self._directory.plan, reason=error)) from None

    @property
    def _threshold(self) -> float:
        """The threshold of `multi_label`. Raises `InvalidSetting` if it is corrupt, which loading the model reports."""
        return read_setting(self._recipe["head"], "threshold", "head", Probability)

    def _output_size(self, vocab_size: int) -> int:
        """Return the width of the head's output, from the state of the head.

        Raises:
            DataError: the state is corrupt.
        """
        head_state, file = self._fitted["head"], self._directory.tokenizer
        if self.generates:
            if head_state.get("vocab_size") != vocab_size:
                raise DataError(
                    message("{file}: corrupt: the head's vocab_size is not {size}", file=file, size=vocab_size)
                )
            return vocab_size
        if self.head_name == "regress":
            means, deviations = (_finite_numbers(head_state.get(key)) for key in ("mean", "deviation"))
            if not means or means != deviations:
                raise DataError(
                    message("{file}: corrupt: the head's mean and deviation are not lists of numbers", file=file)
                )
            return means
        labels = head_state.get("labels")
        are_texts = isinstance(labels, list) and bool(labels) and all(isinstance(name, str) and name for name in labels)
        if not are_texts or len(set(labels)) != len(labels):
            raise DataError(message("{file}: corrupt: the head's labels are not a list of distinct strings", file=file))
        return len(labels)


def _finite_numbers(value: Any) -> int:
    """Return the number of items of a list of finite numbers; 0 if it is anything else."""
    is_list = isinstance(value, list) and all(type(item) in (int, float) for item in value)
    return len(value) if is_list and np.isfinite(np.array(value, dtype=np.float64)).all() else 0
