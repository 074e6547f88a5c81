"""Many texts written at once: each as it would be alone, in Python and on the command line."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import SENTENCE
from hypothesis import given
from hypothesis import strategies as st
from test_generate import Scripted, fitted

import seqkit
from seqkit.contracts import Encoded
from seqkit.encoders.lstm import LSTM
from seqkit.errors import UsageError
from seqkit.infer.cores import one_thread, spread
from seqkit.infer.generate import write
from seqkit.infer.sampling import Drawing, generator, sample

PROMPTS = ["In", "a basket of", "S", "Sarah bought a basket of apples In", "In"]
DRAWN: dict[str, Any] = {"length": 30, "temperature": 1.0, "top_p": 0.95, "seed": 5}


class Own(LSTM):
    """Seqkit's LSTM under a name that the NumPy engine does not know."""


class Stateless(LSTM):
    """A causal encoder that has no state to go on from."""

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
    "torch, carried": {"encoder": {"type": "own", "hidden_size": 16}},
    "torch, no state": {"encoder": {"type": "stateless", "hidden_size": 16}},
}


@pytest.fixture(scope="module", params=ENCODERS)
def run(request, tmp_path_factory) -> Any:
    seqkit.register("encoder", "own")(Own)
    seqkit.register("encoder", "stateless")(Stateless)
    recipe = {
        "name": "many",
        "data": {"type": "text", "text": SENTENCE},
        "head": {"type": "next_char"},
        "train": {"steps": 40, "optimizer": {"type": "adam", "lr": 0.02}},
        "generate": {"prompt": "In Beijing"},
        "baseline": "off",
    }
    return seqkit.run(recipe | ENCODERS[request.param], runs=tmp_path_factory.mktemp("runs"), quiet=True)


@pytest.mark.parametrize(
    "options", [{"length": 30}, DRAWN, {"length": 30, "stop": [" "]}, DRAWN | {"stop": ["a", "ou"]}], ids=str
)
def test_each_of_many_prompts_is_written_on_as_it_is_alone(run, options: dict[str, Any]) -> None:
    texts = run.generate(PROMPTS, **options)
    assert texts == [run.generate(prompt, **options) for prompt in PROMPTS]
    assert texts == ["".join(run.stream(prompt, **options)) for prompt in PROMPTS]
    assert texts[0] == texts[4]
    assert run.generate(PROMPTS[:1], **options) == texts[:1]
    assert run.generate(tuple(PROMPTS[1:3]), **options) == texts[1:3]


def test_samples_are_draws_of_their_own_that_hang_on_the_seed_and_their_place_alone(run) -> None:
    texts = run.generate(samples=40, **DRAWN)  # more than go through a step together
    assert len(texts) == 40
    assert len(set(texts)) > 20
    assert texts[0] == run.generate(**DRAWN)
    assert texts[:3] == run.generate(samples=3, **DRAWN)
    assert texts[:1] == run.generate(samples=1, **DRAWN)
    assert texts[:3] != run.generate(samples=3, **DRAWN | {"seed": 6})


def test_a_list_of_no_prompts_gives_no_texts(run) -> None:
    assert run.generate([]) == []


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"samples": 0}, "samples must be a whole number of at least 1, not 0"),
        ({"samples": 2.0, "temperature": 1.0}, "samples must be a whole number of at least 1, not 2.0"),
        ({"samples": 2}, "samples: at temperature 0 they would all be the same; give a temperature"),
        (
            {"prompt": ["In"], "samples": 2, "temperature": 1.0},
            "samples are of one prompt, and there is a list of them",
        ),
        ({"prompt": ["In", ""]}, 'prompt 2 of 2 must be a text that is not empty, not ""'),
        ({"prompt": ["In", 7]}, "prompt 2 of 2 must be a text that is not empty, not 7"),
        ({"prompt": ["In", "Sü"]}, "prompt 2 of 2: 'ü' (U+00FC), symbol 2 of the text, is not in the vocabulary"),
        ({"prompt": b"In"}, "prompt must be text, or a list of texts, not b'In'"),
        ({"prompt": 7}, "prompt must be text, or a list of texts, not 7"),
    ],
    ids=str,
)
def test_what_cannot_be_written_is_refused(run, options: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError) as caught:
        run.generate(**options)
    assert says in str(caught.value)


def test_a_row_that_met_a_stop_text_is_not_read_on() -> None:
    tokenizer = fitted("abc.")
    scripts = [tokenizer.encode(text) for text in ("ab.ccc", "aaaaaa", ".aaaaa", "aaaa.a")]
    engine = Scripted(*scripts)
    options: dict[str, Any] = {"length": 6, "drawing": Drawing(), "generators": [generator(0)] * 4, "stop": ["."]}
    assert write(engine, tokenizer, [np.array([1])] * 4, **options) == ["ab", "aaaaaa", "", "aaaa"]
    assert [rows for _, rows in engine.steps] == [[0, 1, 3], [0, 1, 3], [1, 3], [1, 3], [1]]


def by_choice(logits: np.ndarray, drawing: Drawing, generator: np.random.Generator) -> int:
    """Draws as NumPy's own `choice` does from the ids that are left, likeliest first."""
    scores = np.exp((logits.astype(np.float64) - float(logits.max())) / drawing.temperature)
    order = np.argsort(-scores, kind="stable")[: drawing.top_k]
    shares = scores[order] / scores[order].sum()
    if drawing.top_p is not None:
        kept = next((n for n in range(1, len(order)) if shares[:n].sum() >= drawing.top_p - 1e-12), len(order))
        order, shares = order[:kept], shares[:kept] / shares[:kept].sum()
    return int(generator.choice(order, p=shares))


@given(
    seed=st.integers(0, 2**40),
    rows=st.integers(1, 5),
    temperature=st.floats(0.2, 5),
    top_k=st.none() | st.integers(1, 12),
    top_p=st.none() | st.floats(0.05, 1),
)
def test_rows_are_drawn_as_choice_draws_each(
    seed: int, rows: int, temperature: float, top_k: int | None, top_p: float | None
) -> None:
    logits = np.random.default_rng(seed).normal(size=(rows, 10)).astype(np.float32) * 3
    drawing = Drawing(temperature, top_k, top_p)
    got = sample(logits, drawing, [generator(seed, row) for row in range(rows)])
    assert got.tolist() == [by_choice(logits[row], drawing, generator(seed, row)) for row in range(rows)]
    assert generator(seed).random() == np.random.default_rng(seed).random()


# the command line


@pytest.fixture(scope="module")
def writes(tmp_path_factory) -> Path:
    recipe = {
        "name": "writes",
        "data": {"type": "text", "text": SENTENCE},
        "encoder": {"type": "lstm", "hidden_size": 16},
        "head": {"type": "next_char"},
        "train": {"steps": 40},
        "generate": {"prompt": "In Beijing", "length": 12},
        "baseline": "off",
    }
    return seqkit.run(recipe, runs=tmp_path_factory.mktemp("runs"), quiet=True).path


def test_prompts_and_samples_are_printed_as_lines_of_json(cli, writes: Path, tmp_path: Path) -> None:
    run = seqkit.load(writes)
    (tmp_path / "prompts.txt").write_text("In\n\na basket of\n", encoding="utf-8")
    done = cli("generate", writes, "--prompts", "prompts.txt", "--length", "9")
    assert (done.returncode, done.stderr) == (0, "")
    prompts = ["In", "a basket of"]
    wanted = [{"prompt": prompt, "text": run.generate(prompt, 9)} for prompt in prompts]
    assert [json.loads(line) for line in done.stdout.splitlines()] == wanted
    done = cli("generate", writes, "--samples", "3", "--temperature", "1.5", "--seed", "4")
    assert (done.returncode, done.stderr) == (0, "")
    wanted = [{"prompt": "In Beijing", "text": text} for text in run.generate(samples=3, temperature=1.5, seed=4)]
    assert [json.loads(line) for line in done.stdout.splitlines()] == wanted


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--samples", "2", "--stream"], "--stream prints one text as it is written: leave it out, or --samples"),
        (["--prompts", "-", "--stream"], "--stream prints one text as it is written: leave it out, or --prompts"),
        (["--prompts", "p", "--prompt", "In"], "give --prompt or --prompts, not both"),
        (["--prompts", "p", "--samples", "2"], "--samples are of one prompt: give --samples or --prompts, not both"),
        (["--samples", "2"], "samples: at temperature 0 they would all be the same; give a temperature"),
        (["--samples", "0"], "samples must be a whole number of at least 1, not 0"),
    ],
    ids=str,
)
def test_options_that_make_no_sense_together(writes: Path, options: list[str], says: str, capsys) -> None:
    from seqkit.cli import execute

    assert execute(["generate", str(writes), *options]) == 2
    assert capsys.readouterr().err == f"seqkit: {says}\n"


# cores


def test_blocks_are_answered_in_order_and_a_failure_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "8")
    for threads in (True, False):
        assert spread(lambda block, _: block * 2, range(7), threads=threads) == [0, 2, 4, 6, 8, 10, 12]
        assert spread(lambda block, _: block, [], threads=threads) == []

    def endless(block: int, ended: Any) -> None:
        if block:
            raise ValueError("block 1")
        assert ended.wait(20)

    if len(os.sched_getaffinity(0)) > 1:
        with pytest.raises(ValueError, match="block 1"):
            spread(endless, [0, 1])


def test_the_blas_has_its_threads_back_when_the_last_is_done() -> None:
    from seqkit.infer.cores import _openblas

    functions = _openblas()
    if functions is None:
        pytest.skip("this NumPy has no OpenBLAS")
    get, set_to = functions
    before = get()
    set_to(2)
    try:
        with one_thread():
            assert get() == 1
            with one_thread():
                assert get() == 1
            assert get() == 1
        assert get() == 2
    finally:
        set_to(before)
