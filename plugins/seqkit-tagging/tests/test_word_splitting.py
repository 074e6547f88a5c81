"""Tests of word splitting."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seqkit_tagging.word_splitting import join_words, split_words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("John Smith flew to Paris .", "John Smith flew to Paris ."),
        ("John flew to Paris.", "John flew to Paris ."),
        ('He said: "No, (really)!"', 'He said : " No , ( really ) ! "'),
        ("I don't know; it's John's, we're fine", "I do n't know ; it 's John 's , we 're fine"),
        ("the U.S. and e.g. Rome...", "the U.S. and e.g. Rome ..."),
        ("Dr. No met St. John.", "Dr. No met St. John ."),
        ("wait ... well -- no!!", "wait ... well -- no !!"),
        ("write to me@x.org, #now @you 50% R&D", "write to me@x.org , #now @you 50% R&D"),
        ("see https://x.org.", "see https://x.org ."),
        ("e-mail well-known", "e-mail well-known"),
        ("我爱Beijing。", "我 爱 Beijing 。"),
        ("", ""),
        (" \t\n", ""),
    ],
)
def test_split_words(text: str, words: str) -> None:
    assert split_words(text) == words.split()


@given(text=st.text(max_size=40))
@settings(max_examples=40, deadline=None, derandomize=True, database=None)
def test_split_words_removes_only_white_space(text: str) -> None:
    assert "".join(split_words(text)) == "".join(text.split())
    assert all(split_words(text))


def test_join_words_omits_spaces_in_unspaced_scripts() -> None:
    assert join_words(["New", "York", ","]) == "New York ,"
    assert join_words(["北", "京", "and", "東", "京"]) == "北京 and 東京"
    assert join_words(["北", "", "京"]) == "北  京"  # the tokenizer of another plugin may accept an empty word
