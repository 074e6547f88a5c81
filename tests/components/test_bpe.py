"""Byte-pair encoding: the merges and the ids equal those of a reference that counts all pairs again for each merge."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqkit.errors import DataError
from seqkit.tokenizers.bpe import BPE
from seqkit.tokenizers.pair_merges import learn_merges, merge_pairs

FIRST_ID = 10
TEXT = "the theme of these theses: 我今天很开心，因为我今天 went  there.\n\n_12 नमस्ते don't\r\n"


def reference(words: dict[tuple[int, ...], int], count: int, min_count: int) -> tuple[list, list[list[int]]]:
    """Return the merges, and the ids of each word after them, as in the listing of Sennrich et al. (2016)."""
    texts = [(list(word), occurrences) for word, occurrences in words.items()]
    merges = []
    for number in range(count):
        counts: Counter[tuple[int, int]] = Counter()
        for ids, occurrences in texts:
            for pair in zip(ids, ids[1:], strict=False):
                counts[pair] += occurrences
        best = min(counts, key=lambda pair: (-counts[pair], pair), default=None)
        if best is None or counts[best] < min_count:
            break
        merges.append(best)
        for ids, _ in texts:
            place = 0
            while place < len(ids) - 1:
                if (ids[place], ids[place + 1]) == best:
                    ids[place : place + 2] = [FIRST_ID + number]
                place += 1
    return merges, [ids for ids, _ in texts]


WORDS = st.dictionaries(st.lists(st.integers(0, 2), max_size=12).map(tuple), st.integers(1, 4), max_size=6)


@settings(max_examples=300)
@given(WORDS, st.integers(0, 12), st.integers(1, 4))
def test_merges_equal_those_of_the_reference(words: dict, count: int, min_count: int) -> None:
    expected, ids = reference(words, count, min_count)
    merges = learn_merges(words, count, min_count, first_id=FIRST_ID)
    assert merges == expected
    merged_ids = {pair: number for number, pair in enumerate(merges, start=FIRST_ID)}
    assert [merge_pairs(word, merged_ids) for word in words] == ids


@pytest.fixture(scope="module")
def tokenizer() -> BPE:
    tokenizer = BPE(vocab_size=300, min_count=1)
    tokenizer.fit([TEXT])
    return tokenizer


@given(st.text())
def test_any_text_is_restored(tokenizer: BPE, text: str) -> None:
    assert tokenizer.decode(tokenizer.encode(text)) == text


@given(st.lists(st.from_regex(r"[\w.,!']+", fullmatch=True), max_size=5))
def test_words_are_encoded_like_the_text_that_they_make(tokenizer: BPE, words: list[str]) -> None:
    ids, numbers = tokenizer.encode_words(words)
    assert tokenizer.decode(ids) == " ".join(words)
    for number, word in enumerate(words):
        assert tokenizer.decode(ids[numbers == number]) == (f" {word}" if number else word)
    np.testing.assert_array_equal(ids, tokenizer.encode(words))


def test_frequent_words_are_one_token_and_tokens_end_with_words() -> None:
    tokenizer = BPE(vocab_size=1000)
    tokenizer.fit(["slow, slower, slowest: " * 4])
    assert [tokenizer.decode([number]) for number in tokenizer.encode("xy slower")] == ["x", "y", " slower"]
    assert not any(" " in tokenizer.decode([number])[1:] for number in range(tokenizer.vocab_size))


def test_the_vocabulary_is_limited_and_learned_from_pairs_that_occur_often_enough() -> None:
    tokenizer = BPE(vocab_size=258)
    tokenizer.fit(["aaaa bb", "aaaa"])
    assert tokenizer.vocab_size == 258
    tokenizer.fit(["abc"])
    assert tokenizer.vocab_size == 256


def test_the_words_of_a_text_are_those_of_the_tokenizer_word(tokenizer: BPE) -> None:
    assert tokenizer.words("Don't, 今天.") == ["Don't", ",", "今", "天", "."]


def test_a_truncated_text_has_no_more_tokens() -> None:
    tokenizer = BPE(max_length=3)
    tokenizer.fit(["abcdef"])
    assert tokenizer.decode(tokenizer.encode("fedcba")) == "fed"
    assert tokenizer.decode(tokenizer.encode("a我")) == "a"
    ids, numbers = tokenizer.encode_words(["ab", "cd"])
    assert (len(ids), numbers.tolist()) == (3, [0, 0, 1])


@pytest.mark.parametrize(
    ("state", "problem"),
    [
        ({}, "no list of merges"),
        ({"merges": [[97]]}, "not a pair"),
        ({"merges": [[97, 256]]}, "earlier ids"),
        ({"merges": [[97, -1]]}, "earlier ids"),
        ({"merges": [[97, True]]}, "not a pair"),
        ({"merges": [[97, 98], [97, 98]]}, "duplicate"),
        ({"merges": [[97, 97], *([number, number] for number in range(256, 300))]}, "too long"),
    ],
)
def test_a_corrupt_state_is_rejected(state: dict[str, Any], problem: str) -> None:
    with pytest.raises(DataError, match=problem):
        BPE().restore(state)


def test_a_word_that_is_empty_or_no_text_is_rejected(tokenizer: BPE) -> None:
    with pytest.raises(DataError, match="word 2 is empty"):
        tokenizer.encode(["a", " "])
    with pytest.raises(DataError, match="word 1 is 3, not text"):
        tokenizer.encode([3])  # type: ignore[list-item]
