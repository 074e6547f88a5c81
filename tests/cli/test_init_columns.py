"""`seqkit init`: which columns are texts and labels."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from helpers.commands import error_line
from helpers.tables import reviews, write_table
from seqkit.contracts import DataFile
from seqkit.readers.inspection import inspect
from seqkit.tasks.labels import classify, multi_label, regress


def tasks_of(path: Path, **named: str) -> tuple[Any, Any, Any]:
    found = inspect(path)
    file = DataFile(**{**vars(found), **named})
    return classify(file), multi_label(file), regress(file)


def test_the_task_follows_from_the_columns(tmp_path: Path) -> None:
    texts = [text for text, _ in reviews()]
    label = [(n, text, f"c{n % 3}") for n, text in enumerate(texts)]
    label_draft, *others = tasks_of(write_table(tmp_path / "label.csv", ["id", "body", "kind"], label))
    assert label_draft.recipe["data"] == {"type": "table", "text": "body", "label": "kind"}
    assert all(isinstance(other, str) for other in others)
    prices = [(text, f"{n * 1.5:.1f}") for n, text in enumerate(texts)]
    _, _, number = tasks_of(write_table(tmp_path / "price.csv", ["note", "price"], prices))
    assert (number.recipe["data"]["label"], number.recipe["head"]["type"]) == ("price", "regress")
    several = [(text, ["a", "a|b", "b", "c|a"][n % 4]) for n, text in enumerate(texts)]
    _, sets, _ = tasks_of(write_table(tmp_path / "sets.csv", ["text", "topics"], several))
    assert (sets.recipe["head"]["separator"], sets.recipe["data"]["label"]) == ("|", "topics")
    dates = [(f"2020-01-{n % 28 + 1:02d}", text, n % 2) for n, text in enumerate(texts)]
    dated, *_ = tasks_of(write_table(tmp_path / "dates.csv", ["created", "text", "label"], dates))
    assert dated.recipe["data"] == {"type": "table", "text": "text", "label": "label"}
    pairs = [(text, f"another {text}", ["yes", "no"][n % 2]) for n, text in enumerate(texts)]
    pair, *_ = tasks_of(write_table(tmp_path / "pairs.csv", ["premise", "hypothesis", "label"], pairs))
    assert pair.recipe["data"]["text_pair"] == "hypothesis"
    for named, columns in (
        ("premise", {"text": "premise"}),
        ("hypothesis,premise", {"text": "hypothesis", "text_pair": "premise"}),
    ):
        chosen, *_ = tasks_of(tmp_path / "pairs.csv", text=named)
        assert chosen.recipe["data"] == {"type": "table", **columns, "label": "label"}


def test_pairs_of_texts_are_named(tmp_path: Path, run_command) -> None:
    rows = [(text, f"again {text}", label) for text, label in reviews()]
    write_table(tmp_path / "a.csv", ["句子1", "句子2", "标签"], rows)
    done = run_command("init", "a.csv", "--text", "句子2, 句子1", "--minutes", "0.02")
    assert done.code == 0 and "the text is '句子2' with '句子1', the label '标签'" in done.out
    for options, problem in (
        (["--text", "句子1,句子3"], "--text 句子3: a.csv has no such column"),
        (["--text", "句子1,句子2,标签"], "--text names 3 columns: name one, or two for pairs of texts"),
        (["--text", "句子1,句子2", "--task", "generate"], "generate: --text names several columns, and the task reads"),
    ):
        assert problem in error_line(run_command("init", "a.csv", "--output", "b.yaml", *options))


@pytest.mark.parametrize("separator", ["、", "，", "；"])
def test_several_labels_with_full_width_separators_are_found(tmp_path: Path, run_command, separator: str) -> None:
    labels = ["配送", f"配送{separator}味道", "味道", f"味道{separator}价格"]
    rows = [(f"第{n}份外卖，送得很慢，味道一般", labels[n % 4]) for n in range(60)]
    write_table(tmp_path / "a.csv", ["评论", "标签"], rows)
    result = run_command("init", "a.csv", "--minutes", "0.02")
    assert result.code == 0 and "task: multi_label" in result.out
    recipe = yaml.safe_load((tmp_path / "a.yaml").read_text(encoding="utf-8"))
    assert recipe["head"]["separator"] == separator
    assert "# 3 labels: 味道 (45), 配送 (30), 价格 (15)" in (tmp_path / "a.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize("last", ["日期", "created"])
@pytest.mark.parametrize("day", ["2024-{:02}-{:02}", "2024年{}月{}日", "2024/{}/{} 08:30:00", "{}/{}/2024"])
def test_dates_are_labels_only_if_there_is_no_other_column(tmp_path: Path, last: str, day: str) -> None:
    rows = [
        (f"第{n}条留言，快递到了吗", ["物流", "售后", "咨询"][n % 3], day.format(n % 12 + 1, n % 28 + 1))
        for n in range(300)
    ]
    for names in (["内容", "类别"], ["留言", "种类"]):
        label, *_ = tasks_of(write_table(tmp_path / "messages.csv", [*names, last], rows))
        assert label.recipe["data"] == {"type": "table", "text": names[0], "label": names[1]}


def test_a_column_that_many_rows_lack_is_no_label_if_there_is_another(tmp_path: Path) -> None:
    rows = [(text, label, "" if n % 3 else str(20 + n % 2)) for n, (text, label) in enumerate(reviews())]
    found = classify(inspect(write_table(tmp_path / "a.csv", ["note", "kind", "age"], rows)))
    assert not isinstance(found, str) and found.recipe["data"]["label"] == "kind"
    assert "--label 'age'" in found.summary


def test_usual_names_in_chinese_are_known(tmp_path: Path) -> None:
    rows = [("北京上海广州"[n % 6], n % 3, f"这是第{n}句话", n % 5) for n in range(300)]
    label, *_ = tasks_of(write_table(tmp_path / "cities.csv", ["城市", "情感标签", "评论内容", "城市编号"], rows))
    assert label.recipe["data"] == {"type": "table", "text": "评论内容", "label": "情感标签"}
    assert label.summary == "the text is '评论内容', the label '情感标签'"


def test_categories_keywords_and_columns_without_a_name_are_no_texts_or_labels(tmp_path: Path) -> None:
    texts = [text for text, _ in reviews(300)]
    weather = [(f"2020-{n}", n * 7919 % 97, ["rain", "sun", "fog"][n % 3]) for n in range(300)]
    found = tasks_of(write_table(tmp_path / "weather.csv", ["day", "wind", "weather"], weather))
    assert all(isinstance(each, str) for each in found)
    spam = [(f"c{n % 2}", text, text * 3 if n == 5 else "", "") for n, text in enumerate(texts)]
    label, *_ = tasks_of(write_table(tmp_path / "spam.csv", ["v1", "v2", "", ""], spam))
    assert label.recipe["data"] == {"type": "table", "text": "v2", "label": "v1"}
    films = [(f"{text} x", f"http://a.b/{n}", n % 3, n % 2) for n, text in enumerate(texts)]
    label, *_ = tasks_of(write_table(tmp_path / "films.csv", ["plot", "page", "long", "old"], films))
    assert label.recipe["data"] == {"type": "table", "text": "plot", "label": "old"}
    assert label.summary == "the text is 'plot', the label 'old', or with --label 'long'"
    (tmp_path / "papers.jsonl").write_text(
        "\n".join(
            json.dumps({"title": text, "keywords": [f"k{n}", f"k{n + 1}"], "kind": n % 2})
            for n, text in enumerate(texts)
        )
    )
    label, sets, _ = tasks_of(tmp_path / "papers.jsonl")
    assert label.recipe["data"]["label"] == "kind" and isinstance(sets, str)


@pytest.mark.parametrize(("every", "is_weighted"), [(2, False), (12, True)])
def test_rare_labels_are_weighted(tmp_path: Path, every: int, is_weighted: bool) -> None:
    rows = [(text, ["spam", "ham"][n % every > 0]) for n, (text, _) in enumerate(reviews())]
    found, *_ = tasks_of(write_table(tmp_path / "a.csv", ["text", "label"], rows))
    assert (found.recipe["head"].get("class_weights") == "square_root") == is_weighted
    assert found.recipe["train"]["metric"] == ("macro_f1" if is_weighted else "accuracy")
    assert len(found.notes) == is_weighted


def test_a_category_is_not_surely_the_label(tmp_path: Path) -> None:
    rows = [(text, f"g{n % 3}", f"c{n % 2}") for n, (text, _) in enumerate(reviews())]
    label, *_ = tasks_of(write_table(tmp_path / "a.csv", ["评论内容", "评价", "类别"], rows))
    assert label.summary == "the text is '评论内容', the label '类别', or with --label '评价'"


def test_columns_of_numbers_and_tokens_are_no_labels_before_texts(tmp_path: Path) -> None:
    for line in ("{n} word{n} NN\n", "{n} 0.{n} 1.5 7\n"):
        (tmp_path / "a.conll").write_text("".join(line.format(n=n % 9) for n in range(90)))
        assert inspect(tmp_path / "a.conll").format == ""


def test_several_labels_can_be_named(tmp_path: Path, run_command) -> None:
    rows = [(text, n % 2, str(n % 3 > 0), "xy"[n % 2], n % 7) for n, (text, _) in enumerate(reviews())]
    write_table(tmp_path / "a.csv", ["text", "toxic", "threat", "kind", "label"], rows)
    assert run_command("init", "a.csv", "--label", "toxic, threat", "--minutes", "0.02").code == 0
    recipe = yaml.safe_load((tmp_path / "a.yaml").read_text(encoding="utf-8"))
    assert (recipe["data"]["label"], recipe["head"]["type"]) == (["toxic", "threat"], "multi_label")
    text = (tmp_path / "a.yaml").read_text(encoding="utf-8")
    assert f"2 labels: threat ({sum(row[2] == 'True' for row in rows)}), toxic ({len(rows) // 2})" in text
    for labels, options, line in (
        ("toxic,kind", (), "must contain 0 and 1, but 'kind' contains 'x': write 0 and 1, or name one"),
        ("toxic,none", (), "--label none: a.csv has no such column"),
        ("toxic，threat", (), "; 'toxic，threat' has '，' (U+FF0C): write ','"),
        ("toxic,threat", ("--task", "classify"), "names several columns, which the task multi_label reads"),
        ("toxic,threat", ("--task", "regress"), "names several columns, which the task multi_label reads"),
    ):
        command = ("init", "a.csv", "--output", "b.yaml", "--label", labels, *options)
        assert line in error_line(run_command(*command))
    write_table(tmp_path / "b.csv", ["text", "toxic,threat"], [(text, label) for text, label in reviews()])
    assert run_command("init", "b.csv", "--minutes", "0.02", "--label", "toxic,threat").code == 0  # one column


def test_a_column_that_does_not_exist_is_named_for_every_task(tmp_path: Path, run_command) -> None:
    rows = [(f"2020-{1 + n // 28:02}-{1 + n % 28:02}", n % 7, n % 5) for n in range(300)]
    write_table(tmp_path / "a.csv", ["date", "load", "temp"], rows)
    for option in ("--label", "--text"):
        line = error_line(run_command("init", "a.csv", option, "lod"))
        assert line == f"{option} lod: a.csv has no such column (did you mean 'load'?)"
        line = error_line(run_command("init", "a.csv", option, "load：1"))
        assert line.endswith("; 'load：1' has '：' (U+FF1A): write ':'")


def test_booleans_are_named_as_the_reader_reads_them(tmp_path: Path) -> None:
    lines = (json.dumps({"text": text, "label": label == "pos"}) for text, label in reviews())
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    found = classify(inspect(tmp_path / "a.jsonl"))
    assert not isinstance(found, str) and found.comments["data.label"] == "2 labels: false (30), true (30)"


@pytest.mark.parametrize("words", ["否是", ("no", "yes"), ("No", "YES"), ("false", "true")])
def test_columns_of_no_and_yes_can_be_named(tmp_path: Path, run_command, words: tuple[str, str]) -> None:
    rows = [(text, words[n % 2], words[n % 3 > 0]) for n, (text, _) in enumerate(reviews())]
    write_table(tmp_path / "a.csv", ["text", "配送", "味道"], rows)
    result = run_command("init", "a.csv", "--label", "配送,味道", "--minutes", "0.02")
    assert (result.code, result.err) == (0, "")
    assert "2 labels: 味道 (40), 配送 (30)" in (tmp_path / "a.yaml").read_text(encoding="utf-8")
    assert run_command("run", "a.yaml", "train.epochs=1", "baseline=off").code == 0


def test_columns_of_0_and_1_are_a_set_of_labels(tmp_path: Path) -> None:
    rows = [(f"{n:016x}", text, n % 2, int(n % 3 > 0), int(n % 5 > 0)) for n, (text, _) in enumerate(reviews())]
    file = inspect(write_table(tmp_path / "a.csv", ["id", "comment_text", "toxic", "obscene", "threat"], rows))
    found, one = multi_label(file), classify(file)
    assert not isinstance(found, str) and not isinstance(one, str) and found.fit > one.fit
    assert found.recipe["data"]["label"] == ["toxic", "obscene", "threat"]
    labeled = [(*row, label) for row, (_, label) in zip(rows, reviews(), strict=True)]
    path = write_table(tmp_path / "b.csv", ["id", "comment_text", "read", "edited", "sent", "label"], labeled)
    assert isinstance(multi_label(inspect(path)), str), "a column with the name of labels has them"


def test_paths_of_recordings_are_no_texts(tmp_path: Path, run_command) -> None:
    rows = [(f"rec/{number}.wav", str(100 + number * 7 % 31)) for number in range(60)]
    write_table(tmp_path / "manifest.csv", ["path", "text"], rows)
    line = error_line(run_command("init", "manifest.csv", "--task", "classify"))
    assert "the column 'path' contains paths of recordings, not texts: the plugin seqkit-ctc transcribes" in line
    rows = [(f"rec/{number}.wav", text, label) for number, (text, label) in enumerate(reviews())]
    found = classify(inspect(write_table(tmp_path / "clips.csv", ["path", "transcript", "label"], rows)))
    assert not isinstance(found, str) and found.recipe["data"]["text"] == "transcript"


def test_columns_of_words_are_labels_before_years_and_annotators(tmp_path: Path) -> None:
    texts = [text for text, _ in reviews()]
    rows = [(text, ["ok", "hot", "wet"][n % 3], 2015 + n % 9) for n, text in enumerate(texts)]
    found = classify(inspect(write_table(tmp_path / "reports.csv", ["report", "finding", "year"], rows)))
    assert not isinstance(found, str) and found.recipe["data"]["label"] == "finding"
    assert found.other_labels == ["year"] and found.summary.endswith("or with --label 'year'")
    for names in (["status", "by"], ["status", "annotator_id"], ["sentiment", "status"], ["状态", "标注员"]):
        path = tmp_path / "a.jsonl"
        values = [["new", "old", "odd"][n % 3] for n in range(60)], ["ABC"[n % 3] for n in range(60)]
        records = [{"text": t, "tag": dict(zip(names, v, strict=True))} for t, *v in zip(texts, *values, strict=True)]
        path.write_text("\n".join(map(json.dumps, records)))
        found = classify(inspect(path))
        assert not isinstance(found, str) and found.recipe["data"]["label"] == f"tag.{names[0]}"
