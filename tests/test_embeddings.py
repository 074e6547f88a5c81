"""The embeddings against what they stand for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load_file
from sklearn.preprocessing import MinMaxScaler, RobustScaler, StandardScaler

import seqkit
from seqkit import registry
from seqkit.contracts import Encoded, Lookup
from seqkit.embeddings.learned import Learned
from seqkit.embeddings.one_hot import OneHot
from seqkit.embeddings.scaled import Scaled
from seqkit.encoders import paths
from seqkit.encoders.bilstm import BiLSTM
from seqkit.encoders.lstm import LSTM
from seqkit.encoders.projected import Projected
from seqkit.encoders.stacked import Stacked
from seqkit.model import Model
from seqkit.tokenizers.char import Char


def stacked(encoder: Any) -> Stacked:
    return Stacked(6, layers=[lambda size: encoder])


def projected(encoder: Any) -> Projected:
    return Projected(6, encoder=lambda size: encoder, proj_size=3)


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


def test_learned_hands_over_its_table_where_nothing_is_dropped(tokenizer: Char) -> None:
    ids = torch.tensor([[0, 3, 1]])
    plain, dropping = Learned(tokenizer, dim=6), Learned(tokenizer, dim=6, dropout=0.5)
    assert plain.as_lookup(ids).table is plain.vectors.weight
    assert plain.as_lookup(ids).ids is ids
    assert dropping.as_lookup(ids) is None
    assert dropping.eval().as_lookup(ids).table is dropping.vectors.weight


@pytest.mark.parametrize("encoder", [LSTM, BiLSTM])
def test_a_model_gives_the_same_by_a_lookup_and_by_vectors(
    tokenizer: Char, encoder: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paths, "LOOK_UP_FROM", 1)
    embedding, reads = Learned(tokenizer, dim=6).double(), encoder(6, hidden_size=5).double()
    model = Model(embedding, reads, torch.nn.Identity())
    ids, lengths = torch.randint(0, 4, (3, 7)), torch.tensor([7, 2, 5])
    found = []
    for _ in range(2):
        encoded = model.encode(ids, lengths)
        parts = [encoded.outputs, encoded.final, *encoded.state]
        found.append([*parts, *torch.autograd.grad(sum((part**2).sum() for part in parts), list(model.parameters()))])
        looked_up = reads.layers.paths[0].looks_up
        assert looked_up == (not len(found) - 1)
        monkeypatch.setattr(embedding, "as_lookup", lambda ids: None)
    assert all(torch.allclose(*pair, rtol=0, atol=1e-12) for pair in zip(*found, strict=True))


class Doubled(Learned):
    """What a plugin might write on top of `learned`, which knows nothing of lookups."""

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        return 2 * super().forward(ids)


class Halving(LSTM):
    def forward(self, inputs: torch.Tensor, lengths: torch.Tensor, state: Any = None) -> Encoded:
        return super().forward(inputs / 2, lengths, state)


class HalvingLookups(Halving):
    accepts_lookup = True


@pytest.mark.parametrize("around", [lambda encoder: encoder, stacked, projected])
def test_a_class_that_overrides_forward_has_to_say_anew_what_it_takes(tokenizer: Char, around: Any) -> None:
    ids, lengths = torch.randint(0, 4, (3, 5)), torch.tensor([5, 2, 4])
    plain = Model(Doubled(tokenizer, dim=6), around(Halving(6, hidden_size=5)), torch.nn.Identity())
    given = plain._given(ids)
    assert torch.equal(given, 2 * plain.embedding.vectors(ids))
    plain.encode(ids, lengths)
    for embedding in (Learned(tokenizer, dim=6), OneHot(tokenizer)):
        vectors = Model(embedding, around(Halving(embedding.output_size, hidden_size=5)), torch.nn.Identity())
        assert vectors._given(ids).is_floating_point()
    said = Model(Learned(tokenizer, dim=6), around(HalvingLookups(6, hidden_size=5)), torch.nn.Identity())
    assert isinstance(said._given(ids), Lookup)


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


SCALERS = {"standard": StandardScaler, "min_max": MinMaxScaler, "robust": RobustScaler}


def series(lengths: list[int], seed: int) -> list[np.ndarray]:
    """Returns rows of three features: of unlike scales, and the last one constant."""
    generator = np.random.default_rng(seed)
    values = [generator.standard_exponential((length, 3)) * [1.0, 100.0, 0.0] + [0.0, -50.0, 7.0] for length in lengths]
    return [value.astype(np.float32) for value in values]


@pytest.mark.parametrize("by", SCALERS)
@given(lengths=st.lists(st.integers(1, 9), min_size=1, max_size=5), seed=st.integers(0, 99))
def test_scaled_is_scikit_learns(by: str, lengths: list[int], seed: int) -> None:
    rows = series(lengths, seed)
    embedding = Scaled(3, by=by).double()
    embedding.fit(iter(rows))
    # scikit-learn computes in its input's type, seqkit in float64.
    reference = SCALERS[by]().fit(np.concatenate(rows).astype(np.float64))
    unseen = series([6], seed + 1)[0].astype(np.float64)
    got = embedding(torch.from_numpy(unseen)[None])
    assert got.shape == (1, 6, embedding.output_size)
    torch.testing.assert_close(got[0], torch.from_numpy(reference.transform(unseen)), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("by", SCALERS)
def test_a_feature_that_never_changes_is_only_shifted(by: str) -> None:
    embedding = Scaled(2, by=by)
    embedding.fit([np.array([[7.0, 0.1], [7.0, 0.1]]), np.array([[7.0, 0.1]])])
    torch.testing.assert_close(embedding(torch.tensor([[[9.0, 0.1]]])), torch.tensor([[[2.0, 0.0]]]), rtol=0, atol=1e-7)


def test_scaled_learns_nothing_by_gradient_and_is_saved() -> None:
    embedding, again = Scaled(3), Scaled(3)
    embedding.fit(series([5], 0))
    assert not list(embedding.parameters())
    again.load_state_dict(embedding.state_dict())
    values = torch.from_numpy(series([4], 1)[0])[None]
    assert torch.equal(again(values), embedding(values))


@pytest.fixture
def waves(monkeypatch: pytest.MonkeyPatch) -> dict:
    """Registers a reader of features, for one test; returns a recipe that reads them."""
    monkeypatch.setattr(registry, "_session", [])
    monkeypatch.setattr(registry, "_loaded", {})

    @seqkit.register("reader", "waves")
    class Waves(seqkit.contracts.Reader):
        yields = "features"

        def read(self):
            for number, row in enumerate(series([5] * 20, 0)):
                yield seqkit.contracts.Example(row * (1 + number), "odd" if number % 2 else "even", f"waves:{number}")

    return {
        "data": {"type": "waves", "split": {"by": "order", "test": 0.5}},
        "embedding": {"type": "scaled"},
        "encoder": {"type": "lstm", "hidden_size": 4},
        "head": "classify",
        "train": {"epochs": 1, "threads": 1},
    }


def test_scaled_is_fitted_on_train_alone_and_comes_back_with_the_weights(waves: dict, tmp_path: Path) -> None:
    run = seqkit.run(waves, runs=tmp_path, quiet=True)
    train = np.concatenate([row * (1 + number) for number, row in enumerate(series([5] * 20, 0)[:10])])
    weights = load_file(run.directory.model)
    np.testing.assert_allclose(weights["embedding.shift"], train.mean(axis=0, dtype=np.float64), rtol=1e-6)
    np.testing.assert_allclose(weights["embedding.scale"][:2], train.std(axis=0, dtype=np.float64)[:2], rtol=1e-6)
    assert "embedding" in run.recipe and run.recipe["embedding"] == {"type": "scaled", "by": "standard"}
    rows = [row * (1 + number) for number, row in enumerate(series([5] * 20, 0))]
    answers = seqkit.load(run.path).predict(rows[10:])
    right = [answer["label"] == ("odd" if number % 2 else "even") for number, answer in enumerate(answers, start=10)]
    assert np.mean(right) == run.result["metrics"]["test"]["accuracy"]


def test_an_embedding_takes_what_the_reader_yields(waves: dict) -> None:
    with pytest.raises(seqkit.RecipeError) as caught:
        seqkit.run(waves | {"embedding": {"type": "learned", "dim": 3}}, quiet=True)
    message = "recipe: embedding.type: 'learned' takes ids, and this reader yields features; leave it out"
    assert caught.value.lines == [message]
    with pytest.raises(seqkit.RecipeError) as caught:
        seqkit.run(waves | {"data": {"type": "text", "text": "six"}, "head": "next_char"}, quiet=True)
    message = "recipe: embedding.type: 'scaled' takes features, and this reader yields ids; 'one_hot' takes them"
    assert caught.value.lines == [message]


def test_features_get_on_without_an_embedding_and_take_no_tokenizer(waves: dict, tmp_path: Path) -> None:
    without = {key: value for key, value in waves.items() if key != "embedding"}
    assert seqkit.run(without, runs=tmp_path, quiet=True).recipe.get("embedding") is None
    with pytest.raises(seqkit.RecipeError, match="tokenizer: this reader yields features, which need none"):
        seqkit.run(waves | {"tokenizer": "char"}, quiet=True)
