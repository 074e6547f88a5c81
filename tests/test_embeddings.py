"""The embeddings against what they stand for."""

from __future__ import annotations

import pytest
import torch

from seqkit.embeddings.learned import Learned
from seqkit.embeddings.one_hot import OneHot
from seqkit.tokenizers.char import Char


@pytest.fixture
def tokenizer() -> Char:
    fitted = Char()
    fitted.fit(["hello"])  # e h l o
    return fitted


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
def test_one_hot_is_torchs_in_the_models_floating_type(tokenizer: Char, dtype: torch.dtype) -> None:
    embedding = OneHot(tokenizer).to(dtype)
    ids = torch.randint(0, 4, (3, 5))
    vectors = embedding(ids)
    assert vectors.dtype == dtype
    assert vectors.shape == (3, 5, embedding.output_size)
    assert torch.equal(vectors, torch.nn.functional.one_hot(ids, 4).to(dtype))


def test_one_hot_has_nothing_to_learn_or_to_save(tokenizer: Char) -> None:
    embedding = OneHot(tokenizer)
    assert not list(embedding.parameters())
    assert not embedding.state_dict()


def test_one_hot_refuses_an_id_outside_the_vocabulary(tokenizer: Char) -> None:
    with pytest.raises(RuntimeError, match="index 4 is out of bounds"):
        OneHot(tokenizer)(torch.tensor([[4]]))


def test_learned_looks_up_the_vectors_that_torch_draws(tokenizer: Char) -> None:
    torch.manual_seed(3)
    embedding = Learned(tokenizer, dim=6)
    torch.manual_seed(3)
    table = torch.randn(4, 6)
    ids = torch.tensor([[0, 3, 1], [2, 2, 0]])
    assert embedding.output_size == 6
    assert torch.equal(embedding(ids), table[ids])


def test_learned_trains_only_the_vectors_that_were_read(tokenizer: Char) -> None:
    embedding = Learned(tokenizer, dim=6)
    embedding(torch.tensor([[0, 3, 3]])).sum().backward()
    assert embedding.vectors.weight.grad.tolist() == [[times] * 6 for times in (1, 0, 0, 2)]


def test_learned_drops_only_in_training(tokenizer: Char) -> None:
    embedding = Learned(tokenizer, dim=50, dropout=0.5)
    ids = torch.tensor([[0, 1, 2]])
    plain = embedding.vectors.weight[ids]
    dropped = embedding(ids)
    kept = dropped != 0
    assert 30 < int(kept.sum()) < 120
    assert torch.equal(dropped[kept], 2 * plain[kept])
    assert torch.equal(embedding.eval()(ids), plain)


@pytest.mark.parametrize("make", [OneHot, lambda tokenizer: Learned(tokenizer, dim=3)], ids=["one_hot", "learned"])
def test_no_rows_give_no_rows(tokenizer: Char, make: type) -> None:
    embedding = make(tokenizer)
    assert embedding(torch.zeros(0, 5, dtype=torch.int64)).shape == (0, 5, embedding.output_size)
