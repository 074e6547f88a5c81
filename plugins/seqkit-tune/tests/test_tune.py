"""The command `seqkit tune`, with Optuna itself."""

from __future__ import annotations

import errno
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click.testing
import pytest
import yaml
from seqkit_tune.command import tune
from seqkit_tune.space import Choices, Range, from_text, parse_search

import seqkit
from seqkit.errors import SeqkitError, UsageError

WORDS = ["apple", "onion", "table", "umbra", "stone", "event", "grape", "input", "house", "river", "orbit", "plate"]


@pytest.fixture
def recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a recipe that classifies words by their first letter, in the current folder."""
    monkeypatch.chdir(tmp_path)
    for split, first in (("train", 0), ("valid", 7)):
        words = [f"{WORDS[(first + 5 * number) % 12]}{number}" for number in range(24)]
        lines = [f"{word},{'vowel' if word[0] in 'aeiou' else 'consonant'}" for word in words]
        (tmp_path / f"{split}.csv").write_text("\n".join(["text,label", *lines]) + "\n")
    document: dict[str, Any] = {
        "name": "words",
        "data": {"type": "table", "path": "train.csv", "valid": {"path": "valid.csv"}},
        "encoder": {"type": "lstm", "hidden_size": 4},
        "head": {"type": "classify"},
        "train": {"epochs": 3, "threads": 1, "metric": "accuracy", "optimizer": {"type": "adam", "lr": 0.01}},
        "baseline": "off",
    }
    file = tmp_path / "words.yaml"
    file.write_text(yaml.safe_dump(document))
    return file


def run_tune(*arguments: object) -> tuple[dict[str, Any], str]:
    """Run the command with `--json`; return what it prints, and what it reports."""
    done = click.testing.CliRunner().invoke(tune, [*map(str, arguments), "--json"], catch_exceptions=False)
    return json.loads(done.stdout), done.stderr


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a.b=1..8", ("a.b", Range(1, 8, False, True))),
        ("lr=1e-3..0.1:log", ("lr", Range(0.001, 0.1, True, False))),
        ("x=-1.5..2", ("x", Range(-1.5, 2, False, False))),
        ("encoder.type=lstm, gru", ("encoder.type", Choices(("lstm", "gru")))),
    ],
)
def test_values_to_search(text: str, expected: tuple[str, Any]) -> None:
    assert parse_search(text) == expected


@pytest.mark.parametrize("text", ["x", "x=", "=1..2", "a..b=1..2", "x=2..1", "x=0..1:log", "x=1..2:cubic", "x=a..b"])
def test_values_that_cannot_be_searched(text: str) -> None:
    with pytest.raises(UsageError, match="--search"):
        parse_search(text)


def test_values_of_a_list_are_numbers_and_strings() -> None:
    assert [from_text(text) for text in ("1", "0.5", "true", "null", "lstm")] == [1, 0.5, True, None, "lstm"]


def test_without_optuna_the_command_says_what_to_install(recipe: Path) -> None:
    code = "import sys; sys.modules['optuna'] = None; from seqkit_tune.command import tune; tune(standalone_mode=False)"
    done = subprocess.run(
        [sys.executable, "-c", code, str(recipe), "--search", "x=1..2"], capture_output=True, text=True, timeout=60
    )
    assert "UsageError: seqkit tune needs Optuna: pip install 'seqkit-tune[optuna]'" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--search", "seed=1..2", "--search", "seed=3..4"], "searched twice"),
        (["seed=3", "--search", "seed=1..2"], "seed is searched, and set too"),
        (["seed", "--search", "seed=1..2"], "'seed' is not key=value"),
    ],
)
def test_wrong_usage(arguments: list[str], text: str, recipe: Path) -> None:
    with pytest.raises(UsageError, match=text):
        run_tune(recipe, *arguments)


def test_trials_are_runs_and_the_best_is_the_best_of_them(recipe: Path) -> None:
    pytest.importorskip("optuna")
    search = ("--search", "encoder.hidden_size=2..6", "--search", "train.optimizer.lr=0.001..0.1:log")
    found, reported = run_tune(recipe, *search, "--trials", 3, "--sampler-seed", 1, "--no-pruning")
    assert (found["metric"], found["direction"], found["split"]) == ("accuracy", "maximize", "valid")
    assert len(found["trials"]) == 3 and "trial 3 of 3" in reported
    for trial in found["trials"]:
        (path,) = trial["runs"]
        run = seqkit.load(path)
        assert run.result["metrics"]["valid"]["accuracy"] == trial["value"]
        assert run.recipe["encoder"]["hidden_size"] == trial["values"]["encoder.hidden_size"]
        assert run.recipe["train"]["optimizer"]["lr"] == trial["values"]["train.optimizer.lr"]
    assert found["best"]["value"] == max(trial["value"] for trial in found["trials"])
    assert found["recipe_as_it_is"] == seqkit.load("runs/words-1").result["metrics"]["valid"]["accuracy"]


def test_a_study_continues_and_is_not_mixed_with_another(recipe: Path) -> None:
    pytest.importorskip("optuna")
    run_tune(recipe, "--search", "encoder.hidden_size=2,3", "--trials", 1)
    found, reported = run_tune(recipe, "--search", "encoder.hidden_size=2,3", "--trials", 2)
    assert len(found["trials"]) == 2 and "as it is" not in reported
    _, reported = run_tune(recipe, "--search", "encoder.hidden_size=2,3", "--trials", 2)
    assert reported == ""
    with pytest.raises(UsageError, match="the study 'words' searches other values"):
        run_tune(recipe, "--search", "encoder.hidden_size=2,4", "--trials", 2)


def test_several_processes_share_a_study(recipe: Path) -> None:
    pytest.importorskip("optuna")
    arguments = [str(recipe), "--search", "encoder.hidden_size=2..4", "--storage", "sqlite:///tune.db"]
    run_tune(*arguments, "--trials", 1)
    command = [sys.executable, "-c", "from seqkit_tune.command import tune; tune()", *arguments, "--trials", "5"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    found, _ = run_tune(*arguments, "--trials", 3)
    _, reported = process.communicate(timeout=120)
    assert process.returncode == 0, reported
    found, _ = run_tune(*arguments, "--trials", 5)
    numbers = [trial["number"] for trial in found["trials"]]
    assert numbers == list(range(1, len(numbers) + 1)) and len(numbers) in (5, 6)
    assert "as it is" not in reported and "trial" in reported
    runs = [run for trial in found["trials"] for run in trial["runs"]]
    assert len(set(runs)) == len(numbers)


def test_a_trial_of_another_process_counts(recipe: Path) -> None:
    optuna = pytest.importorskip("optuna")
    arguments = (recipe, "--search", "encoder.hidden_size=2..4", "--storage", "sqlite:///tune.db")
    run_tune(*arguments, "--trials", 1)
    optuna.load_study(study_name="words", storage="sqlite:///tune.db").ask()
    found, reported = run_tune(*arguments, "--trials", 3)
    assert [trial["state"] for trial in found["trials"]] == ["complete", "running", "complete"]
    assert "trial 3 of 3" in reported
    found, reported = run_tune(*arguments, "--trials", 3)
    assert len(found["trials"]) == 3
    assert "another process is running a trial, or was killed: pass --trials 4 to replace it" in reported
    assert len(run_tune(*arguments, "--trials", 4)[0]["trials"]) == 4


def test_a_trial_that_is_worse_than_the_others_is_pruned(recipe: Path) -> None:
    optuna = pytest.importorskip("optuna")
    from seqkit_tune.search import Pruning

    study = optuna.create_study(direction="maximize", pruner=optuna.pruners.MedianPruner(n_startup_trials=1))
    good = study.ask()
    for epoch in (1, 2, 3):
        Pruning(good, "accuracy").seqkit_epoch_end(epoch, {"valid": {"accuracy": 0.9}})
    study.tell(good, 0.9)
    pruning = Pruning(study.ask(), "accuracy")
    pruning.seqkit_epoch_end(1, {"train": {"loss": 1.0}})
    with pytest.raises(seqkit.StopTraining, match="pruned"):
        pruning.seqkit_epoch_end(1, {"valid": {"accuracy": 0.1}})
    assert pruning.is_pruned
    run = seqkit.run(recipe, runs="runs", quiet=True, callbacks=[Always()])
    assert {row["epoch"] for row in run.metrics} == {1}


class Always:
    """Ends every training after its first epoch, as a pruned trial does."""

    @seqkit.hookimpl
    def seqkit_epoch_end(self, epoch: int) -> None:
        raise seqkit.StopTraining("pruned")


def test_a_diverging_trial_has_failed_and_the_search_continues(recipe: Path) -> None:
    pytest.importorskip("optuna")
    found, _ = run_tune(recipe, "--search", "train.optimizer.lr=1e38", "--trials", 2)
    assert [trial["state"] for trial in found["trials"]] == ["fail", "fail"] and found["best"] is None


def test_a_failed_trial_says_why_without_a_traceback(recipe: Path) -> None:
    pytest.importorskip("optuna")
    arguments = [str(recipe), "--search", "train.optimizer.lr=1e38", "--trials", "1"]
    command = [sys.executable, "-m", "seqkit", "tune", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and "Traceback" not in done.stderr, done.stderr
    assert re.search("^trial 1: loss is nan", done.stderr, re.MULTILINE), done.stderr


def test_a_trial_that_a_signal_ends_has_failed(recipe: Path) -> None:
    optuna = pytest.importorskip("optuna")
    from seqkit_tune import search as module

    class Signal(BaseException):
        pass

    class Stop:
        def ends(self) -> list[Any]:
            return [2]

        def suggest(self, trial: Any, key: str) -> Any:
            return 2

    lines: list[str] = []
    search = module.Search(recipe, {}, {"encoder.hidden_size": Stop()}, Path("runs"))  # type: ignore[dict-item]
    study = module.open_study(search, "words", None, prunes=False, seed=1, report=lines.append)
    with pytest.MonkeyPatch.context() as patch, pytest.raises(Signal):
        patch.setattr(module, "_train", lambda *_: (_ for _ in ()).throw(Signal()))
        module.optimize(study, search, 2, lines.append)
    assert [trial.state for trial in study.trials] == [optuna.trial.TrialState.FAIL]
    assert lines[-1] == "the same command continues this study"


def test_a_study_is_not_continued_with_another_recipe(recipe: Path) -> None:
    pytest.importorskip("optuna")
    search = ("--search", "encoder.hidden_size=2,3", "--trials", 1)
    run_tune(recipe, "train.epochs=1", *search)
    for other in (["train.epochs=2"], ["train.epochs=1", "--seeds", 2]):
        with pytest.raises(UsageError, match="was begun with another recipe"):
            run_tune(recipe, *other, *search)
    with (recipe.parent / "train.csv").open("a") as file:
        file.write("apple99,vowel\n")
    with pytest.raises(UsageError, match="other data"):
        run_tune(recipe, "train.epochs=1", *search)


def test_a_study_whose_first_process_ended_before_it_was_complete(recipe: Path) -> None:
    optuna = pytest.importorskip("optuna")
    optuna.create_study(study_name="words", storage="sqlite:///tune.db", direction="maximize")
    search = ("--search", "encoder.hidden_size=2,3", "--trials", 1, "--storage", "sqlite:///tune.db")
    found, _ = run_tune(recipe, *search)
    assert len(found["trials"]) == 1 and found["recipe_as_it_is"] is not None


def test_a_study_continues_after_a_full_disk(recipe: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last entry of the journal may be incomplete then, and the next one must not be appended to it."""
    journal = pytest.importorskip("optuna.storages.journal")
    search = ("--search", "encoder.hidden_size=2,3", "--no-pruning")
    run_tune(recipe, *search, "--trials", 1)
    file = recipe.parent / "runs" / "words.journal"
    file.write_bytes(file.read_bytes()[:-9])
    assert len(run_tune(recipe, *search, "--trials", 2)[0]["trials"]) >= 2
    assert len(run_tune(recipe, *search, "--trials", 3)[0]["trials"]) >= 3

    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(journal.JournalFileBackend, "append_logs", fail)
    for arguments in (("--trials", 4), ("--study", "other")):
        with pytest.raises(UsageError, match=r"^the study '(words|other)' cannot be saved: No space left on device$"):
            run_tune(recipe, *search, *arguments)


@pytest.mark.parametrize("content", [b"my notes\n", b"text,label\na,b\n", b"[1]\n", b"\xff\x00\n", b"12"])
def test_a_file_that_is_no_study_is_not_written_to(content: bytes, recipe: Path) -> None:
    pytest.importorskip("optuna")
    file = recipe.parent / "notes.txt"
    file.write_bytes(content)
    with pytest.raises(UsageError, match="notes.txt: line 1 is not of a study of Optuna"):
        run_tune(recipe, "--search", "encoder.hidden_size=2,3", "--storage", file)
    assert file.read_bytes() == content


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("--storage", "."), "--storage .: not a file"),
        (("--storage", "/dev/null"), "--storage /dev/null: not a file"),
        (("--study", "../words"), "--study ../words: not the name of a file"),
    ],
)
def test_storage_that_is_not_a_file(arguments: tuple[str, ...], text: str, recipe: Path) -> None:
    pytest.importorskip("optuna")
    with pytest.raises(UsageError, match=re.escape(text)):
        run_tune(recipe, "--search", "encoder.hidden_size=2,3", *arguments)


def test_overrides_are_yaml_as_in_other_commands(recipe: Path) -> None:
    pytest.importorskip("optuna")
    split = "data.split={by: hash, valid: 0.4}"
    found, _ = run_tune(
        recipe,
        "data.valid=null",
        split,
        "tokenizer={type: char, unknown: skip}",
        "--search",
        "encoder.hidden_size=2,3",
        "--trials",
        1,
    )
    assert seqkit.load(found["trials"][0]["runs"][0]).recipe["data"]["split"]["valid"] == 0.4


def test_several_seeds_give_the_mean(recipe: Path) -> None:
    pytest.importorskip("optuna")
    found, _ = run_tune(recipe, "--search", "encoder.hidden_size=3,4", "--trials", 1, "--seeds", 2, "--no-pruning")
    (trial,) = found["trials"]
    runs = [seqkit.load(path) for path in trial["runs"]]
    assert [run.recipe["seed"] for run in runs] == [0, 1]
    assert trial["value"] == pytest.approx(sum(run.result["metrics"]["valid"]["accuracy"] for run in runs) / 2)


def test_a_recipe_without_a_validation_split(recipe: Path) -> None:
    pytest.importorskip("optuna")
    with pytest.raises(UsageError, match="the recipe has no validation split"):
        run_tune(recipe, "data.valid=null", "train.metric=loss", "--search", "encoder.hidden_size=3,4")


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("--search", "encoder.hidden_siz=3,4"), "--search: encoder.hidden_siz: .*did you mean 'hidden_size'"),
        (("--search", "encoder.hidden_size=0..4"), "--search: encoder.hidden_size: must be a positive integer, not 0"),
        (("--search", "encoder.type=lstm,nosuch"), "--search: encoder.type: unknown encoder 'nosuch'"),
        (("--search", "encoder.hidden_size=3,4", "--storage", "nosuch://x"), "cannot be opened"),
    ],
)
def test_wrong_recipe_or_storage(arguments: tuple[str, ...], text: str, recipe: Path) -> None:
    pytest.importorskip("optuna")
    with pytest.raises(SeqkitError, match=text):
        run_tune(recipe, *arguments)
    assert not Path("runs").exists()  # nothing was trained before the error


def test_the_lines_name_the_command_that_compares_the_best(recipe: Path) -> None:
    pytest.importorskip("optuna")
    command: Callable[..., Any] = click.testing.CliRunner().invoke
    done = command(tune, [str(recipe), "--search", "encoder.hidden_size=3,4", "--trials", "1", "--no-pruning"])
    assert "1 trial: 1 complete; accuracy on the validation split" in done.stdout
    assert f"seqkit compare {recipe} runs/words-2 --first-seed 1000" in done.stdout
