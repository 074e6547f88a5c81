"""Tests of the contract of tokenizers."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import permutations
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqkit.contracts import Tokenizer
from seqkit.errors import DataError, UnknownText
from seqkit.registry import load_registry
from seqkit.tokenizers.byte import Byte
from seqkit.tokenizers.char import Char
from seqkit.tokenizers.word import Word

TEXTS = ["今天 I'm happy, 42 times!", "Ｗｏｒｄ? 我…"]

# Each registered tokenizer, its parameters, the number of ids with a text, and TEXTS[0] after encoding and decoding.
CASES: list[tuple[str, dict, int, str]] = [
    ("char", {}, 25, TEXTS[0]),
    (
        "char",
        {"unknown": "mark", "min_count": 2},
        3,
        "\ufffd\ufffd \ufffd\ufffdm \ufffd\ufffdpp\ufffd\ufffd \ufffd\ufffd \ufffd\ufffdm\ufffd\ufffd\ufffd",
    ),
    ("char", {"unknown": "skip", "min_count": 2}, 3, " m pp  m"),
    ("byte", {}, 256, TEXTS[0]),
    ("word", {}, 13, TEXTS[0]),
    ("word", {"lower": True, "unknown": "mark"}, 13, "今天 i'm happy, 42 times!"),
    ("bpe", {"min_count": 1}, 288, TEXTS[0]),
]


def build(name: str, parameters: dict) -> Tokenizer:
    return load_registry().get("tokenizer", name).load()(**parameters)


def test_every_built_in_tokenizer_is_tested() -> None:
    shipped = {entry.name for entry in load_registry().all("tokenizer") if entry.distribution == "seqkit"}
    assert {name for name, *_ in CASES} == shipped


@pytest.mark.parametrize(("name", "parameters", "with_text", "decoded"), CASES)
def test_tokenizers_implement_the_contract(name: str, parameters: dict, with_text: int, decoded: str) -> None:
    tokenizer = build(name, parameters)
    tokenizer.fit(iter(TEXTS))
    ids = tokenizer.encode(TEXTS[0])
    assert ids.dtype == np.int64
    assert ids.ndim == 1
    assert ids.min() >= 0
    assert ids.max() < tokenizer.vocab_size
    assert tokenizer.vocab_size == with_text + len(tokenizer.suppressed_ids)
    assert tokenizer.decode(ids) == tokenizer.decode(ids.tolist()) == decoded
    assert tokenizer.encode("").shape == (0,)
    assert tokenizer.decode([]) == ""

    restored = build(name, parameters)
    restored.restore(json.loads(json.dumps(tokenizer.state())))
    assert restored.vocab_size == tokenizer.vocab_size
    assert restored.state() == tokenizer.state()
    for text in TEXTS:
        assert restored.encode(text).tolist() == tokenizer.encode(text).tolist()


@pytest.mark.parametrize(("name", "parameters", "with_text", "decoded"), CASES)
def test_ids_do_not_depend_on_the_order_of_texts(name: str, parameters: dict, with_text: int, decoded: str) -> None:
    states = []
    for texts in permutations([*TEXTS, "b a", "a b"]):
        tokenizer = build(name, parameters)
        tokenizer.fit(texts)
        states.append(tokenizer.state())
    assert all(state == states[0] for state in states)


unicode_text = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


@pytest.mark.parametrize("make", [Char, Byte])
@settings(deadline=None)
@given(text=unicode_text)
def test_characters_and_bytes_decode_to_the_text(make: Callable[[], Tokenizer], text: str) -> None:
    tokenizer = make()
    tokenizer.fit([text])
    assert tokenizer.decode(tokenizer.encode(text)) == text


@settings(deadline=None)
@given(text=unicode_text)
def test_ids_follow_the_order_of_characters(text: str) -> None:
    tokenizer = Char()
    tokenizer.fit([text])
    symbols = sorted(set(text))
    assert tokenizer.vocab_size == len(symbols)
    assert tokenizer.encode(text).tolist() == [symbols.index(character) for character in text]


LONG_TEXTS = st.text("ab我é\U0001f600\ud800 ") | st.text("ab\n")
"""Texts with and without ASCII characters, and with unpaired surrogates, which a recipe may contain."""


@given(train=LONG_TEXTS, text=LONG_TEXTS, unknown=st.sampled_from(["error", "skip", "mark"]), rare=st.booleans())
def test_vectorized_encoding_equals_the_loop(train: str, text: str, unknown, rare: bool) -> None:
    def fit_and_encode() -> Any:
        tokenizer = Char(unknown=unknown, min_count=2 if rare and unknown != "error" else 1)
        try:
            tokenizer.fit([train, train[::2]])
            ids = tokenizer.encode(text)
        except DataError as error:
            return type(error), str(error)
        assert ids.dtype == np.int64 and ids.flags.writeable
        return tokenizer.state(), ids.tolist()

    expected = fit_and_encode()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("seqkit.tokenizers.char.MIN_VECTORIZED_ENCODE", 1)
        patched.setattr("seqkit.tokenizers.char.MIN_VECTORIZED_FIT", 1)
        assert fit_and_encode() == expected


def test_table_of_ids_follows_the_vocabulary() -> None:
    tokenizer = Char(unknown="mark")
    for letters in ("ab", "bc"):
        tokenizer.fit([letters])
        assert tokenizer.encode("abc" * 99).tolist() == tokenizer.vocabulary.encode("abc" * 99).tolist()
    tokenizer.restore({"symbols": ["b", "c"]})
    assert tokenizer.encode("abc" * 99).tolist() == tokenizer.vocabulary.encode("abc" * 99).tolist()


@settings(deadline=None)
@given(text=unicode_text)
def test_ids_of_bytes_are_utf_8(text: str) -> None:
    assert Byte().encode(text).tolist() == list(text.encode())


def test_invalid_bytes_decode_to_replacement_characters() -> None:
    assert Byte().decode([0x68, 0xE4, 0xBD]) == "h\ufffd"


def test_unpaired_surrogate_cannot_be_encoded() -> None:
    with pytest.raises(UnknownText, match=r"U\+D83D, character 3 of the text, is an unpaired surrogate"):
        Byte().encode("ab\ud83d")


# Unknown tokens


@pytest.mark.parametrize(
    ("tokenizer", "text", "message"),
    [
        (Char(), "a好b", "'好' (U+597D), token 2 of the text, is not in the vocabulary of 3"),
        (Char(), "ab\nc", "U+000A, token 3 of the text, is not in the vocabulary of 3"),
        (Char(), "ac😀", "'c' (U+0063), token 2 of the text, is not in the vocabulary of 3"),
        (Word(), "a b  bad a", "'bad', token 3 of the text, is not in the vocabulary of 2"),
        (Word(), "a b!", "'!' (U+0021), token 3 of the text, is not in the vocabulary of 2"),
    ],
)
def test_unknown_token_is_named_with_its_position(tokenizer: Tokenizer, text: str, message: str) -> None:
    tokenizer.fit(["a b"])
    with pytest.raises(UnknownText) as caught:
        tokenizer.encode(text)
    remedy = ": change it, or train with `tokenizer.unknown: mark` or `skip`"
    assert str(caught.value) == message + remedy
    assert caught.value.exit_code == 3


@pytest.mark.parametrize(
    ("make", "unknown", "ids", "text"),
    [
        (Char, "skip", [1, 0, 1], "b b"),
        (Char, "mark", [1, 0, 2, 2, 1], "b \ufffd\ufffdb"),
        (Word, "skip", [0], "b"),
        (Word, "mark", [0, 1, 1], "b \ufffd \ufffd"),
    ],
)
def test_unknown_token_is_skipped_or_marked(make, unknown: str, ids: list[int], text: str) -> None:
    tokenizer = make(unknown=unknown)
    tokenizer.fit(["b b"])
    query = "b c!b" if make is Char else "b c !"
    assert tokenizer.encode(query).tolist() == ids
    assert tokenizer.decode(ids) == text
    assert tokenizer.encode("zz" if unknown == "skip" else "").shape == (0,)
    assert list(tokenizer.suppressed_ids) == ([tokenizer.vocab_size - 1] if unknown == "mark" else [])


@settings(deadline=None)
@given(
    texts=st.lists(st.text("abcdef", min_size=1), min_size=1),
    min_count=st.integers(1, 4),
    unknown=st.sampled_from(["skip", "mark"]),
)
def test_min_count_counts_all_texts_together(texts, min_count: int, unknown: str) -> None:
    joined = "".join(texts)
    frequent = [letter for letter in "abcdef" if joined.count(letter) >= min_count]
    tokenizer = Char(unknown=unknown, min_count=min_count)
    if not frequent:
        with pytest.raises(
            DataError,
            match=r"no token occurs \d times or more in the training text: lower tokenizer.min_count",
        ):
            tokenizer.fit(texts)
        return
    tokenizer.fit(texts)
    assert tokenizer.state() == {"symbols": frequent}
    assert tokenizer.vocab_size == len(frequent) + (unknown == "mark")


@pytest.mark.parametrize("make", [Char, Word])
def test_min_count_requires_skip_or_mark(make) -> None:
    with pytest.raises(
        ValueError, match="^min_count above 1 makes parts of the training text unknown: set `unknown: mark`"
    ):
        make(min_count=2)


@pytest.mark.parametrize("make", [Char, Word])
@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({}, "has no list of symbols"),
        (None, "has no list of symbols"),
        ([["a"]], "has no list of symbols"),
        ({"symbols": []}, "has no list of symbols"),
        ({"symbols": "ab"}, "has no list of symbols"),
        ({"symbols": ["a", 1]}, "has no list of symbols"),
        ({"symbols": ["", "a"]}, "has an invalid symbol, ''"),
        ({"symbols": ["a", "b", "a"]}, "has a duplicate symbol"),
        ({"symbols": {"a": 1}}, "has no list of symbols"),
    ],
)
def test_invalid_state_is_rejected(make, state, message: str) -> None:
    tokenizer = make()
    tokenizer.fit(["x y"])
    before = tokenizer.state()
    with pytest.raises(DataError, match=f"the tokenizer's state {message}"):
        tokenizer.restore(state)
    assert tokenizer.state() == before


@pytest.mark.parametrize(
    ("tokenizer", "state", "message"),
    [
        (Char(), {"symbols": ["a", "long"]}, "the tokenizer's state has an invalid symbol, 'long'"),
        (Char(), {"symbols": ["b", "a"]}, "the symbols of the tokenizer's state are not sorted"),
        (Word(), {"symbols": ["b", "a"], "spaces": True}, "the symbols of the tokenizer's state are not sorted"),
        (Word(), {"symbols": [" ", "a"]}, "the tokenizer's state has an invalid symbol, ' '"),
        (Word(), {"symbols": ["a"], "spaces": "yes"}, "`spaces` of the tokenizer's state must be true or false"),
        (Byte(), {"symbols": ["a"]}, "the tokenizer `byte` has no state"),
        (Byte(), None, "the tokenizer `byte` has no state"),
    ],
)
def test_forged_state_is_rejected(tokenizer: Tokenizer, state: Any, message: str) -> None:
    with pytest.raises(DataError) as caught:
        tokenizer.restore(state)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    "tokenizer", [Char(max_length=3), Byte(max_length=3), Word(max_length=3)], ids=["char", "byte", "word"]
)
def test_max_length_truncates_ids(tokenizer: Tokenizer) -> None:
    texts = ["a b c d e f", "ab"]
    tokenizer.fit(texts)
    unlimited = type(tokenizer)()
    unlimited.fit(texts)
    for text in texts:
        assert tokenizer.encode(text).tolist() == unlimited.encode(text)[:3].tolist()
    assert len(unlimited.encode(texts[0])) > 3
