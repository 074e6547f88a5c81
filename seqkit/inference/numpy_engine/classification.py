"""What the head `classify` computes between the encoder and the softmax, in NumPy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import numpy as np
from annotated_types import Ge, Le, MinLen

from seqkit.contracts.parameters import PositiveFloat
from seqkit.inference.numpy_engine.encoders import NumpyEncoded
from seqkit.inference.numpy_engine.weights import CheckedWeights, LinearWeights, read_setting
from seqkit.layers.ngram_counts import count_ngrams, ngram_weights

_Name = Literal["final", "mean", "max", "attention"]

_ATTENTION_SIZE = 64
"""The default of `seqkit.layers.pooling.AdditiveAttention`."""


class NumpyPooling:
    """The concatenated poolings of `seqkit.layers.pooling.Pooling`.

    Args:
        head: the section of the head.
        weights: the weights of the run.
        width: the width of the encoder's outputs and of its final vector.

    Attributes:
        output_size: the width of the result.
        needs_outputs: whether anything but the final vector is read.

    Raises:
        InvalidSetting, DataError: as those of `NumpyModel`.
    """

    def __init__(self, head: Mapping[str, Any], weights: CheckedWeights, width: int) -> None:
        names = head["pooling"]
        self._names: list[str] = (
            read_setting(head, "pooling", "head", Annotated[list[_Name], MinLen(1)])
            if isinstance(names, list)
            else [read_setting(head, "pooling", "head", _Name)]
        )
        self.output_size = width * len(self._names)
        self.needs_outputs = self._names != ["final"]
        self._projection: LinearWeights | None = None
        if "attention" in self._names:
            self._projection = weights.take_linear("head.pool.attention.projection", _ATTENTION_SIZE, width)
            self._score = weights.take("head.pool.attention.score.weight", (1, _ATTENTION_SIZE))

    def pool(self, encoded: NumpyEncoded, lengths: np.ndarray) -> np.ndarray:
        """Return (batch, output_size): the vector of each row that the linear layer reads."""
        return np.concatenate([self._pool(name, encoded, lengths) for name in self._names], axis=1)

    def _pool(self, name: str, encoded: NumpyEncoded, lengths: np.ndarray) -> np.ndarray:
        if name == "final":
            return encoded.final
        outputs = encoded.outputs
        assert outputs is not None  # requested
        is_padding = np.arange(outputs.shape[1]) >= lengths[:, None]  # (batch, time)
        if name == "max":
            return np.where(is_padding[:, :, None], outputs.dtype.type(-np.inf), outputs).max(axis=1)
        outputs = np.where(is_padding[:, :, None], outputs.dtype.type(0), outputs)
        if name == "mean":
            return outputs.sum(axis=1) / lengths[:, None].astype(outputs.dtype)
        assert self._projection is not None
        hidden = np.tanh(outputs @ self._projection.weight.T + self._projection.bias)
        scores = np.where(is_padding, outputs.dtype.type(-np.inf), hidden @ self._score[0])
        weights = np.exp(scores - scores.max(axis=1, keepdims=True))
        weights /= weights.sum(axis=1, keepdims=True)
        return (weights[:, None] @ outputs)[:, 0]


class NumpyNgrams:
    """The linear model of `seqkit.layers.ngrams.NgramLinear`.

    Args:
        head: the section of the head, whose `ngrams` is not 0.
        weights: the weights of the run.
        output_size: the number of labels.

    Raises:
        InvalidSetting, DataError: as those of `NumpyModel`.
    """

    def __init__(self, head: Mapping[str, Any], weights: CheckedWeights, output_size: int) -> None:
        self._n: int = read_setting(head, "ngrams", "head", Annotated[int, Ge(1), Le(10)])
        self._scale: float = read_setting(head, "ngram_scale", "head", PositiveFloat)
        self._known = weights.take_ascending("head.wide.known")
        self._weight = weights.take("head.wide.weight", (len(self._known), output_size))
        self._idf = weights.take("head.wide.idf", (len(self._known),))

    def logits(self, ids: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        """Return (batch, labels).

        Args:
            ids: int64 (batch, time), padded.
            lengths: int64 (batch,).
        """
        found = ngram_weights(count_ngrams(ids, lengths, self._n), self._known, self._idf, len(ids))
        terms = self._weight[found.places] * found.values[:, None]  # (entries, labels)
        sums = [np.bincount(found.rows, column, minlength=len(ids)) for column in terms.T]
        return self._scale * np.stack(sums, axis=1)
