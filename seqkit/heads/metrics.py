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
    from sklearn.metrics import accuracy_score, confusion_matrix, f1_score

    labels = [*labels, *sorted(set(truth) - set(labels))]
    return {
        "accuracy": float(accuracy_score(truth, predicted)),
        "macro_f1": float(f1_score(truth, predicted, average="macro", zero_division=0)),
        "per_class": class_scores(labels, truth, predicted, labels=labels),
        "confusion_matrix": {
            "labels": labels,
            "rows_are": "true labels",
            "matrix": confusion_matrix(truth, predicted, labels=labels).tolist(),
        },
    }


def class_scores(names: Sequence[str], truth: Any, predicted: Any, **options: Any) -> dict[str, dict[str, Any]]:
    """Return the precision, recall, F1 and support of each class, as scikit-learn computes them; 0 for 0 / 0.

    Args:
        names: the classes, in the order of scikit-learn's results.
        truth: labels, or an indicator matrix (examples, labels).
        predicted: of the same kind.
        options: passed to `precision_recall_fscore_support`.
    """
    from sklearn.metrics import precision_recall_fscore_support

    columns = precision_recall_fscore_support(truth, predicted, zero_division=0, **options)
    return {
        name: {"precision": float(precision), "recall": float(recall), "f1": float(f1), "support": int(support)}
        for name, precision, recall, f1, support in zip(names, *columns, strict=True)
    }
