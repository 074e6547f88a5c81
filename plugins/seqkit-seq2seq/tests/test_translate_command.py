"""Tests of the recipes on small data: run, predict, evaluate and error messages."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import seqkit
from helpers.runs import HOSTILE_VALUES, value_paths, with_value
from seqkit.errors import DataError, RecipeError, SeqkitError

RECIPES = Path(__file__).parents[1] / "recipes"
SMALL = [
    "data.count=120",
    "embedding.dim=8",
    "encoder.hidden_size=8",
    "head.hidden_size=12",
    "train.epochs=1",
    "train.threads=1",
]


@pytest.fixture(scope="module", autouse=True)
def _plugins_on() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("SEQKIT_PLUGINS", "on")
        yield


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Return a run directory and the output of its training."""
    folder = tmp_path_factory.mktemp("dates")
    done = subprocess.run(
        [sys.executable, "-m", "seqkit", "run", RECIPES / "dates.yaml", *SMALL],
        cwd=folder,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return folder / done.stdout.splitlines()[-1], done.stdout


def test_run_prints_metrics_baseline_and_translations(trained: tuple[Path, str]) -> None:
    run, printed = trained
    lines = printed.splitlines()
    assert any(line.startswith("test ") and "exact_match" in line and "bleu" in line for line in lines)
    (baseline,) = [line for line in lines if line.startswith("baseline")]
    assert "target of the most similar training text" in baseline
    predictions = [json.loads(line) for line in lines if line.startswith("{")]
    assert predictions == json.loads((run / "result.json").read_text())["predictions"]
    assert predictions[0]["text"] == "the third of March, nineteen ninety-nine"
    assert list(predictions[0]) == ["text", "translation", "log_probability", "complete"]


def test_predict_and_evaluate_read_a_file_of_pairs(trained: tuple[Path, str], tmp_path: Path) -> None:
    run, _ = trained
    pairs = tmp_path / "more.tsv"
    pairs.write_text("March 3rd 1999\t1999-03-03\n二〇〇五年五月五日\t2005-05-05\n", encoding="utf-8")
    loaded = seqkit.load(run)
    predictions = loaded.predict_file(pairs)
    assert [prediction["text"] for prediction in predictions] == ["March 3rd 1999", "二〇〇五年五月五日"]
    assert predictions == loaded.predict(["March 3rd 1999", "二〇〇五年五月五日"])
    metrics = loaded.evaluate(pairs)
    assert metrics["examples"] == 2
    assert {"loss", "exact_match", "bleu", "bleu_signature", "character_error_rate", "perplexity"} <= set(metrics)
    assert metrics == loaded.evaluate([("March 3rd 1999", "1999-03-03"), ("二〇〇五年五月五日", "2005-05-05")])


def test_unknown_target_characters_count_as_errors_and_are_noted(trained: tuple[Path, str], tmp_path: Path) -> None:
    pairs = tmp_path / "slashes.tsv"
    pairs.write_text("March 3rd 1999\t1999-03-03\nMay 1 2000\t2000/05/01\n", encoding="utf-8")
    with pytest.warns(UserWarning, match=f"^{pairs}:2, '/' .U.002F.: the target has a token that does not occur in"):
        metrics = seqkit.load(trained[0]).evaluate(pairs)
    assert metrics["examples"] == 2
    known = seqkit.load(trained[0]).evaluate([("March 3rd 1999", "1999-03-03")])
    assert metrics["loss"] == pytest.approx(known["loss"], rel=1e-5)
    with pytest.warns(UserWarning):
        unknown = seqkit.load(trained[0]).evaluate([("May 1 2000", "2000/05/01")])
    assert "loss" not in unknown and "perplexity" not in unknown
    assert unknown["exact_match"] == 0


@settings(max_examples=40, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_no_value_of_the_state_causes_a_traceback(
    data: st.DataObject, trained: tuple[Path, str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    run = trained[0]
    path = tmp_path_factory.getbasetemp() / "hostile"
    if not path.exists():
        shutil.copytree(run, path)
    document = json.loads((run / "tokenizer.json").read_text(encoding="utf-8"))
    place = data.draw(st.sampled_from(list(value_paths(document))))
    mutated = with_value(document, place, data.draw(HOSTILE_VALUES))
    (path / "tokenizer.json").write_text(json.dumps(mutated), encoding="utf-8")
    try:
        assert len(seqkit.load(path).predict(["March 3rd 1999"])) == 1
    except SeqkitError as error:
        assert error.exit_code in (2, 3, 4)
        (line,) = error.lines
        assert "Error: " not in line and len(line) < 600


def test_pairs_from_a_file(tmp_path: Path) -> None:
    pairs = tmp_path / "pairs.tsv"
    pairs.write_text("".join(f"w{number:03}\t{number:03} w\tignored\n" for number in range(60)), encoding="utf-8")
    small = {
        "data": {"path": pairs},
        "embedding": {"dim": 8},
        "encoder": {"hidden_size": 8},
        "head": {"hidden_size": 8, "beam_size": 2},
        "train": {"epochs": 1, "threads": 1, "device": "cpu"},
        "predict": ["w077"],
    }
    run = seqkit.run(RECIPES / "your_pairs.yaml", runs=tmp_path / "runs", **small)
    assert run.result["predictions"][0]["text"] == "w077"
    assert run.result["examples"]["test"] > 1


def test_loss_chooses_the_best_epoch_if_bleu_is_undefined(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    pairs = tmp_path / "pairs.tsv"
    pairs.write_text("".join(f"w{number % 7}\t{number % 7}.5 kg\n" for number in range(21)), encoding="utf-8")
    recipe = {
        "plugins": ["seqkit-seq2seq"],
        "data": {"type": "pairs", "path": str(pairs), "valid": {"path": str(pairs)}},
        "tokenizer": "char",
        "embedding": {"type": "learned", "dim": 4},
        "encoder": {"type": "bilstm", "hidden_size": 4},
        "head": {"type": "translate", "hidden_size": 8, "tokenizer": "word"},
        "train": {"epochs": 2, "metric": "bleu", "threads": 1, "device": "cpu"},
    }
    run = seqkit.run(recipe, runs=tmp_path / "runs")
    printed = capsys.readouterr().out
    assert "note: bleu is undefined on the validation split: the loss chose the best epoch" in printed
    assert "head.tokenizer cannot restore" not in printed
    assert {"bleu", "bleu_signature"}.isdisjoint(run.result["metrics"]["valid"])
    assert "bleu" not in run.result["baseline"] and "chrf" in run.result["baseline"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"head": {"tokenizer": "chars"}}, "head.tokenizer: unknown tokenizer 'chars'"),
        ({"head": {"tokenizer": {"type": "char", "min_count": 2}}}, "head.tokenizer.min_count: above 1 makes parts of"),
        ({"head": {"attention": "dot"}}, "head.attention: must be one of general, additive, not 'dot'"),
        ({"head": {"length_penalty": -1}}, "head.length_penalty: must be a non-negative number"),
        ({"data": {"languages": "fr"}}, "data.languages: must be one of en, zh, both, not 'fr'"),
        ({"data": {"count": 0}}, "data.count: must be an integer, 1 to 1000000"),
    ],
)
def test_invalid_recipes_are_rejected(change: dict, message: str, tmp_path: Path) -> None:
    with pytest.raises(RecipeError) as caught:
        seqkit.run(RECIPES / "dates.yaml", runs=tmp_path, **change)
    assert message in str(caught.value)


def test_data_without_targets_is_rejected(tmp_path: Path) -> None:
    (tmp_path / "lines.txt").write_text("one\ntwo\n")
    recipe = {
        "data": {"type": "text", "path": str(tmp_path / "lines.txt")},
        "encoder": {"type": "bilstm", "hidden_size": 4},
        "head": {"type": "translate", "tokenizer": {"type": "char"}, "hidden_size": 4},
    }
    with pytest.raises((RecipeError, DataError), match="'translate' requires labels"):
        seqkit.run(recipe, runs=tmp_path)
