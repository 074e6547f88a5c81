"""Predictions of labels with probabilities, as the head `classify` makes them, without torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np


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


def _in_order(probabilities: Mapping[str, float], labels: Sequence[str]) -> list[float]:
    if other := probabilities.keys() ^ set(labels):
        raise KeyError(min(other))
    return [probabilities[label] for label in labels]
