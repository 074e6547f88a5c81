"""What a notebook shows of runs, plans and results."""

from __future__ import annotations

import copy
import json
import re
import subprocess
import sys
from html import unescape
from pathlib import Path

import seqkit
from helpers.recipes import PROJECT
from seqkit.inference.results import Predictions, Scores
from seqkit.recipe.resolve import resolve
from seqkit.recipe.source import read_recipe
from seqkit.registry import load_registry

HOSTILE = "<script>alert(1)</script> & 'x'"


def html_of(value: object) -> str:
    html = value._repr_html_()  # type: ignore[attr-defined]
    assert isinstance(html, str)
    return html


def test_a_run_shows_its_verdict_and_its_metrics(classification_run: Path) -> None:
    run = seqkit.load(classification_run)
    html = html_of(run)
    assert f"run {classification_run.name}" in html
    assert f"{run.result['metrics']['test']['accuracy']:.4f}" in html
    assert "<th" in html_of(run.result) and "accuracy" in html_of(run.result)
    assert run.result == json.loads((classification_run / "result.json").read_text())
    assert copy.deepcopy(run.result) == run.result


def test_a_run_shows_its_curves_in_a_frame_that_runs_no_script(classification_run: Path) -> None:
    (frame,) = re.findall(r"<iframe[^>]*>", html_of(seqkit.load(classification_run)))
    document = unescape(re.search(r'srcdoc="([^"]*)"', frame)[1])  # type: ignore[index]
    assert " sandbox" in frame and "allow" not in frame
    assert document.startswith("<!DOCTYPE html>")
    assert "<svg" in document and "<script" not in document


def test_a_run_that_is_not_finished_or_corrupt_is_shown(classification_run: Path, tmp_path: Path) -> None:
    import shutil

    path = shutil.copytree(classification_run, tmp_path / "run")
    (path / "result.json").unlink()
    assert "seqkit resume" in html_of(seqkit.load(path))
    (path / "metrics.jsonl").write_text("{")
    assert seqkit.load(path)._repr_html_() is None  # the notebook shows repr
    assert repr(seqkit.load(path)) == f"<seqkit run {path}>"


def test_predictions_and_scores_are_lists_and_dictionaries(classification_run: Path) -> None:
    run = seqkit.load(classification_run)
    predictions = run.predict(["好吃"])
    assert predictions == json.loads(json.dumps(predictions))
    html = html_of(Predictions([*predictions, {"text": HOSTILE}]))
    assert "<script>" not in html and "&lt;script&gt;" in html
    assert "probabilities" in html
    scores = run.evaluate([("好吃", "pos"), ("难吃", "neg")])
    assert f"{scores['accuracy']:.4f}" in html_of(scores)
    assert html_of(Predictions([{"text": str(number)} for number in range(51)])).endswith(
        "50 of 51 predictions</p></div>"
    )
    assert html_of(Predictions()) and html_of(Scores())


def test_a_plan_is_a_table_of_its_sections() -> None:
    recipe = {
        "data": {"type": "text", "text": HOSTILE},
        "encoder": {"type": "lstm", "hidden_size": 7},
        "head": "next_char",
    }
    html = html_of(resolve(read_recipe(recipe), load_registry()))
    assert "<tr><th>encoder</th><td>type: lstm, hidden_size: 7, " in html
    assert "<script>" not in html and "&lt;script&gt;" in html


def test_tables_need_no_torch(classification_run: Path) -> None:
    code = (
        "import sys, seqkit\n"
        f"run = seqkit.load({str(classification_run)!r})\n"
        "assert run._repr_html_() and run.result._repr_html_() and run.predict(['好'])._repr_html_()\n"
        "assert 'torch' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, encoding="utf-8")
    assert (done.returncode, done.stderr) == (0, "")
