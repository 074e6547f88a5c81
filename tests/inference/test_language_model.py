"""Language models: a compressor on the held-out text, what samples copy and repeat, and their loss."""

from __future__ import annotations

import json
import lzma
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import seqkit
from helpers.commands import error_line
from helpers.engines import ConstantEngine
from seqkit.contracts import Example
from seqkit.errors import DataError, UsageError
from seqkit.inference import language_model
from seqkit.inference.copied_spans import longest_copies
from seqkit.inference.language_model import compressed_bits, study_samples
from seqkit.tokenizers.char import Char

texts = st.text(alphabet="abc", max_size=25)


def longest_copy(sample: str, text: str) -> str:
    spans = (sample[i : i + n] for n in range(len(sample), 0, -1) for i in range(len(sample) - n + 1))
    return next((span for span in spans if span in text), "")


@given(samples=st.lists(st.text(alphabet="abcd", max_size=15), max_size=4), text=texts)
def test_longest_copies_equal_a_search_of_all_spans(samples: list[str], text: str) -> None:
    assert longest_copies(samples, text) == [longest_copy(sample, text) for sample in samples]


def test_copies_in_a_long_text_are_found_at_once() -> None:
    generator = np.random.default_rng(0)
    text = "".join(generator.choice(list("abcdefgh "), size=300_000))
    samples = [text[start : start + 50] + "!" + text[start + 60 : start + 90] for start in range(0, 300_000, 10_000)]
    assert longest_copies(samples, text) == [sample[:50] for sample in samples]


def test_the_compressor_knows_the_training_text() -> None:
    generator = np.random.default_rng(0)
    text = "".join(generator.choice(list("0123456789"), size=20_000))
    alone = 8 * len(lzma.compress(text.encode(), preset=9)) / len(text)
    assert compressed_bits("", text) == pytest.approx(alone, rel=0.02)
    assert alone > math.log2(10)
    assert compressed_bits(text, text) < 0.1
    assert compressed_bits("好" * 100 + text, text) < 0.1  # in bits per character, whatever its bytes


def recipe(folder: Path, **data: Any) -> dict[str, Any]:
    words = np.random.default_rng(0).choice(["the ", "cat ", "sat ", "on ", "a ", "mat\n"], size=1200)
    (folder / "text.txt").write_text("".join(words), encoding="utf-8")
    return {
        "data": {
            "type": "text",
            "path": str(folder / "text.txt"),
            "split": {"by": "order", "valid": 0.1, "test": 0.2},
        }
        | data,
        "encoder": {"type": "lstm", "hidden_size": 16},
        "head": "next_char",
        "train": {"epochs": 2, "batch_size": 8, "sequence_length": 20, "threads": 1},
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("text")


@pytest.fixture(scope="module")
def run(folder: Path) -> seqkit.Run:
    return seqkit.run(recipe(folder), runs=folder / "runs", quiet=True)


def test_a_language_model_is_compared_with_n_grams_and_a_compressor(run: seqkit.Run, folder: Path, run_command) -> None:
    text = (folder / "text.txt").read_text(encoding="utf-8")
    held_out = text[len(text) - round(0.2 * len(text)) :]
    train = text[: len(text) - round(0.1 * len(text)) - len(held_out)]
    scores = run.evaluate()
    assert scores["compression"]["characters"] == len(held_out)
    assert scores["compression"]["bits_per_char"] == {
        "model": run.result["metrics"]["test"]["bits_per_char"],
        "n_gram": run.result["baseline"]["bits_per_char"],
        "xz": compressed_bits(train, held_out),
    }
    assert {name: value for name, value in scores.items() if name != "compression"} == {
        "split": "test",
        "examples": 1,
        **run.result["metrics"]["test"],
        "baseline": run.result["baseline"],
    }
    assert json.loads(run_command("evaluate", run.path).out) == scores
    valid = run.evaluate(split="valid")["compression"]["bits_per_char"]
    assert valid["n_gram"] != scores["compression"]["bits_per_char"]["n_gram"]  # computed, since it is not recorded
    assert "compression" not in run.evaluate(split="train")


def test_long_texts_and_lines_are_compared_too(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = seqkit.run(recipe(folder), runs=folder / "runs", quiet=True).evaluate()["compression"]["bits_per_char"]
    monkeypatch.setattr("seqkit.data.token_files.encode.MIN_BYTES", 1000)
    long = seqkit.run(recipe(folder), runs=folder / "runs", quiet=True).evaluate()["compression"]["bits_per_char"]
    assert long["xz"] == expected["xz"]
    lines = recipe(folder, unit="line", split={"by": "random", "test": 0.2})
    found = seqkit.run(lines, runs=folder / "runs", quiet=True, baseline=False).evaluate(samples=2)
    assert set(found["compression"]["bits_per_char"]) == {"model", "n_gram", "xz"}
    assert found["samples"]["by_temperature"][0]["loss"] > 0


def test_without_the_data_there_is_a_note(folder: Path, tmp_path: Path, run_command) -> None:
    trained = seqkit.run(recipe(tmp_path), runs=tmp_path / "runs", quiet=True)
    (tmp_path / "text.txt").unlink()
    with pytest.warns(UserWarning, match="^not compared with a compressor: .* does not exist: restore the data of"):
        scores = trained.evaluate()
    assert scores["loss"] == trained.result["metrics"]["test"]["loss"]
    assert "compression" not in scores
    result = run_command("evaluate", trained.path, "--samples", "2")
    assert result.code == 3
    assert "does not exist: restore the data of this run" in error_line(result)


def test_samples_are_compared_with_the_text_that_they_continue(run: seqkit.Run, run_command) -> None:
    found = json.loads(run_command("evaluate", run.path, "--samples", "3").out)["samples"]
    assert (found["count"], found["prompts"], found["prompt_tokens"], found["tokens"]) == (3, 2, 100, 200)
    assert [group["temperature"] for group in found["by_temperature"]] == [0.5, 0.8, 1.0, 1.2]
    coldest, *_, hottest = found["by_temperature"]
    assert coldest["loss"] < hottest["loss"]
    assert coldest["distinct_4"] < hottest["distinct_4"]
    assert coldest["repetition"] > hottest["repetition"]
    assert coldest["longest_copy"]["characters"] == len(coldest["longest_copy"]["text"])
    assert found["held_out"]["perplexity"] == pytest.approx(math.exp(found["held_out"]["loss"]))
    assert run.evaluate(samples=3)["samples"] == found  # the seed of the recipe


def test_both_engines_give_the_same_losses(run: seqkit.Run, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = run.evaluate(samples=2)["samples"]["held_out"]
    monkeypatch.setattr("seqkit.inference.numpy_engine.engine.supports", lambda recipe: False)
    found = seqkit.load(run.path).evaluate(samples=2)["samples"]["held_out"]
    assert found["loss"] == pytest.approx(expected["loss"], rel=1e-4)
    assert found["longest_copy"] == expected["longest_copy"]


class BatchedConstant(ConstantEngine):
    max_rows = 3
    whole_texts = False


@pytest.mark.parametrize("length", [7, 900])
def test_losses_and_n_grams_by_hand(length: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(language_model, "TEMPERATURES", (1.0, 0.01))
    tokenizer = Char()
    tokenizer.fit(["ab"])
    engine = BatchedConstant(np.log([0.75, 0.25]))
    found = study_samples(engine, tokenizer, [Example("ab" * length)], "aaaa", 5, 1)  # type: ignore[arg-type]
    assert found["prompts"] == (1 if length == 7 else 5)
    assert found["held_out"]["loss"] == pytest.approx(-math.log(0.75) / 2 - math.log(0.25) / 2, rel=0.1)
    assert found["held_out"]["longest_copy"] == {"characters": 1, "text": "a"}
    sampled, best = found["by_temperature"]
    assert best["loss"] == pytest.approx(-math.log(0.75))
    assert best["longest_copy"]["text"] == "aaaa"
    tokens = found["tokens"]
    assert best["repetition"] == pytest.approx(1 - 1 / (tokens - 3))
    assert best["distinct_1"] == pytest.approx(1 / (5 * tokens))
    if length == 900:
        entropy = -0.75 * math.log(0.75) - 0.25 * math.log(0.25)
        assert sampled["loss"] == pytest.approx(entropy, rel=0.1)


def test_wrong_options_are_one_line(run: seqkit.Run, classification_run: Path, folder: Path, run_command) -> None:
    for path, options, reason in [
        (
            run.path,
            ["--data", folder / "text.txt", "--samples", "2"],
            "--samples continue the data of the run: pass no",
        ),
        (classification_run, ["--samples", "2"], f"{classification_run}: the head 'sentiment' generates no samples"),
        (run.path, ["--samples", "0"], "invalid value for '--samples': must be a positive integer, not 0"),
    ]:
        result = run_command("evaluate", path, *options)
        assert result.code == 2
        assert error_line(result).startswith(reason)
    with pytest.raises(UsageError, match="samples must be a positive integer"):
        run.evaluate(samples=0)
    with pytest.raises(UsageError, match="samples continue the data of the run"):
        run.evaluate([("the cat", None)], samples=2)
    with pytest.raises(DataError, match="the held-out texts are too short to be continued"):
        tokenizer = Char()
        tokenizer.fit(["a"])
        study_samples(BatchedConstant([0.0]), tokenizer, [Example("a")], "a", 2, 1)  # type: ignore[arg-type]
