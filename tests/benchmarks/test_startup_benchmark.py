"""Tests that the reference scripts of the start-up benchmark compute the same results as seqkit."""

from __future__ import annotations

import json
import runpy
import sys
from pathlib import Path

import pytest
import torch

import seqkit
from benchmarks.startup.commands import (
    PREDICT_SCRIPT,
    TUTORIAL_SCRIPT,
    sentences,
    verify_predictions,
    verify_training,
)
from helpers.recipes import RECIPES


def output_of(script: str, *arguments: object, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> str:
    monkeypatch.setattr(sys, "argv", [script, *map(str, arguments)])
    capsys.readouterr()
    with torch.random.fork_rng():
        runpy.run_path(script, run_name="__main__")
    return capsys.readouterr().out


def test_tutorial_script_has_losses_of_recipe(tmp_path: Path, monkeypatch, capsys) -> None:
    run = seqkit.run(
        RECIPES / "char_gen_tutorial.yaml",
        runs=tmp_path,
        quiet=True,
        train={"epochs": 50, "threads": 1},
        baseline="off",
    )
    printed = output_of(TUTORIAL_SCRIPT, 0, 50, monkeypatch=monkeypatch, capsys=capsys)
    verified = verify_training(run.path, printed)
    assert verified.startswith("losses at steps 10, 20, 30, 40, 50, equal within a relative ")
    lines = printed.splitlines()
    with pytest.raises(SystemExit, match=r"the losses differ by a relative 0\.5"):
        verify_training(run.path, "\n".join(["10 " + str(float(lines[0].split()[1]) * 2), *lines[1:]]))


def test_predict_script_has_predictions_of_run(tmp_path: Path, monkeypatch, capsys) -> None:
    run = seqkit.run(
        RECIPES / "sentiment_zh.yaml",
        runs=tmp_path,
        quiet=True,
        train={"epochs": None, "steps": 2, "threads": 1},
        baseline="off",
    )
    texts = sentences(9_600)
    assert len(set(texts)) > 9_400
    assert texts[0] == texts[9498]
    texts = texts[::100]
    file = tmp_path / "texts.txt"
    file.write_text("\n".join(texts), encoding="utf-8")
    predictions = "".join(json.dumps(prediction) + "\n" for prediction in run.predict(texts))
    printed = output_of(PREDICT_SCRIPT, run.path, file, 0, 32, monkeypatch=monkeypatch, capsys=capsys)
    verified = verify_predictions(predictions, printed)
    assert verified.startswith("96 predictions in the same order, labels equal, probabilities equal within")
    reversed_predictions = "".join(json.dumps(prediction) + "\n" for prediction in run.predict(texts[::-1]))
    with pytest.raises(SystemExit, match="not in the same order"):
        verify_predictions(reversed_predictions, printed)
