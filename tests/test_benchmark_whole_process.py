"""The scripts that whole processes are measured beside compute what seqkit computes."""

from __future__ import annotations

import json
import runpy
import sys
from pathlib import Path

import pytest
import torch
from conftest import RECIPES
from whole_process import PREDICT, TUTORIAL, compared_answers, compared_training, sentences

import seqkit


def printed_by(script: str, *arguments: object, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> str:
    monkeypatch.setattr(sys, "argv", [script, *map(str, arguments)])
    capsys.readouterr()
    with torch.random.fork_rng():
        runpy.run_path(script, run_name="__main__")
    return capsys.readouterr().out


def test_the_tutorials_script_has_the_losses_of_the_recipe(tmp_path: Path, monkeypatch, capsys) -> None:
    run = seqkit.run(RECIPES / "char_gen_tutorial.yaml", runs=tmp_path, quiet=True, train__epochs=50, baseline="off")
    printed = printed_by(TUTORIAL, 0, 50, monkeypatch=monkeypatch, capsys=capsys)
    said = compared_training(run.path, printed)
    assert said.startswith("losses at steps 10, 20, 30, 40, 50, equal to ")
    lines = printed.splitlines()
    with pytest.raises(SystemExit, match=r"the losses are 0\.5"):
        compared_training(run.path, "\n".join(["10 " + str(float(lines[0].split()[1]) * 2), *lines[1:]]))


def test_the_script_that_labels_answers_as_a_run_does(tmp_path: Path, monkeypatch, capsys) -> None:
    run = seqkit.run(
        RECIPES / "sentiment_zh.yaml", runs=tmp_path, quiet=True, train__epochs=None, train__steps=2, baseline="off"
    )
    texts = sentences(7_000)
    assert len(set(texts)) > 6_900
    assert texts[0] == texts[6948]
    texts = texts[::100]
    file = tmp_path / "texts.txt"
    file.write_text("\n".join(texts), encoding="utf-8")
    answers = "".join(json.dumps(answer) + "\n" for answer in run.predict(texts))
    printed = printed_by(PREDICT, run.path, file, 0, 32, monkeypatch=monkeypatch, capsys=capsys)
    assert compared_answers(answers, printed).startswith("70 answers in one order, labels equal, probabilities within")
    other = "".join(json.dumps(answer) + "\n" for answer in run.predict(texts[::-1]))
    with pytest.raises(SystemExit, match="not in one order"):
        compared_answers(other, printed)
