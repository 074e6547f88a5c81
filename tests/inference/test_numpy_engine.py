"""Tests of the NumPy engine against the torch engine: every built-in encoder, embedding and head."""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Iterator
from functools import cache
from itertools import product
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from safetensors.numpy import save

from helpers.engines import numpy_model, torch_engine
from seqkit.contracts import Example, Row
from seqkit.data.batching import collate
from seqkit.errors import DataError
from seqkit.inference.numpy_engine.engine import SUPPORTED, supports
from seqkit.inference.numpy_engine.model import NumpyModel
from seqkit.inference.numpy_engine.weights import InvalidSetting, read_weights
from seqkit.inference.torch_engine import TorchEngine
from seqkit.modeling.model import build_model
from seqkit.modeling.weights import copy_weights
from seqkit.recipe.plan import Plan
from seqkit.recipe.resolve import resolve
from seqkit.recipe.source import read_recipe
from seqkit.registry import load_registry

TEXT = "the quick brown fox"
LSTM = {"type": "lstm", "hidden_size": 5}
BILSTM = {"type": "bilstm", "hidden_size": 4, "num_layers": 2, "dropout": 0.5}

ENCODERS: dict[str, dict[str, Any]] = {
    "lstm": LSTM,
    "lstm, deep, no bias": LSTM | {"num_layers": 3, "bias": False},
    "lstm, proj_size": LSTM | {"num_layers": 2, "proj_size": 2},
    "lstm, dropout": LSTM | {"input_dropout": 0.5, "output_dropout": 0.5, "variational": True, "weight_dropout": 0.5},
    "bilstm": BILSTM,
    "bilstm, proj_size, no bias": BILSTM | {"proj_size": 3, "bias": False},
    "stacked": {"type": "stacked", "dropout": 0.5, "layers": [LSTM, LSTM | {"hidden_size": 3}]},
    "stacked, mixed": {"type": "stacked", "layers": [BILSTM, LSTM | {"proj_size": 2}, BILSTM]},
    "projected": {"type": "projected", "proj_size": 3, "encoder": LSTM},
    "projected, both ways, no bias": {"type": "projected", "proj_size": 3, "bias": False, "encoder": BILSTM},
    "projected, stacked, projected": {
        "type": "projected",
        "proj_size": 6,
        "encoder": {
            "type": "stacked",
            "layers": [{"type": "projected", "proj_size": 2, "encoder": LSTM}, LSTM, BILSTM],
        },
    },
    "stacked, stacked": {
        "type": "stacked",
        "layers": [{"type": "stacked", "layers": [LSTM, {"type": "projected", "proj_size": 2, "encoder": LSTM}]}, LSTM],
    },
}
LEARNED = {"type": "learned", "dim": 3, "dropout": 0.5}
EMBEDDINGS: dict[str, dict[str, Any]] = {
    "one_hot": {"type": "one_hot"},
    "learned": LEARNED,
    "char_ngrams": {"type": "char_ngrams", "dim": 4, "min_n": 1, "max_n": 3, "buckets": 20, "word_dropout": 0.5},
    "bigrams": {"type": "bigrams", "dim": 4, "buckets": 20, "pairs": "previous", "min_count": 1},
    "concat": {"type": "concat", "embeddings": [LEARNED, {"type": "one_hot"}, LEARNED | {"dim": 2}]},
    "concat, bigrams": {
        "type": "concat",
        "embeddings": [LEARNED, {"type": "bigrams", "dim": 2, "buckets": 20, "pairs": "both"}, LEARNED],
    },
}
HEADS = {
    "step": {"type": "next_char", "allow_leak": True, "context": 6, "dropout": 0.5},
    "prefix": {"type": "next_char", "objective": "prefix", "context": 6},
}

every_encoder = pytest.mark.parametrize("encoder", ENCODERS)
MIXED = "stacked, mixed"
ONE_BY_ONE = [*((name, "learned") for name in ENCODERS), *((MIXED, name) for name in EMBEDDINGS if name != "learned")]
"""Every encoder with one embedding, and every other embedding with one encoder."""


class Engines(NamedTuple):
    numpy_engine: NumpyModel
    reference: TorchEngine
    labels: list[str]
    tokenizer: Any
    recipe: dict[str, Any]


def engines(encoder: str, embedding: str, head: dict[str, Any], *, double: bool = False) -> Engines:
    """Build a model with random weights and both engines for it, in float64 if `double`.

    Neither engine changes by reading: tests with the same arguments share them, with a recipe of their own.
    """
    sections = {"encoder": ENCODERS[encoder], "embedding": EMBEDDINGS[embedding], "head": head}
    built = build_engines(json.dumps(sections), double)
    return built._replace(recipe=copy.deepcopy(built.recipe))


@cache
def resolved(sections: str) -> Plan:
    """Return the plan of these sections of a recipe."""
    recipe = json.loads(sections)
    text = recipe["head"]["type"] == "next_char"
    reader = {"type": "text", "text": TEXT} if text else {"type": "table", "path": "none.csv"}
    return resolve(read_recipe({"data": reader} | recipe), load_registry())


@cache
def build_engines(sections: str, double: bool) -> Engines:
    plan, head = resolved(sections), json.loads(sections)["head"]
    assert plan.tokenizer is not None
    tokenizer, built_head = plan.tokenizer.build(), plan.head.build()
    tokenizer.fit([TEXT])
    built_head.fit([Example(TEXT, label) for label in ("glad", "sad", "angry")], tokenizer)
    torch.manual_seed(0)
    model = build_model(plan, tokenizer, built_head, None)
    assert model.embedding is not None
    model.embedding.fit([tokenizer.encode(TEXT)])
    with torch.no_grad():
        for weight in model.parameters():
            weight.mul_(2).add_(0.1)  # large enough for every gate to affect the result
        if "ngrams" in head:
            model.head.wide.weight.normal_()  # type: ignore[union-attr,operator]
    if double:
        model.double()
    weights = {name: tensor.numpy() for name, tensor in copy_weights(model).items()}
    recipe = plan.as_data()
    labels = built_head.state().get("labels", [])
    size = tokenizer.vocab_size
    numpy_engine = numpy_model(recipe, weights, size, len(labels) or size, tokenizer.decode)
    return Engines(numpy_engine, torch_engine(model), labels, tokenizer, recipe)


@pytest.fixture(scope="module", autouse=True)
def _free_models() -> Iterator[None]:
    yield
    resolved.cache_clear()
    build_engines.cache_clear()


def close(actual: np.ndarray, expected: np.ndarray, *, double: bool = False) -> bool:
    atol = 1e-12 if double else 1e-5
    return actual.shape == expected.shape and np.allclose(actual, expected, rtol=0, atol=atol)


def next_logits(engine: Any, ids: np.ndarray) -> np.ndarray:
    return engine.read([ids])[0][0]


every_type = pytest.mark.parametrize("double", [False, True], ids=["float32", "float64"])


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize(
    ("encoder", "embedding", "double"),
    [*((*pair, True) for pair in product(ENCODERS, EMBEDDINGS)), *((*pair, False) for pair in ONE_BY_ONE)],
)
def test_next_logits_equal_torch(encoder: str, embedding: str, head: str, double: bool) -> None:
    numpy_engine, reference, labels, tokenizer, recipe = engines(encoder, embedding, HEADS[head], double=double)
    assert supports(recipe)
    assert (numpy_engine.carries_state, numpy_engine.context) == (reference.carries_state, reference.context)
    assert numpy_engine.carries_state is (head == "step" and reference.model.causal)
    ids = tokenizer.encode(TEXT)
    for length in (1, 2, 19):
        actual, expected = next_logits(numpy_engine, ids[:length]), next_logits(reference, ids[:length])
        assert actual.dtype == (np.float64 if double else np.float32)
        assert close(actual, expected, double=double)


@every_type
@pytest.mark.parametrize("objective", ["step", "prefix"])
@pytest.mark.parametrize(("encoder", "width"), [("lstm", 5), ("bilstm", 8), ("projected, stacked, projected", 6)])
def test_tied_output_equals_torch(
    monkeypatch: pytest.MonkeyPatch, encoder: str, width: int, objective: str, double: bool
) -> None:
    monkeypatch.setitem(EMBEDDINGS, "tied", {"type": "learned", "dim": width})
    head = HEADS["step"] | {"objective": objective, "tied": True}
    numpy_engine, reference, _, tokenizer, _ = engines(encoder, "tied", head, double=double)
    texts = [tokenizer.encode(text) for text in ("own", TEXT, "x")]
    for engine in (numpy_engine, reference):
        logits, state = engine.read(texts)
        assert close(logits, np.array([next_logits(reference, ids) for ids in texts]), double=double)
        if state is not None:
            longer = [np.append(ids, 3) for ids in texts]
            expected = np.array([next_logits(reference, ids) for ids in longer])
            assert close(engine.step(np.array([3, 3, 3]), state)[0], expected, double=double)


@pytest.mark.parametrize("head", HEADS)
@every_encoder
def test_batched_read_equals_single_reads(encoder: str, head: str) -> None:
    for engine in (pair := engines(encoder, "one_hot", HEADS[head], double=True))[:2]:
        texts = [pair.tokenizer.encode(text) for text in ("own", TEXT, "x", "the quick", "x b")]
        assert close(engine.read(texts)[0], np.array([next_logits(engine, ids) for ids in texts]), double=True)


CAUSAL = [name for name in ENCODERS if "bilstm" not in str(ENCODERS[name])]
CAUSAL_EMBEDDINGS = [name for name in EMBEDDINGS if "both" not in str(EMBEDDINGS[name])]


@pytest.mark.parametrize(
    ("encoder", "embedding", "double"),
    [*((*pair, True) for pair in product(CAUSAL, CAUSAL_EMBEDDINGS)), *((name, "learned", False) for name in CAUSAL)],
)
def test_steps_equal_reading_whole_text(encoder: str, embedding: str, double: bool) -> None:
    """For one row, several rows and a selection of rows. Torch reads the whole text for the expected logits."""
    numpy_engine, reference, _, tokenizer, _ = engines(encoder, embedding, HEADS["step"], double=double)
    ids = tokenizer.encode(TEXT)
    for starts in ([3], [1, 6, 2, 4]):
        texts = [ids[:start] for start in starts]
        states = [(engine, engine.read(texts)[1]) for engine in (numpy_engine, reference)]
        for step in range(8):
            if len(starts) > 1 and step in (3, 6):  # keep three rows of four, and then one of them
                rows = [0, 1, 3] if step == 3 else [1]
                states = [(engine, engine.select(state, np.array(rows))) for engine, state in states]
                texts = [texts[row] for row in rows]
            added = ids[step + 5 : step + 5 + len(texts)]
            texts = [np.append(text, number) for text, number in zip(texts, added, strict=True)]
            expected = np.array([next_logits(reference, text) for text in texts])
            for number, (engine, state) in enumerate(states):
                logits, state = engine.step(added, state)
                states[number] = engine, state
                assert close(logits, expected, double=double)


@pytest.mark.parametrize(
    "head",
    [
        {"type": "classify", "pooling": "mean"},
        {"type": "classify", "pooling": "max"},
        {"type": "sentiment"},
        {"type": "classify", "pooling": "attention"},
        {
            "type": "classify",
            "pooling": ["max", "final", "attention", "mean"],
            "ngrams": 3,
            "ngram_scale": 2.5,
        },
    ],
    ids=["mean", "max", "final", "attention", "several poolings, n-grams"],
)
@pytest.mark.parametrize(("encoder", "embedding"), ONE_BY_ONE)
def test_label_probabilities_equal_torch(encoder: str, embedding: str, head: dict[str, Any]) -> None:
    numpy_engine, reference, labels, tokenizer, recipe = engines(encoder, embedding, head | {"dropout": 0.5})
    assert supports(recipe)
    assert labels == ["angry", "glad", "sad"]
    texts = [tokenizer.encode(text) for text in ("fox", "the quick brown", "x", TEXT, "own", "the fox")]
    actual = numpy_engine.label_probabilities(texts)
    predictions = reference.predict(texts)
    assert close(
        actual, np.array([[prediction["probabilities"][label] for label in labels] for prediction in predictions])
    )
    assert [labels[row.argmax()] for row in actual] == [prediction["label"] for prediction in predictions]
    assert np.allclose(actual.sum(axis=1), 1, rtol=0, atol=1e-12)


@every_encoder
def test_label_probabilities_do_not_depend_on_the_batch(encoder: str) -> None:
    numpy_engine, reference, _, tokenizer, _ = engines(encoder, "one_hot", {"type": "classify"})
    generator = np.random.default_rng(0)
    texts = [generator.integers(0, tokenizer.vocab_size, generator.integers(1, 12)) for _ in range(300)]
    batched = numpy_engine.label_probabilities(texts)
    for number in (0, 1, 150, 299):
        assert close(batched[number], numpy_engine.label_probabilities([texts[number]])[0])
    predictions = reference.predict(texts)
    assert close(batched, np.array([list(prediction["probabilities"].values()) for prediction in predictions]))


@every_encoder
def test_encoded_batch_equals_torch(encoder: str) -> None:
    numpy_engine, reference, _, tokenizer, _ = engines(encoder, "one_hot", {"type": "classify"})
    batch = collate([Row(tokenizer.encode(text)) for text in (TEXT, "the quick", "fox", "x")])  # decreasing lengths
    with torch.no_grad():
        expected = reference.model.encode(batch.inputs, batch.lengths)
    actual = numpy_engine.encoder.encode(batch.inputs.numpy(), batch.lengths.numpy())
    real = batch.mask.numpy()
    assert close(actual.outputs[real], expected.outputs.numpy()[real])
    assert close(actual.final, expected.final.numpy())


def test_only_built_in_components_are_supported() -> None:
    registry = load_registry()
    for kind, names in SUPPORTED.items():
        built_in = [entry for entry in registry.all(kind) if entry.distribution == "seqkit"]
        assert {entry.name for entry in built_in if getattr(entry.load(), "takes", "ids") == "ids"} == names
    recipe = engines("projected, stacked, projected", "one_hot", HEADS["step"]).recipe
    assert supports(recipe)
    for section in (
        {"tokenizer": {"type": "pinyin"}},
        {"embedding": None},
        {"encoder": {"type": "gru"}},
        {"encoder": {"type": "projected", "proj_size": 2, "encoder": {"type": "gru"}}},
        {"encoder": {"type": "stacked", "layers": [LSTM, {"type": "gru"}]}},
        {"head": {"type": "crf"}},
    ):
        assert not supports(recipe | section)


def test_weights_of_another_recipe_are_rejected() -> None:
    recipe = engines("lstm", "learned", HEADS["step"]).recipe
    with pytest.raises(DataError, match="'embedding.vectors.weight' is missing: the file does not contain"):
        numpy_model(recipe, {}, 16, 16)


def test_invalid_head_settings_are_rejected() -> None:
    recipe = engines("lstm", "one_hot", HEADS["step"]).recipe
    for setting, reason in (
        ({"context": "6"}, "head.context: must be a non-negative integer, not '6'"),
        ({"objective": 5}, "head.objective: must be one of step, prefix, not 5"),
        ({"tied": 5}, "head.tied: must be true or false, not 5"),
        ({"tied": True}, "head.tied: the embedding has no vectors as wide as the encoder's outputs"),
        ({"pooling": 5}, "head.pooling: must be one of final, mean, max, attention, not 5"),
        ({"pooling": []}, "head.pooling: must be a list of at least 1 values .*, not \\[\\]"),
        ({"pooling": ["sum"]}, "head.pooling: .* from final, mean, max, attention, not \\['sum'\\]"),
        ({"ngrams": "3"}, "head.ngrams: must be an integer, 1 to 10, not '3'"),
        ({"ngrams": 3, "ngram_scale": 0.0}, "head.ngram_scale: must be a positive number, not 0.0"),
    ):
        with pytest.raises(InvalidSetting, match=f"^{reason}$"):
            model_with_head_setting(recipe, setting)


def model_with_head_setting(recipe: dict[str, Any], setting: dict[str, Any]) -> NumpyModel:
    """Build a model from valid weights and a head with another setting."""
    pair = engines("lstm", "one_hot", HEADS["step"])
    weights = {name: tensor.numpy() for name, tensor in pair.reference.model.state_dict().items()}
    size = pair.tokenizer.vocab_size
    return numpy_model(recipe | {"head": recipe["head"] | setting}, weights, size, size)


def test_huge_layer_count_fails_at_first_missing_weight() -> None:
    recipe = engines("lstm", "one_hot", HEADS["step"]).recipe
    recipe["encoder"]["num_layers"] = 1_000_000
    start = time.perf_counter()
    with pytest.raises(DataError, match=r"'encoder\.layers\.cells\.0\.weight_ih_l0' is missing"):
        numpy_model(recipe, {}, 16, 16)
    assert time.perf_counter() - start < 1


def test_saved_weights_are_read_back(tmp_path: Any) -> None:
    path = tmp_path / "model.safetensors"
    weights = {"a": np.arange(6, dtype=np.float32).reshape(2, 3)}
    path.write_bytes(save(weights))
    assert np.array_equal(read_weights(path).take("a", (2, 3)), weights["a"])


@pytest.mark.parametrize(
    "known",
    [np.array([3, 3, 5]), np.array([5, 3]), np.array([[3], [5]]), np.array([3, 5], np.int32), np.array([3.0]), None],
)
def test_ngrams_that_are_not_ascending_integers_are_rejected(tmp_path: Any, known: np.ndarray | None) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(save({"known": np.array([3, 4, 9])} | ({} if known is None else {"wrong": known})))
    assert read_weights(path).take_ascending("known").tolist() == [3, 4, 9]
    with pytest.raises(DataError, match="model.safetensors: 'wrong' is not a list of ascending integers"):
        read_weights(path).take_ascending("wrong")


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "is missing: the run is not complete"), (b"", "corrupt"), (b"\xff" * 40, "corrupt")],
)
def test_unreadable_weight_files_are_named(tmp_path: Any, content: bytes | None, message: str) -> None:
    path = tmp_path / "model.safetensors"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=f"model.safetensors: {message}"):
        read_weights(path)


def test_truncated_weight_file_is_corrupt(tmp_path: Any) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(save({"a": np.zeros(100, np.float32)})[:-8])
    with pytest.raises(DataError, match="model.safetensors: corrupt"):
        read_weights(path)
