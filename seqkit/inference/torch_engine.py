"""The torch engine, which runs the torch modules of any components, including those of plugins."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import torch

from seqkit.contracts import Example, Row, State, Tokenizer
from seqkit.contracts.capabilities import call_with_accepted
from seqkit.data.batching import RowBatches, collate
from seqkit.data.limits import LengthLimit, length_limit
from seqkit.errors import UsageError
from seqkit.inference.engine import check_logits, not_finite
from seqkit.inference.rebuild import rebuild_model, restore_tokenizer
from seqkit.messages import message
from seqkit.modeling.features import checked_extremes
from seqkit.modeling.model import Model
from seqkit.modeling.state import is_complete, select_rows
from seqkit.recipe.plan import Plan
from seqkit.runs.directory import RunDirectory

_PREDICT_ROWS = 64
"""The number of rows that are predicted together."""


class TorchEngine:
    """An `Engine` for any components, in torch on the CPU.

    Args:
        directory: the run directory.
        plan: the plan of the run.
    """

    max_rows = 256
    thread_safe = False

    def __init__(self, directory: RunDirectory, plan: Plan) -> None:
        self._directory = directory
        self.plan = plan

    @property
    def head_name(self) -> str:
        return self.plan.head.name

    @property
    def generates(self) -> bool:
        return self.model.head.generates

    @property
    def whole_texts(self) -> bool:
        return self.model.head.whole_texts

    @property
    def time_step_fields(self) -> frozenset[str]:
        return self.model.head.time_step_fields

    @cached_property
    def tokenizer(self) -> Tokenizer | None:
        if self.plan.tokenizer is None:
            return None
        return restore_tokenizer(self.plan.tokenizer.build(), self._directory, self._fitted)

    @property
    def feature_width(self) -> int | None:
        return self._fitted["features"]

    @property
    def reads_pairs(self) -> bool:
        return self._fitted["pairs"]

    @property
    def reads_words(self) -> bool:
        return self.model.reads_words

    @cached_property
    def model(self) -> Model:
        """The model in evaluation mode, with the weights of the run.

        Raises:
            DataError: a file of the run is missing or corrupt.
        """
        return rebuild_model(self._directory, self.plan, self.tokenizer, self._fitted)

    @cached_property
    def carries_state(self) -> bool:
        """Whether `read` returns a state. If not, the last `context` tokens of a text are read for each new token.

        It becomes False at the first text whose state is incomplete: a causal encoder need not return a state.
        """
        return self.model.causal and "outputs" in self.model.head.needs and self.length_limit is None

    @property
    def context(self) -> int:
        """The number of last tokens to read if no state is carried; 0 for all."""
        context, limit = self.model.head.context, self.length_limit
        return context if limit is None else min(context or limit.steps, limit.steps)

    @cached_property
    def length_limit(self) -> LengthLimit | None:
        """The longest input that the model takes; None for any."""
        return length_limit(self.model.embedding, self.model.encoder, self.model.head)

    @property
    def row_limit(self) -> LengthLimit | None:
        """The longest row in evaluation; None for any, and if rows are read in windows, which are short enough."""
        return None if self.plan.train.sequence_length else self.length_limit

    def load(self) -> None:
        _ = self.model

    def read(self, texts: Sequence[np.ndarray]) -> tuple[np.ndarray, State]:
        if not self.carries_state:
            texts = [ids[-self.context :] for ids in texts]
        batch = collate([Row(ids) for ids in texts])
        logits, state = self._next_logits(batch.inputs, batch.lengths, None)
        self.carries_state = self.carries_state and is_complete(state)
        return logits, state if self.carries_state else None

    def step(self, ids: np.ndarray, state: State) -> tuple[np.ndarray, State]:
        return self._next_logits(torch.from_numpy(ids)[:, None], torch.ones(len(ids), dtype=torch.int64), state)

    def select(self, state: State, rows: np.ndarray) -> State:
        return select_rows(state, torch.from_numpy(rows))

    @torch.inference_mode()
    def _next_logits(self, ids: torch.Tensor, lengths: torch.Tensor, state: State) -> tuple[np.ndarray, State]:
        encoded = self.model.encode(ids, lengths, state).last_time_step(lengths)
        logits = self.model.head.logits(encoded)[:, -1].numpy()
        check_logits(logits, self._directory.model)
        return logits, encoded.state

    def prediction_input(self, encoded: np.ndarray, feature_names: Sequence[str] = ()) -> np.ndarray:
        part = call_with_accepted(self.model.head.predict_input, encoded, feature_names=feature_names)
        if self.tokenizer is None:
            checked_extremes(self.model, part, feature_names)
        return part if self.length_limit is None else self.length_limit.fit(part)

    @torch.inference_mode()
    def predict(self, inputs: Sequence[np.ndarray]) -> list[dict[str, Any]]:
        batches = RowBatches([Row(item) for item in inputs], _PREDICT_ROWS, None)
        predictions: list[dict[str, Any]] = [{} for _ in inputs]
        for batch, _, rows, _ in batches.epoch(0):
            encoded = self.model.encode(batch.inputs, batch.lengths)
            # Not every prediction contains a number that would show it.
            if not (encoded.final.isfinite().all() and encoded.outputs[batch.mask].isfinite().all()):
                raise not_finite(self._directory.model)
            found = self.model.predict(encoded, batch)
            if not found:
                raise UsageError(
                    message(
                        "{run}: the head '{head}' makes no predictions: use evaluate",
                        run=self._directory.path,
                        head=self.head_name,
                    )
                )
            for row, prediction in zip(rows, found, strict=True):
                predictions[row] = prediction
        return predictions

    def combine(self, predictions: Sequence[Sequence[dict[str, Any]]]) -> list[dict[str, Any]]:
        return self.model.head.combine(predictions)

    def format_predictions(
        self, predictions: Sequence[dict[str, Any]], examples: Sequence[Example]
    ) -> list[dict[str, Any]]:
        method = self.model.head.format_prediction
        return [
            call_with_accepted(method, prediction, self._words(example.input), next_dates=example.next_dates)
            for prediction, example in zip(predictions, examples, strict=True)
        ]

    def _words(self, value: Any) -> Any:
        """Return the words of a text if the tokenizer takes words; any other value as it is."""
        if isinstance(value, str) and self.tokenizer is not None and self.tokenizer.takes_words:
            return self.tokenizer.words(value)
        return value

    @cached_property
    def _fitted(self) -> dict[str, Any]:
        return self._directory.read_fitted()
