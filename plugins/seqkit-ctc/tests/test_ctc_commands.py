"""From the command line: sound written, a run trained on it, and recordings read back by that run."""

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
from seqkit_ctc.pcm import read_wav
from seqkit_ctc.tones import Tones

import seqkit
from seqkit.batches import collate
from seqkit.contracts import Example
from seqkit.encoders.bilstm import BiLSTM

RECIPES = Path(__file__).parents[1] / "recipes"


def command(*arguments: object, folder: Path, code: int = 0) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "SEQKIT_PLUGINS"}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "seqkit", *map(str, arguments)],
        cwd=folder,
        env=environment | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == code, done.stderr
    return done


def test_tones_writes_what_the_reader_says(tmp_path: Path) -> None:
    options = ("--count", 3, "--seed", 4, "--digits", 2, 4, "--noise", 5, 10, "--speed", 1, 1.5, "--sample-rate", 11025)
    done = command("tones", "--into", "new/heard", *options, folder=tmp_path)
    assert done.stdout == "new/heard/manifest.csv\n"
    rows = list(csv.reader((tmp_path / "new/heard/manifest.csv").read_text().splitlines()))
    assert rows[0] == ["path", "text"]
    reader = Tones(count=3, seed=4, digits=(2, 4), noise=(5, 10), speed=(1, 1.5), sample_rate=11025)
    for (name, written), (text, samples) in zip(rows[1:], reader.sounds(), strict=True):
        assert written == text
        heard = read_wav(tmp_path / "new/heard" / name, 11025)
        np.testing.assert_allclose(heard, samples, rtol=0, atol=2**-16)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--into", "."], "--into .: is there already: name a new folder"),
        (["--into", "x", "--speed", "1", "3"], "--speed must be below 1.78, not 3.0"),
        (["--into", "x", "--count", "20", "--digits", "1", "1"], "--count must be at most 10"),
    ],
)
def test_tones_refuses_in_one_line(options: list[str], message: str, tmp_path: Path) -> None:
    stderr = command("tones", *options, folder=tmp_path, code=2).stderr
    assert stderr.startswith(f"seqkit: {message}") and stderr.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_a_run_reads_recordings(tmp_path: Path) -> None:
    sizes = ("data.count=40", "train.epochs=1", "encoder.hidden_size=8", "head.beam_size=4")
    done = command("run", RECIPES / "digits_quick.yaml", *sizes, "baseline=off", folder=tmp_path)
    run = seqkit.load(tmp_path / done.stdout.splitlines()[-1])
    assert set(run.result["metrics"]) == {"valid", "test"}
    assert {"loss", "label_error_rate", "exact_match"} <= set(run.result["metrics"]["test"])

    command("tones", "--into", "heard", "--count", 2, folder=tmp_path)
    manifest = tmp_path / "heard/manifest.csv"
    printed = command("predict", run.path, "--data", manifest, folder=tmp_path).stdout
    answers = [json.loads(line) for line in printed.splitlines()]
    assert [set(answer) for answer in answers] == [{"transcript", "probability"}] * 2
    said = list(Tones(count=2).read())
    assert [answer["transcript"] for answer in run.predict([row.input for row in said])] == [
        answer["transcript"] for answer in answers
    ]
    assert run.evaluate(manifest)["examples"] == 2


@pytest.mark.parametrize("recipe", sorted(RECIPES.glob("*.yaml")), ids=lambda path: path.stem)
def test_recipes_are_right_and_say_what_to_expect(recipe: Path, tmp_path: Path) -> None:
    from seqkit.recipe import read_recipe
    from seqkit.registry import load_registry
    from seqkit.resolve import resolve

    plan = resolve(read_recipe(recipe, [f"data.path={tmp_path}/a.csv"]), load_registry())
    assert plan.plugins == ["seqkit-ctc"]
    text = recipe.read_text()
    assert text.startswith("# ") and f"seqkit run plugins/seqkit-ctc/recipes/{recipe.name}" in text


def test_the_head_learns_rows_by_heart() -> None:
    torch.manual_seed(0)
    generator = np.random.default_rng(0)
    texts = ["ab", "ba", "aab", "b"]
    head = CTC(decoder="beam")
    head.fit([Example(None, text) for text in texts], None)
    encoder = BiLSTM(3, hidden_size=12)
    head.build(encoder.output_size, encoder.final_size)
    rows = [
        made
        for text in texts
        for made in head.rows(Example(None, text), generator.standard_normal((4 * len(text), 3)).astype(np.float32))
    ]
    batch = collate(rows)
    optimizer = torch.optim.Adam([*encoder.parameters(), *head.parameters()], lr=0.05, foreach=False)
    for _ in range(80):
        optimizer.zero_grad()
        head.loss(encoder(batch.inputs, batch.lengths), batch).total.backward()
        optimizer.step()
    answers = head.predict(encoder(batch.inputs, batch.lengths), batch)
    assert [answer["transcript"] for answer in answers] == texts
    assert min(answer["probability"] for answer in answers) > 0.9
