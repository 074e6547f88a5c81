"""Tests of the embedding `char_ngrams` and of the hashed n-grams of words."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import seqkit
from helpers.engines import assert_predicts_without_torch
from helpers.recipes import write_recipe
from seqkit.embeddings.char_ngrams import CharNgrams
from seqkit.embeddings.concat import Concat
from seqkit.embeddings.learned import Learned
from seqkit.errors import RecipeError
from seqkit.layers.ngram_counts import hash_ngrams
from seqkit.layers.word_ngrams import word_ngrams
from seqkit.tokenizers.word import Word

BUCKETS = 1000


def spelled_ngrams(word: str, min_n: int, max_n: int) -> list[int]:
    """Return the buckets of the n-grams of a word, from their definition."""
    marked = f"<{word}>"
    ngrams = [marked[start : start + n] for n in range(min_n, max_n + 1) for start in range(len(marked) - n + 1)]
    ngrams = [ngram for number, ngram in enumerate(ngrams) if len(ngram) > 1 or number not in (0, len(marked) - 1)]
    return [int(hash_ngrams(np.array([[*map(ord, ngram)]]), len(ngram), BUCKETS)[-1][0, 0]) for ngram in ngrams]


@given(
    st.lists(st.text(st.characters(exclude_characters="\N{REPLACEMENT CHARACTER}"), max_size=9), min_size=1),
    st.integers(1, 4),
    st.integers(0, 3),
)
def test_ngrams_of_words_equal_their_definition(words: list[str], min_n: int, more: int) -> None:
    found = word_ngrams(words, min_n, min_n + more, BUCKETS)
    assert found.counts.sum() == len(found.buckets)
    parts = np.split(found.buckets, found.counts.cumsum()[:-1])
    for word, buckets in zip(words, parts, strict=True):
        assert buckets.tolist() == (spelled_ngrams(word, min_n, min_n + more) if word else [])


def test_ngrams_of_many_words_do_not_depend_on_the_others() -> None:
    words = [f"word{number}" * (1 + number % 3) for number in range(600)]
    found = word_ngrams(words, 3, 6, BUCKETS)
    alone = [word_ngrams([word], 3, 6, BUCKETS) for word in words]
    assert np.array_equal(found.buckets, np.concatenate([each.buckets for each in alone]))
    assert np.array_equal(found.counts, np.concatenate([each.counts for each in alone]))


def tokenizer(*texts: str, **parameters: Any) -> Word:
    fitted = Word(unknown="mark", **parameters)
    fitted.fit(texts)
    return fitted


def mean_of_ngrams(embedding: CharNgrams, word: str) -> torch.Tensor:
    return embedding.ngrams.weight[spelled_ngrams(word, 3, 6)].mean(dim=0)


def test_a_vector_is_that_of_the_word_plus_the_mean_of_its_ngrams() -> None:
    embedding = CharNgrams(tokenizer("where there a on"), dim=4, buckets=BUCKETS)
    torch.nn.init.normal_(embedding.words.weight)
    words = [embedding.tokenizer.decode([number]) for number in range(5)]
    expected = torch.stack([mean_of_ngrams(embedding, word) for word in words[:4]])
    vectors = embedding(torch.arange(5)[None])[0]
    torch.testing.assert_close(vectors[:4], embedding.words.weight[:4] + expected)
    assert torch.equal(vectors[4], embedding.words.weight[4])  # the unknown word has no n-grams
    assert torch.equal(embedding.all_vectors(), vectors)
    lookup = embedding.as_lookup(torch.tensor([[3, 1], [1, 1]]))
    assert lookup is not None
    assert len(lookup.table) == 2  # the vectors in use alone are computed
    assert torch.equal(lookup.table[lookup.ids], vectors[torch.tensor([[3, 1], [1, 1]])])


def test_words_that_training_does_not_contain_have_the_vector_of_their_ngrams(tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text("walking\nwalked\n")
    words = tokenizer("walk", extra_words=tmp_path / "words.txt")
    embedding = CharNgrams(words, dim=4, buckets=BUCKETS)
    walked = embedding(torch.from_numpy(words.encode("walked"))[None])[0, 0]
    torch.testing.assert_close(walked, mean_of_ngrams(embedding, "walked"))


def test_it_combines_with_others_and_embeds_an_empty_batch() -> None:
    words = tokenizer("where there")
    embedding = Concat(words, embeddings=[partial(Learned, dim=2), partial(CharNgrams, dim=3, buckets=9)])
    ids = torch.tensor([[0, 1]])
    assert torch.equal(embedding(ids)[..., :2], embedding.embeddings[0](ids))
    assert torch.equal(embedding(ids)[..., 2:], embedding.embeddings[1](ids))
    assert embedding(torch.zeros(0, 5, dtype=torch.int64)).shape == (0, 5, 5)


RECIPE: dict[str, Any] = {
    "name": "ngrams",
    "data": {"type": "table", "path": "reviews.csv"},
    "tokenizer": {"type": "word", "unknown": "mark"},
    "embedding": {"type": "char_ngrams", "dim": 4, "buckets": 64, "word_dropout": 0.2},
    "encoder": {"type": "bilstm", "hidden_size": 3},
    "head": {"type": "classify"},
    "train": {"epochs": 2, "threads": 1},
    "baseline": "off",
}


def test_a_run_predicts_without_torch(tmp_path: Path) -> None:
    (tmp_path / "reviews.csv").write_text("text,label\nGood food,pos\nbad food,neg\nnice place,pos\nbad soup,neg\n")
    run = seqkit.run(write_recipe(tmp_path / "recipe.yaml", RECIPE), runs=tmp_path / "runs", quiet=True)
    assert_predicts_without_torch(run.path, "Good soup")


def test_lengths_in_the_wrong_order_are_named(tmp_path: Path) -> None:
    (tmp_path / "reviews.csv").write_text("text,label\nGood food,pos\nbad food,neg\n")
    recipe = write_recipe(tmp_path / "recipe.yaml", RECIPE | {"embedding": RECIPE["embedding"] | {"max_n": 2}})
    with pytest.raises(RecipeError, match=r"embedding.max_n: must be at least min_n \(3\), not 2"):
        seqkit.run(recipe, runs=tmp_path / "runs", quiet=True)
