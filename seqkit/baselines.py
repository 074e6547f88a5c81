"""The floor beside every result: what a simple method scores on the same split, and the metrics of labels."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

MOST_IDS = 4_000_000
"""A long text's floor is fitted to so many of its last ids, which takes some 400 MB, and scored so many at a time."""


class NGram:
    """An n-gram model over ids, interpolated from order n down to the uniform distribution.

    P_k(w | c) = (count(c w) + T(c) P_{k-1}(w | c')) / (count(c) + T(c)), where T(c) is how many different ids
    followed the context c in training and c' is c without its first id: Witten and Bell, 1991.

    Args:
        vocab_size: the number of ids.
        order: the length of an n-gram, at most; less where codes of that length would not fit 63 bits.
        most: fit to so many of the last ids of the texts, and score so many at a time; None has all at once in memory.
    """

    def __init__(self, vocab_size: int, order: int = 6, most: int | None = None) -> None:
        self.vocab_size = vocab_size
        self.most = most
        self._passed_over = False
        fitting = int(62 / math.log2(max(vocab_size, 2)))
        self.order = max(1, min(order, fitting))
        self._tables: list[tuple[np.ndarray, ...]] = []

    @property
    def name(self) -> str:
        of = f" of the last {self.most:,} tokens of train" if self._passed_over else ""
        return f"{self.order}-gram model (Witten-Bell){of}"

    def fit(self, texts: Sequence[np.ndarray]) -> None:
        """Counts the n-grams of every order; an n-gram never spans two texts."""
        ids, places = self._joined(self._last(texts))
        self._tables = []
        for order in range(1, self.order + 1):
            contexts, grams = self._codes(ids, order)
            known = places >= order - 1
            if not known.any():  # no text is this long
                break
            gram_codes, gram_counts = np.unique(grams[known], return_counts=True)
            context_codes, context_counts = np.unique(contexts[known], return_counts=True)
            _, followers = np.unique(gram_codes // self.vocab_size, return_counts=True)
            self._tables.append((gram_codes, gram_counts, context_codes, context_counts, followers))

    def loss(self, texts: Sequence[np.ndarray]) -> float:
        """Returns the mean negative log-likelihood in nats of every id but the first of each text."""
        total, count = 0.0, 0
        for ids, places, scored in self._blocks(texts):
            losses = -np.log(self._probabilities(ids, places)[scored])
            if self.most is None:
                return float(losses.mean())
            total, count = total + float(losses.sum()), count + len(losses)
        return total / count

    def _last(self, texts: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Returns the texts, or what of them belongs to the last `most` ids."""
        lengths = np.array([len(text) for text in texts])
        after = lengths.sum() - np.cumsum(lengths)  # how many ids follow each text
        self._passed_over = self.most is not None and int(lengths.sum()) > self.most
        if self.most is None or not self._passed_over:
            return list(texts)
        left = zip(texts, (self.most - after).tolist(), strict=True)
        return [text[max(len(text) - room, 0) :] for text, room in left if room > 0]

    def _blocks(self, texts: Sequence[np.ndarray]) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Yields ids, each one's place in its own text, and which to score: those whose context is there too."""
        if self.most is None:
            ids, places = self._joined(texts)
            yield ids, places, places > 0
            return
        for text in texts:
            for start in range(0, len(text), self.most):
                before = max(start - self.order + 1, 0)
                ids = text[before : start + self.most].astype(np.int64)
                places = np.arange(before, before + len(ids))
                yield ids, places, places >= max(start, 1)

    def _probabilities(self, ids: np.ndarray, places: np.ndarray) -> np.ndarray:
        probabilities = np.full(len(ids), 1.0 / self.vocab_size)
        for order, (gram_codes, gram_counts, context_codes, context_counts, followers) in enumerate(
            self._tables, start=1
        ):
            contexts, grams = self._codes(ids, order)
            total, types = _look_up(contexts, context_codes, context_counts, followers)
            (count,) = _look_up(grams, gram_codes, gram_counts)
            known = (places >= order - 1) & (total > 0)
            mixed = (count + types * probabilities) / np.maximum(total + types, 1)
            probabilities = np.where(known, mixed, probabilities)
        return probabilities

    @staticmethod
    def _joined(texts: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Returns all ids in a row, and each one's place in its own text."""
        return np.concatenate(texts).astype(np.int64), np.concatenate([np.arange(len(text)) for text in texts])

    def _codes(self, ids: np.ndarray, order: int) -> tuple[np.ndarray, np.ndarray]:
        """Returns, at each id, the number of the order - 1 ids before it and of these with it."""
        contexts = np.zeros(len(ids), dtype=np.int64)
        for back in range(order - 1, 0, -1):
            shifted = np.concatenate([np.zeros(min(back, len(ids)), dtype=np.int64), ids[:-back]])
            contexts = contexts * self.vocab_size + shifted
        return contexts, contexts * self.vocab_size + ids


def _look_up(codes: np.ndarray, known: np.ndarray, *values: np.ndarray) -> list[np.ndarray]:
    """Returns what stands in each of some arrays for every code, at its place among those that are known; else 0."""
    order = np.argsort(codes)  # a search for codes in order finds most of what it reads in the processor's cache
    places = np.empty(len(codes), dtype=np.int64)
    places[order] = np.minimum(np.searchsorted(known, codes[order]), len(known) - 1)
    is_known = known[places] == codes
    return [np.where(is_known, each[places], 0) for each in values]


def label_metrics(truth: Sequence[str], predicted: Sequence[str], labels: Sequence[str]) -> dict[str, Any]:
    """Returns accuracy, macro F1, the confusion matrix (a row a true label) and precision, recall and F1 a label."""
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


def tfidf_baseline(
    train_texts: Sequence[str],
    train_labels: Sequence[str],
    test_texts: Sequence[str],
    test_labels: Sequence[str],
    labels: Sequence[str],
) -> dict[str, Any]:
    """Scores logistic regression on the TF-IDF of character n-grams, 1 to 3 long."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    # An n-gram that one text alone holds teaches nothing, unless there are hardly any texts.
    min_df = 2 if len(train_texts) >= 50 else 1
    vectorizer = TfidfVectorizer(analyzer="char", ngram_range=(1, 3), min_df=min_df, sublinear_tf=True)
    classifier = LogisticRegression(C=10, max_iter=1000)
    try:
        features = vectorizer.fit_transform(train_texts)
    except ValueError:  # no two texts share an n-gram
        features = vectorizer.set_params(min_df=1).fit_transform(train_texts)
    classifier.fit(features, train_labels)
    predicted = classifier.predict(vectorizer.transform(test_texts)).tolist()
    majority = Counter(train_labels).most_common(1)[0][0]
    scores = label_metrics(test_labels, predicted, labels)
    return {
        "name": "TF-IDF of 1 to 3 characters, logistic regression",
        "accuracy": scores["accuracy"],
        "macro_f1": scores["macro_f1"],
        "majority_accuracy": float(np.mean([label == majority for label in test_labels])),
    }
