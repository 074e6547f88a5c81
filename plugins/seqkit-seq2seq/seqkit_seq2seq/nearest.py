"""The floor of a translation: the answer to the question that is most like it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def nearest_targets(train_texts: Sequence[str], train_targets: Sequence[str], texts: Sequence[str]) -> list[str]:
    """Returns for each text the target of the training text most like it, by the cosine of TF-IDF of 1 to 3 characters.

    Of several equally like it, the first.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectorizer = TfidfVectorizer(analyzer="char", ngram_range=(1, 3), sublinear_tf=True)
    known = vectorizer.fit_transform(train_texts).T.tocsr()
    asked = vectorizer.transform(texts)
    found: list[str] = []
    for first in range(0, len(texts), 256):  # so many rows of cosines at a time
        cosines = (asked[first : first + 256] @ known).toarray()
        found += [train_targets[place] for place in np.argmax(cosines, axis=1)]
    return found
