"""Explanations of the tag of a word, for both heads, with whole words and with words of several tokens."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import seqkit
from seqkit.errors import UsageError
from seqkit.explain.attribution import TOLERANCE

DATA = (
    [["Ana", "Lee", "left", "Rome"], ["Rome", "slept"], ["In", "New", "York"]] * 4,
    [["B-per", "I-per", "O", "B-loc"], ["B-loc", "O"], ["O", "B-loc", "I-loc"]] * 4,
)
RECIPE: dict[str, Any] = {
    "name": "tags",
    "data": {"type": "conll", "path": "none.conll"},
    "embedding": {"type": "learned", "dim": 4},
    "encoder": {"type": "bilstm", "hidden_size": 4},
    "train": {"epochs": 3, "threads": 1, "optimizer": {"type": "adam", "lr": 0.05}},
    "baseline": "off",
}
CHARACTERS = {"type": "words_and_characters", "characters": {"type": "bilstm", "hidden_size": 3}}
WORDS = ["Rome", "left", "New", "York"]


@pytest.fixture(scope="module", autouse=True)
def _installed_plugins() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("SEQKIT_PLUGINS", raising=False)
        yield


@pytest.mark.parametrize(
    ("head", "tokenizer"),
    [
        ({"type": "tag", "scheme": "bio"}, {"type": "words_and_characters"}),
        ({"type": "crf", "scheme": "bio"}, {"type": "bpe", "vocab_size": 270}),
        ({"type": "tag", "subwords": "mean"}, {"type": "bpe", "vocab_size": 270}),
    ],
    ids=["tag", "crf of subwords", "mean of subwords"],
)
def test_tag_of_a_word_is_explained_by_words(head: dict[str, Any], tokenizer: dict[str, Any], tmp_path: Path) -> None:
    embedding = RECIPE["embedding"] if tokenizer["type"] == "bpe" else CHARACTERS
    recipe = RECIPE | {"head": head | {"probabilities": True}, "tokenizer": tokenizer, "embedding": embedding}
    run = seqkit.run(recipe, data=DATA, runs=tmp_path, quiet=True)
    (prediction,) = run.predict([WORDS])
    for number in range(1, 5):
        tag = prediction["tags"][number - 1]
        found = run.explain(WORDS, token=number, label=tag)
        assert found.tokens == tuple(WORDS)
        assert (found.token, found.word, found.label) == (number, WORDS[number - 1], tag)
        assert found.probability == pytest.approx(prediction["probabilities"][number - 1], abs=1e-5)
        assert found.ended[-1] == pytest.approx(found.probability, abs=1e-6)
        assert found.began[0] == pytest.approx(found.probability, abs=1e-6)
        assert [value is None for value in found.ended] == [end < number for end in range(1, 5)]
        assert [value is None for value in found.began] == [start >= number for start in range(4)]
        (alone,) = run.predict([WORDS[number - 1 :]])
        if alone["tags"][0] == tag and tokenizer["type"] != "bpe":  # bpe has another token for a word after a space
            assert found.began[number - 1] == pytest.approx(alone["probabilities"][0], abs=1e-5)
        assert found.forward is None
        assert sum(found.gradients) == pytest.approx(found.difference, rel=TOLERANCE, abs=1e-4)
    with pytest.raises(UsageError, match="there is no token 5: the text has 4, from 1 to 4"):
        run.explain(WORDS, token=5)
    with pytest.raises(UsageError, match="there is no token 0"):
        run.explain(WORDS, token=0)


def test_a_note_says_that_ngrams_are_in_the_score_without_the_tokens(tmp_path: Path) -> None:
    head = {"type": "tag", "scheme": "bio", "ngrams": 2}
    recipe = RECIPE | {"head": head, "tokenizer": "words_and_characters", "embedding": CHARACTERS}
    found = seqkit.run(recipe, data=DATA, runs=tmp_path, quiet=True).explain(WORDS)
    assert found.notes == (
        "The head also reads the tokens themselves: the score without the tokens contains that part, and neither "
        "method shows it.",
    )
