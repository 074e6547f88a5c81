"""Tests of batch generation: each text equals the text generated alone, in Python and on the command line."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import seqkit
from helpers.engines import ScriptedEngine, fitted_tokenizer
from helpers.recipes import SENTENCE
from seqkit.contracts import Encoded
from seqkit.encoders.lstm import LSTM
from seqkit.errors import UsageError
from seqkit.inference.generation import generate
from seqkit.inference.numpy_engine.blas import parallel_map, single_threaded_blas
from seqkit.inference.numpy_engine.engine import NumpyEngine
from seqkit.inference.sampling import SamplingConfig, row_generator, sample

PROMPTS = ["In", "a basket of", "S", "Sarah bought a basket of apples In", "In"]
SAMPLING_OPTIONS: dict[str, Any] = {"length": 30, "temperature": 1.0, "top_p": 0.95, "seed": 5}


class CustomLSTM(LSTM):
    """The built-in LSTM under a name that the NumPy engine does not support."""


class Stateless(LSTM):
    """A causal encoder that returns no state to continue from."""

    def forward(self, inputs: Any, lengths: Any, state: Any = None) -> Encoded:
        assert state is None
        return super().forward(inputs, lengths)._replace(state=None)


ENCODERS: dict[str, dict[str, Any]] = {
    "numpy, carried": {"encoder": {"type": "lstm", "hidden_size": 16, "num_layers": 2}},
    "numpy, learned": {"encoder": {"type": "lstm", "hidden_size": 16}, "embedding": {"type": "learned", "dim": 4}},
    "numpy, prefix": {
        "encoder": {"type": "bilstm", "hidden_size": 8},
        "head": {"type": "next_char", "objective": "prefix", "context": 12},
    },
    "torch, carried": {"encoder": {"type": "custom", "hidden_size": 16}},
    "torch, no state": {"encoder": {"type": "stateless", "hidden_size": 16}},
}


@pytest.fixture(scope="module", params=ENCODERS)
def run(request, tmp_path_factory) -> Iterator[Any]:
    recipe = {
        "name": "batch",
        "data": {"type": "text", "text": SENTENCE},
        "head": {"type": "next_char"},
        "train": {"steps": 40, "optimizer": {"type": "adam", "lr": 0.02}},
        "generate": {"prompt": "In Beijing"},
        "baseline": "off",
    }
    with pytest.MonkeyPatch.context() as patched:  # no other module sees these encoders
        patched.setattr("seqkit.registry._session", [])
        patched.setattr("seqkit.registry._loaded", {})
        seqkit.register("encoder", "custom")(CustomLSTM)
        seqkit.register("encoder", "stateless")(Stateless)
        yield seqkit.run(recipe | ENCODERS[request.param], runs=tmp_path_factory.mktemp("runs"), quiet=True)


@pytest.mark.parametrize(
    "options",
    [{"length": 30}, SAMPLING_OPTIONS, {"length": 30, "stop": [" "]}, SAMPLING_OPTIONS | {"stop": ["a", "ou"]}],
    ids=str,
)
def test_batched_prompts_equal_single_prompts(run, options: dict[str, Any]) -> None:
    texts = run.generate(PROMPTS, **options)
    assert texts == [run.generate(prompt, **options) for prompt in PROMPTS]
    assert texts == ["".join(run.stream(prompt, **options)) for prompt in PROMPTS]
    assert texts[0] == texts[4]
    assert run.generate(PROMPTS[:1], **options) == texts[:1]
    assert run.generate(tuple(PROMPTS[1:3]), **options) == texts[1:3]


def test_samples_depend_only_on_seed_and_index(run) -> None:
    texts = run.generate(samples=40, **SAMPLING_OPTIONS)  # more than one block of rows
    assert len(texts) == 40
    assert len(set(texts)) > 20
    assert texts[0] == run.generate(**SAMPLING_OPTIONS)
    assert texts[:3] == run.generate(samples=3, **SAMPLING_OPTIONS)
    assert texts[:1] == run.generate(samples=1, **SAMPLING_OPTIONS)
    assert texts[:3] != run.generate(samples=3, **SAMPLING_OPTIONS | {"seed": 6})


def test_evaluation_uses_the_torch_engine_that_generates(run) -> None:
    parts = seqkit.load(run.path)._parts
    assert (parts.torch_engine is parts.engine) == (not isinstance(parts.engine, NumpyEngine))
    assert parts.torch_engine is parts.torch_engine
    assert (parts.torch_engine.generates, parts.torch_engine.head_name) == (True, parts.engine.head_name)


def test_empty_prompt_list_generates_nothing(run) -> None:
    assert run.generate([]) == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"samples": 0}, "samples must be a positive integer, not 0"),
        ({"samples": 2.0, "temperature": 1.0}, "samples must be a positive integer, not 2.0"),
        ({"samples": 2}, "samples are all equal at temperature 0: pass a temperature above 0"),
        (
            {"prompt": ["In"], "samples": 2, "temperature": 1.0},
            "samples require a single prompt: pass samples or a list of prompts, not both",
        ),
        ({"prompt": ["In", ""]}, "prompt 2 of 2 must be a non-empty string, not ''"),
        ({"prompt": ["In", 7]}, "prompt 2 of 2 must be a non-empty string, not 7"),
        ({"prompt": ["In", "Sü"]}, "prompt 2 of 2: 'ü' (U+00FC), token 2 of the text, is not in the vocabulary"),
        ({"prompt": b"In"}, "prompt must be a string or a list of strings, not b'In'"),
        ({"prompt": 7}, "prompt must be a string or a list of strings, not 7"),
    ],
    ids=str,
)
def test_invalid_generate_arguments_are_rejected(run, options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        run.generate(**options)
    assert message in str(caught.value)


def test_rows_leave_the_batch_at_a_stop_text() -> None:
    tokenizer = fitted_tokenizer("abc.")
    scripts = [tokenizer.encode(text) for text in ("ab.ccc", "aaaaaa", ".aaaaa", "aaaa.a")]
    engine = ScriptedEngine(*scripts)
    options: dict[str, Any] = {
        "length": 6,
        "sampling": SamplingConfig(),
        "generators": [row_generator(0)] * 4,
        "stop": ["."],
    }
    assert generate(engine, tokenizer, [np.array([1])] * 4, **options) == ["ab", "aaaaaa", "", "aaaa"]
    assert [rows for _, rows in engine.steps] == [[0, 1, 3], [0, 1, 3], [1, 3], [1, 3], [1]]


def sample_with_choice(logits: np.ndarray, sampling: SamplingConfig, generator: np.random.Generator) -> int:
    """Sample from the truncated distribution, most likely first, with NumPy's `choice`."""
    scores = np.exp((logits.astype(np.float64) - float(logits.max())) / sampling.temperature)
    order = np.argsort(-scores, kind="stable")[: sampling.top_k]
    probabilities = scores[order] / scores[order].sum()
    if sampling.top_p is not None:
        count = next((n for n in range(1, len(order)) if probabilities[:n].sum() >= sampling.top_p - 1e-12), len(order))
        order, probabilities = order[:count], probabilities[:count] / probabilities[:count].sum()
    return int(generator.choice(order, p=probabilities))


@given(
    seed=st.integers(0, 2**40),
    rows=st.integers(1, 5),
    temperature=st.floats(0.2, 5),
    top_k=st.none() | st.integers(1, 12),
    top_p=st.none() | st.floats(0.05, 1),
)
def test_batched_sampling_equals_numpy_choice(
    seed: int, rows: int, temperature: float, top_k: int | None, top_p: float | None
) -> None:
    logits = np.random.default_rng(seed).normal(size=(rows, 10)).astype(np.float32) * 3
    sampling = SamplingConfig(temperature, top_k, top_p)
    sampled = sample(logits, sampling, [row_generator(seed, row) for row in range(rows)])
    assert sampled.tolist() == [
        sample_with_choice(logits[row], sampling, row_generator(seed, row)) for row in range(rows)
    ]
    assert row_generator(seed).random() == np.random.default_rng(seed).random()


# Command line


@pytest.fixture(scope="module")
def generation_path(tmp_path_factory) -> Path:
    recipe = {
        "name": "generation",
        "data": {"type": "text", "text": SENTENCE},
        "encoder": {"type": "lstm", "hidden_size": 16},
        "head": {"type": "next_char"},
        "train": {"steps": 40},
        "generate": {"prompt": "In Beijing", "length": 12},
        "baseline": "off",
    }
    return seqkit.run(recipe, runs=tmp_path_factory.mktemp("runs"), quiet=True).path


def test_prompts_and_samples_are_printed_as_json_lines(cli, generation_path: Path, tmp_path: Path) -> None:
    run = seqkit.load(generation_path)
    (tmp_path / "prompts.txt").write_text("In\na basket of\n", encoding="utf-8")
    done = cli("generate", generation_path, "--prompts", "prompts.txt", "--length", "9")
    assert (done.returncode, done.stderr) == (0, "")
    prompts = ["In", "a basket of"]
    expected = [{"prompt": prompt, "text": run.generate(prompt, 9)} for prompt in prompts]
    assert [json.loads(line) for line in done.stdout.splitlines()] == expected
    done = cli("generate", generation_path, "--samples", "3", "--temperature", "1.5", "--seed", "4")
    assert (done.returncode, done.stderr) == (0, "")
    expected = [{"prompt": "In Beijing", "text": text} for text in run.generate(samples=3, temperature=1.5, seed=4)]
    assert [json.loads(line) for line in done.stdout.splitlines()] == expected


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--samples", "2", "--stream"], "--stream prints a single text: pass --stream or --samples, not both"),
        (["--prompts", "-", "--stream"], "--stream prints a single text: pass --stream or --prompts, not both"),
        (["--prompts", "p", "--prompt", "In"], "pass --prompt or --prompts, not both"),
        (
            ["--prompts", "p", "--samples", "2"],
            "--samples needs a single prompt: pass --samples or --prompts, not both",
        ),
        (["--samples", "2"], "samples are all equal at temperature 0: pass a temperature above 0"),
        (
            ["--samples", "0"],
            "invalid value for '--samples': must be a positive integer, not 0 (see `seqkit generate --help`)",
        ),
    ],
    ids=str,
)
def test_conflicting_options_are_rejected(generation_path: Path, options: list[str], message: str, capsys) -> None:
    from seqkit.cli import execute

    assert execute(["generate", str(generation_path), *options]) == 2
    assert capsys.readouterr().err == f"seqkit: {message}\n"


# Threads


def test_parallel_map_preserves_order_and_raises_failures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "8")
    for threads in (True, False):
        assert parallel_map(lambda block, _: block * 2, range(7), threads=threads) == [0, 2, 4, 6, 8, 10, 12]
        assert parallel_map(lambda block, _: block, [], threads=threads) == []

    def wait_for_failure(block: int, cancelled: Any) -> None:
        if block:
            raise ValueError("block 1")
        assert cancelled.wait(20)

    if len(os.sched_getaffinity(0)) > 1:
        with pytest.raises(ValueError, match="block 1"):
            parallel_map(wait_for_failure, [0, 1])


def test_blas_threads_are_restored_after_last_user() -> None:
    from seqkit.inference.numpy_engine.blas import _openblas

    functions = _openblas()
    if functions is None:
        pytest.skip("this NumPy has no OpenBLAS")
    get_threads, set_threads = functions
    threads_before = get_threads()
    set_threads(2)
    try:
        with single_threaded_blas():
            assert get_threads() == 1
            with single_threaded_blas():
                assert get_threads() == 1
            assert get_threads() == 1
        assert get_threads() == 2
    finally:
        set_threads(threads_before)
