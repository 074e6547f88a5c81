"""Metrics of predicted labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def label_metrics(truth: Sequence[str], predicted: Sequence[str], labels: Sequence[str]) -> dict[str, Any]:
    """Return the metrics of predicted labels, as scikit-learn computes them.

    Args:
        truth: the true label of each example, which may be one that does not occur in the training data.
        predicted: the predicted label of each example.
        labels: the labels of the training data.

    Returns:
        `accuracy`; `macro_f1`, the mean F1 of the labels that are true or predicted for at least one example;
        `per_class`: precision, recall, F1 and support of each label, 0 for a ratio whose denominator is 0;
        `confusion_matrix`, one row per true label. Both contain `labels`, then the other true labels in sorted order.
    """
    from sklearn.metrics import accuracy_score, confusion_matrix, f1_score, precision_recall_fscore_support

    labels = [*labels, *sorted(set(truth) - set(labels))]
    precision, recall, f1, support = precision_recall_fscore_support(truth, predicted, labels=labels, zero_division=0)
    return {
        "accuracy": float(accuracy_score(truth, predicted)),
        "macro_f1": float(f1_score(truth, predicted, average="macro", zero_division=0)),
        "per_class": {
            label: {
                "precision": float(precision[number]),
                "recall": float(recall[number]),
                "f1": float(f1[number]),
                "support": int(support[number]),
            }
            for number, label in enumerate(labels)
        },
        "confusion_matrix": {
            "labels": labels,
            "rows_are": "true labels",
            "matrix": confusion_matrix(truth, predicted, labels=labels).tolist(),
        },
    }
