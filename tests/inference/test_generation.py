"""Tests of generation: greedy decoding against an argmax loop, sampling against exact distributions, streaming."""

from __future__ import annotations

import copy
import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from helpers.engines import ConstantEngine, ScriptedEngine, fitted_tokenizer, numpy_model, torch_engine
from seqkit.contracts import Example
from seqkit.data.batching import collate
from seqkit.inference.generation import generate, stream
from seqkit.inference.sampling import SamplingConfig, row_generator, sample
from seqkit.modeling.model import Model, build_model
from seqkit.recipe.resolve import resolve
from seqkit.recipe.source import read_recipe
from seqkit.registry import load_registry
from seqkit.tokenizers.byte import Byte
from seqkit.tokenizers.char import Char
from seqkit.tokenizers.word import Word

few_examples = settings(max_examples=100, deadline=None, derandomize=True, database=None)


def stream_pieces(engine: Any, tokenizer: Any, length: int, prompt: Sequence[int] = (0,), **options: Any) -> list[str]:
    """Stream a text and check that generating it at once gives the same text."""
    seed, stop = options.pop("seed", 0), options.pop("stop", [])
    arguments: dict[str, Any] = {"length": length, "sampling": SamplingConfig(**options), "stop": stop}
    generated = generate(
        copy.deepcopy(engine), tokenizer, [np.array(prompt)], generators=[row_generator(seed)], **arguments
    )
    streamed = list(stream(engine, tokenizer, np.array(prompt), seed=seed, **arguments))
    assert generated == ["".join(streamed)]
    return streamed


def sample_id(logits: Any, generator: np.random.Generator, suppressed: Sequence[int] = (), **options: Any) -> int:
    return int(sample(np.array(logits)[None], SamplingConfig(**options), [generator], suppressed)[0])


# Greedy decoding

SENTENCE = "a stitch in time saves nine"
MODELS: dict[str, dict[str, Any]] = {
    "lstm": {"encoder": {"type": "lstm", "hidden_size": 8}, "head": {"type": "next_char"}},
    "stacked": {
        "encoder": {"type": "stacked", "layers": [{"type": "lstm", "hidden_size": size} for size in (6, 8)]},
        "head": {"type": "next_char"},
    },
    "bilstm on prefixes": {
        "encoder": {"type": "bilstm", "hidden_size": 8},
        "head": {"type": "next_char", "objective": "prefix", "context": 9},
    },
    "bilstm with allow_leak": {
        "encoder": {"type": "bilstm", "hidden_size": 8},
        "head": {"type": "next_char", "allow_leak": True, "context": 9},
    },
}


def trained_model(name: str) -> tuple[dict[str, Any], Model, Any]:
    """Return a recipe, a model trained briefly on the sentence, and its tokenizer."""
    recipe = {"data": {"type": "text", "text": SENTENCE}} | MODELS[name]
    plan = resolve(read_recipe(recipe), load_registry())
    tokenizer, head = fitted_tokenizer(SENTENCE), plan.head.build()
    head.fit([Example(SENTENCE)], tokenizer)
    torch.manual_seed(4)
    model = build_model(plan, tokenizer, head, None)
    batch = collate(list(head.rows(Example(SENTENCE), tokenizer.encode(SENTENCE))))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
    for _ in range(30):
        optimizer.zero_grad()
        model(batch)[0].total.backward()
        optimizer.step()
    return plan.as_data(), model, tokenizer


@pytest.mark.parametrize("name", MODELS)
def test_greedy_decoding_equals_argmax_loop(name: str) -> None:
    recipe, model, tokenizer = trained_model(name)
    model.eval()
    prompt = tokenizer.encode("a stitch")
    ids = prompt.tolist()
    for _ in range(30):
        context = torch.tensor([ids if model.encoder.causal else ids[-9:]])
        with torch.no_grad():
            encoded = model.encode(context, torch.tensor([context.shape[1]]))
            ids.append(int(model.head.logits(encoded)[0, -1].argmax()))
    expected = tokenizer.decode(ids[len(prompt) :])
    assert len(set(expected)) > 2
    weights = {key: value.numpy() for key, value in model.state_dict().items()}
    for engine in (
        torch_engine(model),
        numpy_model(recipe, weights, tokenizer.vocab_size, tokenizer.vocab_size),
    ):
        assert "".join(stream_pieces(engine, tokenizer, 30, prompt)) == expected


def test_engine_with_state_reads_prompt_once() -> None:
    engine = ScriptedEngine([2, 0, 1])
    assert stream_pieces(engine, fitted_tokenizer("abc"), 3, [1, 1, 2]) == ["c", "a", "b", ""]
    assert engine.read_texts == [[1, 1, 2]]
    assert engine.steps == [([2], [0]), ([0], [0])]


def test_engine_without_state_rereads_text() -> None:
    engine = ScriptedEngine([2, 0, 1], carries=False)
    assert "".join(stream_pieces(engine, fitted_tokenizer("abc"), 3, [1, 1])) == "cab"
    assert engine.read_texts == [[1, 1], [1, 1, 2], [1, 1, 2, 0]]


# Sampling

LOGITS = np.log([0.05, 0.4, 0.1, 0.25, 0.2])

DISTRIBUTIONS: dict[str, tuple[dict[str, Any], dict[int, float]]] = {
    "plain": ({}, {0: 0.05, 1: 0.4, 2: 0.1, 3: 0.25, 4: 0.2}),
    "top_k 1": ({"top_k": 1}, {1: 1.0}),
    "top_k 3": ({"top_k": 3}, {1: 0.4, 3: 0.25, 4: 0.2}),
    "top_k past the end": ({"top_k": 50}, {0: 0.05, 1: 0.4, 2: 0.1, 3: 0.25, 4: 0.2}),
    "top_p, tiny": ({"top_p": 1e-9}, {1: 1.0}),
    "top_p, exactly one": ({"top_p": 0.4}, {1: 0.4}),
    "top_p, slightly more than one": ({"top_p": 0.41}, {1: 0.4, 3: 0.25}),
    "top_p, exactly three": ({"top_p": 0.85}, {1: 0.4, 3: 0.25, 4: 0.2}),
    "top_p, all": ({"top_p": 1.0}, {0: 0.05, 1: 0.4, 2: 0.1, 3: 0.25, 4: 0.2}),
    "top_k, then top_p": ({"top_k": 3, "top_p": 0.75}, {1: 0.4, 3: 0.25}),
    "high temperature": (
        {"temperature": 2.0},
        {number: math.sqrt(p) for number, p in enumerate((0.05, 0.4, 0.1, 0.25, 0.2))},
    ),
    "low temperature": ({"temperature": 0.5}, {number: p * p for number, p in enumerate((0.05, 0.4, 0.1, 0.25, 0.2))}),
    "low temperature, then top_p": ({"temperature": 0.5, "top_p": 0.7}, {1: 0.4**2, 3: 0.25**2}),
    "suppressed": ({"suppressed": [1, 2]}, {0: 0.05, 3: 0.25, 4: 0.2}),
    "suppressed, then top_k": ({"suppressed": [1], "top_k": 2}, {3: 0.25, 4: 0.2}),
    "suppressed, then top_p": ({"suppressed": [1], "top_p": 0.4}, {3: 0.25}),
    "suppressed, top_k past the end": ({"suppressed": [0, 1, 2, 3], "top_k": 4}, {4: 1.0}),
}
"""Sampling options and the weight of each id that can be sampled."""


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_samples_follow_the_distribution(name: str) -> None:
    options, weights = DISTRIBUTIONS[name]
    options = {"temperature": 1.0} | options
    generator = np.random.default_rng(0)
    samples = 1_500
    counts = Counter(sample_id(LOGITS, generator, **options) for _ in range(samples))
    assert set(counts) == set(weights)
    for number, weight in weights.items():
        probability = weight / sum(weights.values())
        assert counts[number] / samples == pytest.approx(
            probability, abs=4 * math.sqrt(probability * (1 - probability) / samples)
        )


@few_examples
@given(
    logits=st.lists(st.floats(-30, 30, width=32), min_size=2, max_size=12),
    temperature=st.floats(0.05, 20),
    top_k=st.none() | st.integers(1, 14),
    top_p=st.none() | st.floats(0.01, 1),
    data=st.data(),
)
def test_samples_respect_top_k_and_top_p(
    logits: list[float], temperature: float, top_k: int | None, top_p: float | None, data: st.DataObject
) -> None:
    suppressed = data.draw(st.lists(st.integers(0, len(logits) - 1), max_size=len(logits) - 1, unique=True))
    generator = np.random.default_rng(data.draw(st.integers(0, 99)))
    sampled = sample_id(logits, generator, suppressed, temperature=temperature, top_k=top_k, top_p=top_p)
    assert sampled not in suppressed
    best = max(other for number, other in enumerate(logits) if number not in suppressed)
    scores = [(other - best) / temperature for other in logits]  # rounding can make two scores equal
    more_likely = [score for number, score in enumerate(scores) if number not in suppressed and score > scores[sampled]]
    if top_k is not None:
        assert len(more_likely) < top_k
    if top_p is not None:
        allowed = sorted((score for number, score in enumerate(scores) if number not in suppressed), reverse=True)[
            :top_k
        ]
        assert math.fsum(map(math.exp, more_likely)) <= (top_p + 1e-9) * math.fsum(map(math.exp, allowed))


@pytest.mark.parametrize("suppressed", [[], [1]])
def test_temperature_zero_takes_first_most_likely_id(suppressed: list[int]) -> None:
    generator = np.random.default_rng(0)
    expected = 2 if suppressed else 1
    assert {sample_id([1.0, 3, 2, 2], generator, suppressed) for _ in range(20)} == {expected}
    assert sample_id([1.0, 2, 2], generator) == 1


@pytest.mark.parametrize("temperature", [5e-324, 1e-300, 1e-30])
def test_tiny_temperature_is_greedy(temperature: float) -> None:
    generator = np.random.default_rng(0)
    assert sample_id(np.array([-1e30, 3.0, 2.0], np.float32), generator, temperature=temperature) == 1


def test_high_temperature_samples_uniformly() -> None:
    generator = np.random.default_rng(0)
    counts = Counter(sample_id(LOGITS, generator, temperature=1e9) for _ in range(2_000))
    assert all(abs(counts[number] / 2_000 - 0.2) < 0.04 for number in range(5))


def test_sampling_does_not_modify_logits() -> None:
    for temperature in (0, 0.5):
        logits = np.array([[1.0, 2.0, 3.0]])
        sample(logits, SamplingConfig(temperature, 2, 0.9), [row_generator(0)], [2])
        assert logits.tolist() == [[1.0, 2.0, 3.0]]


def test_seed_determines_text() -> None:
    tokenizer = fitted_tokenizer("abcde")
    texts = [
        "".join(stream_pieces(ConstantEngine(LOGITS), tokenizer, 40, temperature=1.0, seed=seed)) for seed in (1, 1, 2)
    ]
    assert len(texts[0]) == 40
    assert texts[0] == texts[1] != texts[2]


@pytest.mark.parametrize(
    "options", [{}, {"temperature": 1.0}, {"temperature": 3.0, "top_k": 1}, {"temperature": 1.0, "top_p": 0.1}], ids=str
)
def test_unknown_id_is_never_generated(options: dict[str, Any]) -> None:
    tokenizer = fitted_tokenizer("abc", Char(unknown="mark"))
    assert list(tokenizer.suppressed_ids) == [3]
    text = "".join(stream_pieces(ConstantEngine([0, 1, 0.5, 9]), tokenizer, 50, **options))
    assert len(text) == 50
    assert set(text) <= set("abc")


# Stop texts and streaming

STOPS = {
    "no stop text": ("abcabc", [], "abcabc"),
    "not found": ("abcabc", ["ca ", "x"], "abcabc"),
    "one character": ("abcabc", ["c"], "ab"),
    "across pieces": ("aabcaa", ["abc"], "a"),
    "at the start": ("abcabc", ["abc"], ""),
    "the earlier of two": ("abcabc", ["ca", "b"], "a"),
    "the one that is complete first": ("abcdef", ["bcde", "cd"], "ab"),
    "two complete at once, the longer": ("abcdef", ["cd", "bcd"], "a"),
    "partial match, then a match": ("aababb", ["abb"], "aab"),
    "partial match at the end": ("abcab", ["abx"], "abcab"),
    "a line": ("ab\ncd\n", ["\n"], "ab"),
}


@pytest.mark.parametrize("name", STOPS)
def test_text_ends_before_first_stop_text(name: str) -> None:
    script, stop, expected = STOPS[name]
    tokenizer = fitted_tokenizer("abcdef\n x")
    streamed = stream_pieces(
        ScriptedEngine(tokenizer.encode(script), vocab_size=tokenizer.vocab_size), tokenizer, len(script), stop=stop
    )
    assert "".join(streamed) == expected


def text_before_stop(text: str, stops: list[str]) -> str:
    """Return a text up to the first complete stop text, by reading it character by character."""
    for end in range(1, len(text) + 1):
        places = [text[:end].find(stop) for stop in stops if stop in text[:end]]
        if places:
            return text[: min(places)]
    return text


@few_examples
@given(
    script=st.text("ab中", min_size=1, max_size=20),
    stops=st.lists(st.text("ab中", min_size=1, max_size=4), max_size=3),
    tokenizer=st.sampled_from([Char(), Byte()]),
)
@example(script="aab", stops=["ab"], tokenizer=Byte())
def test_streaming_withholds_only_possible_stop_texts(script: str, stops: list[str], tokenizer: Any) -> None:
    tokenizer.fit(["ab中"])
    ids = tokenizer.encode(script)
    engine = ScriptedEngine(ids, vocab_size=tokenizer.vocab_size)
    expected = text_before_stop(script, stops)
    withheld = max(map(len, stops), default=1) - 1
    streamed = ""
    for piece in stream(
        engine, tokenizer, np.array([0]), length=len(ids), sampling=SamplingConfig(), seed=0, stop=stops
    ):
        streamed += piece
        assert expected.startswith(streamed)
        decoded = tokenizer.decode(ids[: len(engine.steps) + 1]).rstrip("\N{REPLACEMENT CHARACTER}")
        assert len(streamed) >= min(len(expected), len(decoded) - withheld)
    assert streamed == expected


def test_characters_are_streamed_immediately_without_stop_texts() -> None:
    tokenizer = fitted_tokenizer("abc")
    assert stream_pieces(ScriptedEngine([0, 1, 2]), tokenizer, 3) == ["a", "b", "c", ""]


def test_multibyte_characters_are_streamed_complete() -> None:
    tokenizer = Byte()
    text = "né中🙂!"
    ids = tokenizer.encode(text)
    streamed = stream_pieces(ScriptedEngine(ids, vocab_size=256), tokenizer, len(ids))
    assert [piece for piece in streamed if piece] == list(text)
    assert "".join(stream_pieces(ScriptedEngine(ids, vocab_size=256), tokenizer, len(ids), stop=["🙂"])) == "né中"


@few_examples
@given(content=st.binary(min_size=1, max_size=24), stops=st.lists(st.sampled_from(["a", "é", "\x00\x00"]), max_size=1))
@example(content=b"\xe4\xb8", stops=[])
@example(content=b"\xf0\x9f\x99a\xff\xff\xc3", stops=["a"])
@example(content="\N{REPLACEMENT CHARACTER}a".encode(), stops=[])
def test_streamed_bytes_join_to_decoded_text(content: bytes, stops: list[str]) -> None:
    tokenizer = Byte()
    streamed = stream_pieces(ScriptedEngine(content, vocab_size=256), tokenizer, len(content), stop=stops)
    assert "".join(streamed) == text_before_stop(content.decode(errors="replace"), stops)


def test_streamed_words_join_to_decoded_text() -> None:
    text = "Don't stop, the cat's 好 - 12 times!"
    tokenizer = fitted_tokenizer(text, Word())
    ids = tokenizer.encode(text)
    for stop, expected in (
        ([], tokenizer.decode(ids)),
        (["cat"], "Don't stop, the "),
        ([" 12"], "Don't stop, the cat's 好 -"),
    ):
        engine = ScriptedEngine(ids, vocab_size=tokenizer.vocab_size)
        assert "".join(stream_pieces(engine, tokenizer, len(ids), stop=stop)) == expected
