"""Tests of embeddings of seqkit with the tokenizer and the embedding `words_and_characters`."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import torch
from seqkit_tagging.char_cnn import CharCNN
from seqkit_tagging.embedding import WordCharacterEmbedding
from seqkit_tagging.tokenizer import WordCharacterTokenizer

from seqkit.embeddings.bigrams import Bigrams
from seqkit.embeddings.char_ngrams import CharNgrams
from seqkit.embeddings.learned import Learned
from seqkit.embeddings.one_hot import OneHot
from seqkit.encoders.lstm import LSTM
from seqkit.layers.word_ngrams import word_ngrams
from seqkit.modeling.model import Model


def mean_of_ngrams(embedding: CharNgrams, word: str) -> torch.Tensor:
    return embedding.ngrams.weight[torch.from_numpy(word_ngrams([word], 3, 6, 100).buckets)].mean(dim=0)


@pytest.mark.parametrize(("lower", "spelling"), [(True, "rome"), (False, "Rome")])
def test_an_unknown_word_that_is_spelled_has_ngrams(lower: bool, spelling: str) -> None:
    words = WordCharacterTokenizer(lower=lower)
    words.fit([["Berlin", "home", "R"]])
    embedding = CharNgrams(words, dim=4, buckets=100)
    torch.nn.init.normal_(embedding.words.weight)
    ids = torch.from_numpy(words.encode(["Berlin", "Rome", "Rome"]))[None]
    padded = torch.cat([ids, torch.zeros_like(ids)], dim=1)
    vectors = embedding(padded)[0]
    torch.testing.assert_close(vectors[1], embedding.words.weight[0] + mean_of_ngrams(embedding, spelling))
    torch.testing.assert_close(vectors[1], vectors[2])
    torch.testing.assert_close(vectors[3:], embedding.words.weight[0].expand(3, -1))
    number = int(ids[0, 0, 0])
    expected = embedding.words.weight[number] + mean_of_ngrams(embedding, "berlin" if lower else "Berlin")
    torch.testing.assert_close(vectors[0], expected)
    assert embedding.as_lookup(ids) is None


def test_pairs_of_words_do_not_depend_on_padding() -> None:
    tokenizer = WordCharacterTokenizer()
    tokenizer.fit([["in", "New", "York", "in", "New", "York"]])
    embedding = WordCharacterEmbedding(
        tokenizer, characters=partial(CharCNN, filters=2), words=partial(Bigrams, dim=3, pairs="both")
    ).eval()
    assert not embedding.causal
    assert embedding.reads_previous
    ids = torch.from_numpy(tokenizer.encode(["New", "York"]))[None]
    embedding.fit([tokenizer.encode(["New", "York"])] * 2)
    padded = torch.cat([ids, torch.zeros_like(ids)], dim=1)
    vectors = embedding(padded, lengths=torch.tensor([2]))[:, :2]
    assert torch.equal(vectors, embedding(ids))
    second = embedding(ids[:, 1:], previous=ids[:, 0])
    torch.testing.assert_close(second[:, 0], vectors[:, 1])


@pytest.mark.parametrize("build", [partial(Learned, dim=4), OneHot])
def test_the_vector_of_a_word_is_that_of_its_id(build: Any) -> None:
    tokenizer = WordCharacterTokenizer()
    tokenizer.fit([["in", "New", "York"]])
    ids = torch.from_numpy(tokenizer.encode(["York", "is", "new"]))[None]
    embedding = build(tokenizer)
    assert torch.equal(embedding(ids), embedding(ids[..., 0]))
    model = Model(embedding, LSTM(embedding.output_size, hidden_size=3), torch.nn.Identity())
    lengths = torch.tensor([3])
    torch.testing.assert_close(model.encode(ids, lengths).outputs, model.encoder(embedding(ids), lengths).outputs)
