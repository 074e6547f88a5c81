"""The checks of the built-in metrics, named by their registrations."""

from __future__ import annotations

from typing import Any

from seqkit.metrics.labels import BalancedAccuracy, CohenKappa, MatthewsCorrelation, TopK
from seqkit.metrics.ranking import AveragePrecision, RocAuc
from seqkit.metrics.texts import ErrorRate
from seqkit.metrics.values import R2, Rmse
from seqkit.testing.checks import Check, variants
from seqkit.testing.metric import checks_for_metric


def _metric(cls: Any, **settings: Any) -> list[Check]:
    """Return the checks of a metric with its defaults, and with other settings."""
    return variants({"defaults": checks_for_metric(cls), "settings": checks_for_metric(lambda: cls(**settings))})


def mcc() -> list[Check]:
    return checks_for_metric(MatthewsCorrelation)


def balanced_accuracy() -> list[Check]:
    return checks_for_metric(BalancedAccuracy)


def kappa() -> list[Check]:
    return _metric(CohenKappa, weights="quadratic")


def top_k() -> list[Check]:
    return _metric(TopK, k=2)


def roc_auc() -> list[Check]:
    return _metric(RocAuc, label="2")


def average_precision() -> list[Check]:
    return _metric(AveragePrecision, label="2")


def error_rate() -> list[Check]:
    return _metric(ErrorRate, unit="character")


def rmse() -> list[Check]:
    return checks_for_metric(Rmse)


def r2() -> list[Check]:
    return checks_for_metric(R2)
