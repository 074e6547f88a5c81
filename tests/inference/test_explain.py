"""Explanations of runs: their numbers against predictions, the choice of label and word, and bad input."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import seqkit
from helpers.recipes import classification_recipe
from seqkit.contracts import TextPair, WithSpecialTokens
from seqkit.errors import DataError, SeqkitError, UsageError
from seqkit.explain.attribution import TOLERANCE
from seqkit.explain.explanation import Explanation
from seqkit.explain.tokens import place_tokens, token_texts
from seqkit.inference import explanation as explanation_module
from seqkit.tokenizers.bpe import BPE
from seqkit.tokenizers.byte import Byte
from seqkit.tokenizers.char import Char
from seqkit.tokenizers.word import Word


@pytest.fixture(scope="module")
def classifier(classification_run: Path) -> Any:
    return seqkit.load(classification_run)


@pytest.fixture(scope="module")
def generator(generation_run: Path) -> Any:
    return seqkit.load(generation_run)


def probability(run: Any, text: str, label: str) -> float:
    return run.predict([text])[0]["probabilities"][label]


def assert_adds_up(found: Explanation) -> None:
    assert found.gradients is not None
    assert sum(found.gradients) == pytest.approx(found.difference, rel=TOLERANCE, abs=1e-5)
    assert found.gradients_remainder == pytest.approx(0, abs=max(TOLERANCE * abs(found.difference), 1e-5))
    assert found.occlusion_remainder == pytest.approx(found.difference - sum(found.occlusion))


def test_numbers_are_those_of_predictions(classifier: Any) -> None:
    text = "很好吃难"
    found = classifier.explain(text)
    (prediction,) = classifier.predict([text])
    assert (found.label, found.predicted, found.tokens) == (prediction["label"], prediction["label"], tuple(text))
    p = prediction["probabilities"][found.label]
    assert found.probability == pytest.approx(p, abs=1e-6)
    assert found.score == pytest.approx(np.log(p / (1 - p)), abs=1e-5)
    assert found.ended == pytest.approx(
        [probability(classifier, text[:end], found.label) for end in range(1, 5)], abs=1e-6
    )
    assert found.began == pytest.approx(
        [probability(classifier, text[start:], found.label) for start in range(4)], abs=1e-6
    )
    assert_adds_up(found)


def test_the_two_halves_add_up_to_the_score_of_a_linear_head(classifier: Any) -> None:
    found = classifier.explain("很好吃难")
    assert found.forward is not None
    assert found.backward is not None
    head = classifier.model.head
    column = head.labels.index(found.label)
    bias = float((head.output.bias[column] - head.output.bias[1 - column]).detach())
    forward, backward = (np.log(p / (1 - p)) for p in (found.forward[-1], found.backward[0]))
    assert forward + backward - bias == pytest.approx(found.score, abs=1e-5)


def test_label_and_its_opposite_of_two_labels(classifier: Any) -> None:
    found, other = (classifier.explain("很好吃", label=label) for label in ("pos", "neg"))
    assert found.gradients == pytest.approx([-value for value in other.gradients], abs=1e-5)
    assert {found.predicted} == {other.predicted}
    assert found.probability + other.probability == pytest.approx(1)


def test_next_token_has_the_probability_of_generation(generator: Any) -> None:
    engine = generator._parts.engine
    ids = generator.tokenizer.encode_prompt("In Be")
    logits, _ = engine.read([ids])
    expected = torch.softmax(torch.from_numpy(logits[0]).double(), dim=0)
    found = generator.explain("In Be")
    assert found.probability == pytest.approx(float(expected.max()), abs=1e-6)
    assert found.label == generator.tokenizer.decode([int(expected.argmax())])
    assert found.forward is None
    assert found.ended[-1] == found.began[0] == pytest.approx(found.probability)
    assert_adds_up(found)
    other = generator.explain("In Be", label="i")
    assert other.probability == pytest.approx(float(expected[generator.tokenizer.encode("i")[0]]), abs=1e-6)


def test_data_is_plain_and_complete(classifier: Any) -> None:
    found = classifier.explain("很好", trace=True)
    data = json.loads(json.dumps(found.as_json(), allow_nan=False))
    assert [item["token"] for item in data["tokens"]] == ["很", "好"]
    assert [item["gradients"] for item in data["tokens"]] == list(found.gradients)
    assert data["difference"] == pytest.approx(data["score"] - data["baseline"])
    assert [trace["name"] for trace in data["traces"]] == ["layer 1, forward", "layer 1, backward"]
    assert np.array(data["traces"][0]["values"]["cell"]).shape == (2, 4)


def test_attention_weights_are_shown(tmp_path: Path) -> None:
    recipe = classification_recipe(tmp_path)
    recipe["head"] = {"type": "classify", "pooling": ["attention", "max"], "ngrams": 2}
    run = seqkit.run(recipe, runs=tmp_path, quiet=True)
    found = run.explain("很好吃")
    assert found.pooling_weights is not None
    assert sum(found.pooling_weights) == pytest.approx(1)
    assert found.notes == ()
    assert found.probability == pytest.approx(probability(run, "很好吃", found.label), abs=1e-6)
    assert_adds_up(found)


def test_numbers_of_features_are_explained_by_time_step(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    series = [generator.normal(size=(5, 2)) for _ in range(20)]
    recipe = {
        "name": "sums",
        "data": {"type": "sequences"},
        "encoder": {"type": "lstm", "hidden_size": 4},
        "head": {"type": "regress"},
        "train": {"epochs": 2},
        "baseline": "off",
    }
    run = seqkit.run(recipe, data=(series, [float(each.sum()) for each in series]), runs=tmp_path, quiet=True)
    found = run.explain(series[0])
    assert (found.unit, found.label, found.probability, found.text) == ("value", "value", None, "")
    assert found.tokens == ("1", "2", "3", "4", "5")
    assert found.score == pytest.approx(run.predict([series[0]])[0]["value"], rel=1e-5)
    assert_adds_up(found)
    with pytest.raises(DataError, match="the input: this run reads features"):
        run.explain("a text")


@pytest.mark.parametrize(
    ("arguments", "options", "expected"),
    [
        (("",), {}, "the input: the text is empty"),
        (("很好",), {"label": "poss"}, "there is no label 'poss' (did you mean 'pos'?)"),
        (("很好",), {"label": "x"}, "there is no label 'x': choose one of neg, pos"),
        (
            ("很好",),
            {"token": 1},
            "the head 'sentiment' makes one prediction per text: explain it without a token number (--token)",
        ),
        (("很" * 501,), {}, "the text has 501 tokens, but an explanation takes at most 500: explain a part of it"),
        ((b"x",), {}, "the input: must be text, not b'x'"),
    ],
)
def test_bad_input_of_a_classifier(classifier: Any, arguments: Any, options: Any, expected: str) -> None:
    with pytest.raises(SeqkitError) as caught:
        classifier.explain(*arguments, **options)
    assert str(caught.value).startswith(expected)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", None, 5])
def test_empty_text_of_a_language_model(generator: Any, text: Any) -> None:
    with pytest.raises(UsageError, match="the text is empty: an explanation of the next token needs one before it"):
        generator.explain(text)


def test_head_without_scores(classifier: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(classifier.model.head), "explains", None)
    with pytest.raises(
        UsageError, match="the head 'sentiment' cannot be explained: it has no score of a label or a number$"
    ):
        classifier.explain("很好")


def test_encoder_without_trace_or_gradients(classifier: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = type(classifier.model.encoder)
    forward = encoder.forward
    monkeypatch.setattr(encoder, "trace", lambda self, inputs, lengths: ())
    monkeypatch.setattr(encoder, "forward", lambda self, inputs, *rest: forward(self, inputs.detach(), *rest))
    with pytest.raises(UsageError, match="the encoder 'bilstm' has no trace: explain without it"):
        classifier.explain("很好", trace=True)
    found = classifier.explain("很好")
    assert found.gradients is None
    assert found.notes == ("There are no integrated gradients: no gradient reaches the input of the encoder.",)
    assert any(found.occlusion)


def test_ensemble_is_explained_by_its_members(classifier: Any, tmp_path: Path) -> None:
    copied = shutil.copytree(classifier.path, tmp_path / "copy")
    ensemble = seqkit.ensemble([classifier.path, copied], runs=tmp_path)
    with pytest.raises(UsageError, match="an ensemble does not have one explanation: explain one of its members"):
        ensemble.explain("很好")


def fitted(tokenizer: Any, *texts: str) -> Any:
    tokenizer.fit(texts)
    return tokenizer


@pytest.mark.parametrize(
    ("tokenizer", "value", "expected"),
    [
        (fitted(Char(unknown="mark"), "abc"), "aXYb", ["a", "X", "Y", "b"]),
        (fitted(Char(unknown="skip"), "abc"), "aXb", ["a", "b"]),
        (
            fitted(Word(lower=True, unknown="mark"), "the car is"),
            "The CAR was  blue, is",
            ["The", "CAR", "was", "blue", ",", "is"],
        ),
        (fitted(Byte(), "abc"), "a我b", ["a", "我", "…", "…", "b"]),
        (fitted(BPE(vocab_size=270), "red red red"), "red 我", ["red", " ", "我", "…", "…"]),
        (
            fitted(WithSpecialTokens(Word(unknown="mark"), ["separator"]), "the car"),
            TextPair("the bus", "car"),
            ["the", "bus", "[separator]", "car"],
        ),
    ],
    ids=["char", "skip", "word", "byte", "bpe", "pair"],
)
def test_tokens_have_the_characters_of_the_text(tokenizer: Any, value: Any, expected: list[str]) -> None:
    texts = token_texts(tokenizer, tokenizer.encode_input(value), value)
    assert texts == expected
    shown = "".join(gap + token for gap, token in place_tokens(str(value), texts) if token not in ("…", "[separator]"))
    assert shown.split() == str(value).split()


TOKENIZERS = [
    fitted(Char(unknown="mark"), "ab 我"),
    fitted(Word(lower=True, unknown="mark"), "ab 我 b."),
    fitted(BPE(vocab_size=270), "ab ab ab 我"),
    fitted(Byte(), "ab"),
]


@given(st.sampled_from(TOKENIZERS), st.text(st.sampled_from("abAB 我…İ\n.[]"), min_size=1, max_size=12))
def test_each_token_has_a_text_that_is_shown(tokenizer: Any, text: str) -> None:
    ids = tokenizer.encode(text)
    texts = token_texts(tokenizer, ids, text)
    assert len(texts) == len(place_tokens(text, texts)) == len(ids)
    assert all(texts)


def test_cost_is_limited_before_anything_is_computed(classifier: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explanation_module, "MAX_TOKENS", 2)
    assert classifier.explain("很好").tokens == ("很", "好")
    with pytest.raises(UsageError, match="has 3 tokens"):
        classifier.explain("很好吃")


def test_unknown_next_token(generator: Any) -> None:
    with pytest.raises(UsageError, match=r"there is no token 'InB'"):
        generator.explain("In Be", label="InB")
