"""Tests of words and their characters: word splitting, tokenizer, embedding and `char_cnn`."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from seqkit_tagging.char_cnn import CharCNN
from seqkit_tagging.embedding import WordCharacterEmbedding
from seqkit_tagging.tokenizer import WordCharacterTokenizer
from seqkit_tagging.word_features import word_feature
from seqkit_tagging.word_splitting import join_words, split_words

from seqkit.embeddings.pretrained import Pretrained
from seqkit.encoders.lstm import BiLSTM
from seqkit.errors import DataError

TEXTS = [["In", "1984", "Paris", "was", "in", "Paris"], ["No", "."]]


# Word splitting


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


# Tokenizer


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


# Embedding and char_cnn


def tokenizer_and_embedding(**parameters: Any) -> tuple[WordCharacterTokenizer, WordCharacterEmbedding]:
    tokenizer = WordCharacterTokenizer(word_length=6)
    tokenizer.fit(TEXTS)
    torch.manual_seed(3)
    settings = {"characters": lambda size: CharCNN(size, filters=4), "word_dim": 3, "char_dim": 5} | parameters
    return tokenizer, WordCharacterEmbedding(tokenizer, **settings)


@pytest.mark.parametrize(
    "characters", [lambda size: CharCNN(size, filters=4), lambda size: BiLSTM(size, hidden_size=2)]
)
def test_vector_of_a_word_does_not_depend_on_its_neighbors(characters: Any) -> None:
    tokenizer, embedding = tokenizer_and_embedding(characters=characters)
    embedding.eval()
    words = ["In", "Parisians", "was", "in", "?", "was"]
    encoded = torch.from_numpy(tokenizer.encode(words))
    padded = torch.nn.functional.pad(encoded, (0, 0, 0, 2))
    batched = embedding(torch.stack([padded, padded.flip(0)]))
    assert batched.shape == (2, 8, embedding.output_size) and embedding.output_size == 3 + 4
    assert batched.isfinite().all()
    for position, word in enumerate(encoded):
        single = embedding(word[None, None])[0, 0]
        torch.testing.assert_close(batched[0, position], single)
        torch.testing.assert_close(batched[1, 7 - position], single)
        torch.testing.assert_close(single[:3], embedding.word_vectors.weight[word[0]])
        character_ids_of_word = word[1:][word[1:] > 0]
        final = embedding.characters(
            embedding.character_vectors(character_ids_of_word)[None], torch.tensor([len(character_ids_of_word)])
        ).final[0]
        torch.testing.assert_close(single[3:], final)


def test_vectors_of_features_follow_those_of_words_and_characters() -> None:
    tokenizer = WordCharacterTokenizer(word_length=6, features=["shape", "suffix_1"])
    tokenizer.fit(TEXTS)
    embedding = WordCharacterEmbedding(
        tokenizer, characters=lambda size: CharCNN(size, filters=4), word_dim=3, char_dim=5, feature_dim=2
    ).eval()
    ids = torch.from_numpy(tokenizer.encode(["Paris", "was"]))[None]
    vectors = embedding(ids)
    assert vectors.shape == (1, 2, embedding.output_size) and embedding.output_size == 3 + 4 + 2 * 2
    shape, suffix = (embed.weight for embed in embedding.feature_vectors)
    torch.testing.assert_close(vectors[0, :, 7:], torch.cat([shape[ids[0, :, -2]], suffix[ids[0, :, -1]]], dim=1))
    without_features = tokenizer_and_embedding()[1].eval()
    without_features.load_state_dict(
        {name: value for name, value in embedding.state_dict().items() if not name.startswith("feature")}
    )
    torch.testing.assert_close(vectors[..., :7], without_features(ids[..., :7]))


def test_gradients_reach_words_and_characters_but_not_padding() -> None:
    tokenizer, embedding = tokenizer_and_embedding(word_dropout=0.0)
    embedding(torch.from_numpy(tokenizer.encode(["was", "in"]))[None]).square().sum().backward()
    words, characters = embedding.word_vectors.weight.grad, embedding.character_vectors.weight.grad
    assert words.any(dim=1).nonzero().flatten().tolist() == sorted(tokenizer.encode(["was", "in"])[:, 0])
    expected = set(tokenizer.encode(["was", "in"])[:, 1:].flatten()) - {0}
    assert set(characters.any(dim=1).nonzero().flatten().tolist()) == expected


def test_word_dropout_depends_on_frequency_and_is_disabled_in_evaluation() -> None:
    tokenizer, embedding = tokenizer_and_embedding(word_dropout=1.0)
    embedding.fit(tokenizer.encode(text) for text in TEXTS)
    rows = torch.from_numpy(tokenizer.encode(["paris", "was"]))[None].expand(4000, -1, -1)
    unknown = embedding.word_vectors.weight[0]
    dropped = (embedding(rows)[..., :3] == unknown).all(dim=2).double().mean(dim=0)
    torch.testing.assert_close(dropped, torch.tensor([1 / 3, 1 / 2]).double(), atol=0.03, rtol=0)
    embedding.eval()
    assert not (embedding(rows)[..., :3] == unknown).all(dim=2).any()


def test_another_tokenizer_is_an_error() -> None:
    from seqkit.tokenizers.char import Char

    char = Char()
    char.fit(["ab"])
    with pytest.raises(ValueError, match="characters requires the tokenizer `words_and_characters`"):
        WordCharacterEmbedding(char, characters=lambda size: CharCNN(size, filters=4))


@pytest.mark.parametrize("widths", [None, [1], [2], [3], [2, 5]])
def test_char_cnn_equals_conv1d_and_max_pooling(widths: list[int] | None) -> None:
    torch.manual_seed(4)
    cnn = CharCNN(5, filters=3, widths=widths)
    inputs, lengths = torch.randn(4, 7, 5), torch.tensor([7, 1, 4, 6])
    encoded = cnn(inputs, lengths)
    assert encoded.outputs.shape == (4, 7, cnn.output_size)
    for row, length in enumerate(lengths.tolist()):
        signal = inputs[row, :length].T[None]
        expected = []
        for width, linear in zip(widths or [3], cnn.filters, strict=True):
            kernel = linear.weight.view(3, width, 5).transpose(1, 2)
            padded = torch.nn.functional.pad(signal, ((width - 1) // 2, width // 2))
            expected.append(torch.nn.functional.conv1d(padded, kernel, linear.bias)[0].T)
        expected = torch.cat(expected, dim=1)
        torch.testing.assert_close(encoded.outputs[row, :length], expected)
        torch.testing.assert_close(encoded.final[row], expected.max(dim=0).values)


def test_char_cnn_ignores_padded_time_steps() -> None:
    torch.manual_seed(5)
    cnn = CharCNN(5, filters=3)
    inputs, lengths = torch.randn(2, 7, 5), torch.tensor([7, 3])
    changed = inputs.clone()
    changed[1, 3:] = torch.nan
    torch.testing.assert_close(cnn(changed, lengths).final, cnn(inputs, lengths).final)


def test_char_cnn_needs_a_width() -> None:
    with pytest.raises(ValueError, match="^widths is empty"):
        CharCNN(5, filters=3, widths=[])


def test_words_of_a_file_have_its_vectors(tmp_path: Path) -> None:
    vectors = tmp_path / "vectors.txt"
    vectors.write_text("rome 1 2\nparis 3 4\nParis 5 5\n1984 6 6\n")
    tokenizer = WordCharacterTokenizer(extra_words=vectors)
    tokenizer.fit([["Rome", "is", "old"]])
    assert tokenizer.state()["words"] == ["is", "old", "paris", "rome"]  # `lower` and `fold_digits` find no other
    embedding: Any = WordCharacterEmbedding(
        tokenizer, characters=lambda size: CharCNN(size, filters=3), words=partial(Pretrained, path=vectors)
    )
    rows = [tokenizer.encode(["Paris", "Rome"]), tokenizer.encode(["unseen"])]
    embedding.fit(iter(rows))
    assert embedding.output_size == 2 + embedding.characters.final_size
    with torch.no_grad():
        found = embedding.eval()(torch.from_numpy(rows[0])[None])[0, :, :2]
    assert found.tolist() == [[3, 4], [1, 2]]
    (note,) = embedding.notes({"valid": iter(rows)})
    assert note.startswith("vectors.txt: in valid, 100.0% of the 2 distinct words")
    assert note.endswith("66.7% of all words")
