"""`seqkit init`: what it finds in the bytes of a file: form, encoding, lines."""

from __future__ import annotations

import gzip
import json
import random
import textwrap
from pathlib import Path

import pytest
import yaml

from helpers.commands import chinese_error, error_line
from helpers.tables import reviews, write_table
from seqkit.readers.inspection import inspect
from seqkit.tasks.labels import classify, multi_label
from seqkit.tasks.language import generate


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


def test_a_large_file_is_read_in_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_table(tmp_path / "large.csv", ["text", "label"], [("早餐\n太差" * 5, "a")] * 2000)
    whole = inspect(path)
    monkeypatch.setattr("seqkit.readers.inspection.MAX_BYTES", 20_001)
    part = inspect(path)
    assert len(part.columns[0].values) < 500
    assert abs(part.rows - whole.rows) < 60


def test_lines_are_texts_or_parts_of_one_text(tmp_path: Path) -> None:
    generator = random.Random(0)
    words = [generator.choice(["the", "room", "was", "lovely", "quiet", "and", f"w{n}"]) for n in range(4000)]
    sentences = [" ".join(words[n : n + generator.randrange(4, 40)]) + "\n" for n in range(0, 3900, 40)]
    wrapped = "\n".join(textwrap.wrap(" ".join(words), 78)) + "\n"
    listed = "".join(sentences)
    for content, unit in (
        (listed, "line"),
        (f"\n{listed}\n", "line"),
        (f"{listed}  \n\n\n\n", "line"),
        (f"{''.join(sentences[:9])}\n{''.join(sentences[9:])}", "line"),
        (wrapped, None),
        (f"{''.join(sentences[:9])}\n\n{''.join(sentences[9:])}", None),
        ("\n".join(sentences), None),
    ):
        (tmp_path / "a.txt").write_text(content)
        found = generate(inspect(tmp_path / "a.txt"))
        assert not isinstance(found, str)
        assert found.recipe["data"].get("unit") == unit
        assert found.recipe["head"].get("whole_texts", False) == (unit == "line")
        assert ("prompt" in found.recipe["generate"]) == (unit is None)
        assert ("for a text per line, add `unit: line`" in found.comments.get("data.type", "")) == (unit is None)


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


def test_fields_of_nested_objects_are_columns(tmp_path: Path) -> None:
    lines = [{"id": n, "tweet": {"text": text}, "notes": {"label": label}} for n, (text, label) in enumerate(reviews())]
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)))
    found = classify(inspect(path))
    assert not isinstance(found, str)
    assert found.recipe["data"] == {"type": "table", "text": "tweet.text", "label": "notes.label"}


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
