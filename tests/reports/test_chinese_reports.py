"""Tests of reports in Chinese: of a run that was trained in English too, whose stored texts are English."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import CompletedProcess

import pytest

import catalogue
from helpers.recipes import write_recipe
from seqkit.contracts import Line, Series
from seqkit.messages import message, translate, translate_stored, untranslated, use_translation
from seqkit.reports.exhibits import in_language, metric_exhibits, render_exhibit

Command = Callable[..., CompletedProcess[str]]
ENGLISH = re.compile(r"\b[A-Za-z]{2,}[ ,]+[a-z]{2,}\b")
"""Two English words beside each other: a metric, a split or the name of a component is one."""


@pytest.fixture
def chinese() -> Iterator[None]:
    texts = catalogue.read_translations(catalogue.CATALOGUE)
    use_translation(lambda text: texts.get(text) or text, [text for text in texts if text])
    yield
    use_translation(None)


def english_of(page: Path) -> list[str]:
    """Return what is English in a page: texts, and titles for screen readers. Data and recipe are left out."""
    text = page.read_text(encoding="utf-8")
    assert '<html lang="zh-CN">' in text
    text = re.sub(
        r"<style>.*?</style>|<pre>.*?</pre>|<bdi>.*?</bdi>|<div class=.sample.*?</div>", " ", text, flags=re.S
    )
    attributes = re.findall(r'(?:aria-label|data-empty)="([^"]*)"', text)
    texts = [html.unescape(each).strip() for each in [*re.split(r"<[^>]+>", text), *attributes]]
    return [each for each in texts if ENGLISH.search(each)]


def test_the_report_of_a_classifier_is_chinese(classification_run: Path, cli: Command, tmp_path: Path) -> None:
    result = cli("report", classification_run, "--output", "page.html", SEQKIT_LANG="zh_CN")
    assert result.returncode == 0, result.stderr
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert english_of(tmp_path / "page.html") == []
    for each in (
        "曲线",
        "混淆矩阵",
        "真实标签",
        "优化步",
        "最没有把握的预测",
        "期望校准误差",
        "以表格显示数值",
        "越低越好",
        "训练秒数",
    ):
        assert each in text


NAMES = {
    *("train", "valid", "test", "loss", "accuracy", "majority_accuracy", "result.json"),
    *("macro_f1", "micro_f1", "exact_match", "TF-IDF", "others", "rows.csv"),
}
"""What is English in a Chinese report, apart from the names of components and weights: metrics, splits and data."""


@pytest.mark.parametrize(
    ("head", "rows"),
    [
        ({"type": "classify"}, ["好吃,pos", "难吃,neg", "很好,pos", "很难,neg"]),
        ({"type": "multi_label", "separator": "|"}, ["好吃,pos", "难吃,neg|others", "很好,pos|others", "很难,neg"]),
        ({"type": "regress"}, ["好吃,5", "难吃,1", "很好,4", "很难,2"]),
    ],
)
def test_no_text_of_a_report_is_english(head: dict[str, str], rows: list[str], cli: Command, tmp_path: Path) -> None:
    lines = [f"{number}{row}" for number in range(16) for row in rows]
    (tmp_path / "rows.csv").write_text("\n".join(["text,label", ",", ",", *lines]) + "\n", encoding="utf-8")
    recipe = {
        "name": "report",
        "data": {"type": "table", "path": "rows.csv", "empty": "skip", "split": {"by": "random"}},
        "encoder": {"type": "lstm", "hidden_size": 4},
        "head": head,
        "train": {"epochs": 2, "threads": 1},
    }
    write_recipe(tmp_path / "recipe.yaml", recipe)
    assert cli("run", "recipe.yaml", SEQKIT_LANG="en").returncode == 0
    result = cli("report", "runs/report-1", "--output", "page.html", SEQKIT_LANG="zh_CN")
    assert result.returncode == 0, result.stderr
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    text = re.sub(r"<pre.*?</pre>", " ", text[text.index("<main") : text.index('id="model"')], flags=re.S)
    texts = [html.unescape(each).strip() for each in re.split(r"<[^>]+>", text)]
    words = {word for each in texts for word in re.findall(r"[A-Za-z][\w.-]{3,}", each)}
    assert {each for each in words if each not in NAMES} == {"report-1"}, texts
    assert any(each.startswith("已跳过：文本或标签为空（样本数：2") for each in texts)


def test_the_report_of_a_generator_and_of_several_runs_is_chinese(
    generation_run: Path, classification_run: Path, cli: Command, tmp_path: Path
) -> None:
    for runs in ([generation_run], [generation_run, classification_run]):
        result = cli("report", *runs, "--output", "page.html", SEQKIT_LANG="zh_CN")
        assert result.returncode == 0, result.stderr
        assert english_of(tmp_path / "page.html") == []


def test_an_explanation_is_chinese(classification_run: Path, cli: Command, tmp_path: Path) -> None:
    result = cli("explain", classification_run, "好吃", "--html", "page.html", SEQKIT_LANG="zh_CN")
    assert result.returncode == 0, result.stderr
    assert english_of(tmp_path / "page.html") == []


def test_the_page_of_a_run_is_english_in_english(classification_run: Path, cli: Command, tmp_path: Path) -> None:
    assert cli("report", classification_run, "--output", "page.html", SEQKIT_LANG="en").returncode == 0
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert '<html lang="en">' in text and "曲线" not in text and "Curves" in text


@pytest.mark.usefixtures("chinese")
@pytest.mark.parametrize(
    ("template", "fields"),
    [
        ("Worst errors", {}),
        ("TF-IDF of 1 to 3 characters, logistic regression", {}),
        (
            "{shown} of {count:,} errors in {total:,} examples: those in which the model is surest.",
            {"shown": 20, "count": 1173, "total": 12000},
        ),
        ("{name}: the last window", {"name": "OT: 1"}),
        ("Window {window:,} of {count:,}.", {"window": 1200, "count": 3000}),
        ("linear model of {count} time steps, trained with CTC", {"count": 5}),
        ("{count:,} windows of {horizon} time steps, in the data's units", {"count": 1138, "horizon": 7}),
    ],
)
def test_a_stored_message_is_recognized_by_its_template(template: str, fields: dict[str, object]) -> None:
    expected = translate(message(template, **fields))
    stored = template.format(**fields)
    assert re.search("[\u4e00-\u9fff]", expected)
    assert translate_stored(stored) == expected


def ridge() -> str:
    return message("{name} of each variable", name=message("ridge on {count} time steps", count=21))


def skipped() -> str:
    return message("skipped: the text or the label is empty")


def missed() -> str:
    return message("the label '{label}' does not occur in the training data: counted as missed", label="a: b")


@pytest.mark.usefixtures("chinese")
@pytest.mark.parametrize(
    "text",
    [
        message("{name} (alpha {alphas})", name=ridge(), alphas=10),
        message(
            "{text} (examples: {count:,}, the first at {location})", text=skipped(), count=1246, location="a b.csv:2"
        ),
        message("{location}: {text}", location="tags.csv:7", text=skipped()),
        message("{location}: {text}", location="tags.csv:7", text=missed()),
        message("{text} (examples: {count:,})", text=missed(), count=3),
    ],
)
def test_stored_messages_in_a_message_are_translated_too(text: str) -> None:
    assert translate_stored(untranslated(text)) == translate(text)


@pytest.mark.usefixtures("chinese")
@pytest.mark.parametrize("text", ["", "accuracy_of_mine", "a, b", "x: y", "{name}", "(", "what a plugin says: 1 of 2"])
def test_a_text_that_is_no_message_is_shown_as_it_is(text: str) -> None:
    assert translate_stored(text) == text


@pytest.mark.usefixtures("chinese")
def test_a_value_in_a_stored_message_is_no_message() -> None:
    assert translate("true") == "true" and translate(message("true")) != "true"
    assert translate_stored("true: the last window") == "true：最后一个窗口"
    assert translate_stored("en") == "en"


@pytest.mark.usefixtures("chinese")
def test_the_name_of_a_variable_is_no_heading() -> None:
    line = Line("truth", (0, 1), (0, 1))
    stored = Series("value: the last window", (line,), "probability", "value", note="(note)")
    reliability = Series("Reliability", (line,), "probability", "accuracy")
    assert ">准确率<" in render_exhibit(in_language(reliability))
    page = render_exhibit(in_language(stored))
    assert "value：最后一个窗口" in page and "真实值" in page and ">value<" in page
    [table] = metric_exhibits({"pairs": {"true": {"true": 1, "text": 2}}})  # labels, which are data
    assert ">true<" in render_exhibit(table) and ">text<" in render_exhibit(table)


@pytest.mark.usefixtures("chinese")
def test_a_hostile_text_is_compared_with_the_templates_in_linear_time() -> None:
    template = "{metric} on the {split} split, seeds {span}{matched}; {direction} is better"
    assert translate(message(template, metric="a", split="b", span="c", matched="d", direction="e")) != ""
    hostile = template.translate(str.maketrans("{}", "xx")) * 5_000 + "!"
    assert translate_stored(hostile) == hostile
    short = "skipped: ((: a (alpha " * 40
    assert translate_stored(short) == short
