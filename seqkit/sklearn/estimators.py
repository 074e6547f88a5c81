"""Classification and regression of sequences."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import check_array, column_or_1d

from seqkit.messages import message
from seqkit.sklearn.inputs import check_labels
from seqkit.sklearn.parameters import PARAMETERS, FromParameters


class SequenceClassifier(ClassifierMixin, FromParameters):
    """Classification of texts, pairs of texts, or sequences of numbers, with any recipe of seqkit.

    `X` is a list, an array or a pandas Series of texts; a list of pairs `(first, second)`, or a table or an array of
    two columns, of pairs of texts; or a list of arrays (time,) or (time, features), or an array (sequences, time) or
    (sequences, time, features). `y` is a label per sequence; or an indicator matrix (sequences,
    labels) of zeros and ones, for any number of labels per sequence, which `predict` then returns too.
    """

    __doc__ += PARAMETERS + "        classes_: the labels, sorted.\n"

    def fit(self, X: Any, y: Any) -> Self:
        """Train a new model.

        Args:
            X: the sequences.
            y: the labels, (sequences,) or (sequences, labels).

        Raises:
            ValueError: X or y is invalid.
            SeqkitError: the recipe is invalid.
        """
        sequences = self._check_inputs(X, y)
        check_labels(y)
        check_classification_targets(y)
        self._is_multi_label = type_of_target(y) == "multilabel-indicator"
        if self._is_multi_label:
            matrix = np.asarray(y)
            self.classes_ = np.arange(matrix.shape[1])
            return self._fit(sequences, [[str(label) for label in np.flatnonzero(row)] for row in matrix])
        labels = column_or_1d(y, warn=True)
        self.classes_, numbers = np.unique(labels, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(
                message(
                    "This solver needs samples of at least 2 classes in the data, but the data contains only one "
                    "class: {label!r}",
                    label=self.classes_.tolist()[0],
                )
            )
        names = self._names()
        return self._fit(sequences, [names[number] for number in numbers])

    def predict(self, X: Any) -> np.ndarray:
        """Return the label of each sequence, (sequences,); or an indicator matrix, if `fit` was given one."""
        predictions = self._predictions(self._checked_fitted(X))
        if self._is_multi_label:
            found = [[str(label) in item["labels"] for label in self.classes_] for item in predictions]
            return np.array(found, dtype=np.int64)
        numbers = {name: number for number, name in enumerate(self._names())}
        return self.classes_[[numbers[item["label"]] for item in predictions]]

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the probability of each label, float (sequences, labels), in the order of `classes_`."""
        predictions = self._predictions(self._checked_fitted(X))
        names = self._names()
        return np.array([[item["probabilities"].get(name, 0.0) for name in names] for item in predictions])

    def _head_name(self) -> str:
        return "multi_label" if self._is_multi_label else "classify"

    def _names(self) -> list[str]:
        """Return the labels as seqkit reads them; their numbers, if texts would not tell them apart."""
        names = [str(label).strip() for label in self.classes_.tolist()]
        is_clear = len(set(names)) == len(names) and all(names)
        return names if is_clear else [str(number) for number in range(len(names))]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


class SequenceRegressor(RegressorMixin, FromParameters):
    """Regression of texts, pairs of texts, or sequences of numbers, with any recipe of seqkit.

    `X` is as in `SequenceClassifier`. `y` is a number per sequence, or several: (sequences,) or (sequences, numbers).
    """

    __doc__ += PARAMETERS

    def fit(self, X: Any, y: Any) -> Self:
        """Train a new model.

        Args:
            X: the sequences.
            y: the numbers, float (sequences,) or (sequences, numbers).

        Raises:
            ValueError: X or y is invalid.
            SeqkitError: the recipe is invalid.
        """
        sequences = self._check_inputs(X, y)
        numbers = check_array(y, ensure_2d=False, dtype=np.float64, input_name="y")
        self._is_column = numbers.ndim == 1
        return self._fit(sequences, numbers.tolist())

    def predict(self, X: Any) -> np.ndarray:
        """Return the number of each sequence, float (sequences,), or (sequences, numbers) if `y` had several."""
        values = np.array([item["value"] for item in self._predictions(self._checked_fitted(X))], dtype=np.float64)
        return values if self._is_column else values.reshape(len(values), -1)

    def _head_name(self) -> str:
        return "regress"

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        tags.regressor_tags.poor_score = True  # of a table, whose columns become the time steps of a sequence
        return tags
