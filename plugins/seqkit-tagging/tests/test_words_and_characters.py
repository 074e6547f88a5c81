"""Words beside their characters: how texts are cut, what ids they get, and the vectors of both."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from seqkit_tagging.char_cnn import CharCNN
from seqkit_tagging.cutting import cut, join
from seqkit_tagging.embedding import WordsAndCharacters as Vectors
from seqkit_tagging.tokenizer import WordsAndCharacters as Ids

from seqkit.encoders.bilstm import BiLSTM
from seqkit.errors import DataError

TEXTS = [["In", "1984", "Paris", "was", "in", "Paris"], ["No", "."]]


# Cutting


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
def test_cut(text: str, words: str) -> None:
    assert cut(text) == words.split()


@given(text=st.text(max_size=40))
@settings(max_examples=40, deadline=None, derandomize=True, database=None)
def test_cutting_loses_nothing_but_white_space(text: str) -> None:
    assert "".join(cut(text)) == "".join(text.split())
    assert all(cut(text))


def test_join_puts_spaces_where_scripts_have_them() -> None:
    assert join(["New", "York", ","]) == "New York ,"
    assert join(["北", "京", "and", "東", "京"]) == "北京 and 東京"


# Ids


def test_a_word_is_its_id_beside_those_of_its_characters() -> None:
    ids = Ids(word_length=4)
    ids.fit(TEXTS)
    rows = ids.encode(["PARIS", "2017", "was", "there", "?"])
    assert (rows.dtype, rows.shape) == (np.int64, (5, 5))
    known = ["unknown", ".", "0000", "in", "no", "paris", "was"]
    assert ids.vocab_size == len(known)
    assert [known[number] for number in rows[:, 0]] == ["paris", "0000", "was", "unknown", "unknown"]
    letters = ["", "unknown", *sorted(set("".join(sum(TEXTS, []))))]
    assert ids.character_vocab_size == len(letters)

    def read(word: str) -> list[int]:
        numbers = [letters.index(letter) if letter in letters else 1 for letter in word]
        return numbers + [0] * (4 - len(numbers))

    # PARIS and there are longer than word_length, and read at both ends.
    assert rows[:, 1:].tolist() == [read("PAIS"), read("2017"), read("was"), read("thre"), read("?")]


def test_the_case_and_digits_of_words_may_be_kept() -> None:
    ids = Ids(lower=False, fold_digits=False)
    ids.fit(TEXTS)
    assert ids.encode(["1984", "in", "In"])[:, 0].all()
    assert ids.encode(["1985", "IN", "no"])[:, 0].tolist() == [0, 0, 0]


def test_rare_words_are_unknown_and_their_characters_are_not() -> None:
    ids = Ids(min_count=2)
    ids.fit(TEXTS)
    rows = ids.encode(["Paris", "was"])
    assert rows[0, 0] > 0 == rows[1, 0]
    assert (rows[1, 1:4] > 1).all()
    with pytest.raises(DataError, match="no word of the training text is there 3 times: lower tokenizer.min_count"):
        Ids(min_count=3).fit(TEXTS)


def test_a_text_is_as_good_as_its_words() -> None:
    ids = Ids()
    ids.fit(TEXTS)
    assert (ids.encode("In Paris, no.") == ids.encode(ids.words("In Paris, no."))).all()
    assert len(ids.encode("")) == len(ids.encode([])) == 0


def test_decode_tells_what_is_known() -> None:
    ids = Ids()
    ids.fit(TEXTS)
    assert ids.decode(ids.encode(["In", "PARIS", "swan", "?"])) == "in paris swan \N{REPLACEMENT CHARACTER}"


def test_the_state_is_json_and_restores() -> None:
    ids, other = Ids(), Ids()
    ids.fit(TEXTS)
    other.restore(json.loads(json.dumps(ids.state())))
    assert (other.encode(TEXTS[0]) == ids.encode(TEXTS[0])).all()
    assert (other.vocab_size, other.character_vocab_size) == (ids.vocab_size, ids.character_vocab_size)


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({}, "holds no list of words"),
        ({"words": ["a"]}, "holds no list of characters"),
        ({"words": ["a", 1], "characters": ["a"]}, "holds no list of words"),
        ({"words": ["a"], "characters": ["a", "a"]}, "holds one of its characters twice"),
    ],
)
def test_a_damaged_state_is_refused(state: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        Ids().restore(state)


# Vectors


def vectors(**parameters: Any) -> tuple[Ids, Vectors]:
    ids = Ids(word_length=6)
    ids.fit(TEXTS)
    torch.manual_seed(3)
    settings = {"characters": lambda size: CharCNN(size, filters=4), "word_dim": 3, "char_dim": 5} | parameters
    return ids, Vectors(ids, **settings)


@pytest.mark.parametrize(
    "characters", [lambda size: CharCNN(size, filters=4), lambda size: BiLSTM(size, hidden_size=2)]
)
def test_a_word_is_read_alone_whatever_stands_beside_it(characters: Any) -> None:
    ids, embedding = vectors(characters=characters)
    embedding.eval()
    words = ["In", "Parisians", "was", "in", "?", "was"]
    encoded = torch.from_numpy(ids.encode(words))
    padded = torch.nn.functional.pad(encoded, (0, 0, 0, 2))
    together = embedding(torch.stack([padded, padded.flip(0)]))
    assert together.shape == (2, 8, embedding.output_size) and embedding.output_size == 3 + 4
    assert together.isfinite().all()
    for place, word in enumerate(encoded):
        alone = embedding(word[None, None])[0, 0]
        torch.testing.assert_close(together[0, place], alone)
        torch.testing.assert_close(together[1, 7 - place], alone)
        torch.testing.assert_close(alone[:3], embedding.word_vectors.weight[word[0]])
        read = word[1:][word[1:] > 0]
        final = embedding.characters(embedding.character_vectors(read)[None], torch.tensor([len(read)])).final[0]
        torch.testing.assert_close(alone[3:], final)


def test_gradients_reach_words_and_characters_but_not_padding() -> None:
    ids, embedding = vectors(word_dropout=0.0)
    embedding(torch.from_numpy(ids.encode(["was", "in"]))[None]).square().sum().backward()
    words, characters = embedding.word_vectors.weight.grad, embedding.character_vectors.weight.grad
    assert words.any(dim=1).nonzero().flatten().tolist() == sorted(ids.encode(["was", "in"])[:, 0])
    touched = set(ids.encode(["was", "in"])[:, 1:].flatten()) - {0}
    assert set(characters.any(dim=1).nonzero().flatten().tolist()) == touched


def test_word_dropout_is_by_frequency_and_in_training_alone() -> None:
    ids, embedding = vectors(word_dropout=1.0)
    embedding.fit(ids.encode(text) for text in TEXTS)
    rows = torch.from_numpy(ids.encode(["paris", "was"]))[None].expand(4000, -1, -1)
    unknown = embedding.word_vectors.weight[0]
    dropped = (embedding(rows)[..., :3] == unknown).all(dim=2).double().mean(dim=0)
    torch.testing.assert_close(dropped, torch.tensor([1 / 3, 1 / 2]).double(), atol=0.03, rtol=0)
    embedding.eval()
    assert not (embedding(rows)[..., :3] == unknown).all(dim=2).any()


def test_another_tokenizer_is_refused() -> None:
    from seqkit.tokenizers.char import Char

    char = Char()
    char.fit(["ab"])
    with pytest.raises(ValueError, match="characters come from the tokenizer `words_and_characters`"):
        Vectors(char, characters=lambda size: CharCNN(size, filters=4))


@pytest.mark.parametrize("widths", [None, [1], [2], [3], [2, 5]])
def test_the_cnn_is_a_convolution_and_its_maximum(widths: list[int] | None) -> None:
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


def test_the_cnn_takes_anything_at_padded_steps() -> None:
    torch.manual_seed(5)
    cnn = CharCNN(5, filters=3)
    inputs, lengths = torch.randn(2, 7, 5), torch.tensor([7, 3])
    spoilt = inputs.clone()
    spoilt[1, 3:] = torch.nan
    torch.testing.assert_close(cnn(spoilt, lengths).final, cnn(inputs, lengths).final)


def test_the_cnn_needs_a_width() -> None:
    with pytest.raises(ValueError, match="^widths is empty"):
        CharCNN(5, filters=3, widths=[])
