"""A model of built-in components in NumPy, for inference. Importing torch takes longer than most uses of a trained run.

The results equal those of the torch modules up to rounding. With W, U and b for weight_ih, weight_hh and
bias_ih + bias_hh of torch.nn.LSTM, a cell computes

    i, f, g, o = split(x_t W^T + h_{t-1} U^T + b)
    c_t = sigmoid(f) c_{t-1} + sigmoid(i) tanh(g)
    h_t = sigmoid(o) tanh(c_t)                     and, if projected, h_t = P h_t

The product of a one-hot vector and W^T is a row of W^T, which is looked up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np

from seqkit.contracts.parameters import NonNegativeInt
from seqkit.inference.engine import ignored_overflow
from seqkit.inference.numpy_engine.blas import parallel_map
from seqkit.inference.numpy_engine.classification import NumpyNgrams, NumpyPooling
from seqkit.inference.numpy_engine.embeddings import Vocabulary, build_embedding
from seqkit.inference.numpy_engine.encoders import build_encoder
from seqkit.inference.numpy_engine.stepper import PackedWeights, Stepper
from seqkit.inference.numpy_engine.weights import CheckedWeights, InvalidSetting, LinearWeights, read_setting
from seqkit.messages import message

_BLOCK_ROWS = 512
"""The number of texts in a batch: enough for efficient products, few enough for the cache of one core."""


class NumpyModel:
    """A trained model. It computes in the floating type of its weights, at least float32.

    Args:
        recipe: the resolved recipe, of built-in components.
        weights: the weights of the run.
        vocabulary: the ids of the fitted tokenizer.
        output_size: the width of the head's output: the size of the vocabulary, or the number of labels or numbers.

    Attributes:
        encoder: the encoder.
        carries_state: whether `read` returns a state. If not, the last `context` tokens of a text are read again for
            each new token.
        context: that number; 0 for all.

    Raises:
        InvalidSetting: a value of the recipe is invalid.
        DataError: the weights are not those of the recipe.
    """

    def __init__(
        self, recipe: Mapping[str, Any], weights: CheckedWeights, *, vocabulary: Vocabulary, output_size: int
    ) -> None:
        self._embedding = build_embedding(recipe["embedding"], "embedding", vocabulary, weights)
        input_size = vocabulary.size if self._embedding is None else self._embedding.width
        self.encoder = build_encoder(recipe["encoder"], "encoder", input_size, weights)
        head = {"objective": "step", "context": 0, "pooling": "final", "ngrams": 0, "tied": False} | recipe["head"]
        self._pooling = NumpyPooling(head, weights, self.encoder.output_size)
        is_tied = head["type"] == "next_char" and read_setting(head, "tied", "head", bool)
        self._output = (
            self._take_tied(weights)
            if is_tied
            else weights.take_linear("head.output", output_size, self._pooling.output_size)
        )
        self._wide = None if head["ngrams"] == 0 else NumpyNgrams(head, weights, output_size)
        weights.check_all_taken()
        objective = read_setting(head, "objective", "head", Literal["step", "prefix"])
        predicts_time_steps = head["type"] == "next_char" and objective == "step"
        self.context = read_setting(head, "context", "head", NonNegativeInt)
        is_causal = self._embedding is None or self._embedding.causal
        self.carries_state = self.encoder.causal and is_causal and predicts_time_steps
        # The final vector of a causal encoder is its output at the last time step.
        self._reads_final = self.encoder.causal or not predicts_time_steps
        self._packed_weights: dict[bool, PackedWeights] = {}

    def _take_tied(self, weights: CheckedWeights) -> LinearWeights:
        """Return the output layer that shares its weight with the embedding (`seqkit.layers.tied`)."""
        table = None if self._embedding is None else self._embedding.table
        if table is None or table.shape[1] != self._pooling.output_size:
            raise InvalidSetting(message("head.tied: the embedding has no vectors as wide as the encoder's outputs"))
        vocab_size, width = table.shape
        return LinearWeights(table * width**-0.5, weights.take("head.output.bias", (vocab_size,)))

    def read(self, texts: Sequence[np.ndarray]) -> tuple[np.ndarray, Stepper | None]:
        """Read texts from their beginning. See `seqkit.inference.engine.LanguageModel`."""
        if not self.carries_state:
            texts = [ids[-self.context :] for ids in texts]
        order = _longest_first(texts)
        ids, lengths = _pad([texts[number] for number in order])
        encoded = self.encoder.encode(self._embed(ids, lengths), lengths, outputs=not self._reads_final)
        features = encoded.final
        if not self._reads_final:
            assert encoded.outputs is not None  # requested
            features = encoded.outputs[np.arange(len(texts)), lengths - 1]
        original_order = np.argsort(order)
        logits = (features @ self._output.weight.T + self._output.bias)[original_order]
        if not self.carries_state:
            return logits, None
        states = [(hidden[original_order], cell_state[original_order]) for hidden, cell_state in encoded.states]
        previous = ids[np.arange(len(texts)), lengths - 1][original_order]
        return logits, Stepper(self._pack_weights(len(texts)), states, previous)

    def step(self, ids: np.ndarray, state: Stepper) -> tuple[np.ndarray, Stepper]:
        """Read one more id per row. See `seqkit.inference.engine.LanguageModel`."""
        return state.step(ids), state

    def select(self, state: Stepper, rows: np.ndarray) -> Stepper:
        """Return the state of some rows. See `seqkit.inference.engine.LanguageModel`."""
        return state.select(rows, self._pack_weights(len(rows)))

    def label_probabilities(self, texts: Sequence[np.ndarray]) -> np.ndarray:
        """Return float64 (texts, labels); NaN for a text whose largest logit is not finite.

        Args:
            texts: ids, each int64 (time,).
        """
        logits = self.outputs(texts)
        with ignored_overflow():
            logits -= logits.max(axis=1, keepdims=True)
        exponentials = np.exp(logits)
        return exponentials / exponentials.sum(axis=1, keepdims=True)

    def outputs(self, texts: Sequence[np.ndarray]) -> np.ndarray:
        """Return the outputs of a head that predicts from one vector per text, float64 (texts, outputs).

        Args:
            texts: ids, each int64 (time,).
        """
        order = _longest_first(texts)
        blocks = [order[first : first + _BLOCK_ROWS] for first in range(0, len(order), _BLOCK_ROWS)]
        logits = np.empty((len(texts), self._output.output_size), dtype=np.float64)

        def compute(block: np.ndarray, cancelled: object) -> None:
            ids, lengths = _pad([texts[number] for number in block])
            with ignored_overflow():
                encoded = self.encoder.encode(self._embed(ids, lengths), lengths, outputs=self._pooling.needs_outputs)
                logits[block] = self._pooling.pool(encoded, lengths) @ self._output.weight.T + self._output.bias
                if self._wide is not None:
                    logits[block] += self._wide.logits(ids, lengths)

        parallel_map(compute, blocks)
        return logits

    def _embed(self, ids: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        """Return float (batch, time, dim); or the ids themselves, int64 (batch, time), if they are one-hot."""
        return ids if self._embedding is None else self._embedding.embed(ids, lengths)

    def _pack_weights(self, rows: int) -> PackedWeights:
        single = rows == 1
        if single not in self._packed_weights:
            layers = self.encoder.layers()
            self._packed_weights[single] = PackedWeights(layers, self._embedding, self._output, column_major=single)
        return self._packed_weights[single]


def _longest_first(texts: Sequence[np.ndarray]) -> np.ndarray:
    """Return the numbers of the texts in descending order of length."""
    return np.argsort([-len(ids) for ids in texts], kind="stable")


def _pad(texts: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return the ids of texts, the longest first, as int64 (texts, time), and their lengths."""
    lengths = np.array([len(ids) for ids in texts])
    padded = np.zeros((len(texts), lengths[0]), dtype=np.int64)
    for row, ids in zip(padded, texts, strict=True):
        row[: len(ids)] = ids
    return padded, lengths
