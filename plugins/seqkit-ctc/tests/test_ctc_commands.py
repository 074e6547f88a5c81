"""Tests of the commands, of the recipes, and of training and prediction on the command line."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from seqkit_ctc.head import CTC
from seqkit_ctc.tones import Tones
from seqkit_ctc.voices import Voices
from seqkit_ctc.wav import Wav
from seqkit_ctc.wav_io import read_wav

import seqkit
from helpers.commands import CommandResult, run_here
from seqkit.contracts import Example
from seqkit.data.batching import collate
from seqkit.encoders.lstm import BiLSTM
from seqkit.errors import DataError
from seqkit.recipe.resolve import resolve
from seqkit.recipe.source import read_recipe
from seqkit.registry import load_registry

RECIPES = Path(__file__).parents[1] / "recipes"


def command_here(*arguments: object, folder: Path, code: int = 0) -> CommandResult:
    done = run_here(*map(str, arguments), cwd=folder)
    assert done.code == code, done.err
    return done


def command(*arguments: object, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "SEQKIT_PLUGINS"}
    completed = subprocess.run(
        [sys.executable, "-W", "error", "-m", "seqkit", *map(str, arguments)],
        cwd=folder,
        env=environment | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert completed.returncode == 0, completed.stderr
    return completed


def rows_of(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))


def test_tones_command_writes_recordings_of_reader(tmp_path: Path) -> None:
    options = ("--count", 3, "--seed", 4, "--digits", 2, 4, "--noise", 5, 10, "--speed", 1, 1.5, "--sample-rate", 11025)
    completed = command("tones", "--into", "new/recordings", *options, folder=tmp_path)
    assert completed.stdout == "new/recordings/manifest.csv\n"
    rows = list(csv.reader((tmp_path / "new/recordings/manifest.csv").read_text().splitlines()))
    assert rows[0] == ["path", "text"]
    reader = Tones(count=3, seed=4, digits=(2, 4), noise=(5, 10), speed=(1, 1.5), sample_rate=11025)
    for (name, text_in_manifest), (text, samples) in zip(rows[1:], reader.sounds(), strict=True):
        assert text_in_manifest == text
        samples_read = read_wav(tmp_path / "new/recordings" / name, 11025)
        np.testing.assert_allclose(samples_read, samples, rtol=0, atol=2**-16)


def test_voices_command_writes_recordings_of_reader(tmp_path: Path) -> None:
    options = ("--count", 2, "--seed", 4, "--pool", "valid", "--voices", 1, "--digits", 1, 2, "--noise", 5, 10)
    completed = command("voices", "--into", "recordings", *options, "--sample-rate", 16000, folder=tmp_path)
    assert completed.stdout == "recordings/manifest.csv\n"
    rows = list(csv.reader((tmp_path / "recordings/manifest.csv").read_text().splitlines()))[1:]
    reader = Voices(count=2, seed=4, pool="valid", voices=1, digits=(1, 2), noise=(5, 10), sample_rate=16000)
    for (name, text_in_manifest), (text, samples) in zip(rows, reader.sounds(), strict=True):
        assert text_in_manifest == text
        samples_read = read_wav(tmp_path / "recordings" / name, 16000)
        np.testing.assert_allclose(samples_read, samples, rtol=0, atol=2**-16)
    stderr = command_here("voices", "--into", "x", "--noise", 9, 1, folder=tmp_path, code=2).err
    assert stderr == "seqkit: --noise must be the lowest and the highest value, in this order, not 9.0 and 1.0\n"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--into", "."], "--into .: already exists: name a new folder"),
        (["--into", "/proc/recordings"], "--into /proc/recordings: cannot be written: No such file or directory"),
        (["--into", "x", "--speed", "1", "3"], "--speed must be below 1.78, not 3.0"),
        (["--into", "x", "--count", "20", "--digits", "1", "1"], "--count must be at most 10"),
    ],
)
def test_tones_command_reports_errors_in_one_line(options: list[str], message: str, tmp_path: Path) -> None:
    stderr = command_here("tones", *options, folder=tmp_path, code=2).err
    assert stderr.startswith(f"seqkit: {message}") and stderr.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_predict_and_evaluate_recordings(tmp_path: Path) -> None:
    sizes = ("data.count=40", "train.epochs=1", "encoder.hidden_size=8", "head.beam_size=4")
    completed = command("run", RECIPES / "digits_quick.yaml", *sizes, "baseline=off", folder=tmp_path)
    run = seqkit.load(tmp_path / completed.stdout.splitlines()[-1])
    assert set(run.result["metrics"]) == {"valid", "test"}
    assert {"loss", "label_error_rate", "exact_match"} <= set(run.result["metrics"]["test"])

    command_here("tones", "--into", "recordings", "--count", 2, folder=tmp_path)
    manifest = tmp_path / "recordings/manifest.csv"
    printed = command_here("predict", run.path, "--data", manifest, folder=tmp_path).out
    predictions = [json.loads(line) for line in printed.splitlines()]
    assert [set(prediction) for prediction in predictions] == [{"transcript", "probability"}] * 2
    inputs = [example.input for example in Tones(count=2).read()]
    assert [prediction["transcript"] for prediction in run.predict(inputs)] == [
        prediction["transcript"] for prediction in predictions
    ]
    assert run.evaluate(manifest)["examples"] == 2
    # Paths in standard input are relative to the current folder, not to that of the copy.
    arguments = [sys.executable, "-m", "seqkit", "predict", run.path, "--data", "-"]
    completed = subprocess.run(
        arguments, cwd=manifest.parent, input=manifest.read_text(), capture_output=True, text=True, timeout=120
    )
    assert completed.stdout == printed, completed.stderr


def test_predict_recordings_by_their_paths(tmp_path: Path) -> None:
    command_here("tones", "--into", "calls", "--count", 20, "--digits", 1, 2, folder=tmp_path)
    sizes = ("data.split.valid=0.2", "data.split.test=0.2", "train.epochs=1", "encoder.hidden_size=4", "baseline=off")
    recipe = RECIPES / "recordings.yaml"
    completed = command("run", recipe, "data.path=calls/manifest.csv", *sizes, folder=tmp_path)
    run = completed.stdout.splitlines()[-1]
    files = [f"calls/{row['path']}" for row in rows_of(tmp_path / "calls/manifest.csv")][:2]
    expected = seqkit.load(tmp_path / run).predict_file(tmp_path / "calls/manifest.csv")[:2]
    assert seqkit.load(tmp_path / run).predict([tmp_path / file for file in files]) == expected
    done = command_here("predict", run, *files, folder=tmp_path)
    assert ([json.loads(line) for line in done.out.splitlines()], done.err) == (expected, "")
    command_here("predict", run, *files, "--output", "out.csv", folder=tmp_path)
    assert [(row["row"], row["path"]) for row in rows_of(tmp_path / "out.csv")] == list(zip("12", files, strict=True))
    (tmp_path / "paths.txt").write_text(f"{files[0]}\n\n{files[1]}\n", encoding="utf-8")
    done = command_here("predict", run, "--file", "paths.txt", folder=tmp_path)
    blank = dict.fromkeys(expected[0])
    assert [json.loads(line) for line in done.out.splitlines()] == [expected[0], blank, expected[1]]
    done = command_here("predict", run, "--data", files[0], folder=tmp_path, code=3)
    assert f"`seqkit predict RUN {files[0]}`" in done.err
    done = command_here("predict", run, files[0], "calls/none.wav", folder=tmp_path, code=3)
    assert done.err.startswith("seqkit: input 2 of 2: calls/none.wav: ") and done.err.count("\n") == 1


def test_a_single_recording_cannot_be_normalized_by_speaker(tmp_path: Path) -> None:
    reader = Wav(path=tmp_path / "calls.csv", speaker="who", normalize="speaker")
    with pytest.raises(DataError, match="a.wav: `normalize: speaker` needs all recordings of a speaker: list the"):
        reader.read_input("a.wav")


def test_readers_of_synthetic_recordings_read_files_too(tmp_path: Path) -> None:
    command_here("tones", "--into", "calls", "--count", 1, folder=tmp_path)
    path = next((tmp_path / "calls").glob("*.wav"))
    (expected,) = Wav(path=tmp_path / "calls/manifest.csv").read()
    assert np.array_equal(Tones(count=1).read_input(str(path)).input, expected.input)


@pytest.mark.parametrize("recipe", sorted(RECIPES.glob("*.yaml")), ids=lambda path: path.stem)
def test_recipes_resolve_and_state_the_expected_results(recipe: Path, tmp_path: Path) -> None:
    plan = resolve(read_recipe(recipe, [f"data.path={tmp_path}/a.csv"]), load_registry())
    assert [each.split(" @ ")[0] for each in plan.plugins] == ["seqkit-ctc"]
    text = recipe.read_text()
    assert text.startswith("# ") and "What to expect" in text
    assert f"seqkit run plugins/seqkit-ctc/recipes/{recipe.name}" in text


def test_the_size_of_a_beam_requires_a_beam() -> None:
    recipe = read_recipe(RECIPES / "digits.yaml", ["head.beam_size=4", "head.decoder=greedy"])
    assert resolve(recipe, load_registry()).notes == ["head.beam_size has no effect without `decoder: beam`"]


def test_head_memorizes_rows() -> None:
    torch.manual_seed(0)
    generator = np.random.default_rng(0)
    texts = ["ab", "ba", "aab", "b"]
    head = CTC(decoder="beam")
    head.fit([Example(None, text) for text in texts], None)
    encoder = BiLSTM(3, hidden_size=12)
    head.build(encoder.output_size, encoder.final_size)
    rows = [
        row
        for text in texts
        for row in head.rows(Example(None, text), generator.standard_normal((4 * len(text), 3)).astype(np.float32))
    ]
    batch = collate(rows)
    optimizer = torch.optim.Adam([*encoder.parameters(), *head.parameters()], lr=0.05, foreach=False)
    for _ in range(80):
        optimizer.zero_grad()
        head.loss(encoder(batch.inputs, batch.lengths), batch).total.backward()
        optimizer.step()
    predictions = head.predict(encoder(batch.inputs, batch.lengths), batch)
    assert [prediction["transcript"] for prediction in predictions] == texts
    assert min(prediction["probability"] for prediction in predictions) > 0.9
