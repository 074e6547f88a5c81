"""The metrics that a recipe adds to those of its head."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any

from seqkit.contracts import Metric
from seqkit.data.dataset import Dataset
from seqkit.errors import PluginError
from seqkit.messages import message
from seqkit.modeling.model import Model
from seqkit.recipe.plan import Plan

NO_METRICS: Mapping[str, Metric] = {}


def build_metrics(plan: Plan) -> dict[str, Metric]:
    """Return the metrics of a plan by their names in results."""
    built = [(spec.name, spec.build()) for spec in plan.train.metrics]
    return {metric.name or name: metric for name, metric in built}


def score_metrics(
    metrics: Mapping[str, Metric], model: Model, predictions: Sequence[Mapping[str, Any]], dataset: Dataset
) -> dict[str, float]:
    """Return the metrics of a split; one that is undefined is left out.

    Args:
        metrics: the metrics by name.
        model: the model, whose head provides the outcomes.
        predictions: the prediction of each row.
        dataset: the split.

    Raises:
        PluginError: a metric is not a number.
    """
    if not metrics or not predictions:
        return {}
    outcomes = model.head.outcomes(predictions, dataset.examples, tokenizer=dataset.tokenizer)
    scores: dict[str, float] = {}
    for name, metric in metrics.items():
        value = metric.score(outcomes)
        if value is not None and not isinstance(value, Real):
            raise PluginError(
                message("metric '{name}': the score is {value!r:.40}, not a number or None", name=name, value=value)
            )
        if value is not None and not math.isnan(value):
            scores[name] = float(value)
    return scores
