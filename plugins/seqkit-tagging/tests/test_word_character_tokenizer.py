"""Tests of the tokenizer `words_and_characters`, and of the features of words."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from seqkit_tagging.tokenizer import WordCharacterTokenizer
from seqkit_tagging.word_features import word_feature

from seqkit.errors import DataError

TEXTS = [["In", "1984", "Paris", "was", "in", "Paris"], ["No", "."]]


def test_encode_returns_word_and_character_ids() -> None:
    tokenizer = WordCharacterTokenizer(word_length=4)
    tokenizer.fit(TEXTS)
    rows = tokenizer.encode(["PARIS", "2017", "was", "there", "?"])
    assert (rows.dtype, rows.shape) == (np.int64, (5, 5))
    known = ["unknown", ".", "0000", "in", "no", "paris", "was"]
    assert tokenizer.vocab_size == len(known)
    assert [known[number] for number in rows[:, 0]] == ["paris", "0000", "was", "unknown", "unknown"]
    letters = ["", "unknown", *sorted(set("".join(sum(TEXTS, []))))]
    assert tokenizer.character_vocab_size == len(letters)

    def character_ids(word: str) -> list[int]:
        numbers = [letters.index(letter) if letter in letters else 1 for letter in word]
        return numbers + [0] * (4 - len(numbers))

    # PARIS and there are longer than word_length: their first and last characters are used.
    assert rows[:, 1:].tolist() == [character_ids(word) for word in ("PAIS", "2017", "was", "thre", "?")]


def test_lower_and_fold_digits_can_be_disabled() -> None:
    tokenizer = WordCharacterTokenizer(lower=False, fold_digits=False)
    tokenizer.fit(TEXTS)
    assert tokenizer.encode(["1984", "in", "In"])[:, 0].all()
    assert tokenizer.encode(["1985", "IN", "no"])[:, 0].tolist() == [0, 0, 0]


def test_rare_words_are_unknown_but_their_characters_are_not() -> None:
    tokenizer = WordCharacterTokenizer(min_count=2)
    tokenizer.fit(TEXTS)
    rows = tokenizer.encode(["Paris", "was"])
    assert rows[0, 0] > 0 == rows[1, 0]
    assert (rows[1, 1:4] > 1).all()
    with pytest.raises(DataError, match="no word of the training data occurs 3 times: lower tokenizer.min_count"):
        WordCharacterTokenizer(min_count=3).fit(TEXTS)


def test_text_and_its_words_have_the_same_ids() -> None:
    tokenizer = WordCharacterTokenizer()
    tokenizer.fit(TEXTS)
    assert (tokenizer.encode("In Paris, no.") == tokenizer.encode(tokenizer.words("In Paris, no."))).all()
    assert len(tokenizer.encode("")) == len(tokenizer.encode([])) == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["", "Mira"], "word 1 is empty: add it, or leave it out"),
        (["Mira", ""], "word 2 is empty"),
        (["Mira", " \t"], "word 2 is empty"),
        (["Mira", None], "word 2 is None, not text"),
        ([3], "word 1 is 3, not text"),
    ],
)
def test_invalid_words_are_rejected(words: list[Any], message: str) -> None:
    tokenizer = WordCharacterTokenizer()
    tokenizer.fit(TEXTS)
    for action in (tokenizer.encode, lambda words: tokenizer.fit([words])):
        with pytest.raises(DataError) as caught:
            action(words)
        assert str(caught.value).startswith(message)


def test_words_can_contain_spaces() -> None:
    tokenizer = WordCharacterTokenizer()
    tokenizer.fit([["New York", "10\u00a0000", "\u3000"]])
    assert tokenizer.encode(("new york", "20\u00a0001", "\u3000", "New\u00a0York"))[:, 0].tolist() == [2, 1, 3, 0]


def test_decode_joins_words() -> None:
    tokenizer = WordCharacterTokenizer()
    tokenizer.fit(TEXTS)
    assert tokenizer.decode(tokenizer.encode(["In", "PARIS", "swan", "?"])) == "in paris swan \N{REPLACEMENT CHARACTER}"


@pytest.mark.parametrize("features", [None, ["shape", "suffix_2"]])
def test_restored_tokenizer_equals_fitted_tokenizer(features: Any) -> None:
    tokenizer, restored = WordCharacterTokenizer(features=features), WordCharacterTokenizer(features=features)
    tokenizer.fit(TEXTS)
    restored.restore(json.loads(json.dumps(tokenizer.state())))
    assert (restored.encode(TEXTS[0]) == tokenizer.encode(TEXTS[0])).all()
    assert (restored.vocab_size, restored.character_vocab_size) == (
        tokenizer.vocab_size,
        tokenizer.character_vocab_size,
    )
    assert restored.feature_vocab_sizes == tokenizer.feature_vocab_sizes


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({}, "has no list of words"),
        ({"words": ["a"]}, "has no list of characters"),
        ({"words": ["a", 1], "characters": ["a"]}, "has no list of words"),
        ({"words": ["a"], "characters": ["a", "a"]}, "has duplicate characters"),
        ({"words": ["b", "a"], "characters": ["a"]}, "^the words of the tokenizer's state are not sorted$"),
        ({"words": ["a"], "characters": ["ab"]}, "^the characters of the tokenizer's state are not single characters$"),
        ([["a"]], "has no list of words"),
    ],
)
def test_invalid_state_is_rejected(state: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        WordCharacterTokenizer().restore(state)


# Word features

FEATURES = ["shape", "prefix_2", "suffix_3"]


@pytest.mark.parametrize(
    ("word", "feature", "value"),
    [
        ("Paris", "shape", "Xx"),
        ("McDonald's", "shape", "XxXx'x"),
        ("1984", "shape", "0"),
        ("U.S.", "shape", "X.X."),
        ("B2B...", "shape", "X0X."),
        ("Émile", "shape", "Xx"),
        ("北京", "shape", "x"),
        ("@", "shape", "@"),
        ("Paris", "prefix_2", "pa"),
        ("1984s", "suffix_3", "00s"),
        ("a", "suffix_4", "a"),
    ],
)
def test_word_feature(word: str, feature: Any, value: str) -> None:
    assert word_feature(word, feature) == value


def test_encode_appends_the_ids_of_features() -> None:
    tokenizer = WordCharacterTokenizer(word_length=4, features=FEATURES)
    tokenizer.fit([["Walking", "Talking", "was", "wa", "in"], ["in", "Wax"]])
    plain = WordCharacterTokenizer(word_length=4)
    plain.fit([["Walking", "Talking", "was", "wa", "in"], ["in", "Wax"]])
    words = ["Walking", "WASHING", "in", "2nd"]
    rows = tokenizer.encode(words)
    assert (rows[:, :5] == plain.encode(words)).all()
    known = [["unknown", "Xx", "x"], ["unknown", "wa"], ["unknown", "ing"]]  # of at least two different words
    assert tokenizer.feature_vocab_sizes == [len(values) for values in known]
    assert [[values[number] for values, number in zip(known, row[5:], strict=True)] for row in rows] == [
        ["Xx", "wa", "ing"],
        ["unknown", "wa", "ing"],
        ["x", "unknown", "unknown"],
        ["unknown", "unknown", "unknown"],
    ]
    assert tokenizer.decode(rows).replace("\N{REPLACEMENT CHARACTER}", "?") == "walking W??? in ?n?"


def test_duplicate_features_are_rejected() -> None:
    with pytest.raises(ValueError, match="^features contains shape twice: remove one$"):
        WordCharacterTokenizer(features=["shape", "shape"])


@pytest.mark.parametrize(
    "features", [None, {}, {"shape": [1], "prefix_2": [], "suffix_3": []}, {"shape": ["x"], "prefix_2": ["b", "a"]}]
)
def test_invalid_features_of_a_state_are_rejected(features: Any) -> None:
    state = {"words": ["a"], "characters": ["a"], "features": features}
    with pytest.raises(DataError, match="^the .*tokenizer's state"):
        WordCharacterTokenizer(features=FEATURES).restore(state)
