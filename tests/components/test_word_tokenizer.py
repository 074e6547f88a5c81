"""Tests of the tokenizer `word`: words of several scripts, the white space between them, and saved states."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqkit.inference.generation import StreamDetokenizer
from seqkit.tokenizers.word import Word, join, words, words_and_spaces

unicode_text = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)

WORDS = [
    # text, words, and the joined words (None: the text itself)
    ("The cat sat.", ["The", "cat", "sat", "."], None),
    ("  two\tspaces \n here ", ["two", "spaces", "here"], "two spaces here"),
    ("今天天气很好。", ["今", "天", "天", "气", "很", "好", "。"], None),
    ("我用Python写code，不难!", ["我", "用", "Python", "写", "code", "，", "不", "难", "!"], None),
    ("我考了 100 分", ["我", "考", "了", "100", "分"], "我考了100分"),
    ("二〇二四年、人々", ["二", "〇", "二", "四", "年", "、", "人", "々"], None),
    ("ひらがなカー", list("ひらがなカー"), None),
    ("𠀀𪚥", ["𠀀", "𪚥"], None),
    ("I don't, can’t and won't'", ["I", "don't", ",", "can’t", "and", "won't", "'"], "I don't, can’t and won't '"),
    ("'tis the dogs' bone", ["'", "tis", "the", "dogs", "'", "bone"], "' tis the dogs ' bone"),
    ("a well-known state-of-the-art", ["a", "well-known", "state-of-the-art"], None),
    ("-5 to - x-", ["-", "5", "to", "-", "x", "-"], "- 5 to - x -"),
    ("a--b", ["a", "-", "-", "b"], "a -- b"),
    ("snake_case x2", ["snake_case", "x2"], None),
    ("3.14, 1,000", ["3", ".", "14", ",", "1", ",", "000"], "3. 14, 1, 000"),
    ("$5 (#1) 50%!", ["$", "5", "(", "#", "1", ")", "50", "%", "!"], None),
    ("naïve café", ["naïve", "café"], None),
    ("cafe\u0301s", ["cafe\u0301s"], None),
    ("नमस्ते दुनिया।", ["नमस्ते", "दुनिया", "।"], "नमस्ते दुनिया ।"),
    ("क्\u200dष می\u200cخواهم", ["क्\u200dष", "می\u200cخواهم"], None),
    ("Привет, мир 안녕 세계", ["Привет", ",", "мир", "안녕", "세계"], None),
    ("good👍🏽😀 day", ["good", "👍", "🏽", "😀", "day"], "good👍🏽😀day"),
    ("I \u2764\ufe0f you", ["I", "\u2764", "\ufe0f", "you"], None),
    ("他说：“好！”……我——你（真的）《书》", list("他说：“好！”……我——你（真的）《书》"), None),
    ("\u0301x", ["\u0301", "x"], "\u0301 x"),
    (" \n\u3000", [], ""),
]


@pytest.mark.parametrize(("text", "tokens", "joined"), WORDS)
def test_words_and_join(text: str, tokens: list[str], joined: str | None) -> None:
    assert list(words(text)) == tokens
    assert join(tokens) == (text if joined is None else joined)


@settings(deadline=None)
@given(text=unicode_text)
def test_words_omit_only_white_space(text: str) -> None:
    assert "".join(words(text)) == "".join(character for character in text if not character.isspace())


@settings(deadline=None)
@given(text=unicode_text)
def test_join_adds_only_spaces(text: str) -> None:
    tokens = list(words(text))
    assert join(tokens).replace(" ", "") == "".join(tokens)


def test_lower_applies_to_fit_and_encode() -> None:
    tokenizer = Word(lower=True)
    tokenizer.fit(["Good DAY"])
    assert tokenizer.state() == {"symbols": ["day", "good"], "spaces": True}
    assert tokenizer.encode("GOOD").tolist() == [1]


# White space between words

REGULAR = ["I don't, can’t: a well-known (3) cat $5 50%!", "我用Python写code，不难。", "Привет, мир 안녕 세계"]
IRREGULAR = [
    # text, and its tokens
    ("1.4 kg", ["1", ".", "", "4", "kg"]),
    ("1,000", ["1", ",", "", "000"]),
    ("no ,  yes", ["no", " ", ",", "  ", "yes"]),
    ("\tTab\n\nline \n", ["\t", "Tab", "\n\n", "line", " \n"]),
    ('\'tis "so"', ["'", "", "tis", '"', "", "so", "", '"']),
    ("我 考了 100 分", ["我", " ", "考", "了", " ", "100", " ", "分"]),
    ("a\u00a0b\u3000c", ["a", "\u00a0", "b", "\u3000", "c"]),
    ("- - --", ["-", " ", "-", " ", "-", "-"]),
]


@pytest.mark.parametrize("text", REGULAR)
def test_regular_spaces_are_no_tokens(text: str) -> None:
    assert list(words_and_spaces(text)) == list(words(text))


@pytest.mark.parametrize(("text", "tokens"), IRREGULAR)
def test_other_white_space_is_a_token(text: str, tokens: list[str]) -> None:
    assert list(words_and_spaces(text)) == tokens
    assert join(tokens) == text


MIXED_TEXTS = st.lists(
    st.sampled_from([*"aZé1.,'’-$(\"%…_我。ー\u0301\u200d😀\u00a0\u3000\t\n ", "  ", "don't", "1.4", "\r\n"]),
    min_size=1,
).map("".join)


@settings(deadline=None)
@given(text=MIXED_TEXTS | unicode_text, other=MIXED_TEXTS)
def test_words_decode_to_the_text(text: str, other: str) -> None:
    tokenizer = Word()
    tokenizer.fit([other, text])
    assert tokenizer.decode(tokenizer.encode(text)) == text
    lower = Word(lower=True)
    lower.fit([text])
    assert lower.decode(lower.encode(text)) == text.lower()


@settings(deadline=None)
@given(text=MIXED_TEXTS, data=st.data())
def test_streamed_white_space_equals_decoded_white_space(text: str, data: st.DataObject) -> None:
    tokenizer = Word()
    tokenizer.fit([text])
    ids = data.draw(st.lists(st.integers(0, tokenizer.vocab_size - 1)))
    detokenizer = StreamDetokenizer(tokenizer)
    assert "".join([*map(detokenizer.add, ids), detokenizer.flush()]) == tokenizer.decode(ids)


def test_white_space_outside_the_vocabulary_is_dropped() -> None:
    for unknown in ("error", "mark", "skip"):
        tokenizer = Word(unknown=unknown)
        tokenizer.fit(["a b."])
        assert tokenizer.encode("\ta  b .\n").tolist() == tokenizer.encode("a b.").tolist() == [1, 2, 0]


@pytest.mark.parametrize(
    ("prompt", "tokens"),
    [
        ("a ", ["a"]),
        ("a", ["a"]),
        ("a  ", ["a", "  "]),
        ("a\n", ["a", "\n"]),
        ("a , ", ["a", " ", ","]),
        ("我 ", ["我", " "]),
        (" ", [" "]),
        ("", []),
    ],
)
def test_regular_space_at_the_end_of_a_prompt_is_no_token(prompt: str, tokens: list[str]) -> None:
    tokenizer = Word()
    tokenizer.fit(["a , 我 b  c\nd"])
    assert tokenizer.vocabulary.decode(tokenizer.encode_prompt(prompt).tolist()) == tokens
    assert tokenizer.decode(tokenizer.encode(prompt)) == prompt
    restored = Word()
    restored.restore(OLD_STATE)
    assert len(restored.encode_prompt("a ")) == 1


OLD_STATE = {"symbols": [",", ".", "1", "4", "a", "kg"]}
"""A state that was saved before white space was stored."""


def test_state_without_spaces_encodes_and_decodes_as_before() -> None:
    tokenizer = Word()
    tokenizer.restore(OLD_STATE)
    assert tokenizer.state() == OLD_STATE
    assert tokenizer.encode(" a\n1.4  kg").tolist() == [4, 2, 1, 3, 5]
    assert tokenizer.decode([4, 2, 1, 3, 5]) == "a 1. 4 kg"


@given(text=st.text(alphabet="ab ,.我\n", max_size=30))
def test_without_spaces_separated_words_have_the_tokens_of_ordinary_text(text: str) -> None:
    tokenizer = Word(spaces=False, unknown="mark")
    tokenizer.fit(["a b, 我."])
    separated = "  ".join(words(text))
    assert tokenizer.encode(text).tolist() == tokenizer.encode(separated).tolist()
    assert tokenizer.decode(tokenizer.encode("a , b ")) == "a, b"
    restored = Word(unknown="mark")
    restored.restore(tokenizer.state())
    assert restored.encode(text).tolist() == tokenizer.encode(text).tolist()
