"""seqkit.sklearn.SequenceTagger with the heads of this plugin."""

from __future__ import annotations

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
