"""Predictions of labels with probabilities, as the head `classify` makes them, without torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from seqkit.heads.calibration import with_temperature


def label_predictions(probabilities: np.ndarray, labels: Sequence[str]) -> list[dict[str, Any]]:
    """Return predictions as JSON types.

    Args:
        probabilities: float (rows, labels).
        labels: the label of each column.
    """
    best = probabilities.argmax(axis=1).tolist()
    return [
        {"label": labels[number], "probabilities": dict(zip(labels, row, strict=True))}
        for number, row in zip(best, probabilities.tolist(), strict=True)
    ]


def average_probabilities(predictions: Sequence[Sequence[Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """Average the probabilities of several classifiers (Hansen and Salamon, Neural Network Ensembles, 1990).

    Args:
        predictions: for each classifier, its predictions for the same rows, at least one. All have the same labels.

    Raises:
        KeyError: the labels differ.
    """
    labels, tables = probability_table(predictions)
    return label_predictions(np.mean(tables, axis=0), labels)


def probability_table(predictions: Sequence[Sequence[Mapping[str, Any]]]) -> tuple[list[str], np.ndarray]:
    """Return the labels of several models, and their probabilities, float (models, rows, labels).

    Raises:
        KeyError: the labels differ.
    """
    labels = list(predictions[0][0]["probabilities"])
    tables = [[_in_order(row["probabilities"], labels) for row in member] for member in predictions]
    return labels, np.array(tables)


def calibrated(predictions: Sequence[Mapping[str, Any]], temperature: float | None) -> list[dict[str, Any]]:
    """Return predictions whose logits are divided by a temperature. Their labels do not change.

    Args:
        predictions: with a `label` and the `probabilities` of all labels.
        temperature: above 0; None for the same predictions.

    Raises:
        KeyError, AttributeError: a prediction has another form.
    """
    if temperature is None or not predictions:
        return [dict(prediction) for prediction in predictions]
    labels = list(predictions[0]["probabilities"])
    table = np.array([_in_order(prediction["probabilities"], labels) for prediction in predictions])
    return [
        {**prediction, "probabilities": dict(zip(labels, row, strict=True))}
        for prediction, row in zip(predictions, with_temperature(table, temperature).tolist(), strict=True)
    ]


def label_table(predictions: Sequence[Mapping[str, Any]], targets: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return the probabilities of all labels, float64 (rows, labels), and the number of each target, int64 (rows,).

    The number of a label that does not occur in the training data is -1.
    """
    labels = list(predictions[0]["probabilities"])
    numbers = {label: number for number, label in enumerate(labels)}
    table = np.array([_in_order(prediction["probabilities"], labels) for prediction in predictions])
    return table, np.array([numbers.get(target, -1) for target in targets])


def _in_order(probabilities: Mapping[str, float], labels: Sequence[str]) -> list[float]:
    if other := probabilities.keys() ^ set(labels):
        raise KeyError(min(other))
    return [probabilities[label] for label in labels]
