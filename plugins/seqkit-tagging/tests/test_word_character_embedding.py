"""Tests of the embedding `words_and_characters`, and of `char_cnn`."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from seqkit_tagging.char_cnn import CharCNN
from seqkit_tagging.embedding import WordCharacterEmbedding
from seqkit_tagging.tokenizer import WordCharacterTokenizer

from seqkit.embeddings.pretrained import Pretrained
from seqkit.encoders.lstm import BiLSTM

TEXTS = [["In", "1984", "Paris", "was", "in", "Paris"], ["No", "."]]


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
    with pytest.raises(ValueError, match="^the embedding requires the tokenizer `words_and_characters`: set"):
        WordCharacterEmbedding(char)


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
