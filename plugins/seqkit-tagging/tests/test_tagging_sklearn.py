"""seqkit.sklearn.SequenceTagger with the heads of this plugin."""

from __future__ import annotations

import re
from typing import Any

import pytest

from seqkit.sklearn import SequenceTagger

SENTENCES = [["John", "went", "to", "Paris"], ["Mary", "saw", "Rome"], ["the", "dog", "barked"]]
TAGS = [["B-PER", "O", "O", "B-LOC"], ["B-PER", "O", "B-LOC"], ["O", "O", "O"]]


@pytest.mark.parametrize("head", ["tag", {"type": "crf", "scheme": "bio"}], ids=["tag", "crf"])
def test_words_are_tagged(head: Any) -> None:
    fitted = SequenceTagger(head=head, hidden_size=8, epochs=20, random_state=0).fit(SENTENCES * 3, TAGS * 3)
    assert fitted.classes_.tolist() == ["B-LOC", "B-PER", "O"]
    assert fitted.predict(SENTENCES) == TAGS
    assert (fitted.score(SENTENCES, TAGS), fitted.score(SENTENCES[:1], [["O"] * 4])) == (1.0, 0.5)


INVALID: list[tuple[Any, Any, str]] = [
    (None, TAGS, "X must be a list with a list for each sentence, not None"),
    ("John went", TAGS, "X must be a list with a list for each sentence, not 'John went'"),
    (SENTENCES, None, "y must be a list with a list for each sentence, not None"),
    ([*SENTENCES[:2], None], TAGS, "X[2] must be a list, not None"),
    ([*SENTENCES[:2], ["the", None, "barked"]], TAGS, "X[2][1] is missing: None"),
    ([*SENTENCES[:2], ["the", "", "barked"]], TAGS, "X[2][1] is missing: ''"),
    (SENTENCES, [*TAGS[:2], ["O", float("nan"), "O"]], "y[2][1] is missing: nan"),
    (SENTENCES, [*TAGS[:2], "OOO"], "y[2] must be a list, not 'OOO'"),
    (SENTENCES, TAGS[:2], "inconsistent numbers of samples: [3, 2]"),
    ([], [], "0 sample(s)"),
]


@pytest.mark.parametrize(("X", "y", "text"), INVALID)
def test_invalid_sentences_and_tags_are_named(X: Any, y: Any, text: str) -> None:
    with pytest.raises(ValueError, match=re.escape(text)):
        SequenceTagger().fit(X, y)


def test_scores_of_tags_that_are_numbers_and_of_wrong_lengths() -> None:
    numbers = [[1] * len(sentence) for sentence in SENTENCES]
    fitted = SequenceTagger(hidden_size=2, epochs=1, random_state=0).fit(SENTENCES, numbers)
    assert fitted.score(SENTENCES, numbers) == 1.0
    cases: list[tuple[Any, Any, str]] = [
        (SENTENCES, numbers[:2], "inconsistent numbers of samples: [3, 2]"),
        (SENTENCES, [*numbers[:2], [1]], "y[2]: the number of tags, 1, differs from that of words, 3"),
        ([], [], "0 sample(s)"),
    ]
    for X, y, text in cases:
        with pytest.raises(ValueError, match=re.escape(text)):
            fitted.score(X, y)
