"""Baselines: simple methods that are scored on the same split as the model."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from seqkit.heads.label_sets import label_matrix, label_set_metrics
from seqkit.heads.metrics import label_metrics
from seqkit.heads.numbers import number_metrics
from seqkit.layers.scripts import are_short, are_unspaced
from seqkit.messages import message

_WORD = r"[^\s!-/:-@\[-`{-~\u00a1\u00ab\u00bb\u00bf\u0964\u0965\u2000-\u206f\u3000-\u303f]+|\S"
"""A word, with the combining marks of its letters, or a punctuation mark."""

MAX_BASELINE_IDS = 4_000_000
"""The baseline of a long text is fitted to at most this number of its last ids, which takes about 400 MB."""


class NGram:
    """An n-gram model over ids, interpolated from the longest n-grams down to the uniform distribution.

    P(w | c) = (count(c w) + T(c) P(w | c')) / (count(c) + T(c)), where T(c) is the number of different ids that follow
    the context c in the training texts, and c' is c without its first id. A context that does not occur is skipped.

    Reference: Witten and Bell, The Zero-Frequency Problem: Estimating the Probabilities of Novel Events in Adaptive
    Text Compression, 1991.

    Args:
        vocab_size: the number of ids.
        order: the length of the longest n-grams; less for a vocabulary so large that they do not fit into 63 bits.
        max_ids: how many of the last ids of the texts to fit to, and how many to score at a time; None for no limit.
    """

    def __init__(self, vocab_size: int, order: int = 6, max_ids: int | None = None) -> None:
        self.vocab_size = vocab_size
        self.max_ids = max_ids
        self._is_truncated = False
        longest = int(62 / math.log2(max(vocab_size, 2)))
        self.order = max(1, min(order, longest))
        # For each order: n-gram codes and counts, context codes and counts, and the followers T of each context.
        self._tables: list[tuple[np.ndarray, ...]] = []

    @property
    def name(self) -> str:
        if not self._is_truncated:
            return message("{order}-gram model (Witten-Bell)", order=self.order)
        return message(
            "{order}-gram model (Witten-Bell) of the last {count:,} tokens of train",
            order=self.order,
            count=self.max_ids,
        )

    def fit(self, texts: Sequence[np.ndarray]) -> None:
        """Count the n-grams of all orders in ids, each int64 (time,). An n-gram does not extend across texts."""
        ids, positions = self._concatenate(self._last_ids(texts))
        self._tables = []
        for order in range(1, self.order + 1):
            contexts, grams = self._codes(ids, order)
            is_complete = positions >= order - 1
            if not is_complete.any():  # all texts are shorter
                break
            gram_codes, gram_counts = np.unique(grams[is_complete], return_counts=True)
            context_codes, context_counts = np.unique(contexts[is_complete], return_counts=True)
            _, followers = np.unique(gram_codes // self.vocab_size, return_counts=True)
            self._tables.append((gram_codes, gram_counts, context_codes, context_counts, followers))

    def loss(self, texts: Sequence[np.ndarray]) -> float:
        """Return the mean negative log-likelihood, in nats per id, of all ids but the first of each text, (time,)."""
        total, count = 0.0, 0
        for ids, positions, is_scored in self._blocks(texts):
            losses = -np.log(self._probabilities(ids, positions)[is_scored])
            if self.max_ids is None:
                return float(losses.mean())
            total, count = total + float(losses.sum()), count + len(losses)
        return total / count

    def _last_ids(self, texts: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Return the texts, or the last `max_ids` of their ids."""
        lengths = np.array([len(text) for text in texts])
        following = lengths.sum() - np.cumsum(lengths)  # the number of ids after each text
        self._is_truncated = self.max_ids is not None and int(lengths.sum()) > self.max_ids
        if self.max_ids is None or not self._is_truncated:
            return list(texts)
        remaining = zip(texts, (self.max_ids - following).tolist(), strict=True)
        return [text[max(len(text) - room, 0) :] for text, room in remaining if room > 0]

    def _blocks(self, texts: Sequence[np.ndarray]) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Yield ids, the position of each in its text, and whether to score it: not if it is only the context."""
        if self.max_ids is None:
            ids, positions = self._concatenate(texts)
            yield ids, positions, positions > 0
            return
        for text in texts:
            for start in range(0, len(text), self.max_ids):
                first = max(start - self.order + 1, 0)
                ids = text[first : start + self.max_ids].astype(np.int64)
                positions = np.arange(first, first + len(ids))
                yield ids, positions, positions >= max(start, 1)

    def _probabilities(self, ids: np.ndarray, positions: np.ndarray) -> np.ndarray:
        """Return the probability of each id given the ids before it."""
        probabilities = np.full(len(ids), 1.0 / self.vocab_size)
        for order, (gram_codes, gram_counts, context_codes, context_counts, followers) in enumerate(
            self._tables, start=1
        ):
            contexts, grams = self._codes(ids, order)
            total, types = _look_up(contexts, context_codes, context_counts, followers)
            (count,) = _look_up(grams, gram_codes, gram_counts)
            is_known = (positions >= order - 1) & (total > 0)
            interpolated = (count + types * probabilities) / np.maximum(total + types, 1)
            probabilities = np.where(is_known, interpolated, probabilities)
        return probabilities

    @staticmethod
    def _concatenate(texts: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Return the ids of all texts, and the position of each in its text."""
        return np.concatenate(texts).astype(np.int64), np.concatenate([np.arange(len(text)) for text in texts])

    def _codes(self, ids: np.ndarray, order: int) -> tuple[np.ndarray, np.ndarray]:
        """Return an integer for the context of each id (the order - 1 ids before it), and one for its n-gram."""
        contexts = np.zeros(len(ids), dtype=np.int64)
        for back in range(order - 1, 0, -1):
            shifted = np.concatenate([np.zeros(min(back, len(ids)), dtype=np.int64), ids[:-back]])
            contexts = contexts * self.vocab_size + shifted
        return contexts, contexts * self.vocab_size + ids


def _look_up(codes: np.ndarray, known: np.ndarray, *values: np.ndarray) -> list[np.ndarray]:
    """Return, for each array of values, the value of each code, 0 if the code is unknown.

    Args:
        codes: the codes to look up.
        known: the sorted codes that have values.
        values: arrays parallel to `known`.
    """
    order = np.argsort(codes)  # searching for codes in order finds most of the memory in the processor's cache
    places = np.empty(len(codes), dtype=np.int64)
    places[order] = np.minimum(np.searchsorted(known, codes[order]), len(known) - 1)
    is_known = known[places] == codes
    return [np.where(is_known, each[places], 0) for each in values]


def tfidf_baseline(
    train_texts: Sequence[str],
    train_labels: Sequence[str],
    test_texts: Sequence[str],
    test_labels: Sequence[str],
    labels: Sequence[str],
) -> dict[str, Any]:
    """Return the metrics of logistic regression on TF-IDF.

    Args:
        train_texts: the texts to fit to.
        train_labels: their labels.
        test_texts: the texts to predict.
        test_labels: their labels, which may be ones that do not occur in the training data.
        labels: the labels of the training data.

    Returns:
        `name`, `accuracy`, `macro_f1`, and `majority_accuracy`: the accuracy of always predicting the most frequent
        training label.
    """
    from sklearn.linear_model import LogisticRegression

    of_words, features, test_features = _tfidf(train_texts, test_texts)
    classifier = LogisticRegression(C=10, max_iter=1000)
    classifier.fit(features, train_labels)
    predicted = classifier.predict(test_features).tolist()
    majority = Counter(train_labels).most_common(1)[0][0]
    scores = label_metrics(test_labels, predicted, labels)
    return {
        "name": message("TF-IDF of words and word pairs, logistic regression")
        if of_words
        else message("TF-IDF of 1 to 3 characters, logistic regression"),
        "accuracy": scores["accuracy"],
        "macro_f1": scores["macro_f1"],
        "majority_accuracy": float(np.mean([label == majority for label in test_labels])),
    }


def tfidf_label_sets_baseline(
    train_texts: Sequence[str],
    train_labels: Sequence[Sequence[str]],
    test_texts: Sequence[str],
    test_labels: Sequence[Sequence[str]],
    labels: Sequence[str],
) -> dict[str, Any]:
    """Return the metrics of a logistic regression for each label, on TF-IDF.

    Args:
        train_texts: the texts to fit to.
        train_labels: the labels of each.
        test_texts: the texts to predict.
        test_labels: the labels of each, which may be ones that do not occur in the training data.
        labels: the labels of the training data.

    Returns:
        `name`, `micro_f1`, `macro_f1` and `exact_match`.
    """
    from sklearn.linear_model import LogisticRegression

    of_words, features, test_features = _tfidf(train_texts, test_texts)
    found = np.ones((len(test_texts), len(labels)), dtype=bool)
    for column, has_label in zip(found.T, label_matrix(train_labels, labels).T, strict=True):
        if not has_label.all():  # else the label is always predicted
            column[:] = LogisticRegression(C=10, max_iter=1000).fit(features, has_label).predict(test_features)
    predicted = [[label for label, has in zip(labels, row, strict=True) if has] for row in found]
    scores = label_set_metrics(test_labels, predicted, labels)
    name = (
        message("TF-IDF of words and word pairs, a logistic regression per label")
        if of_words
        else message("TF-IDF of 1 to 3 characters, a logistic regression per label")
    )
    return {"name": name} | {metric: scores[metric] for metric in ("micro_f1", "macro_f1", "exact_match")}


def tfidf_ridge_baseline(
    train_texts: Sequence[str], train_numbers: np.ndarray, test_texts: Sequence[str], test_numbers: np.ndarray
) -> dict[str, Any]:
    """Return the metrics of ridge regression on TF-IDF.

    Args:
        train_texts: the texts to fit to.
        train_numbers: their numbers, float64 (texts, numbers).
        test_texts: the texts to predict.
        test_numbers: their numbers, float64 (texts, numbers).

    Returns:
        `name`, the metrics of `number_metrics`, and `others`, which contains `mean_baseline`.
    """
    from sklearn.linear_model import Ridge

    of_words, features, test_features = _tfidf(train_texts, test_texts)
    predicted = Ridge().fit(features, train_numbers).predict(test_features).reshape(test_numbers.shape)
    mean = mean_baseline(train_numbers, test_numbers)
    name = (
        message("TF-IDF of words and word pairs, ridge regression")
        if of_words
        else message("TF-IDF of 1 to 3 characters, ridge regression")
    )
    return {"name": name, **number_metrics(test_numbers, predicted)} | {"others": [mean]}


def mean_baseline(train_numbers: np.ndarray, test_numbers: np.ndarray) -> dict[str, Any]:
    """Return the metrics of always predicting the mean of the training data. The arguments are (examples, numbers)."""
    predicted = np.broadcast_to(train_numbers.mean(axis=0), test_numbers.shape)
    return {"name": message("the mean of the training data"), **number_metrics(test_numbers, predicted)}


def _tfidf(train_texts: Sequence[str], test_texts: Sequence[str]) -> tuple[bool, Any, Any]:
    """Return whether the n-grams are words and word pairs, and their TF-IDF as sparse matrices (texts, n-grams).

    They are, unless the script has no spaces between words, or the texts are short, such as names: then they are 1 to 3
    characters.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    of_words = not are_unspaced(train_texts) and not are_short(train_texts)
    chosen = (
        {"token_pattern": _WORD, "ngram_range": (1, 2)} if of_words else {"analyzer": "char", "ngram_range": (1, 3)}
    )
    # An n-gram that occurs in one text only does not generalize, but very few texts may share none.
    min_df = 2 if len(train_texts) >= 50 else 1
    vectorizer = TfidfVectorizer(**chosen, min_df=min_df, sublinear_tf=True)
    try:
        features = vectorizer.fit_transform(train_texts)
    except ValueError:  # no n-gram occurs in two texts
        features = vectorizer.set_params(min_df=1).fit_transform(train_texts)
    return of_words, features, vectorizer.transform(test_texts)
