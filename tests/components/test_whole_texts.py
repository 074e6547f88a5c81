"""Tests of language models of whole texts: `next_char` with `whole_texts`."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import seqkit
from seqkit.contracts import Example, WithSpecialTokens
from seqkit.errors import DataError, RecipeError, UsageError
from seqkit.heads.baselines import NGram
from seqkit.heads.next_char import NextChar
from seqkit.inference.generation import StreamDetokenizer, generate
from seqkit.inference.language_model import study_samples
from seqkit.inference.sampling import SamplingConfig, row_generator
from seqkit.tokenizers.char import Char
from tests.helpers.commands import run_process
from tests.helpers.engines import ScriptedEngine, fitted_tokenizer

NAMES = ["anna", "bob", "hannah", "ava", "otto", "eve", "ada", "nan"]
RECIPE = {
    "seed": 1,
    "data": {"type": "text", "text": "\n".join(NAMES * 4), "unit": "line", "split": {"by": "random", "test": 0.25}},
    "tokenizer": {"type": "char"},
    "encoder": {"type": "lstm", "hidden_size": 16},
    "head": {"type": "next_char", "whole_texts": True},
    "train": {"epochs": 20, "batch_size": 4, "optimizer": {"type": "adam", "lr": 0.03}},
}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return seqkit.run(RECIPE, runs=tmp_path_factory.mktemp("runs"), quiet=True)


def tokenizer_of(text: str) -> Any:
    return fitted_tokenizer(text, WithSpecialTokens(Char(), {"begin", "end"}))


@pytest.mark.parametrize(
    "objective, inputs, targets",
    [("step", [[3, 0, 1]], [[0, 1, 4]]), ("prefix", [[3], [3, 0], [0, 1]], [0, 1, 4])],
)
def test_rows_begin_and_end_with_the_special_tokens(objective: Any, inputs: list[Any], targets: list[Any]) -> None:
    head = NextChar(whole_texts=True, objective=objective, context=2)
    tokenizer = tokenizer_of("abc")
    head.fit([Example("abc")], tokenizer)
    assert tokenizer.special_ids == {"begin": 3, "end": 4}
    rows = list(head.rows(Example("ab"), tokenizer.encode("ab")))
    assert [row.input.tolist() for row in rows] == inputs
    assert [np.asarray(row.target).tolist() for row in rows] == targets


def test_a_text_of_one_token_is_a_row() -> None:
    head = NextChar(whole_texts=True)
    head.fit([], tokenizer_of("a"))
    (row,) = head.rows(Example("a"), np.array([0]))
    assert (row.input.tolist(), row.target.tolist()) == ([1, 0], [0, 2])


def losses_of(run: Any, name: str) -> list[float]:
    """Return the loss of each token of a text after the first, and of its end."""
    ids = run.tokenizer.special_ids
    text = [ids["begin"], *run.tokenizer.encode(name).tolist(), ids["end"]]
    losses = []
    for place in range(1, len(text)):
        with torch.no_grad():
            encoded = run.model.encode(torch.tensor([text[:place]]), torch.tensor([place]))
            logits = run.model.head.logits(encoded)[0, -1]
        losses.append(-torch.log_softmax(logits, 0)[text[place]].item())
    return losses


def test_loss_is_that_of_a_loop_over_the_texts(run: Any) -> None:
    losses = [loss for name in NAMES for loss in losses_of(run, name)]
    scores = run.evaluate([(name, None) for name in NAMES])
    assert scores["loss"] == pytest.approx(np.mean(losses), rel=1e-5)
    characters = sum(map(len, NAMES))
    assert scores["bits_per_char"] == pytest.approx(sum(losses) / math.log(2) / characters, rel=1e-5)


def test_baseline_predicts_first_token_and_end() -> None:
    tokenizer = tokenizer_of("".join(NAMES))
    head = NextChar(whole_texts=True)
    examples = [Example(name) for name in NAMES]
    head.fit(examples, tokenizer)
    begin, end = tokenizer.special_ids["begin"], tokenizer.special_ids["end"]
    texts = [np.array([begin, *tokenizer.encode(name), end]) for name in NAMES]
    expected = NGram(tokenizer.vocab_size)
    expected.fit(texts[:6])
    baseline = head.baseline(examples[:6], examples[6:], tokenizer)
    assert baseline is not None
    assert baseline["loss"] == expected.loss(texts[6:])


def test_text_ends_at_the_end_token() -> None:
    tokenizer = tokenizer_of("abc")
    engine = ScriptedEngine([0, 1, 4, 2], [2, 2, 2, 2])
    texts = generate(
        engine,
        tokenizer,
        [np.array([3]), np.array([3])],
        length=4,
        sampling=SamplingConfig(),
        generators=[row_generator(0), row_generator(0)],
        stop=(),
        end=4,
    )
    assert texts == ["ab", "cccc"]


def test_end_token_releases_what_may_be_the_beginning_of_a_stop_text() -> None:
    detokenizer = StreamDetokenizer(tokenizer_of("abc"), ["bcb"], end=4)
    assert [detokenizer.add(number) for number in (0, 1, 2, 4)] == ["", "", "a", "bc"]
    assert detokenizer.stopped
    assert not detokenizer.flush()


def test_texts_are_generated_without_a_prompt(run: Any) -> None:
    texts = run.generate(samples=40, temperature=0.7)
    assert len(set(texts) & set(NAMES)) >= 3
    assert run.generate(["", "ha"], temperature=0)[1] == run.generate("ha", temperature=0)
    assert "".join(run.stream(temperature=0)) == run.generate(temperature=0)


def test_engines_generate_the_same_texts(run: Any, tmp_path: Path) -> None:
    expected = run.generate(samples=20, temperature=0.9)
    loaded = seqkit.load(run.path)
    loaded._parts.__dict__["engine"] = loaded._parts.torch_engine
    assert loaded.generate(samples=20, temperature=0.9) == expected


def test_evaluation_continues_texts_from_their_beginning(run: Any) -> None:
    examples = [Example(name) for name in NAMES]
    found = study_samples(run._engine, run.tokenizer, examples, "", len(NAMES), 1)["held_out"]
    # The second half of each text: what follows the first (length + 1) // 2 tokens, that of the beginning included.
    losses = [loss for name in NAMES for loss in losses_of(run, name)[(len(name) + 1) // 2 - 1 : -1]]
    assert found["loss"] == pytest.approx(np.mean(losses), rel=1e-5)


def test_the_beginning_is_a_token_of_an_explanation(run: Any) -> None:
    found = run.explain("hann")
    assert list(found.tokens) == ["[begin]", "h", "a", "n", "n"]
    assert found.label == run.generate("hann", length=1, temperature=0)


def test_recipe_generates_after_training_without_a_prompt(tmp_path: Path) -> None:
    run = seqkit.run(RECIPE | {"generate": {"length": 5}, "train": {"epochs": 1}}, runs=tmp_path, quiet=True)
    (sample,) = run.result["generated"]
    assert sample["prompt"] == ""
    assert sample["text"] == run.generate(length=5)


def test_command_generates_without_a_prompt(run: Any) -> None:
    done = run_process("generate", run.path, "--samples", "2", "--temperature", "0.7")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["prompt"] for line in lines] == ["", ""]
    assert [line["text"] for line in lines] == run.generate(samples=2, temperature=0.7)


def test_a_prompt_is_required_otherwise(tmp_path: Path) -> None:
    recipe = RECIPE | {"head": {"type": "next_char"}, "train": {"epochs": 1}}
    with pytest.raises(UsageError, match="no prompt"):
        seqkit.run(recipe, runs=tmp_path, quiet=True).generate("")


def test_whole_texts_cannot_be_combined_with_the_objective_bidirectional() -> None:
    recipe = RECIPE | {"head": {"type": "next_char", "whole_texts": True, "objective": "bidirectional"}}
    with pytest.raises(
        RecipeError, match="head.whole_texts: has no effect with the objective bidirectional: remove it"
    ):
        seqkit.run(recipe, quiet=True)


def test_missing_special_tokens_are_named(run: Any, tmp_path: Path) -> None:
    copied = tmp_path / "run"
    copied.mkdir()
    for file in Path(run.path).iterdir():
        if file.is_file():
            (copied / file.name).write_bytes(file.read_bytes())
    path = copied / "tokenizer.json"
    fitted = json.loads(path.read_bytes())
    fitted["special_tokens"] = ["begin", "separator"]
    path.write_text(json.dumps(fitted))
    with pytest.raises(DataError, match="tokenizer.json: corrupt: the tokenizer has no tokens `begin` and `end`"):
        seqkit.load(copied).generate()
