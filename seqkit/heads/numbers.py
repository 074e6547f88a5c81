"""Predicted numbers and their metrics, as the head `regress` makes them, without torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np


def number_predictions(values: np.ndarray) -> list[dict[str, Any]]:
    """Return predictions as JSON types: `value` is a number, or a list of several.

    Args:
        values: float (rows, numbers).
    """
    return [{"value": row[0] if len(row) == 1 else row} for row in values.tolist()]


def average_numbers(predictions: Sequence[Sequence[Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """Average the predictions of several models.

    Args:
        predictions: for each model, its predictions for the same rows, at least one.

    Raises:
        ValueError: the models predict different numbers of numbers.
    """
    return number_predictions(np.mean([number_table(member) for member in predictions], axis=0))


def number_table(predictions: Sequence[Mapping[str, Any]]) -> np.ndarray:
    """Return predictions as float64 (rows, numbers)."""
    return np.array([np.atleast_1d(item["value"]) for item in predictions], dtype=np.float64)


def number_metrics(truth: np.ndarray, predicted: np.ndarray) -> dict[str, float]:
    """Return the metrics of predicted numbers, in their units; of several numbers, the mean over them.

    Args:
        truth: float64 (examples, numbers).
        predicted: float64 (examples, numbers).

    Returns:
        `mse`, the mean squared error; `mae`, the mean absolute error; and `r2`, the coefficient of determination, left
        out if a number is the same in all examples.
    """
    errors = predicted - truth
    squares, variation = np.square(errors).sum(axis=0), np.square(truth - truth.mean(axis=0)).sum(axis=0)
    found = {"mse": float(np.square(errors).mean()), "mae": float(np.abs(errors).mean())}
    return found | ({"r2": float((1 - squares / variation).mean())} if (varies(truth) & (variation > 0)).all() else {})


def varies(numbers: np.ndarray) -> np.ndarray:
    """Return whether each number differs between examples, bool (numbers,): rounding makes the variance of equal ones
    positive.

    Args:
        numbers: float (examples, numbers).
    """
    is_different: np.ndarray = np.ptp(numbers, axis=0) > 0
    return is_different
