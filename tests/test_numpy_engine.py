"""The engine without torch against the torch modules: every built-in encoder, embedding and head."""

from __future__ import annotations

import copy
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from safetensors.numpy import save

from seqkit.batches import collate
from seqkit.contracts import Example, Row
from seqkit.errors import DataError
from seqkit.infer.numpy_engine import OWN, NumpyEngine, read_weights, supports
from seqkit.infer.torch_engine import TorchEngine
from seqkit.model import build_model
from seqkit.recipe import read_recipe
from seqkit.registry import load_registry
from seqkit.resolve import resolve
from seqkit.weights import weights_of

TEXT = "the quick brown fox"
LSTM = {"type": "lstm", "hidden_size": 5}
BILSTM = {"type": "bilstm", "hidden_size": 4, "num_layers": 2, "dropout": 0.5}

ENCODERS: dict[str, dict[str, Any]] = {
    "lstm": LSTM,
    "lstm, deep, no bias": LSTM | {"num_layers": 3, "bias": False},
    "lstm, proj_size": LSTM | {"num_layers": 2, "proj_size": 2},
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
EMBEDDINGS = {"one_hot": {"type": "one_hot"}, "learned": {"type": "learned", "dim": 3, "dropout": 0.5}}
HEADS = {
    "step": {"type": "next_char", "allow_leak": True, "context": 6, "dropout": 0.5},
    "prefix": {"type": "next_char", "objective": "prefix", "context": 6},
}

every_encoder = pytest.mark.parametrize("encoder", ENCODERS)
every_embedding = pytest.mark.parametrize("embedding", EMBEDDINGS)


class Engines(NamedTuple):
    own: NumpyEngine
    reference: TorchEngine
    tokenizer: Any
    recipe: dict[str, Any]


def engines(encoder: str, embedding: str, head: dict[str, Any], *, double: bool = False) -> Engines:
    """Builds a model with random weights from a recipe, and both engines on it; in float64 if `double`."""
    sections = {"encoder": ENCODERS[encoder], "embedding": EMBEDDINGS[embedding], "head": head}
    reader = {"type": "text", "text": TEXT} if head["type"] == "next_char" else {"type": "table", "path": "none.csv"}
    plan = resolve(read_recipe(copy.deepcopy({"data": reader} | sections)), load_registry())
    assert plan.tokenizer is not None
    tokenizer, built_head = plan.tokenizer.build(), plan.head.build()
    tokenizer.fit([TEXT])
    built_head.fit([Example(TEXT, label) for label in ("glad", "sad", "angry")], tokenizer)
    torch.manual_seed(0)
    model = build_model(plan, tokenizer, built_head, None)
    with torch.no_grad():
        for weight in model.parameters():
            weight.mul_(2)  # far enough from zero for every gate to matter
    if double:
        model.double()
    weights = {name: tensor.numpy() for name, tensor in weights_of(model).items()}
    recipe = plan.as_data()
    return Engines(NumpyEngine(recipe, weights, built_head.state()), TorchEngine(model), tokenizer, recipe)


def near(got: np.ndarray, wanted: np.ndarray, *, double: bool = False) -> bool:
    atol = 1e-12 if double else 1e-5
    return got.shape == wanted.shape and np.allclose(got, wanted, rtol=0, atol=atol)


def next_logits(engine: Any, ids: np.ndarray) -> np.ndarray:
    return engine.read([ids])[0][0]


every_type = pytest.mark.parametrize("double", [False, True], ids=["float32", "float64"])
causal_encoders = pytest.mark.parametrize("encoder", [name for name in ENCODERS if "bilstm" not in str(ENCODERS[name])])


@every_type
@pytest.mark.parametrize("head", HEADS)
@every_embedding
@every_encoder
def test_next_logits_equal_torchs(encoder: str, embedding: str, head: str, double: bool) -> None:
    own, reference, tokenizer, recipe = engines(encoder, embedding, HEADS[head], double=double)
    assert supports(recipe)
    assert (own.carries, own.context) == (reference.carries, reference.context)
    assert own.carries is (head == "step" and reference.model.encoder.causal)
    ids = tokenizer.encode(TEXT)
    for length in (1, 2, 19):
        got, wanted = next_logits(own, ids[:length]), next_logits(reference, ids[:length])
        assert got.dtype == (np.float64 if double else np.float32)
        assert near(got, wanted, double=double)


@pytest.mark.parametrize("head", HEADS)
@every_encoder
def test_texts_of_any_lengths_are_read_as_each_is_alone(encoder: str, head: str) -> None:
    for engine in (both := engines(encoder, "one_hot", HEADS[head], double=True))[:2]:
        texts = [both.tokenizer.encode(text) for text in ("own", TEXT, "x", "the quick", "x b")]
        assert near(engine.read(texts)[0], np.array([next_logits(engine, ids) for ids in texts]), double=True)


@every_type
@every_embedding
@causal_encoders
def test_a_step_on_equals_the_whole_text_at_once(encoder: str, embedding: str, double: bool) -> None:
    """In one row, in several, and in those that are left of several; against torch's modules on the whole text."""
    own, reference, tokenizer, _ = engines(encoder, embedding, HEADS["step"], double=double)
    ids = tokenizer.encode(TEXT)
    for engine in (own, reference):
        for starts in ([3], [1, 6, 2, 4]):
            texts = [ids[:start] for start in starts]
            logits, state = engine.read(texts)
            for step in range(8):
                if step == 3 and len(starts) > 1:  # three rows are left of four
                    state, texts = engine.select(state, np.array([0, 1, 3])), [texts[0], texts[1], texts[3]]
                if step == 6 and len(starts) > 1:  # and one of three
                    state, texts = engine.select(state, np.array([1])), [texts[1]]
                added = ids[step + 5 : step + 5 + len(texts)]
                texts = [np.append(text, number) for text, number in zip(texts, added, strict=True)]
                logits, state = engine.step(added, state)
                assert near(logits, np.array([next_logits(reference, text) for text in texts]), double=double)


@pytest.mark.parametrize(
    "head",
    [{"type": "classify", "pooling": "mean"}, {"type": "classify", "pooling": "max"}, {"type": "sentiment"}],
    ids=["mean", "max", "final"],
)
@every_embedding
@every_encoder
def test_label_probabilities_equal_torchs(encoder: str, embedding: str, head: dict[str, Any]) -> None:
    own, reference, tokenizer, recipe = engines(encoder, embedding, head | {"dropout": 0.5})
    assert supports(recipe)
    assert own.labels == ["angry", "glad", "sad"]
    texts = [tokenizer.encode(text) for text in ("fox", "the quick brown", "x", TEXT, "own", "the fox")]
    got = own.label_probabilities(texts)
    answers = reference.predict(texts)
    assert near(got, np.array([[answer["probabilities"][label] for label in own.labels] for answer in answers]))
    assert [own.labels[row.argmax()] for row in got] == [answer["label"] for answer in answers]
    assert np.allclose(got.sum(axis=1), 1, rtol=0, atol=1e-12)


@every_encoder
def test_a_texts_label_does_not_depend_on_the_others(encoder: str) -> None:
    own, reference, tokenizer, _ = engines(encoder, "one_hot", {"type": "classify"})
    generator = np.random.default_rng(0)
    texts = [generator.integers(0, tokenizer.vocab_size, generator.integers(1, 12)) for _ in range(300)]
    together = own.label_probabilities(texts)
    for number in (0, 1, 150, 299):
        assert near(together[number], own.label_probabilities([texts[number]])[0])
    answers = reference.predict(texts)
    assert near(together, np.array([list(answer["probabilities"].values()) for answer in answers]))


@every_encoder
def test_mixed_lengths_are_encoded_as_torch_encodes_them(encoder: str) -> None:
    own, reference, tokenizer, _ = engines(encoder, "one_hot", {"type": "classify"})
    batch = collate([Row(tokenizer.encode(text)) for text in (TEXT, "the quick", "fox", "x")])  # falling lengths
    with torch.no_grad():
        wanted = reference.model.encode(batch.inputs, batch.lengths)
    got = own.encoder.run(batch.inputs.numpy(), batch.lengths.numpy())
    real = batch.mask.numpy()
    assert near(got.outputs[real], wanted.outputs.numpy()[real])
    assert near(got.final, wanted.final.numpy())


def test_every_built_in_is_supported_and_nothing_else() -> None:
    registry = load_registry()
    for kind, names in OWN.items():
        own = [entry for entry in registry.all(kind) if entry.distribution == "seqkit"]
        assert {entry.name for entry in own if getattr(entry.load(), "takes", "ids") == "ids"} == names
    recipe = engines("projected, stacked, projected", "one_hot", HEADS["step"]).recipe
    assert supports(recipe)
    for change in (
        {"tokenizer": {"type": "pinyin"}},
        {"embedding": None},
        {"encoder": {"type": "gru"}},
        {"encoder": {"type": "projected", "proj_size": 2, "encoder": {"type": "gru"}}},
        {"encoder": {"type": "stacked", "layers": [LSTM, {"type": "gru"}]}},
        {"head": {"type": "crf"}},
    ):
        assert not supports(recipe | change)


def test_weights_of_another_recipe_are_refused() -> None:
    recipe = engines("lstm", "learned", HEADS["step"]).recipe
    with pytest.raises(DataError, match="the weights hold no 'embedding.vectors.weight': they are not those of this"):
        NumpyEngine(recipe, {}, {})


def test_weights_are_read_as_written(tmp_path: Any) -> None:
    path = tmp_path / "model.safetensors"
    weights = {"a": np.arange(6, dtype=np.float32).reshape(2, 3)}
    path.write_bytes(save(weights))
    assert np.array_equal(read_weights(path)["a"], weights["a"])


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "is missing: the run is not complete"), (b"", "damaged"), (b"\xff" * 40, "damaged")],
)
def test_weights_that_cannot_be_read_are_named(tmp_path: Any, content: bytes | None, message: str) -> None:
    path = tmp_path / "model.safetensors"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=f"model.safetensors: {message}"):
        read_weights(path)


def test_a_truncated_weight_file_is_damaged(tmp_path: Any) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(save({"a": np.zeros(100, np.float32)})[:-8])
    with pytest.raises(DataError, match="model.safetensors: damaged"):
        read_weights(path)
