"""Tests of word dropout, alone and in the embeddings."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from seqkit.embeddings.concat import Concat
from seqkit.embeddings.learned import Learned
from seqkit.embeddings.pretrained import Pretrained
from seqkit.encoders.lstm import LSTM, dispatch
from seqkit.layers.dropout import WordDropout
from seqkit.modeling.model import Model
from seqkit.tokenizers.char import Char

SIZE = 26


@pytest.fixture
def tokenizer() -> Char:
    fitted = Char()
    fitted.fit(["abcdefghijklmnopqrstuvwxyz"])
    return fitted


def embeddings(tokenizer: Char, folder: Path, p: float) -> dict[str, Any]:
    path = folder / "vectors.txt"
    path.write_text("a 1 2\nc 3 4\nd 5 6\n")
    parts = [partial(Learned, dim=2), partial(Pretrained, path=path)]
    return {
        "learned": Learned(tokenizer, dim=3, word_dropout=p),
        "pretrained": Pretrained(tokenizer, path=path, word_dropout=p),
        "concat": Concat(tokenizer, embeddings=parts, word_dropout=p),
    }


@pytest.mark.parametrize("name", ["learned", "pretrained", "concat"])
def test_a_dropped_word_is_zero_wherever_it_occurs_and_the_others_are_scaled(
    name: str, tokenizer: Char, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    embedding = embeddings(tokenizer, tmp_path, 0.5)[name]
    ids = torch.arange(2 * SIZE).reshape(2, SIZE) % SIZE
    expected = embedding.eval()(ids)
    vectors = embedding.train()(ids)
    dropped = ~vectors.any(dim=2)
    assert 4 < int(dropped[0].sum()) < 22
    assert torch.equal(dropped[0], dropped[1])
    assert torch.equal(vectors[~dropped], 2 * expected[~dropped])
    assert not torch.equal(dropped, ~embedding(ids).any(dim=2))  # another batch
    assert torch.equal(embedding.all_vectors()[ids], expected)


def test_the_share_of_dropped_words_is_p_and_the_mean_is_kept() -> None:
    torch.manual_seed(0)
    dropped = WordDropout(0.25, 100_000).of_table(torch.ones(100_000, 1))
    assert float((dropped == 0).float().mean()) == pytest.approx(0.25, abs=0.01)
    assert float(dropped.mean()) == pytest.approx(1, abs=0.01)


def test_nothing_is_dropped_and_no_random_number_is_used_without_p() -> None:
    before = torch.get_rng_state()
    vectors, ids = torch.ones(2, 3, 4), torch.zeros(2, 3, dtype=torch.int64)
    assert WordDropout(0.0, 5)(vectors, ids) is vectors
    assert WordDropout(0.9, 5).eval()(vectors, ids) is vectors
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("p", [-0.1, 1.0, float("nan")])
def test_p_is_a_probability(p: float) -> None:
    with pytest.raises(ValueError, match="^p must be at least 0 and less than 1, not"):
        WordDropout(p, 5)


def test_the_encoder_still_looks_up_products(tokenizer: Char, monkeypatch: pytest.MonkeyPatch) -> None:
    """And computes the same as from vectors: what is dropped depends on the seed alone."""
    monkeypatch.setattr(dispatch, "MIN_LOOKUP_WORK", 1)
    embedding, encoder = Learned(tokenizer, dim=6, word_dropout=0.4).double(), LSTM(6, hidden_size=5).double()
    model: Any = Model(embedding, encoder, torch.nn.Identity())  # type: ignore[arg-type]
    ids, lengths = torch.randint(0, 4, (5, 7)), torch.full((5,), 7)
    results = []
    for _ in range(2):
        torch.manual_seed(1)
        outputs = model.encode(ids, lengths).outputs
        results.append((outputs, *torch.autograd.grad(outputs.square().sum(), list(model.parameters()))))
        assert encoder.layers.choices[0].uses_lookup == (len(results) == 1)
        monkeypatch.setattr(embedding, "as_lookup", lambda ids: None)
    assert all(torch.allclose(*pair, rtol=0, atol=1e-12) for pair in zip(*results, strict=True))
