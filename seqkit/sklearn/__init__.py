"""Estimators with the interface of scikit-learn, for pipelines, grid searches and cross-validation.

    from seqkit.sklearn import SequenceClassifier

    classifier = SequenceClassifier(hidden_size=32, epochs=5, random_state=0).fit(texts, labels)
    classifier.predict_proba(["…"])

Nothing here imports torch until an estimator is fitted.
"""

from __future__ import annotations

from seqkit.sklearn.estimators import SequenceClassifier, SequenceRegressor
from seqkit.sklearn.tagger import SequenceTagger

__all__ = ["SequenceClassifier", "SequenceRegressor", "SequenceTagger"]
