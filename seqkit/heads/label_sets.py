"""Predictions and metrics of sets of labels, as the head `multi_label` makes them, without torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from seqkit.heads.label_predictions import probability_table
from seqkit.heads.metrics import class_scores


def label_set_predictions(probabilities: np.ndarray, labels: Sequence[str], threshold: float) -> list[dict[str, Any]]:
    """Return predictions as JSON types.

    Args:
        probabilities: float (rows, labels).
        labels: the label of each column.
        threshold: the smallest probability of a predicted label.
    """
    return [
        {
            "labels": [label for label, probability in zip(labels, row, strict=True) if probability >= threshold],
            "probabilities": dict(zip(labels, row, strict=True)),
        }
        for row in probabilities.tolist()
    ]


def average_label_sets(predictions: Sequence[Sequence[Mapping[str, Any]]], threshold: float) -> list[dict[str, Any]]:
    """Average the probabilities of several models.

    Args:
        predictions: for each model, its predictions for the same rows, at least one. All have the same labels.
        threshold: the smallest mean probability of a predicted label.

    Raises:
        KeyError: the labels differ.
    """
    labels, tables = probability_table(predictions)
    return label_set_predictions(np.mean(tables, axis=0), labels, threshold)


def label_set_metrics(
    truth: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]], labels: Sequence[str]
) -> dict[str, Any]:
    """Return the metrics of predicted sets of labels, as scikit-learn computes them.

    Args:
        truth: the true labels of each example, which may be ones that do not occur in the training data.
        predicted: the predicted labels of each example.
        labels: the labels of the training data.

    Returns:
        `micro_f1`, over all decisions on a label; `macro_f1`, the mean F1 of the labels; `exact_match`, the fraction
        of examples whose predicted labels are exactly the true ones; `per_class`: precision, recall, F1 and support of
        each label. A ratio whose denominator is 0 is 0. The labels are `labels`, then the other true ones, sorted.
    """
    from sklearn.metrics import f1_score

    labels = [*labels, *sorted({label for each in truth for label in each} - set(labels))]
    actual, found = label_matrix(truth, labels), label_matrix(predicted, labels)
    columns = list(range(len(labels))) if len(labels) > 1 else [1]  # scikit-learn sees classes 0 and 1 in one column
    per_class = class_scores(labels, actual, found, labels=columns)
    return {
        "micro_f1": float(f1_score(actual, found, labels=columns, average="micro", zero_division=0)),
        "macro_f1": float(np.mean([scores["f1"] for scores in per_class.values()])),
        "exact_match": float((actual == found).all(axis=1).mean()),
        "per_class": per_class,
    }


def label_matrix(sets: Sequence[Sequence[str]], labels: Sequence[str]) -> np.ndarray:
    """Return int64 (examples, labels): 1 where an example has the label."""
    numbers = {label: number for number, label in enumerate(labels)}
    matrix = np.zeros((len(sets), len(labels)), dtype=np.int64)
    for row, each in zip(matrix, sets, strict=True):
        row[[numbers[label] for label in each if label in numbers]] = 1
    return matrix
