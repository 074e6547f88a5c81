"""Metrics of predicted labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def label_metrics(truth: Sequence[str], predicted: Sequence[str], labels: Sequence[str]) -> dict[str, Any]:
    """Return the metrics of predicted labels, as scikit-learn computes them.

    Args:
        truth: the true label of each example.
        predicted: the predicted label of each example.
        labels: all labels, in the order of the confusion matrix.

    Returns:
        `accuracy`; `macro_f1`; `per_class`: precision, recall, F1 and support of each label; `confusion_matrix`, one
        row per true label. 0 for a ratio whose denominator is 0.
    """
    from sklearn.metrics import accuracy_score, confusion_matrix, precision_recall_fscore_support

    precision, recall, f1, support = precision_recall_fscore_support(truth, predicted, labels=labels, zero_division=0)
    return {
        "accuracy": float(accuracy_score(truth, predicted)),
        "macro_f1": float(f1.mean()),
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
            "labels": list(labels),
            "rows_are": "true labels",
            "matrix": confusion_matrix(truth, predicted, labels=labels).tolist(),
        },
    }
