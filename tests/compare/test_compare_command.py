"""The command `compare`: what it trains, takes, resumes and prints."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest
import torch

from helpers.commands import CommandResult, error_line
from helpers.pages import Page
from helpers.recipes import GENERATION_RECIPE, vowel_csv, write_recipe
from helpers.training import StopAfter
from seqkit.cli import compare_command, execute
from seqkit.cli.compare_command import _duration
from seqkit.compare import probe
from seqkit.runs.directory import RunDirectory
from seqkit.stop import StopCheck

Command = Callable[..., CommandResult]
SEEDS = ("--seeds", "3")
LSTM: dict[str, Any] = {
    "encoder": {"type": "lstm", "hidden_size": 4},
    "head": {"type": "classify"},
    "train": {"epochs": 2, "threads": 1, "metric": "accuracy", "optimizer": {"type": "adam", "lr": 0.02}},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the recipes `lstm.yaml` and `bilstm.yaml`."""
    folder = tmp_path_factory.mktemp("compare")
    (folder / "words.csv").write_text(vowel_csv(90))
    for kind in ("bilstm", "lstm"):
        data = {"type": "table", "path": "words.csv", "split": {"by": "hash", "valid": 0.3, "test": 0.2}}
        recipe = LSTM | {"name": kind, "data": data, "encoder": {"type": kind, "hidden_size": 4}}
        write_recipe(folder / f"{kind}.yaml", recipe)
    return folder


@pytest.fixture(scope="module")
def finished(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of runs: both recipes with three seeds."""
    from seqkit.cli import execute

    runs = tmp_path_factory.mktemp("finished") / "runs"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEQKIT_PLUGINS", "off")
        arguments = ["compare", str(folder / "bilstm.yaml"), str(folder / "lstm.yaml"), *SEEDS, "--runs", str(runs)]
        assert execute(arguments) == 0
    return runs


@pytest.fixture
def runs(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "runs"))


def names(runs: Path) -> set[str]:
    return {path.name for path in runs.iterdir() if path.is_dir()}


def test_means_differences_and_costs_are_those_of_the_runs(folder: Path, runs: Path, run_command: Command) -> None:
    code, out, err = run_command("compare", folder / "bilstm.yaml", folder / "lstm.yaml", *SEEDS, "--json")
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert (found["metric"], found["split"], found["seeds"]) == ("accuracy", "valid", [0, 1, 2])
    first, second = found["candidates"]
    for each in (first, second):
        results = [json.loads((Path(run) / "result.json").read_text()) for run in each["runs"].values()]
        assert list(each["values"].values()) == [result["metrics"]["valid"]["accuracy"] for result in results]
        assert each["mean"] == pytest.approx(fmean(each["values"].values()))
        assert each["costs"]["train_seconds"] == pytest.approx(fmean(r["timing"]["train_seconds"] for r in results))
        assert each["costs"]["latency_ms"] > 0 and each["costs"]["memory"] > 4 * each["costs"]["weights"]
    assert second["difference"]["mean"] == pytest.approx(second["mean"] - first["mean"])
    assert first["difference"] is None
    assert first["costs"]["multiply_adds"] == 2 * second["costs"]["multiply_adds"]
    assert first["baseline"] is not None
    assert len(names(runs)) == 6


def test_a_finished_comparison_is_printed_again_without_training(
    folder: Path, runs: Path, run_command: Command
) -> None:
    before = names(runs)
    code, out, err = run_command("compare", folder / "bilstm.yaml", folder / "lstm.yaml", *SEEDS)
    assert (code, err, names(runs)) == (0, "", before)
    assert "accuracy on the valid split, seeds 0 to 2; higher is better" in out
    assert "lstm: no difference to be seen with 3 seeds" in out
    assert "The test split was not used to choose." in out


def test_only_missing_runs_are_trained(folder: Path, runs: Path, run_command: Command) -> None:
    shutil.rmtree(runs / "lstm-2")
    (runs / "bilstm-3" / "result.json").unlink()
    code, _, err = run_command("compare", folder / "bilstm.yaml", folder / "lstm.yaml", *SEEDS, "--json")
    assert code == 0
    assert "1 of 2: trains lstm, seed 1" in err and "2 of 2: resumes bilstm, seed 2" in err
    assert names(runs) == {f"{kind}-{number}" for kind in ("lstm", "bilstm") for number in (1, 2, 3)} - {"lstm-2"} | {
        "lstm-4"
    }


def test_a_run_of_other_data_is_not_taken(folder: Path, runs: Path, run_command: Command, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "recipes")
    (tmp_path / "recipes" / "words.csv").write_text(vowel_csv(80))
    assert "1 of 1: trains" in run_command("compare", "recipes/lstm.yaml", "--seeds", "1").err


def test_a_run_of_the_same_file_elsewhere_is_taken(
    folder: Path, runs: Path, run_command: Command, tmp_path: Path
) -> None:
    shutil.copytree(folder, tmp_path / "recipes")
    assert "trains" not in run_command("compare", "recipes/lstm.yaml", *SEEDS).err


def test_a_run_can_be_given_in_place_of_a_recipe(runs: Path, run_command: Command) -> None:
    found = json.loads(run_command("compare", runs / "bilstm-1", runs / "lstm-1", *SEEDS, "--json").out)
    assert [each["name"] for each in found["candidates"]] == ["bilstm-1", "lstm-1"]
    assert len(names(runs)) == 6


def test_candidates_with_other_validation_data_are_not_comparable(
    folder: Path, runs: Path, run_command: Command
) -> None:
    arguments = ("compare", folder / "lstm.yaml", "--grid", "data.split.valid=0.3,0.2", "--seeds", "1")
    out = run_command(*arguments).out
    assert "The valid split differs between candidates" in out
    assert "valid=0.2: not compared" in out and "best mean" not in out


def test_candidates_with_a_common_validation_file_are_compared(run_command: Command, tmp_path: Path) -> None:
    for name, count in (("few", 40), ("many", 90), ("held_out", 60)):
        (tmp_path / f"{name}.csv").write_text(vowel_csv(count))
        data = {"type": "table", "path": f"{name}.csv", "valid": {"path": "held_out.csv"}}
        write_recipe(tmp_path / f"{name}.yaml", LSTM | {"name": name, "data": data})
    assert "many: the reference" in run_command("compare", "many.yaml", "few.yaml", "--seeds", "1").out


@pytest.mark.parametrize("dry", [(), ("--dry-run",)])
@pytest.mark.parametrize(
    ("overrides", "option", "error"),
    [
        (
            {"head": {"type": "regress"}, "train": {"epochs": 2, "threads": 1}},
            (),
            "lstm and other cannot be compared by accuracy: their heads are 'classify' and 'regress': compare recipes "
            "of one task",
        ),
        (
            {"head": {"type": "multi_label"}, "train": {"epochs": 2, "threads": 1}},
            ("--metric", "loss"),
            "lstm and other cannot be compared by loss: their heads are 'classify' and 'multi_label': pass --metric "
            "with one of macro_f1",
        ),
    ],
)
def test_heads_with_other_metrics_are_rejected_before_training(
    overrides: dict[str, Any],
    option: tuple[str, ...],
    error: str,
    dry: tuple[str, ...],
    folder: Path,
    tmp_path: Path,
    run_command: Command,
) -> None:
    data = {"type": "table", "path": str(folder / "words.csv"), "split": {"by": "hash", "valid": 0.3, "test": 0.2}}
    write_recipe(tmp_path / "other.yaml", LSTM | {"data": data} | overrides)
    done = run_command("compare", folder / "lstm.yaml", "other.yaml", *option, *dry)
    assert (done.code, done.out, error_line(done)) == (2, "", error)
    assert not (tmp_path / "runs").exists()


def test_a_mean_per_token_is_not_compared_between_tokenizers(run_command: Command, tmp_path: Path) -> None:
    write_recipe(tmp_path / "g.yaml", GENERATION_RECIPE)
    arguments = ("compare", "g.yaml", "--grid", "tokenizer.type=char,word", "--dry-run", "generate.prompt=In Beijing")
    assert error_line(run_command(*arguments)) == (
        "type=char and type=word cannot be compared by loss: it is a mean per token, and their tokenizers differ: "
        "pass --metric with one of bits_per_char"
    )
    assert run_command(*arguments, "--metric", "bits_per_char").code == 0


def test_an_interrupted_comparison_continues(
    folder: Path, tmp_path: Path, run_command: Command, monkeypatch: pytest.MonkeyPatch, finished: Path
) -> None:
    stops: list[StopCheck] = [StopCheck(), StopAfter(3)]

    @contextmanager
    def stop_context() -> Iterator[StopCheck]:
        yield stops.pop(0) if stops else StopCheck()

    monkeypatch.setattr(compare_command, "_stop_context", stop_context)
    command = ("compare", folder / "bilstm.yaml", folder / "lstm.yaml", *SEEDS)
    code, out, err = run_command(*command)
    assert (code, out) == (128 + signal.SIGTERM, "")
    assert err.splitlines()[-1] == "seqkit: interrupted: the same command continues this comparison"
    assert "resume with" not in err  # which continues one run
    assert names(tmp_path / "runs") == {"bilstm-1", "lstm-1"}
    code, _, err = run_command(*command)
    assert code == 0
    assert "1 of 5: resumes lstm, seed 0" in err
    for number in (1, 2, 3):
        one, other = (RunDirectory(root / f"lstm-{number}") for root in (finished, tmp_path / "runs"))
        assert one.model.read_bytes() == other.model.read_bytes()


def test_sigint_prints_one_remedy(folder: Path, tmp_path: Path) -> None:
    command = (sys.executable, "-m", "seqkit", "compare", folder / "lstm.yaml", *SEEDS, "train.epochs=1000000")
    environment = os.environ | {"SEQKIT_PLUGINS": "off"}
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True) as process:
        metrics = tmp_path / "runs/lstm-1/metrics.jsonl"
        deadline = time.monotonic() + 60
        while not (metrics.exists() and metrics.stat().st_size) and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGINT
    assert err.splitlines()[1:] == ["seqkit: interrupted: the same command continues this comparison"]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.2, "less than a second"),
        (1.2, "about 1 second"),
        (89, "about 89 seconds"),
        (90, "about 2 minutes"),
        (5400, "about 1.5 hours"),
    ],
)
def test_the_estimated_time_is_in_words(seconds: float, text: str) -> None:
    assert _duration(seconds) == text


@pytest.mark.parametrize("option", ["--html", "--markdown"])
def test_dry_run_has_no_outcome_to_write(option: str, folder: Path, run_command: Command) -> None:
    done = run_command("compare", folder / "lstm.yaml", "--dry-run", option, "outcome.html")
    message = f"--dry-run computes no outcome, which {option} would write: omit one"
    assert (done.code, error_line(done)) == (2, message)


def test_dry_run_writes_nothing(folder: Path, tmp_path: Path, run_command: Command) -> None:
    code, out, _ = run_command("compare", folder / "lstm.yaml", "--dry-run", "--grid", "encoder.hidden_size=3,5")
    assert code == 0
    assert "10 runs to train: " in out
    assert not (tmp_path / "runs").exists()
    found = json.loads(run_command("compare", folder / "lstm.yaml", "--dry-run", "--json").out)
    assert found["candidates"][0]["missing"] == 5 and found["seconds"] > 0


def test_tensors_that_are_older_than_the_profiler_cause_no_warning(
    folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    train = probe._train
    older = [torch.ones(1000) for _ in range(9)]

    def train_with_garbage(setup: Any, steps: int) -> list[float]:
        older.pop()
        return train(setup, steps)

    monkeypatch.setattr(probe, "_train", train_with_garbage)
    monkeypatch.chdir(tmp_path)
    assert execute(["compare", str(folder / "lstm.yaml"), "--dry-run"]) == 0
    assert "CPUAllocator" not in capfd.readouterr().err


def test_a_diverging_candidate_has_failed_and_the_others_continue(
    folder: Path, tmp_path: Path, run_command: Command
) -> None:
    grid = "train.optimizer.lr=0.02,1e38"
    code, out, err = run_command("compare", folder / "lstm.yaml", "--grid", grid, "--seeds", "2", "--json")
    found = json.loads(out)
    good, bad = found["candidates"]
    assert (code, bad["mean"]) == (0, None)
    assert bad["verdict"].startswith("no run has a value: step ")
    assert found["best"] == good["name"] and "not finite" in bad["failures"]["0"] and "failed" in err


def test_every_candidate_fails(folder: Path, run_command: Command) -> None:
    code, out, err = run_command("compare", folder / "lstm.yaml", "train.optimizer.lr=1e38", "--seeds", "1")
    assert (code, out) == (2, "")
    assert "no run has a result" in err


def test_page_and_markdown(folder: Path, runs: Path, run_command: Command, tmp_path: Path) -> None:
    files = ("--html", "c.html", "--markdown", "c.md")
    assert run_command("compare", folder / "bilstm.yaml", folder / "lstm.yaml", *SEEDS, *files).code == 0
    page = Page((tmp_path / "c.html").read_text(encoding="utf-8"))
    assert "no difference to be seen with 3 seeds" in page.text
    assert page.tags().isdisjoint({"script", "img", "link"}) and len(page.pictures) >= 3
    text = (tmp_path / "c.md").read_text(encoding="utf-8")
    assert text.startswith("# bilstm or lstm\n") and "| lstm | 3 |" in text
    assert f"Written by `seqkit compare {folder / 'bilstm.yaml'}" in text


def test_without_held_out_data_the_training_split_is_compared(run_command: Command, tmp_path: Path) -> None:
    write_recipe(tmp_path / "g.yaml", GENERATION_RECIPE)
    out = run_command("compare", "g.yaml", "--grid", "encoder.hidden_size=4,6", "--seeds", "2").out
    assert "loss on the train split" in out and "No data is held out" in out


def test_the_test_split_is_used_on_request_alone(folder: Path, runs: Path, run_command: Command) -> None:
    arguments = ("compare", folder / "bilstm.yaml", folder / "lstm.yaml", *SEEDS, "--split", "test", "--json")
    found = json.loads(run_command(*arguments).out)
    result = json.loads((runs / "bilstm-1" / "result.json").read_text())
    assert found["candidates"][0]["values"]["0"] == result["metrics"]["test"]["accuracy"]
    assert found["candidates"][0]["baseline"] == result["baseline"]["accuracy"]
    assert "as requested" in found["notes"][0]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["absent.yaml"], "absent.yaml: the recipe does not exist"),
        (["seed=2"], "there is no recipe to compare"),
        (["{folder}/lstm.yaml", "--trials", "3"], "--trials 3 needs --random"),
        (["{folder}/lstm.yaml", "encoder.hidden_siz=3"], "did you mean 'hidden_size'"),
        (
            ["{folder}/lstm.yaml", "--html", "absent/c.html"],
            "--html absent/c.html: no such folder absent: ",
        ),
        (["{folder}/lstm.yaml", "--seeds", "3", "--metric", "acuracy"], "did you mean 'accuracy'"),
        (["{folder}/lstm.yaml", "--seeds", "3", "--split", "train"], "has no such split: it has valid, test"),
        (["{folder}/lstm.yaml", "--seeds", "0"], "seeds"),
        (
            ["{folder}/lstm.yaml", "--seeds", "100000000"],
            "100,000,000 runs: at most 10,000: pass fewer values, --trials",
        ),
        (["{folder}/lstm.yaml", "--first-seed", str(2**32)], "4294967296 is not in the range"),
    ],
)
def test_wrong_usage(arguments: list[str], text: str, folder: Path, runs: Path, run_command: Command) -> None:
    result = run_command("compare", *(each.format(folder=folder) for each in arguments))
    assert result.code == 2
    assert text in error_line(result)


FOLDS = "data.split={folds: 3, fold: 0, valid: 0.2, test: 0}"


def test_every_candidate_is_tested_on_every_fold(folder: Path, tmp_path: Path, run_command: Command) -> None:
    command = ("compare", folder / "lstm.yaml", folder / "bilstm.yaml", FOLDS, "--folds", "--json")
    code, out, _ = run_command(*command)
    found = json.loads(out)
    assert (code, found["split"], found["seeds"], found["folds"]) == (0, "test", [0], 3)
    expected = {f"{name}-fold-{fold}-1" for name in ("lstm", "bilstm") for fold in range(3)}
    assert names(tmp_path / "runs") == expected
    for each in found["candidates"]:
        results = [json.loads((Path(run) / "result.json").read_text()) for run in each["runs"].values()]
        assert list(each["values"]) == ["fold-0", "fold-1", "fold-2"]
        assert list(each["values"].values()) == [result["metrics"]["test"]["accuracy"] for result in results]
        assert sum(result["examples"]["test"] for result in results) == 90
        baselines = [[run["baseline"], *run["baseline"].get("others", [])] for run in results]
        means = [fmean(each["accuracy"] for each in methods) for methods in zip(*baselines, strict=True)]
        assert each["baseline"] == pytest.approx(max(means))
    assert found["candidates"][1]["difference"]["pairs"] == 3
    assert found["notes"][0].startswith("Cross-validation with 3 folds.")
    again = run_command(*command)
    assert (json.loads(again.out), again.err) == (found, "")


def test_a_single_recipe_can_be_cross_validated_and_resumed(folder: Path, tmp_path: Path, run_command: Command) -> None:
    command = ("compare", folder / "lstm.yaml", FOLDS, "--folds", "--split", "valid")
    assert run_command(*command, "--seeds", "2", "--html", "c.html").code == 0
    shutil.rmtree(tmp_path / "runs" / "lstm-fold-1-2")
    code, out, err = run_command(*command, "--seeds", "2")
    assert (code, err) == (0, "1 of 1: trains lstm, fold 1, seed 1\n")
    assert "accuracy on the valid splits of 3 folds, seeds 0 to 1" in out and "best mean" not in out
    assert "3 runs to train" in run_command(*command, "--first-seed", "5", "--dry-run").out


def test_folds_are_required_and_equal(folder: Path, run_command: Command) -> None:
    done = run_command("compare", folder / "lstm.yaml", "--folds")
    text = "--folds: lstm has no folds: set `data.split: {by: hash, folds: 5, fold: 0, valid: 0.1}`, without `test`"
    assert (done.code, error_line(done)) == (2, text)
    grid = ("--folds", FOLDS, "--grid", "data.split.folds=3,4")
    done = run_command("compare", folder / "lstm.yaml", *grid, "--dry-run")
    assert (done.code, error_line(done)) == (2, "--folds: the number of folds differs: folds=3 3, folds=4 4")


def test_a_corrupt_record_of_measurements(folder: Path, runs: Path, run_command: Command) -> None:
    found = json.loads((runs / "compare.json").read_text())
    for value in (3, {key: {"costs": 1} for key in found["costs"]}):
        (runs / "compare.json").write_text(json.dumps(found | {"costs": value}))
        result = run_command("compare", folder / "lstm.yaml", *SEEDS)
        assert result.code == 3
        assert "compare.json (remove it to measure again): costs: corrupt" in error_line(result)
