"""Choose the best epoch, whose weights a run returns: by `train.metric` or, if that is always the same, by the loss."""

from __future__ import annotations

import math
from collections.abc import Mapping

from seqkit.messages import message
from seqkit.recipe.schema import Train
from seqkit.training.progress import Progress


def record_evaluation(
    progress: Progress, scores: Mapping[str, float], settings: Train, higher_is_better: frozenset[str]
) -> bool:
    """Record an evaluation; return whether it is the best so far, by more than early stopping's `min_delta`.

    Until `train.metric` has had two different values, the loss decides; without a loss, the last epoch is the best.

    Args:
        progress: the progress to update.
        scores: the loss and the metrics of the validation split. One that is undefined is missing.
        settings: the section `train` of the recipe.
        higher_is_better: the metrics that are to be maximized.
    """
    value, loss = scores.get(settings.metric), scores.get("loss")
    if value is not None and progress.best is not None and value != progress.best:
        progress.metric_varies = True
    if not progress.metric_varies:
        gain = math.inf if loss is None or progress.best_loss is None else progress.best_loss - loss
    elif value is None or progress.best is None:
        gain = -math.inf
    else:
        gain = (value - progress.best) * (1 if settings.metric in higher_is_better else -1)
    is_improved = gain > (settings.early_stopping.min_delta if settings.early_stopping else 0.0)
    if value is not None and (is_improved or not progress.metric_varies):
        progress.best = value
    if is_improved:
        progress.best_loss, progress.best_epoch, progress.evals_without_improvement = loss, progress.epoch, 0
    else:
        progress.evals_without_improvement += 1
    return is_improved


def is_better(
    scores: Mapping[str, float], others: Mapping[str, float], settings: Train, higher_is_better: frozenset[str]
) -> bool:
    """Return whether scores are better than others of one epoch: by `train.metric` or, if it is equal, the loss."""
    for name in (settings.metric, "loss"):
        value, other = scores.get(name), others.get(name)
        if value is not None and other is not None and value != other:
            return (value > other) == (name in higher_is_better)
    return False


def explain_choice(progress: Progress, settings: Train) -> str:
    """Return why the best of several epochs was not chosen by `train.metric`; an empty text if it was."""
    metric = settings.metric
    if progress.metric_varies or progress.epoch <= settings.evaluate_every:
        return ""
    if progress.best_loss is None:
        return message("the loss is undefined on the validation split: the last epoch is used")
    if metric == "loss":
        return ""
    if progress.best is None:
        return message("{metric} is undefined on the validation split: the loss chose the best epoch", metric=metric)
    return message(
        "{metric} is {value:.4f} on the validation split after every epoch: the loss chose the best epoch",
        metric=metric,
        value=progress.best,
    )
