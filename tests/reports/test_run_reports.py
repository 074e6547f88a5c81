"""Tests of the reports of runs: what they show, and that nothing in a run can do more than be shown."""

from __future__ import annotations

import base64
import copy
import hashlib
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import seqkit
from helpers.commands import CommandResult, error_line
from helpers.pages import SVG, Page
from helpers.recipes import CLASSIFICATION_RECIPE
from helpers.runs import HOSTILE_VALUES, value_paths, with_value
from seqkit.contracts import Line, Matrix, Series, Span, Spans, SpanText, Table, Text, Texts, Transcript, Transcripts
from seqkit.errors import DataError, SeqkitError
from seqkit.heads.classify import Classify
from seqkit.reports.contents import read_contents
from seqkit.reports.curves import curves
from seqkit.reports.exhibits import metric_exhibits, render_exhibit
from seqkit.reports.report import report
from seqkit.reports.results import value_of
from seqkit.reports.run_page import run_page
from seqkit.reports.style import STYLE
from seqkit.reports.tables import table
from seqkit.runs.directory import RunDirectory
from seqkit.runs.exhibits import exhibit_as_json, exhibit_from_json
from seqkit.training.result_lines import format_number

HOSTILE = "</style></title><script>alert(1)</script><img src=x onerror=alert(2)>\u202e{}%s'\"&"
"""A text that would run a script, load a picture or reverse the page if it were not escaped."""

Run = Callable[..., CommandResult]


@pytest.fixture(scope="module")
def hostile_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a run whose texts and labels are hostile."""
    folder = tmp_path_factory.mktemp("hostile")
    rows = [{"text": f"{HOSTILE} {number}", "label": f"{HOSTILE}{number % 2}"} for number in range(12)]
    for name, part in (("train", rows), ("test", rows[:5]), ("valid", rows[5:])):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in part))
    recipe = copy.deepcopy(CLASSIFICATION_RECIPE) | {"predict": [HOSTILE]}
    recipe["data"] = {"type": "table", "path": str(folder / "train.jsonl")}
    recipe["data"] |= {split: {"path": str(folder / f"{split}.jsonl")} for split in ("valid", "test")}
    return seqkit.run(recipe, runs=folder, quiet=True).path


def page_of(run: Path) -> Page:
    return Page((run / "report.html").read_text(encoding="utf-8"))


def shown(value: float, name: str = "accuracy") -> str:
    return format_number(name, value)


def copied(run: Path, folder: Path, *without: str) -> Path:
    """Return a copy of a run without some of its files."""
    path = Path(shutil.copytree(run, folder / run.name))
    for name in without:
        (path / name).unlink()
    return path


def test_a_hostile_text_runs_nothing(hostile_run: Path) -> None:
    page = page_of(hostile_run)
    assert page.tags().isdisjoint({"script", "img", "iframe", "object", "embed", "link", "form", "input", "base", "b"})
    for _, attributes in page.elements:
        assert not any(name.startswith("on") or name in ("src", "style") for name in attributes)
        assert (attributes.get("href") or "#").startswith("#")
    assert page.text.count("<script>alert(1)</script>") > 20
    assert not re.search("url\\(|@import|https?://(?!www.w3.org/2000/svg)", (hostile_run / "report.html").read_text())


def test_the_policy_allows_the_style_of_the_page_alone(hostile_run: Path) -> None:
    text = (hostile_run / "report.html").read_text(encoding="utf-8")
    (style,) = re.findall("<style>(.*?)</style>", text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    (policy,) = (each["content"] for tag, each in page_of(hostile_run).elements if "http-equiv" in each)
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


def test_numbers_are_those_of_the_result(hostile_run: Path) -> None:
    result = json.loads((hostile_run / "result.json").read_text())
    page = page_of(hostile_run)
    pieces = page.text.split("\n")
    for scores in result["metrics"].values():
        assert {shown(scores["loss"], "loss"), shown(scores["accuracy"])} <= {*pieces}
    matrix = result["metrics"]["test"]["confusion_matrix"]["matrix"]
    confusion = next(each for each in page.pictures if "Confusion matrix" in next(each.itertext()))
    numbers = [int(text) for text in confusion.itertext() if text.isdecimal()]
    assert sorted(numbers) == sorted(number for row in matrix for number in row if number)
    assert {"12", "5", "7"} <= {*pieces}  # the sizes of the splits
    weights = json.loads((hostile_run / "report.json").read_text())["model"]["weights"]
    assert f"{weights:,}" in pieces


def test_pictures_are_described_and_sections_are_linked(hostile_run: Path) -> None:
    page = page_of(hostile_run)
    assert page.pictures
    for picture in page.pictures:
        assert picture.get("role") == "img"
        assert {*(picture.get("aria-labelledby") or "").split()} <= {*page.ids}
    links = {(attributes["href"] or "")[1:] for tag, attributes in page.elements if tag == "a"}
    assert links == {"curves", "results", "outputs", "data", "model", "recipe", "run"}
    assert links <= {*page.ids}


def test_best_epoch_is_that_of_the_weights(hostile_run: Path) -> None:
    run = read_contents(RunDirectory(hostile_run))
    assert run.recorded and run.result
    best = [row for row in run.evaluations if row.split == "valid" and row.epoch == run.recorded.best_epoch]
    assert [row.scores["loss"] for row in best] == [run.result.metrics["valid"]["loss"]]
    assert f"best epoch ({run.recorded.best_epoch})" in page_of(hostile_run).text


def test_a_split_has_one_color_in_all_charts(hostile_run: Path) -> None:
    charts = {chart.findtext(f"{SVG}title"): chart for chart in page_of(hostile_run).pictures}
    for metric in ("loss", "accuracy", "macro_f1"):
        (line,) = (
            each
            for each in charts[metric].iter(f"{SVG}path")
            if (each.findtext(f"{SVG}title") or "").startswith("valid")
        )
        assert line.get("class") == "line c1"


def test_a_learning_rate_that_changes_is_a_chart(classification_run: Path) -> None:
    run = read_contents(RunDirectory(classification_run))
    assert "learning rate" not in curves(run)
    rows = [replace(row, lr=0.1 / row.epoch) if row.split == "train" else row for row in run.evaluations]
    assert len({row.epoch for row in rows}) > 1
    assert "learning rate" in curves(replace(run, evaluations=rows))


def test_texts_that_are_numbers_are_aligned_like_numbers() -> None:
    rows = [("a", "1.5 to 2.5", 1), ("b", None, 2)]
    aligned = table(("run", "interval", "seeds"), rows, numbers=("interval",))
    assert '<th scope="col" class="number">interval</th>' in aligned
    assert '<td class="number"><bdi>1.5 to 2.5</bdi></td>' in aligned
    assert "number" not in table(("run", "interval"), [row[:2] for row in rows])


def test_predictions_are_shown_as_texts() -> None:
    assert value_of(["food", "staff"]) == "food, staff"
    assert value_of(["x" * 400]) == "x" * 299 + "…"
    assert value_of([0.9999990997058321, 1, None]) == "1.0000, 1, null"
    entities = [{"text": "Paris", "start": 4, "probability": 0.99852}, {"text": "Rome", "start": 6}]
    assert value_of(entities) == "text Paris, start 4, probability 0.9985; text Rome, start 6"
    assert value_of({"sales": [1.5, 2.0]}) == "sales 1.5000, 2.0000"
    assert value_of([]) == ""


def test_a_dark_screen_prints_dark_on_white() -> None:
    assert re.findall(r"@media ([^{]*dark\))", STYLE) == ["screen and (prefers-color-scheme: dark)"]


def test_a_large_matrix_shows_its_largest_errors() -> None:
    labels = tuple(f"label {number}" for number in range(50))
    rows = [[9 if row == column else 0 for column in range(50)] for row in range(50)]
    rows[3][7], rows[8][1] = 2, 5
    shown = Page(
        render_exhibit(Matrix("Confusion matrix", tuple(map(tuple, rows)), labels, labels, "true", "predicted"))
    )
    pieces = shown.text.split("\n")
    start = pieces.index("value")
    assert pieces[start - 3] == "The 2 largest of 2 values off the diagonal."
    assert pieces[start + 1 : start + 7] == ["label 8", "label 1", "5", "label 3", "label 7", "2"]
    rows[3][7] = rows[8][1] = 0
    right = render_exhibit(Matrix("Confusion matrix", tuple(map(tuple, rows)), labels, labels, "true", "predicted"))
    assert "There are no other values than 0 off the diagonal." in right


def test_an_empty_prediction_is_said_to_be_empty() -> None:
    shown = render_exhibit(Transcripts("errors", (Transcript(("a",), ()),)))
    assert '<dt>predicted</dt><dd><bdi data-empty="(empty)"></bdi></dd>' in shown
    assert ".pair bdi:empty::before { content: attr(data-empty)" in STYLE


def test_no_folder_of_the_data_is_recorded(hostile_run: Path) -> None:
    assert str(hostile_run.parent) not in (hostile_run / "report.json").read_text()


def test_a_run_that_generates_shows_its_text(generation_run: Path) -> None:
    page = page_of(generation_run)
    (generated,) = json.loads((generation_run / "result.json").read_text())["generated"]
    assert generated["prompt"] in page.text.split("\n")
    assert "No data is held out: this is the training split" in page.text


def test_the_command_needs_neither_data_nor_torch(hostile_run: Path, tmp_path: Path) -> None:
    run = copied(hostile_run, tmp_path)
    (run / "report.html").unlink()
    code = (
        "import sys; from seqkit.cli import execute; code = execute(sys.argv[1:]); "
        "sys.exit(code or ('torch' in sys.modules) * 9)"
    )
    done = subprocess.run([sys.executable, "-c", code, "report", run], capture_output=True, text=True, cwd=tmp_path)
    assert (done.returncode, done.stderr, done.stdout) == (0, "", f"{run}/report.html\n")
    assert (run / "report.html").read_bytes() == (hostile_run / "report.html").read_bytes()


def test_a_run_of_an_older_seqkit_has_a_report(classification_run: Path, tmp_path: Path) -> None:
    run = copied(classification_run, tmp_path, "report.json", "report.html")
    seqkit.load(run).report()
    page = page_of(run)
    assert "made by a seqkit without reports" in page.text
    assert "Confusion matrix" in page.text  # from result.json
    assert shown(json.loads((run / "result.json").read_text())["metrics"]["test"]["accuracy"]) in page.text


def test_a_run_that_is_not_finished_has_a_report(classification_run: Path, tmp_path: Path, run_command: Run) -> None:
    run = copied(classification_run, tmp_path, "report.json", "report.html", "result.json", "model.safetensors")
    assert run_command("report", run) == (0, f"{run}/report.html\n", "")
    assert "Not finished" in page_of(run).text
    assert "loss" in page_of(run).text


def test_several_runs_are_compared(
    generation_run: Path, classification_run: Path, tmp_path: Path, run_command: Run
) -> None:
    same = copied(classification_run, tmp_path)
    done = run_command("report", generation_run, classification_run, same, "--output", tmp_path / "all.html")
    assert (done.code, done.out) == (0, f"{tmp_path}/all.html\n")
    page = Page((tmp_path / "all.html").read_text(encoding="utf-8"))
    pieces = page.text.split("\n")
    assert f"{same.parent.name}/{same.name}" in pieces  # two runs of one name are distinguished by their folders
    assert "encoder.hidden_size" in pieces and "6" in pieces and "4" in pieces
    assert "loss, train" in pieces


def test_the_recipe_is_folded_on_a_phone_and_printed(classification_run: Path) -> None:
    """A browser shows the content of the closed element on a wide screen and on paper, by the style of the page."""
    page = Page((classification_run / "report.html").read_text(encoding="utf-8"))
    assert ("details", {"class": "on-phone"}) in page.elements
    lines = (classification_run / "recipe.yaml").read_text(encoding="utf-8").splitlines()
    assert f"The complete recipe, {len(lines)} lines" in page.text
    shown = "details.on-phone::details-content { display: block; content-visibility: visible; }"
    assert re.search(rf"@media print, \(min-width: 601px\) \{{[^@]*{re.escape(shown)}", STYLE)
    assert "details:not([open], .on-phone) { display: none; }" in STYLE


def test_equal_recipes_are_said_to_be_equal(classification_run: Path, run_command: Run, tmp_path: Path) -> None:
    same = copied(classification_run, tmp_path)
    assert run_command("report", classification_run, same).out == "report.html\n"
    assert "The recipes are equal." in (tmp_path / "report.html").read_text()


def test_an_ensemble_shows_its_members(classification_run: Path, tmp_path: Path) -> None:
    run = seqkit.ensemble([classification_run, copied(classification_run, tmp_path)], runs=tmp_path)
    path = run.report()
    assert path == run.path / "report.html"
    assert "An ensemble of 2 runs" in Page(path.read_text(encoding="utf-8")).text


def test_a_folder_is_no_output(classification_run: Path, tmp_path: Path, run_command: Run) -> None:
    line = error_line(run_command("report", classification_run, "--output", tmp_path))
    assert line == f"--output {tmp_path}: a folder: name a file, such as {tmp_path}/name.html"


def test_what_is_no_run_is_an_error(tmp_path: Path, run_command: Run) -> None:
    assert error_line(run_command("report", tmp_path)).startswith(f"{tmp_path}: not a run directory")


def test_a_corrupt_file_is_named(classification_run: Path, tmp_path: Path, run_command: Run) -> None:
    run = copied(classification_run, tmp_path)
    recorded = json.loads((run / "report.json").read_text())
    recorded["data"]["splits"]["train"]["rows"] = "many"
    (run / "report.json").write_text(json.dumps(recorded))
    done = run_command("report", run)
    assert done.code == 3
    assert error_line(done).startswith(f"{run}/report.json: corrupt: data.splits.train.rows: ")


def test_a_head_that_fails_to_show_something_fails_no_run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, vowel_recipe: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    def exhibits(*_: object) -> list[Table]:
        raise RuntimeError("no picture")

    monkeypatch.setattr(Classify, "exhibits", exhibits)
    run = seqkit.run(vowel_recipe, runs=tmp_path, train__epochs=1)
    assert "the report shows no exhibits of the test split: the head 'classify' failed: RuntimeError: no picture" in (
        capsys.readouterr().out
    )
    assert "Confusion matrix" in page_of(run.path).text


def test_a_report_that_fails_fails_no_run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, vowel_recipe: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> None:
        raise ValueError("no page")

    monkeypatch.setattr("seqkit.reports.run_page.run_page", fail)
    run = seqkit.run(vowel_recipe, runs=tmp_path, train__epochs=1)
    assert f"{run.path}/report.html was not written: ValueError: no page" in capsys.readouterr().out
    assert run.result["metrics"]


EXHIBITS = [
    Table(HOSTILE, (HOSTILE, "b"), ((HOSTILE, 1), (None, 2.5)), note=HOSTILE),
    Matrix(HOSTILE, ((1, -2), (0, 3)), ("x", HOSTILE), (HOSTILE, "y"), HOSTILE, HOSTILE),
    Series(HOSTILE, (Line(HOSTILE, (0, 1), (1.0, None), (0.5, 1.0), (1.5, 2.0)),), HOSTILE, HOSTILE),
    Texts(HOSTILE, (Text(HOSTILE, HOSTILE, ((HOSTILE, HOSTILE),)),)),
    Spans(HOSTILE, (SpanText((HOSTILE, "b"), (Span(0, 1, HOSTILE),), (Span(0, 2, "x"),)),), HOSTILE),
    Transcripts(HOSTILE, (Transcript((HOSTILE, "b"), ("b", HOSTILE), HOSTILE, (("p", 0.5),)),), HOSTILE),
]


@pytest.mark.parametrize("exhibit", EXHIBITS, ids=lambda exhibit: type(exhibit).__name__)
def test_exhibits_are_escaped_and_survive_json(exhibit: Any) -> None:
    page = Page(render_exhibit(exhibit))
    assert page.tags().isdisjoint({"script", "img"})
    assert "<script>" in page.text
    assert exhibit_from_json(json.loads(json.dumps(exhibit_as_json(exhibit))), "x") == exhibit


def test_spans_and_edits_that_are_wrong_are_marked() -> None:
    item = SpanText(("Ada", "is", "in", "Oslo"), (Span(0, 1, "person"), Span(3, 4, "place")), (Span(0, 1, "person"),))
    html = render_exhibit(Spans("x", (item,)))
    assert html.count("<mark>Ada") == 2
    assert html.count('<mark class="wrong">Oslo') == 1
    html = render_exhibit(Transcripts("x", (Transcript(tuple("abc"), tuple("axcd")),)))
    assert "a<del>b</del>c</bdi>" in html
    assert "a<ins>x</ins>c<ins>d</ins></bdi>" in html


@pytest.mark.parametrize(
    ("build", "reason"),
    [
        (lambda: Table("x", ("a", "b"), ((1,),)), "rows[0] has 1 entries, not 2"),
        (lambda: Matrix("x", ((1, 2),), ("a",), ("b",)), "values[0] has 2 entries, not 1"),
        (lambda: Line("x", (1, 2), (1.0,)), "y has 1 entries, not 2"),
        (lambda: Line("x", (1,), (1.0,), low=(0.0,)), "high has 0 entries, not 1"),
        (lambda: Series("x", ()), "lines must be 1 to 8, not 0"),
        (lambda: SpanText(("a",), (Span(0, 2, "x"),), ()), "expected[0] is 0 to 2: spans must be in order"),
        (lambda: SpanText(("a", "b"), (), (Span(1, 2, "x"), Span(0, 1, "x"))), "predicted[1] is 0 to 1"),
    ],
)
def test_an_exhibit_that_does_not_fit_together_is_an_error(build: Callable[[], Any], reason: str) -> None:
    with pytest.raises(ValueError, match=re.escape(reason)):
        build()


def test_metrics_are_shown_by_their_form() -> None:
    metrics = {
        "loss": 1.0,
        "confusion_matrix": {"labels": ["a", "b"], "rows_are": "true labels", "matrix": [[1, 2], [3, 4]]},
        "per_class": {"a": {"f1": 0.5}, "b": {"f1": 0.25, "support": 3}},
        "per_step": {"mse": [1.0, 2.0]},
        "coverage": {"0.1": 0.09},
        "curve": [1, 2, 3],
        "scored": "3 windows",
        "odd": {"labels": ["a"], "matrix": [[1, 2]]},
    }
    found = {exhibit.title: exhibit for exhibit in metric_exhibits(metrics)}
    assert {title: type(exhibit) for title, exhibit in found.items()} == {
        "Confusion matrix": Matrix,
        "Per class": Table,
        "Per time step": Series,
        "Coverage": Table,
        "Curve": Series,
    }
    assert found["Per class"].rows == (("a", 0.5, None), ("b", 0.25, 3))


@pytest.fixture(scope="module")
def documents(hostile_run: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """Return a copy of a run, whose files can be damaged, and its JSON files."""
    run = copied(hostile_run, tmp_path_factory.mktemp("damaged"))
    return run, {name: json.loads((run / name).read_text()) for name in ("plan.json", "result.json", "report.json")}


@settings(max_examples=40)
@given(st.data())
def test_a_damaged_file_is_shown_or_reported(documents: tuple[Path, dict[str, Any]], data: st.DataObject) -> None:
    run, files = documents
    name = data.draw(st.sampled_from(sorted(files)))
    path = data.draw(st.sampled_from([*value_paths(files[name])]))
    (run / name).write_text(json.dumps(with_value(files[name], path, data.draw(HOSTILE_VALUES))))
    try:
        Page(run_page(read_contents(RunDirectory(run))))
        report([RunDirectory(run), RunDirectory(run)], run.parent / "both.html")
    except DataError as error:
        assert len(error.lines) == 1
    except SeqkitError as error:
        raise AssertionError(str(error)) from error
    finally:
        (run / name).write_text(json.dumps(files[name]))
