"""Tests of the embeddings against torch and scikit-learn."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file
from sklearn.preprocessing import MinMaxScaler, RobustScaler, StandardScaler

import seqkit
from seqkit import registry
from seqkit.embeddings.learned import Learned
from seqkit.embeddings.one_hot import OneHot
from seqkit.embeddings.scaled import Scaled
from seqkit.encoders.lstm import LSTM, BiLSTM, dispatch
from seqkit.modeling.model import Model
from seqkit.recipe.resolve import resolve
from seqkit.recipe.source import read_recipe
from seqkit.tokenizers.char import Char
from seqkit.training.distributed import SINGLE
from seqkit.training.setup import build_setup


@pytest.fixture
def tokenizer() -> Char:
    fitted = Char()
    fitted.fit(["hello"])  # e h l o
    return fitted


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
def test_one_hot_equals_torch_in_the_floating_type_of_the_model(tokenizer: Char, dtype: torch.dtype) -> None:
    embedding = OneHot(tokenizer).to(dtype)
    ids = torch.randint(0, 4, (3, 5))
    vectors = embedding(ids)
    assert vectors.dtype == dtype
    assert vectors.shape == (3, 5, embedding.output_size)
    assert torch.equal(vectors, torch.nn.functional.one_hot(ids, 4).to(dtype))


def test_one_hot_has_no_weights(tokenizer: Char) -> None:
    embedding = OneHot(tokenizer)
    assert not list(embedding.parameters())
    assert not embedding.state_dict()


def test_one_hot_rejects_an_id_outside_the_vocabulary(tokenizer: Char) -> None:
    with pytest.raises(RuntimeError, match="index 4 is out of bounds"):
        OneHot(tokenizer)(torch.tensor([[4]]))


def test_learned_equals_torch_with_the_same_seed(tokenizer: Char) -> None:
    torch.manual_seed(3)
    embedding = Learned(tokenizer, dim=6)
    torch.manual_seed(3)
    table = torch.randn(4, 6)
    ids = torch.tensor([[0, 3, 1], [2, 2, 0]])
    assert embedding.output_size == 6
    assert torch.equal(embedding(ids), table[ids])


def test_gradient_reaches_only_the_vectors_in_use(tokenizer: Char) -> None:
    embedding = Learned(tokenizer, dim=6)
    embedding(torch.tensor([[0, 3, 3]])).sum().backward()
    assert embedding.vectors.weight.grad.tolist() == [[times] * 6 for times in (1, 0, 0, 2)]


def test_learned_returns_a_lookup_unless_dropout_is_active(tokenizer: Char) -> None:
    ids = torch.tensor([[0, 3, 1]])
    plain, with_dropout = Learned(tokenizer, dim=6), Learned(tokenizer, dim=6, dropout=0.5)
    assert plain.as_lookup(ids).table is plain.vectors.weight
    assert plain.as_lookup(ids).ids is ids
    assert with_dropout.as_lookup(ids) is None
    assert with_dropout.eval().as_lookup(ids).table is with_dropout.vectors.weight


@pytest.mark.parametrize("encoder", [LSTM, BiLSTM])
def test_model_computes_the_same_with_a_lookup_and_with_vectors(
    tokenizer: Char, encoder: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatch, "MIN_LOOKUP_WORK", 1)
    embedding, built = Learned(tokenizer, dim=6).double(), encoder(6, hidden_size=5).double()
    model = Model(embedding, built, torch.nn.Identity())
    ids, lengths = torch.randint(0, 4, (3, 7)), torch.tensor([7, 2, 5])
    results = []
    for _ in range(2):
        encoded = model.encode(ids, lengths)
        parts = [encoded.outputs, encoded.final, *encoded.state]
        results.append([*parts, *torch.autograd.grad(sum((part**2).sum() for part in parts), list(model.parameters()))])
        assert built.layers.choices[0].uses_lookup == (len(results) == 1)
        monkeypatch.setattr(embedding, "as_lookup", lambda ids: None)
    assert all(torch.allclose(*pair, rtol=0, atol=1e-12) for pair in zip(*results, strict=True))


def test_dropout_is_active_only_in_training(tokenizer: Char) -> None:
    embedding = Learned(tokenizer, dim=50, dropout=0.5)
    ids = torch.tensor([[0, 1, 2]])
    plain = embedding.vectors.weight[ids]
    dropped = embedding(ids)
    remaining = dropped != 0
    assert 30 < int(remaining.sum()) < 120
    assert torch.equal(dropped[remaining], 2 * plain[remaining])
    assert torch.equal(embedding.eval()(ids), plain)


@pytest.mark.parametrize("make", [OneHot, lambda tokenizer: Learned(tokenizer, dim=3)], ids=["one_hot", "learned"])
def test_empty_batch(tokenizer: Char, make: type) -> None:
    embedding = make(tokenizer)
    assert embedding(torch.zeros(0, 5, dtype=torch.int64)).shape == (0, 5, embedding.output_size)


SCALERS = {"standard": StandardScaler, "min_max": MinMaxScaler, "robust": RobustScaler}


def series(lengths: list[int], seed: int) -> list[np.ndarray]:
    """Return rows of three features: two of different scales, and a constant one."""
    generator = np.random.default_rng(seed)
    values = [generator.standard_exponential((length, 3)) * [1.0, 100.0, 0.0] + [0.0, -50.0, 7.0] for length in lengths]
    return [value.astype(np.float32) for value in values]


@pytest.mark.parametrize("by", SCALERS)
@given(lengths=st.lists(st.integers(1, 9), min_size=1, max_size=5), seed=st.integers(0, 99))
def test_scaled_equals_scikit_learn(by: str, lengths: list[int], seed: int) -> None:
    rows = series(lengths, seed)
    embedding = Scaled(3, by=by).double()
    embedding.fit(iter(rows))
    # scikit-learn computes in the type of its input, seqkit in float64.
    reference = SCALERS[by]().fit(np.concatenate(rows).astype(np.float64))
    unseen = series([6], seed + 1)[0].astype(np.float64)
    actual = embedding(torch.from_numpy(unseen)[None])
    assert actual.shape == (1, 6, embedding.output_size)
    torch.testing.assert_close(actual[0], torch.from_numpy(reference.transform(unseen)), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("by", SCALERS)
def test_constant_feature_is_only_shifted(by: str) -> None:
    embedding = Scaled(2, by=by)
    embedding.fit([np.array([[7.0, 0.1], [7.0, 0.1]]), np.array([[7.0, 0.1]])])
    torch.testing.assert_close(embedding(torch.tensor([[[9.0, 0.1]]])), torch.tensor([[[2.0, 0.0]]]), rtol=0, atol=1e-7)


@pytest.mark.parametrize("by", SCALERS)
@given(level=st.floats(-1e12, 1e12), exponent=st.integers(-300, 300), seed=st.integers(0, 99))
def test_scaled_removes_level_and_scale(by: str, level: float, exponent: int, seed: int) -> None:
    values = np.random.default_rng(seed).standard_normal((50, 2))
    vectors = []
    for changed in (values, level + values, values * 10.0**exponent):
        embedding = Scaled(2, by=by)
        embedding.fit([changed[:20], changed[20:40]])
        vectors.append(embedding(torch.from_numpy(changed[None])))
    assert vectors[0].dtype == torch.float64
    # The sum itself is rounded to a multiple of the spacing.
    torch.testing.assert_close(vectors[1], vectors[0], rtol=0, atol=1e-11 + 8 * np.spacing(abs(level)))
    torch.testing.assert_close(vectors[2], vectors[0], rtol=1e-9, atol=1e-9)


def test_rounding_errors_of_a_constant_feature_are_not_scaled() -> None:
    embedding = Scaled(1)
    embedding.fit([np.array([[0.1 + 0.2], [0.3], [0.3]])])
    assert embedding(torch.tensor([[[0.3]]])).abs().item() < 1e-7


def test_scaled_rejects_features_whose_differences_overflow() -> None:
    with pytest.raises(seqkit.errors.DataError, match="^feature 2 is too large to compute with: rescale it$"):
        Scaled(2).fit([np.array([[1.0, 1.7e308], [2.0, -1.7e308]])])


@pytest.mark.parametrize(
    ("name", "value"), [("shift", np.nan), ("shift", np.inf), ("scale", np.nan), ("scale", 0.0), ("scale", -1.0)]
)
def test_invalid_buffers_are_rejected(waves: dict, tmp_path: Path, name: str, value: float) -> None:
    run = seqkit.run(waves, runs=tmp_path, quiet=True)
    weights = load_file(run.directory.model)
    weights[f"embedding.{name}"][1] = value
    save_file(weights, run.directory.model)
    message = "model.safetensors: corrupt: the embedding 'scaled' has an invalid shift or scale$"
    with pytest.raises(seqkit.errors.DataError, match=message):
        seqkit.load(run.path).predict(series([4], 1))


class Recorded(Scaled):
    """An embedding that does not accept float64, since it overrides `forward`, and records what it receives."""

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        self.received = features.dtype
        return super().forward(features)


@pytest.mark.parametrize("embedding", [None, Scaled(3), Recorded(3)])
def test_encoder_receives_features_in_the_default_dtype(embedding: Any) -> None:
    model = Model(embedding, LSTM(3, hidden_size=2), torch.nn.Identity())
    encoded = model.encode(torch.zeros(1, 4, 3, dtype=torch.float64), torch.tensor([4]))
    assert encoded.outputs.dtype == torch.float32
    assert embedding is None or getattr(embedding, "received", torch.float32) == torch.float32


@pytest.mark.parametrize("embedding", [None, Scaled(3)])
def test_features_too_large_for_float32_are_rejected(embedding: Any) -> None:
    model = Model(embedding, LSTM(3, hidden_size=2), torch.nn.Identity())
    features = torch.zeros(2, 4, 3, dtype=torch.float64)
    features[1, 2] = torch.tensor([7.0, -1e39, 0.0], dtype=torch.float64)
    with pytest.raises(seqkit.errors.DataError, match=r"^a value of 1e\+39 is too large to compute with: correct or"):
        model.encode(features, torch.tensor([4, 4]))


def test_scaled_has_buffers_and_no_weights() -> None:
    embedding, restored = Scaled(3), Scaled(3)
    embedding.fit(series([5], 0))
    assert not list(embedding.parameters())
    restored.load_state_dict(embedding.state_dict())
    values = torch.from_numpy(series([4], 1)[0])[None]
    assert torch.equal(restored(values), embedding(values))


@pytest.fixture
def waves(isolated_registry: None) -> dict:
    """Register a reader of features for one test, and return a recipe that uses it."""

    @seqkit.register("reader", "waves")
    class Waves(seqkit.contracts.Reader):
        yields = "features"

        def __init__(self, *, level: float = 0.0):
            self.level = level

        def read(self):
            for number, row in enumerate(series([5] * 20, 0)):
                values = self.level + row.astype(np.float64) * (1 + number)
                yield seqkit.contracts.Example(values, "odd" if number % 2 else "even", f"waves:{number}")

    return {
        "data": {"type": "waves", "split": {"by": "order", "test": 0.5}},
        "embedding": {"type": "scaled"},
        "encoder": {"type": "lstm", "hidden_size": 4},
        "head": "classify",
        "train": {"epochs": 1, "threads": 1},
    }


def test_scaled_is_fitted_to_training_split_and_saved_with_weights(waves: dict, tmp_path: Path) -> None:
    run = seqkit.run(waves, runs=tmp_path, quiet=True)
    train = np.concatenate([row * (1 + number) for number, row in enumerate(series([5] * 20, 0)[:10])])
    weights = load_file(run.directory.model)
    np.testing.assert_allclose(weights["embedding.shift"], train.mean(axis=0, dtype=np.float64), rtol=1e-6)
    np.testing.assert_allclose(weights["embedding.scale"][:2], train.std(axis=0, dtype=np.float64)[:2], rtol=1e-6)
    assert "embedding" in run.recipe and run.recipe["embedding"] == {"type": "scaled", "by": "standard"}
    rows = [row * (1 + number) for number, row in enumerate(series([5] * 20, 0))]
    predictions = seqkit.load(run.path).predict(rows[10:])
    is_correct = [
        prediction["label"] == ("odd" if number % 2 else "even")
        for number, prediction in enumerate(predictions, start=10)
    ]
    assert np.mean(is_correct) == run.result["metrics"]["test"]["accuracy"]


def test_features_too_large_for_float32_are_rejected_before_training(waves: dict, tmp_path: Path) -> None:
    recipe = {key: value for key, value in waves.items() if key != "embedding"}
    recipe["data"] = waves["data"] | {"level": 1e39}
    with pytest.raises(
        seqkit.errors.DataError, match=r"^waves:0: feature [123], time step [0-9]+: a value of 1e\+39 is too large"
    ):
        seqkit.run(recipe, runs=tmp_path, quiet=True)
    assert not list(tmp_path.iterdir())


def test_note_recommends_scaled_if_float32_hides_the_differences_of_a_feature(waves: dict, tmp_path: Path) -> None:
    recipe = {key: value for key, value in waves.items() if key != "embedding"} | {
        "data": waves["data"] | {"level": 2.0**31}
    }
    notes = []
    for changes in ({}, {"embedding": {"type": "scaled"}}, {"data": waves["data"]}):
        read = read_recipe(recipe | changes)
        plan = resolve(read, registry.load_registry())
        setup = build_setup(plan, read, torch.device("cpu"), SINGLE)
        notes.append(setup.data.notes)
    assert [note.partition(" is between ")[0] for note in notes[0]] == ["feature 1", "feature 2", "feature 3"]
    assert notes[0][0].endswith("but float32 numbers are 2.6e+02 apart there: set `embedding: {type: scaled}`")
    assert notes[1:] == [[], []]


def test_level_of_the_features_changes_nothing(waves: dict, tmp_path: Path) -> None:
    rows = [np.round(row, 6).astype(np.float64) for row in series([4, 9], 1)]
    predictions = []
    for level in (0.0, 2.0**30):
        run = seqkit.run(waves | {"data": waves["data"] | {"level": level}}, runs=tmp_path, quiet=True)
        predictions.append(
            [list(prediction["probabilities"].values()) for prediction in run.predict([row + level for row in rows])]
        )
    np.testing.assert_allclose(*predictions, rtol=0, atol=1e-5)


def test_embedding_must_fit_the_reader(waves: dict) -> None:
    with pytest.raises(seqkit.RecipeError) as caught:
        seqkit.run(waves | {"embedding": {"type": "learned", "dim": 3}}, quiet=True)
    message = "recipe: embedding.type: 'learned' takes ids, but the reader yields features: remove it, or use another"
    assert caught.value.lines == [message]
    with pytest.raises(seqkit.RecipeError) as caught:
        seqkit.run(waves | {"data": {"type": "text", "text": "six"}, "head": "next_char"}, quiet=True)
    message = "recipe: embedding.type: 'scaled' takes features, but the reader yields ids: remove it, or use another"
    assert caught.value.lines == [message]


def test_features_need_no_embedding_and_reject_a_tokenizer(waves: dict, tmp_path: Path) -> None:
    without = {key: value for key, value in waves.items() if key != "embedding"}
    assert seqkit.run(without, runs=tmp_path, quiet=True).recipe.get("embedding") is None
    with pytest.raises(seqkit.RecipeError, match="tokenizer: the reader yields features, which need no tokenizer"):
        seqkit.run(waves | {"tokenizer": "char"}, quiet=True)
