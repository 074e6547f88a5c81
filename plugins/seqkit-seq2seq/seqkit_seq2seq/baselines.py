"""The baseline of a translation: the target of the most similar training text."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

CHUNK = 256
"""The number of texts that are compared with all training texts at a time."""


def most_similar_targets(train_texts: Sequence[str], train_targets: Sequence[str], texts: Sequence[str]) -> list[str]:
    """Return for each text the target of the most similar training text, the first of them in a tie.

    The similarity is the cosine of TF-IDF vectors of character 1- to 3-grams.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectorizer = TfidfVectorizer(analyzer="char", ngram_range=(1, 3), sublinear_tf=True)
    train_vectors = vectorizer.fit_transform(train_texts).T.tocsr()
    vectors = vectorizer.transform(texts)
    targets: list[str] = []
    for first in range(0, len(texts), CHUNK):
        cosines = (vectors[first : first + CHUNK] @ train_vectors).toarray()  # (chunk, training texts)
        targets += [train_targets[index] for index in np.argmax(cosines, axis=1)]
    return targets
