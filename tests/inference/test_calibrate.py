"""The temperature of a run: fitted on its validation split, stored with it, and used by both engines."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import seqkit
from helpers.commands import error_line, run_process
from seqkit.errors import DataError, UsageError
from seqkit.heads.calibration import with_temperature

TEXTS = ["aaaa", "baba", "cede", "oooo", "abcd"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a file of words whose labels are partly random, so that no model can be certain."""
    folder = tmp_path_factory.mktemp("calibrate")
    generator = np.random.default_rng(0)
    lines = ["text,label"]
    for _ in range(200):
        word = "".join(generator.choice(list("abcdeo"), size=4))
        label = (word[0] in "aeo") ^ (generator.random() < 0.2)
        lines.append(f"{word},{'vowel' if label else 'consonant'}")
    (folder / "words.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def recipe(folder: Path) -> dict[str, Any]:
    return {
        "data": {
            "type": "table",
            "path": str(folder / "words.csv"),
            "split": {"by": "random", "valid": 0.3, "test": 0.3},
        },
        "encoder": {"type": "bilstm", "hidden_size": 8},
        "head": "classify",
        "train": {"epochs": 12, "threads": 1, "optimizer": {"type": "adam", "lr": 0.05}, "evaluate_every": 12},
        "baseline": "off",
    }


@pytest.fixture(scope="module")
def trained(folder: Path) -> seqkit.Run:
    """Return a run that is too certain of labels that it learned by heart."""
    return seqkit.run(recipe(folder), runs=folder / "runs", quiet=True)


@pytest.fixture
def run(trained: seqkit.Run, tmp_path: Path) -> seqkit.Run:
    """Return a copy of the run that a test can calibrate."""
    return seqkit.load(shutil.copytree(trained.path, tmp_path / "copy"))


def probabilities(run: seqkit.Run) -> np.ndarray:
    return np.array([list(row["probabilities"].values()) for row in run.predict(TEXTS)])


def test_a_temperature_changes_probabilities_and_no_label(run: seqkit.Run) -> None:
    before, labels = probabilities(run), [row["label"] for row in run.predict(TEXTS)]
    without = run.evaluate(split="valid", again=True)
    found = run.calibrate()
    assert found is not None
    assert found["temperature"] > 1
    assert found["loss_without"] == pytest.approx(without["loss"], rel=1e-5)
    assert found["loss_with"] < found["loss_without"]
    for loaded in (run, seqkit.load(run.path)):  # with NumPy
        assert probabilities(loaded) == pytest.approx(with_temperature(before, found["temperature"]), rel=1e-6)
        assert [row["label"] for row in loaded.predict(TEXTS)] == labels
    scores = run.evaluate(split="valid")  # with torch
    assert scores["accuracy"] == without["accuracy"]
    assert scores["loss"] == pytest.approx(found["loss_with"], rel=1e-5)
    calibration = scores["calibration"]
    assert calibration["temperature"] == found["temperature"]
    assert calibration["without_temperature"]["loss"] == pytest.approx(without["loss"])
    before_error = without["calibration"]["expected_calibration_error"]
    assert calibration["without_temperature"]["expected_calibration_error"] == pytest.approx(before_error)
    assert calibration["expected_calibration_error"] < before_error
    errors = run.errors(split="valid", every=True)
    assert errors[0]["probability"] < 1
    assert sum(-np.log(error["probability_of_truth"]) for error in errors) / len(errors) == pytest.approx(
        scores["loss"], rel=1e-5
    )
    assert run.calibrate(enabled=False) is None
    assert np.array_equal(probabilities(run), before)
    assert run.evaluate() == {"split": "test", "examples": 60} | run.result["metrics"]["test"]


def test_reliability_is_scored(trained: seqkit.Run) -> None:
    evaluation = trained.evaluation(split="valid")
    items = trained.errors(split="valid", every=True)
    best = np.array([item["probability"] for item in items])
    for found in evaluation.reliability:
        members = (best > found.low) & (best <= found.high)
        assert found.examples == members.sum()
        assert found.probability == pytest.approx(best[members].mean())
        is_right = [not item["error"] for item, is_member in zip(items, members, strict=True) if is_member]
        assert found.accuracy == pytest.approx(np.mean(is_right))
    printed = evaluation.as_data()["calibration"]
    assert printed["reliability"] == [each._asdict() for each in evaluation.reliability]
    assert printed["bins"] == 15


def test_the_command_calibrates(run: seqkit.Run, run_command) -> None:
    recorded = run.evaluate()
    result = run_command("evaluate", run.path, "--calibrate")
    assert (result.code, result.err) == (0, "")
    printed = json.loads(result.out)
    content = json.loads(run.directory.calibration.read_text(encoding="utf-8"))
    assert printed["calibration"]["temperature"] == content["temperature"]
    assert printed["calibration"]["without_temperature"]["loss"] == pytest.approx(recorded["loss"], rel=1e-6)
    assert (content["split"], content["examples"]) == ("valid", 60)
    result = run_command("evaluate", run.path, "--calibrate", "off")
    assert json.loads(result.out) == recorded
    assert not run.directory.calibration.exists()


def test_a_calibrated_run_without_its_data_names_the_reason(run: seqkit.Run, run_command) -> None:
    recorded = run.evaluate()
    plan = json.loads(run.directory.plan.read_text(encoding="utf-8"))
    words = (run.path / plan["recipe"]["data"]["path"]).resolve()
    run.calibrate()
    calibrated = run.evaluate()
    plan["recipe"]["data"]["path"] = "gone.csv"
    run.directory.plan.write_text(json.dumps(plan), encoding="utf-8")
    result = run_process("evaluate", run.path)
    assert (result.returncode, result.stdout) == (3, "")
    reason, remedy = result.stderr.strip().split(". The data is needed because the run is calibrated, and ")
    assert reason.endswith("if it has moved, pass --set path=FILE; or evaluate other data with --data FILE")
    assert (
        "--calibrate off (in Python, run.calibrate(False)) removes the temperature, and they are valid again" in remedy
    )
    assert "is calibrated" not in error_line(run_command("evaluate", run.path, "--again"))  # that reads the data
    assert "is calibrated" not in error_line(run_command("evaluate", run.path, "--split", "train"))  # has no metrics
    result = run_command("evaluate", run.path, "--set", f"path={words}")
    assert json.loads(result.out) == calibrated
    result = run_command("evaluate", run.path, "--calibrate", "off")
    assert json.loads(result.out) == recorded


def test_training_for_longer_removes_the_temperature(run: seqkit.Run) -> None:
    run.calibrate()
    longer = seqkit.resume(run.path, train__epochs=13, quiet=True)
    assert not longer.directory.calibration.exists()


def test_calibrating_without_its_data_offers_what_helps(run: seqkit.Run, tmp_path: Path, run_command) -> None:
    plan = json.loads(run.directory.plan.read_text(encoding="utf-8"))
    words = (run.path / plan["recipe"]["data"]["path"]).resolve()
    plan["recipe"]["data"]["path"] = "gone.csv"
    run.directory.plan.write_text(json.dumps(plan), encoding="utf-8")
    line = error_line(run_command("evaluate", run.path, "--calibrate"))
    assert line.endswith("restore the data of this run; if it has moved, pass --set path=FILE")
    assert run_command("evaluate", run.path, "--calibrate", "--set", f"path={words}").code == 0
    assert run.directory.calibration.exists()
    changed = tmp_path / "changed.csv"
    changed.write_text("".join(words.read_text("utf-8").splitlines(keepends=True)[:200]), encoding="utf-8")
    line = error_line(run_command("evaluate", run.path, "--calibrate", "--set", f"path={changed}"))
    assert line.endswith("(the file of data.path has changed): restore it")


def test_an_ensemble_is_calibrated_as_a_whole(trained: seqkit.Run, folder: Path, tmp_path: Path) -> None:
    other = seqkit.run(recipe(folder), runs=folder / "runs", quiet=True, encoder__hidden_size=6)
    ensemble = seqkit.ensemble([trained, other], runs=tmp_path)
    before = probabilities(ensemble)
    found = ensemble.calibrate()
    assert found is not None
    assert ensemble.directory.calibration.is_file()
    assert probabilities(ensemble) == pytest.approx(with_temperature(before, found["temperature"]), rel=1e-6)
    scores = ensemble.evaluate(split="valid")
    assert scores["loss"] == pytest.approx(found["loss_with"], rel=1e-6)
    assert scores["members"][0]["loss"] == pytest.approx(trained.evaluate(split="valid")["loss"], rel=1e-5)


def test_runs_that_cannot_be_calibrated_are_one_line(
    classification_run: Path, generation_run: Path, run: seqkit.Run, run_command
) -> None:
    result = run_command("evaluate", classification_run, "--calibrate")
    assert result.code == 2
    assert error_line(result).startswith(f"{classification_run}: has no validation split, on which the temperature")
    result = run_command("evaluate", generation_run, "--calibrate")
    assert result.code == 2
    assert error_line(result).startswith(f"{generation_run}: the head 'next_char' does not predict one label by a")
    result = run_command("evaluate", "--calibrate", run.path)
    assert result.code == 2
    assert error_line(result).startswith(
        f"invalid value for '--calibrate': '{run.path}' is not on or off: write --calibrate on before RUN"
    )
    result = run_command("evaluate", run.path, "--calibrate", "on", "--set", "path=moved.csv")
    assert result.code == 3
    assert "does not exist: restore the data of this run" in error_line(result)


def test_the_report_shows_the_calibration(run: seqkit.Run) -> None:
    assert "as trained" not in run.directory.report.read_text(encoding="utf-8")
    run.calibrate()
    page = run.directory.report.read_text(encoding="utf-8")
    assert page.count("<figcaption>Calibration</figcaption>") == 1
    assert "fitted on these 60 examples of the validation split" in page
    run.calibrate(enabled=False)
    assert "as trained" not in run.directory.report.read_text(encoding="utf-8")
    run.directory.calibration.write_text('{"temperature": 2, "exhibit": {"type": "series"}}', encoding="utf-8")
    with pytest.raises(DataError, match="calibration.json: corrupt: "):
        run.report()


def test_a_split_without_errors_determines_no_temperature(trained: seqkit.Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seqkit.inference.calibration.fit_temperature", lambda *_: None)
    with pytest.raises(DataError, match=r"\(60 examples\) does not determine a temperature from 0.05 to 20.0: nothing"):
        trained.calibrate()
    assert not trained.directory.calibration.exists()


@pytest.mark.parametrize("value", [0, -1, True, "2", None, [2], 1e400])
def test_a_corrupt_temperature_is_one_line(run: seqkit.Run, value: Any) -> None:
    run.directory.calibration.write_text(json.dumps({"temperature": value}), encoding="utf-8")
    with pytest.raises(DataError, match="calibration.json: corrupt: "):
        run.predict(TEXTS)


def test_a_temperature_of_another_run_is_one_line(waves_like_run: seqkit.Run) -> None:
    with pytest.raises(DataError, match="is calibrated, but its predictions have no probabilities of labels: remove"):
        waves_like_run.predict(["a"])


@pytest.fixture
def waves_like_run(run: seqkit.Run, monkeypatch: pytest.MonkeyPatch) -> seqkit.Run:
    """Return a calibrated run whose predictions have no probabilities."""
    run.directory.calibration.write_text('{"temperature": 2}', encoding="utf-8")
    monkeypatch.setattr(
        "seqkit.inference.numpy_engine.engine.NumpyEngine.predict", lambda self, inputs: [{"label": "a"}]
    )
    return run


def test_a_missing_split_is_a_usage_error(classification_run: Path) -> None:
    with pytest.raises(UsageError, match="has no validation split"):
        seqkit.load(classification_run).calibrate()


def test_an_explanation_is_that_of_the_calibrated_prediction(run: seqkit.Run) -> None:
    before = run.explain("abcd")
    temperature = run.calibrate()["temperature"]
    found = run.explain("abcd")
    (prediction,) = run.predict(["abcd"])
    assert found.label == prediction["label"]
    assert found.probability == pytest.approx(prediction["probabilities"][found.label], abs=1e-6)
    assert found.ended[-1] == pytest.approx(found.probability, abs=1e-6)
    assert found.score == pytest.approx(before.score / temperature, rel=1e-5)  # two labels: the difference of logits
    assert found.occlusion == pytest.approx([each / temperature for each in before.occlusion], abs=1e-5)
    assert sum(found.gradients or ()) == pytest.approx(found.difference, rel=0.01, abs=1e-5)
    assert f"temperature {temperature:.3g}" in found.notes[0]
