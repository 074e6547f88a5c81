"""`seqkit init`: what it finds in files of different kinds, and recipes that run at once."""

from __future__ import annotations

import csv
import gzip
import json
import random
import textwrap
from pathlib import Path
from typing import Any

import pytest
import yaml

from helpers.commands import chinese_error, error_line
from seqkit.contracts import DataFile
from seqkit.readers.inspection import inspect
from seqkit.recipe.yaml_parser import parse
from seqkit.tasks.labels import classify, multi_label, regress
from seqkit.tasks.language import generate
from seqkit.tasks.models import text_model

GOOD, BAD = ["clean", "friendly", "quiet", "lovely", "great"], ["dirty", "rude", "noisy", "awful", "bad"]
FILLERS = ["the", "room", "was", "it"]


def reviews(count: int = 60, seed: int = 0) -> list[tuple[str, str]]:
    generator = random.Random(seed)
    rows = []
    for number in range(count):
        words = generator.choices(GOOD if number % 2 else BAD, k=3) + generator.choices(
            ["the", "room", "was", "it"], k=6
        )
        generator.shuffle(words)
        rows.append((" ".join([*words, f"n{number}"]), "pos" if number % 2 else "neg"))
    return rows


def write_table(path: Path, header: list[str], rows: list[Any], delimiter: str = ",", encoding: str = "utf-8") -> Path:
    with path.open("w", encoding=encoding, newline="") as file:
        csv.writer(file, delimiter=delimiter).writerows([header, *rows] if header else rows)
    return path


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.csv", "id;comment;stars\n1;good room;5\n2;bad bed;1\n3;so so;5\n", ("csv", ";", True)),
        ("a.csv", "Datum;Wert\n01.02.2020;1,5\n02.02.2020;2,5\n", ("csv", ";", True)),
        ("a.csv", '"review","label"\n"two\nlines, here",1\n"one",0\n"three",0\n', ("csv", ",", True)),
        ("a.tsv", "Dutch\tJansen\nDutch\tVisser\nIrish\tByrne\n", ("tsv", "\t", False)),
        ("a.txt", "text\tlabel\na b\tx\nc d\ty\n", ("tsv", "\t", True)),
        ("a.csv", "Kategorie;Nachricht\n" + "gut;das Zimmer war schön\nschlecht;zu laut\n" * 20, ("csv", ";", True)),
        ("a.csv", "gut;das Zimmer war schön\nschlecht;zu laut\n" * 20, ("csv", ";", False)),
        ("a.tsv", "y\tgood morning\nn\tgood night\n" * 20, ("tsv", "\t", False)),
        ("a.json", '{"text": "a", "label": 1}\n{"text": "b", "label": 2}\n', ("jsonl", ",", True)),
        ("a.txt", "First Citizen:\nBefore we proceed, hear me.\n\nAll:\nSpeak.\n", ("", ",", True)),
    ],
)
def test_the_form_of_a_file_is_found(tmp_path: Path, name: str, content: str, expected: tuple[str, str, bool]) -> None:
    path = tmp_path / name
    path.write_text(content)
    found = inspect(path)
    assert (found.format, found.delimiter, found.has_header) == expected


def test_encodings_compression_and_quoted_line_breaks(tmp_path: Path) -> None:
    rows = [("早餐太差，\n无论去多少人", "差"), ("房间很大，有2M宽", "好")] * 20
    latin = [("schöne Aussicht, aber sehr laut", "0"), ("großes Zimmer", "1")] * 20
    assert inspect(write_table(tmp_path / "l.csv", ["Text", "Note"], latin, encoding="latin-1")).encoding == "cp1252"
    for encoding, expected in (("gb18030", "gb18030"), ("utf-16", "utf-16"), ("utf-8-sig", "utf-8")):
        found = inspect(write_table(tmp_path / f"{encoding}.csv", ["评论", "情感"], rows, encoding=encoding))
        assert found.encoding == expected
        assert [column.name for column in found.columns] == ["评论", "情感"]
        assert found.columns[0].values[0] == rows[0][0]
    packed = tmp_path / "packed.csv.gz"
    packed.write_bytes(gzip.compress((tmp_path / "utf-8-sig.csv").read_bytes()))
    assert inspect(packed).rows == 40


def test_signs_of_western_europe_are_recognized(tmp_path: Path) -> None:
    rows = [(f"won £{n} – “call” now", "spam") for n in range(40)]
    path = write_table(tmp_path / "spam.csv", ["v2", "v1"], rows, encoding="cp1252")
    assert inspect(path).encoding == "cp1252" and inspect(path).columns[0].values[0] == rows[0][0]


def test_a_folder_of_texts_by_label_is_named(tmp_path: Path, run_command) -> None:
    for label in ("neg", "pos"):
        (tmp_path / "reviews" / label).mkdir(parents=True)
        (tmp_path / "reviews" / label / "1.txt").write_text("a text")
    line = error_line(run_command("init", "reviews"))
    assert "reviews: is a folder with texts in folders by label (neg, pos): write them into one csv file" in line
    assert "is a folder: name a file in it" in error_line(run_command("init", "reviews/pos"))


def test_a_large_file_is_read_in_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_table(tmp_path / "large.csv", ["text", "label"], [("早餐\n太差" * 5, "a")] * 2000)
    whole = inspect(path)
    monkeypatch.setattr("seqkit.readers.inspection.MAX_BYTES", 20_001)
    part = inspect(path)
    assert len(part.columns[0].values) < 500
    assert abs(part.rows - whole.rows) < 60


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


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl"])
def test_rows_without_labels_are_learned(tmp_path: Path, run_command, name: str) -> None:
    labels = ["food", "food,price", "price", ""]
    rows = [(f"{text} {labels[n % 4]} {labels[n % 4]}", labels[n % 4]) for n, (text, _) in enumerate(reviews(120))]
    if name == "a.csv":
        write_table(tmp_path / name, ["text", "tags"], rows)
    else:
        objects = [{"text": text} | ({"tags": tags} if tags else {}) for text, tags in rows]
        (tmp_path / name).write_text("\n".join(map(json.dumps, objects)))
    done = run_command("init", name, "--minutes", "0.02")
    said = "30 of 120 rows have an empty label: the recipe reads it as no labels (`optional_label: true`)"
    assert (done.code, done.err) == (0, f"seqkit: note: {said}\n")
    text = (tmp_path / "a.yaml").read_text(encoding="utf-8")
    data = yaml.safe_load(text)["data"]
    assert data["optional_label"] is True and "empty" not in data and f"  # {said}\n" in text
    shown = run_command("data", "a.yaml").out
    assert "\n(no label)" in shown
    assert json.loads(run_command("data", "a.yaml", "--json").out)["labels"]["without"]["test"] > 0


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


def test_labels_that_the_text_does_not_predict_are_noted(tmp_path: Path, run_command) -> None:
    generator = random.Random(1)
    rows = [
        (text, generator.choice(["web", "app", "app"]), ["low", "high"][label == "pos"]) for text, label in reviews(300)
    ]
    write_table(tmp_path / "a.csv", ["text", "urgency", "channel"], [(a, c, b) for a, b, c in rows])
    done = run_command("init", "a.csv", "--minutes", "0.02")
    line = next(line for line in done.err.splitlines() if "hardly" in line)
    assert line.startswith("seqkit: note: the text hardly predicts the label: the baseline has an accuracy of 0.")
    assert line.endswith("; perhaps you mean `--label urgency`")
    done = run_command("init", "a.csv", "--minutes", "0.02", "--label", "urgency", "--output", "b.yaml")
    assert "hardly" not in done.err


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


def test_lines_are_texts_or_parts_of_one_text(tmp_path: Path) -> None:
    generator = random.Random(0)
    words = [generator.choice(["the", "room", "was", "lovely", "quiet", "and", f"w{n}"]) for n in range(4000)]
    sentences = [" ".join(words[n : n + generator.randrange(4, 40)]) + "\n" for n in range(0, 3900, 40)]
    wrapped = "\n".join(textwrap.wrap(" ".join(words), 78)) + "\n"
    for content, unit in (("".join(sentences), "line"), (wrapped, None), ("\n".join(sentences), None)):
        (tmp_path / "a.txt").write_text(content)
        found = generate(inspect(tmp_path / "a.txt"))
        assert not isinstance(found, str)
        assert found.recipe["data"].get("unit") == unit
        assert found.recipe["head"].get("whole_texts", False) == (unit == "line")
        assert ("prompt" in found.recipe["generate"]) == (unit is None)


def test_full_width_commas_are_named(tmp_path: Path, run_command) -> None:
    rows = "".join(f"房间{n}号很干净，{'好' if n % 2 else '差'}\n" for n in range(60))
    (tmp_path / "a.csv").write_text(f"评论，标签\n{rows}", encoding="utf-8")
    (tmp_path / "c.csv").write_text(f"评论,标签\n{rows}", encoding="utf-8")
    (tmp_path / "d.csv").write_text(f"话,类\n{rows}", encoding="utf-8")
    for command in (["a.csv"], ["a.csv", "--text", "评论", "--label", "标签"], ["c.csv"], ["d.csv", "--label", "类"]):
        line = error_line(run_command("init", *command))
        assert line == f"{command[0]}: the columns are separated by full-width commas '，': replace them with ','"
    (tmp_path / "b.csv").write_text(f"床前明月光，疑是地上霜\n{rows}", encoding="utf-8")
    assert run_command("init", "b.csv").code == 0


def test_a_category_is_not_surely_the_label(tmp_path: Path) -> None:
    rows = [(text, f"g{n % 3}", f"c{n % 2}") for n, (text, _) in enumerate(reviews())]
    label, *_ = tasks_of(write_table(tmp_path / "a.csv", ["评论内容", "评价", "类别"], rows))
    assert label.summary == "the text is '评论内容', the label '类别', or with --label '评价'"


@pytest.mark.parametrize(
    "labels", [("0", "1"), ("DESC:manner", "HUM:ind"), ("好评", "差评"), ("ham", "spam"), ("desc:manner", "hum:ind")]
)
def test_labels_at_the_beginning_of_lines_are_recognized(tmp_path: Path, run_command, labels: tuple[str, str]) -> None:
    (tmp_path / "a.txt").write_text(
        "".join(f"{labels[n % 2]} how is room {n}{' now' * (n % 3)} ?\n" for n in range(60))
    )
    assert run_command("init", "a.txt", "--minutes", "0.02").code == 0
    data = yaml.safe_load((tmp_path / "a.yaml").read_text(encoding="utf-8"))["data"]
    assert (data["type"], data["prefix"]) == ("fasttext", None)
    assert "the label 'label'" in run_command("init", "a.txt", "--minutes", "0.02", "--output", "b.yaml").out


def test_columns_of_numbers_and_tokens_are_no_labels_before_texts(tmp_path: Path) -> None:
    for line in ("{n} word{n} NN\n", "{n} 0.{n} 1.5 7\n"):
        (tmp_path / "a.conll").write_text("".join(line.format(n=n % 9) for n in range(90)))
        assert inspect(tmp_path / "a.conll").format == ""


@pytest.mark.parametrize(
    "words", [("the", "a"), ("Today", "Then"), ("git", "cd"), ("Jan", "Feb"), ("http://a", "ROMEO:")]
)
def test_the_first_words_of_prose_are_no_labels(tmp_path: Path, words: tuple[str, str]) -> None:
    (tmp_path / "a.txt").write_text("".join(f"{words[n % 2]} dog{' now' * (n % 3)} sees it {n}\n" for n in range(60)))
    assert inspect(tmp_path / "a.txt").format == ""


def test_lines_of_fasttext_have_one_label_or_several(tmp_path: Path) -> None:
    path = tmp_path / "train.txt"
    path.write_text("".join(f"__label__{'ab'[n % 2]} a room, number {n}\n" for n in range(60)))
    found = classify(inspect(path))
    assert not isinstance(found, str) and found.recipe["data"] == {"type": "fasttext"}
    assert isinstance(multi_label(inspect(path)), str)
    path.write_text("".join(f"__label__x __label__{'ab'[n % 2]} a room number {n}\n" for n in range(60)))
    found = multi_label(inspect(path))
    assert not isinstance(found, str) and found.recipe["data"] == {"type": "fasttext", "labels": "several"}
    assert isinstance(classify(inspect(path)), str)


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


def test_errors_of_the_reader_name_the_option(tmp_path: Path, run_command) -> None:
    rows = [(text, "") if n % 2 else ("", label) for n, (text, label) in enumerate(reviews())]
    rows = [(text, "ab"[n % 4 == 0] if label else "") for n, (text, label) in enumerate(rows)]
    write_table(tmp_path / "a.csv", ["text", "label"], rows)
    line = error_line(run_command("init", "a.csv"))
    assert line.endswith("all 60 rows have an empty text or label: check `text:` and `label:` (here: --text …)")


def test_columns_of_a_plain_text_are_not_ignored(tmp_path: Path, run_command) -> None:
    (tmp_path / "plays.txt").write_text("\n\n".join(f"Citizen {n % 7}:\nSpeak, speak no more." for n in range(40)))
    reason = "the file has no columns: leave out --text and --label"
    for option in ("--label", "--text"):
        line = error_line(run_command("init", "plays.txt", option, "a"))
        assert line.startswith(f"plays.txt: fits no task: {reason} (generate); ") and "name the columns" not in line
        line = error_line(run_command("init", "plays.txt", option, "a", "--task", "generate"))
        assert line == f"plays.txt: does not fit the task generate: {reason}"


def test_the_files_of_other_splits_are_used(tmp_path: Path, run_command) -> None:
    names, rows = ["text", "label"], reviews()
    write_table(tmp_path / "train.csv", names, rows)
    write_table(tmp_path / "test.csv", names, rows[:50])
    assert run_command("init", "train.csv", "--minutes", "0.02").code == 0
    data = yaml.safe_load((tmp_path / "train.yaml").read_text(encoding="utf-8"))["data"]
    assert data["test"] == {"path": "test.csv"}
    assert "test" not in data["split"] and data["split"]["valid"] > 0
    write_table(tmp_path / "dev.csv", names, rows[:50])
    write_table(tmp_path / "test.csv", ["id", "text"], [(n, text) for n, (text, _) in enumerate(rows)])
    result = run_command("init", "train.csv", "--minutes", "0.02", "--output", "b.yaml")
    assert "note: test.csv is not used for the test split: it has no column 'label'" in result.err
    data = yaml.safe_load((tmp_path / "b.yaml").read_text(encoding="utf-8"))["data"]
    assert data["valid"] == {"path": "dev.csv"}
    assert "test" not in data and "split" not in data
    (tmp_path / "dev.csv").write_text("")
    result = run_command("init", "train.csv", "--minutes", "0.02", "--output", "c.yaml")
    assert "note: dev.csv: the file is empty: not used for the valid split" in result.err


def test_notes_name_the_rare_label_that_the_recipe_suits(tmp_path: Path, run_command) -> None:
    rows = [(text, label.upper() if n in (0, 2) else label) for n, (text, label) in enumerate(reviews(120))]
    write_table(tmp_path / "a.csv", ["text", "label"], rows)
    done = run_command("init", "a.csv", "--minutes", "0.02")
    assert done.err == (
        "seqkit: note: labels that differ only in case or white space are learned as different ones: 'neg' (58) / "
        "'NEG' (2); if they mean the same, write them in one way in the data\n"
        "seqkit: note: the label 'NEG' has 2 of 120 rows: because it is so rare, the recipe weights the labels "
        "(`class_weights: square_root`) and chooses the best epoch by macro_f1; if the label is a mistake, correct the "
        "data first\n"
    )


def test_decimal_commas_are_no_labels(tmp_path: Path, run_command) -> None:
    rows = [(text, f"{n // 7},{n % 7}") for n, (text, _) in enumerate(reviews(120))]
    write_table(tmp_path / "a.csv", ["text", "score"], rows, delimiter=";")
    line = error_line(run_command("init", "a.csv"))
    assert "the numbers of the column 'score' have decimal commas: write points (regress)" in line
    found = multi_label(inspect(tmp_path / "a.csv"))
    assert not isinstance(found, str) and found.fit == 0


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


@pytest.mark.parametrize("prefix", ["", "__label__"])
def test_a_file_beside_labeled_lines_is_used_if_it_has_labels(tmp_path: Path, run_command, prefix: str) -> None:
    lines = [f"{'01'[n % 2]} how is room {n}{' now' * (n % 3)} ?\n" for n in range(60)]
    (tmp_path / "train.txt").write_text("".join(prefix + line for line in lines))
    (tmp_path / "test.txt").write_text("".join(prefix + line for line in lines[:5]))
    (tmp_path / "dev.txt").write_text("".join(line[2:] for line in lines))
    result = run_command("init", "train.txt", "--minutes", "0.02")
    assert "note: dev.txt is not used for the valid split: it has no column 'label'" in result.err
    data = yaml.safe_load((tmp_path / "train.yaml").read_text(encoding="utf-8"))["data"]
    assert (data["test"], "valid" in data) == ({"path": "test.txt"}, False)


def test_columns_of_0_and_1_are_a_set_of_labels(tmp_path: Path) -> None:
    rows = [(f"{n:016x}", text, n % 2, int(n % 3 > 0), int(n % 5 > 0)) for n, (text, _) in enumerate(reviews())]
    file = inspect(write_table(tmp_path / "a.csv", ["id", "comment_text", "toxic", "obscene", "threat"], rows))
    found, one = multi_label(file), classify(file)
    assert not isinstance(found, str) and not isinstance(one, str) and found.fit > one.fit
    assert found.recipe["data"]["label"] == ["toxic", "obscene", "threat"]
    labeled = [(*row, label) for row, (_, label) in zip(rows, reviews(), strict=True)]
    path = write_table(tmp_path / "b.csv", ["id", "comment_text", "read", "edited", "sent", "label"], labeled)
    assert isinstance(multi_label(inspect(path)), str), "a column with the name of labels has them"


def test_numbers_of_which_some_are_missing_are_no_texts(tmp_path: Path) -> None:
    rows = [(text, "nan" if n % 20 == 3 else f"{n}.5") for n, (text, _) in enumerate(reviews())]
    found = regress(inspect(write_table(tmp_path / "a.csv", ["description", "price"], rows)))
    assert not isinstance(found, str)
    section = {"type": "table", "text": "description", "label": "price", "missing": ["nan"], "empty": "skip"}
    assert found.recipe["data"] == section
    words = [(text, "null" if n % 3 else "pos") for n, (text, _) in enumerate(reviews())]
    file = inspect(write_table(tmp_path / "b.csv", ["text", "label"], words))
    assert file.column("label").counts == {"null": 40, "pos": 20}, "a label can be called null"


def test_fields_of_nested_objects_are_columns(tmp_path: Path) -> None:
    lines = [{"id": n, "tweet": {"text": text}, "notes": {"label": label}} for n, (text, label) in enumerate(reviews())]
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)))
    found = classify(inspect(path))
    assert not isinstance(found, str)
    assert found.recipe["data"] == {"type": "table", "text": "tweet.text", "label": "notes.label"}


def test_labels_that_cannot_be_learned_are_named(tmp_path: Path, run_command) -> None:
    texts = [text for text, _ in reviews()]
    one = write_table(tmp_path / "one.csv", ["text", "label"], [(text, "x") for text in texts])
    distinct = write_table(tmp_path / "distinct.csv", ["text", "label"], [(t, f"k{n}z") for n, t in enumerate(texts)])
    done = run_command("init", one)
    assert done.code == 3
    assert "one.csv: fits no task: the column 'label' has one label only, 'x': there is nothing" in error_line(done)
    assert "pass --task generate" in done.err
    assert "every value of the column 'label' is distinct" in error_line(run_command("init", distinct))
    assert "does not fit the task regress" in error_line(run_command("init", one, "--task", "regress"))


@pytest.mark.parametrize(
    ("content", "code", "words"),
    [
        ("", 3, "a.csv: the file is empty"),
        ("\n \n", 3, "only white space"),
        ("text,label\n", 3, "there are no rows after the header"),
        (
            "a,b\n1,2\n2,3\n",
            3,
            "no column of texts, which seqkit learns from (a table of features suits scikit-learn): name it",
        ),
        ('text,label\n"open,1\n', 3, "a quoted field is never closed"),
        ('[{"text": "a"}, {"text": "b"}]', 3, "is one JSON document: write one object per line"),
        ('{\n "text": "a"\n}', 3, "is one JSON document: write one object per line"),
        ('{"n": 1, "data": [{"text": "a"}]}', 3, """as JSON Lines: jq -c '.["data"][]' """),
        (bytes(range(256)).decode("latin-1"), 3, "a.csv"),
    ],
)
def test_files_without_a_task_end_in_one_line(tmp_path: Path, run_command, content: str, code: int, words: str) -> None:
    (tmp_path / "a.csv").write_text(content)
    done = run_command("init", "a.csv")
    assert done.code == code
    assert words in error_line(done)
    assert not (tmp_path / "a.yaml").exists()


def test_wrong_arguments_end_in_one_line(tmp_path: Path, run_command) -> None:
    write_table(tmp_path / "a.csv", ["text", "label"], reviews())
    assert "no such file" in error_line(run_command("init", "nowhere.csv"))
    assert "is a folder" in error_line(run_command("init", "."))
    assert "--task clasify: no such task (did you mean 'classify'?)" in error_line(
        run_command("init", "a.csv", "--task", "clasify")
    )
    assert "--label lable: a.csv has no such column (did you mean 'label'?)" in error_line(
        run_command("init", "a.csv", "--label", "lable")
    )
    assert "must be a positive number" in run_command("init", "a.csv", "--minutes", "0").err
    (tmp_path / "a.yaml").write_text("mine")
    assert "a.yaml: exists already" in error_line(run_command("init", "a.csv"))
    assert (tmp_path / "a.yaml").read_text() == "mine"
    assert "no such folder" in error_line(run_command("init", "a.csv", "--output", "none/a.yaml"))


def test_a_recipe_runs_at_once_and_passes_its_baseline(tmp_path: Path, run_command) -> None:
    rows = [(label, text) for text, label in reviews(120)]
    write_table(tmp_path / "bewertungen.txt", [], rows, delimiter="\t")
    done = run_command("init", "bewertungen.txt")
    assert (done.code, done.err) == (0, "")
    assert "task: classify, the text is 'column_2', the label 'column_1'" in done.out
    assert "baseline on the validation split: accuracy" in done.out
    text = (tmp_path / "bewertungen.yaml").read_text()
    assert text.startswith("# yaml-language-server: $schema=seqkit.schema.json\n")
    assert "# 2 labels: neg (60), pos (60)" in text
    recipe = parse(text, "recipe").data
    assert recipe["data"]["path"] == "bewertungen.txt"
    assert recipe["data"]["columns"] == ["column_1", "column_2"]
    assert json.loads((tmp_path / "seqkit.schema.json").read_text())["title"] == "seqkit recipe"
    finished = run_command("run", "bewertungen.yaml", "train.threads=1", "train.epochs=5", "baseline=off", "--json")
    assert finished.code == 0, finished.err
    assert json.loads(finished.out)["metrics"]["valid"]["accuracy"] == 1


def test_a_list_of_names_is_learned_whole(tmp_path: Path, run_command) -> None:
    (tmp_path / "names.txt").write_text(
        "".join(f"{a}{b}{c}\n" for a in "BDKLM" for b in ("a", "e", "io") for c in "nrst")
    )
    assert run_command("init", "names.txt").code == 0
    recipe = parse((tmp_path / "names.yaml").read_text(), "recipe").data
    assert recipe["head"] == {"type": "next_char", "whole_texts": True, "tied": True}
    assert run_command("check", "names.yaml").code == 0


def test_a_text_for_generation_fits_the_time(tmp_path: Path, run_command) -> None:
    (tmp_path / "plays.txt").write_text("\n\n".join(f"Citizen {n % 7}:\nSpeak, speak no more." for n in range(400)))
    assert run_command("init", "plays.txt", "--minutes", "0.00001").code == 0
    recipe = parse((tmp_path / "plays.yaml").read_text(), "recipe").data
    assert recipe["head"]["type"] == "next_char"
    assert "steps" in recipe["train"] and "epochs" not in recipe["train"]
    assert run_command("check", "plays.yaml").code == 0


def test_ngrams_of_many_tokens_are_weighted_by_the_labels() -> None:
    texts = ["the room was clean and the breakfast was good, but we had to wait " * (1 + n % 40) for n in range(100)]
    assert text_model(texts, 5000).head["ngram_ratios"] is True
    assert "ngram_ratios" not in text_model(texts, 500).head
    assert text_model([text * 40 for text in texts], 5000).tokenizer["max_length"] == 2000


def test_texts_that_the_recipe_cuts_are_counted(tmp_path: Path, run_command) -> None:
    rows = [(f"{text} " * (250 if n % 4 == 3 else 2) + ".", label) for n, (text, label) in enumerate(reviews(40))]
    write_table(tmp_path / "a.csv", ["text", "label"], rows)
    done = run_command("init", "a.csv", "--minutes", "0.5")
    recipe = yaml.safe_load(text := (tmp_path / "a.yaml").read_text(encoding="utf-8"))
    limit = recipe["tokenizer"]["max_length"]
    said = f"max_length of the tokenizer cuts 25% of the texts, 10 of 40, to their first {limit:,} tokens"
    assert done.err == f"seqkit: note: {said}\n"
    assert f"# words, in lower case; {said}\n" in text
    assert f"note: {said}\n" in run_command("data", "a.yaml").out
    assert "max_length" not in run_command("data", "a.yaml", "tokenizer.max_length=9999").out


def test_a_series_names_the_plugin_that_forecasts(tmp_path: Path, run_command, monkeypatch) -> None:
    monkeypatch.setenv("SEQKIT_PLUGINS", "off")
    rows = [(f"2024-{1 + n // 28:02}-{1 + n % 28:02}", str(n % 7)) for n in range(100)]
    write_table(tmp_path / "a.csv", ["date", "sales"], rows)
    assert "no column of texts; the plugin seqkit-forecast forecasts numbers by their dates" in error_line(
        run_command("init", "a.csv")
    )


def test_short_texts_with_units_are_texts_without_dates(tmp_path: Path) -> None:
    rows = [(f"{n}{'cm' if n % 2 else 'kg'}", "ab"[n % 2]) for n in range(300)]
    found = classify(inspect(write_table(tmp_path / "names.csv", ["name", "label"], rows)))
    assert not isinstance(found, str) and found.recipe["data"]["text"] == "name"


def test_the_number_that_is_written_with_a_unit_is_named(tmp_path: Path, run_command) -> None:
    rows = [(f"2024-{1 + n // 28:02}-{1 + n % 28:02}", f"{9000 + n}" if n % 2 else f"1.{n}万") for n in range(100)]
    write_table(tmp_path / "a.csv", ["date", "sales"], rows)
    assert "'sales' are written as '1.0万': write digits without separators and units, as in 10000" in error_line(
        run_command("init", "a.csv")
    )


def test_paths_of_recordings_are_no_texts(tmp_path: Path, run_command) -> None:
    rows = [(f"rec/{number}.wav", str(100 + number * 7 % 31)) for number in range(60)]
    write_table(tmp_path / "manifest.csv", ["path", "text"], rows)
    line = error_line(run_command("init", "manifest.csv"))
    assert "the column 'path' contains paths of recordings, not texts: the plugin seqkit-ctc transcribes" in line
    rows = [(f"rec/{number}.wav", text, label) for number, (text, label) in enumerate(reviews())]
    found = classify(inspect(write_table(tmp_path / "clips.csv", ["path", "transcript", "label"], rows)))
    assert not isinstance(found, str) and found.recipe["data"]["text"] == "transcript"


@pytest.mark.parametrize(
    ("form", "written", "number"),
    [
        ("{:,}.5", "1,000.5", "1000.5"),
        ("{}.1万", "1000.1万", "10001000"),
        ("¥{} 元", "¥1000 元", "1000"),
        ("{}%", "1000%", "1000"),
        ("{}．５", "1000．５", "1000.5"),
    ],
)
def test_numbers_with_separators_and_units_are_named(
    tmp_path: Path, run_command, form: str, written: str, number: str
) -> None:
    rows = [(f"2024-{1 + n // 28:02}-{1 + n % 28:02}", form.format(1000 + n)) for n in range(100)]
    write_table(tmp_path / "a.csv", ["日期", "销量"], rows)
    expected = f"the numbers of the column '销量' are written as '{written}': write digits without separators and units"
    assert f"{expected}, as in {number}" in error_line(run_command("init", "a.csv"))
    priced = [(f"第{n}件商品，质量很好", value) for n, (_, value) in enumerate(rows)]
    write_table(tmp_path / "b.csv", ["评论", "销量"], priced)
    line = error_line(run_command("init", "b.csv", "--task", "regress"))
    assert f"does not fit the task regress: {expected}, as in {number}" in line
    line = error_line(run_command("init", "b.csv", "--task", "multi_label"))
    assert line.endswith("does not fit the task multi_label: no column with several labels per row")
    rated = [(*row, "好" if n % 2 else "差") for n, row in enumerate(priced)]
    write_table(tmp_path / "c.csv", ["评论", "销量", "情感"], rated)
    line = error_line(run_command("init", "c.csv", "--task", "regress", "--label", "情感"))
    assert line.endswith("does not fit the task regress: no column of numbers")


def test_ratings_with_a_unit_and_years_are_labels(tmp_path: Path) -> None:
    for unit in ("星", "年"):
        rows = [(text, f"{number % 5 + 1}{unit}") for number, (text, _) in enumerate(reviews())]
        found = classify(inspect(write_table(tmp_path / "a.csv", ["text", "label"], rows)))
        assert not isinstance(found, str) and found.recipe["data"]["label"] == "label"


def test_the_encoding_can_be_named(tmp_path: Path, run_command) -> None:
    rows = [(f"第{n}間房間很大，早餐太差", "差") if n % 2 else (f"第{n}次入住，服務很好", "好") for n in range(60)]
    write_table(tmp_path / "train.csv", ["評論", "情感"], rows, encoding="big5")
    write_table(tmp_path / "test.csv", ["評論", "情感"], rows[:20], encoding="big5")
    line = error_line(run_command("init", "train.csv"))
    assert "is not utf-8; set the encoding of the file with `--encoding …`" in line
    assert "--encoding 'big6' is unknown" in error_line(run_command("init", "train.csv", "--encoding", "big6"))
    line = chinese_error("init", "train.csv", "--encoding", "big6", cwd=tmp_path)
    assert line.startswith("--encoding 'big6' 未知：")
    result = run_command("init", "train.csv", "--encoding", "Big5", "--minutes", "0.02")
    assert (result.code, result.err) == (0, "")
    recipe = yaml.safe_load((tmp_path / "train.yaml").read_text(encoding="utf-8"))
    assert (recipe["data"]["encoding"], recipe["data"]["test"]) == ("big5", {"path": "test.csv"})
    assert run_command("run", "train.yaml", "train.epochs=1", "baseline=off").code == 0


def test_a_file_that_mixes_encodings_is_damaged(tmp_path: Path, run_command) -> None:
    lines = [f"第{n}间房间很大，早餐太差,{'差好'[n % 2]}\n".encode() for n in range(60)]
    for encoding, other in (("gb18030", "房间"), ("cp1252", "schön")):
        lines[40] = f"{other},好\n".encode(encoding, "replace")
        (tmp_path / "a.csv").write_bytes("评论,情感\n".encode() + b"".join(lines))
        line = error_line(run_command("init", "a.csv"))
        assert "a.csv:42: byte" in line and "the file is damaged or mixes encodings: correct this line" in line


@pytest.mark.parametrize(
    ("file", "name"), [("评论 2024", "评论-2024"), ("Été", "été"), ("हिन्दी 2", "हिन्दी-2"), ("__", "classify")]
)
def test_a_run_is_named_after_the_file_in_any_script(tmp_path: Path, run_command, file: str, name: str) -> None:
    write_table(tmp_path / f"{file}.csv", ["text", "label"], reviews())
    assert run_command("init", f"{file}.csv", "--output", "a.yaml", "--minutes", "0.02").code == 0
    assert parse((tmp_path / "a.yaml").read_text(encoding="utf-8"), "recipe").data["name"] == name
    done = run_command("run", "a.yaml", "train.epochs=1", "baseline=off", "--quiet")
    assert (done.code, Path(done.out.strip()).as_posix()) == (0, f"runs/{name}-1")
    assert name in run_command("runs").out
    assert run_command("predict", f"runs/{name}-1", "lovely").code == 0


@pytest.mark.parametrize(
    "name",
    ["评/论", "评：论", "a:b", "_a", ".a", "评 论", "a*", "评?", "评论" * 33, "𠀀" * 64],
)
def test_names_that_are_no_folders_are_rejected(tmp_path: Path, run_command, name: str) -> None:
    write_table(tmp_path / "a.csv", ["text", "label"], reviews())
    assert run_command("init", "a.csv", "--minutes", "0.02").code == 0
    line = error_line(run_command("check", "a.yaml", f"name='{name}'"))
    assert "name: must be a folder name of at most 64 letters, digits" in line
