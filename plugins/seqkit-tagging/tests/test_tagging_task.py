"""The task `tag` of `seqkit init`: which files it recognizes, and the recipe that it drafts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from seqkit_tagging.tasks import tag

from helpers.commands import CommandResult, error_line, run_here
from seqkit.contracts import Column, DataFile
from seqkit.readers.inspection import inspect
from seqkit.tasks.labels import classify

SPANS = ["John B-PER", "Smith I-PER", "flew O", "", "Paris B-LOC", "waits O", "", "She O", "left O", ""]
TAGS = [
    "They\tPRON\tPRP",
    "run\tVERB\tVBP",
    "",
    "Dogs\tNOUN\tNNS",
    "bark\tVERB\tVBP",
    "",
    "We\tPRON\tPRP",
    "see\tVERB\tVBP",
]
CONLLU = [
    *("# a comment", *("\t".join([str(n), word, "_", kind, *"______"]) for n, word, kind in [(1, "Dogs", "NOUN")])),
    *("\t".join([str(n), word, "_", kind, *"______"]) for n, word, kind in [(2, "bark", "VERB"), (3, ".", "PUNCT")]),
    "",
]


def test_spans_and_tags_are_distinguished() -> None:
    spans, tags = tag(DataFile(Path("a.conll"), lines=SPANS)), tag(DataFile(Path("a.tsv"), lines=TAGS))
    assert not isinstance(spans, str) and not isinstance(tags, str)
    assert (spans.recipe["head"]["type"], spans.recipe["train"]["metric"]) == ("crf", "f1")
    assert spans.recipe["data"] == {"type": "conll"}
    assert (tags.recipe["head"]["type"], tags.recipe["data"]) == ("tag", {"type": "conll", "word": 1, "tag": 2})
    assert tags.recipe["train"]["epochs"] == 20


def test_conllu_files_have_words_and_tags_in_their_columns() -> None:
    found = tag(DataFile(Path("a.conllu"), lines=CONLLU * 4))
    assert not isinstance(found, str)
    assert found.recipe["data"] == {"type": "conll", "word": 2, "tag": 4}


def test_the_scheme_of_spans_is_found() -> None:
    bmes = ["吴 B-NAME", "重 M-NAME", "阳 E-NAME", "， O", "", "男 S-SEX", "， O", "", "高 B-NAME", "勇 E-NAME", ""]
    segments = ["我 S", "明 B", "天 E", "", "来 S", "开 B", "会 E", "", "他 S", "在 S", ""]
    late = ["John I-PER", "Smith I-PER", "flew O", "", "Paris B-LOC", "waits O", "", "She O", "left O", ""]
    for lines, scheme in ((bmes, "bmes"), (segments, "bmes"), (late, "bio")):
        found = tag(DataFile(Path("a.txt"), lines=lines))
        assert not isinstance(found, str)
        assert found.recipe["head"]["scheme"] == scheme
        assert found.recipe["head"]["invalid_tags"] == "repair"


def test_words_that_are_characters_get_ngrams_and_no_encoder_of_characters() -> None:
    rows = ["吴 B-NAME", "重 M-NAME", "阳 E-NAME", "， O", "", "男 S-SEX", "， O", "", "高 B-NAME", "勇 E-NAME", ""]
    lists = {"tokens": [["吴", "男"], ["我", "去"], ["张", "三"]], "tags": [["A", "B"], ["B", "B"], ["A", "A"]]}
    columns = tuple(Column(name, values) for name, values in lists.items())
    spans = tag(DataFile(Path("a.txt"), lines=rows))
    tags = tag(DataFile(Path("a.jsonl"), format="jsonl", columns=columns, rows=3))
    for found, bias in ((spans, 0.5), (tags, None)):
        assert not isinstance(found, str)
        assert "characters" not in found.recipe["embedding"]
        assert (found.recipe["head"]["ngrams"], found.recipe["head"].get("entity_bias")) == (2, bias)
    words = tag(DataFile(Path("a.conll"), lines=SPANS))
    assert not isinstance(words, str)
    assert "characters" in words.recipe["embedding"] and "ngrams" not in words.recipe["head"]


def test_numbers_comments_and_nested_spans_are_distinguished() -> None:
    sentence = ["#\thttp://a.b\t[2010]\t", "1\tBank\tB-ORG\tO", "2\tvon\tI-ORG\tO", "3\tRom\tI-ORG\tB-LOC", ""]
    other = ["#\thttp://a.c\t[2010]\t", "1\tRom\tB-LOC\tO", "2\truht\tO\tO", ""]
    found = tag(DataFile(Path("a.tsv"), lines=(sentence + other) * 2))
    assert not isinstance(found, str)
    assert found.recipe["data"] == {"type": "conll", "word": 2, "tag": 3, "comment": "#"}
    chunks = [
        "Bern NNP B-NP B-LOC",
        "is VBZ B-VP O",
        "",
        "It PRP B-NP O",
        "works VBZ B-VP O",
        "",
        "So RB O O",
        "? . O O",
    ]
    found = tag(DataFile(Path("a.txt"), lines=chunks))
    assert not isinstance(found, str)
    assert found.recipe["data"] == {"type": "conll"}


@pytest.mark.parametrize(
    "lines",
    [
        ["a plain text", "of two lines"],
        ["a\tb", "c\td", "e\tf"],
        ["word", "word", "", "word", "word", "", "word", "word"],
        [*(f"w{n}\tt{n}" for n in range(200)), "", "a\tb", "c\td", "", "a\tb", "c\td"],
    ],
)
def test_other_files_are_not_recognized(lines: list[str]) -> None:
    assert isinstance(tag(DataFile(Path("a.txt"), lines=lines)), str)


TAG_OF_WORD = ["DET", "NOUN", "VERB", "ADJ", "ADP"]
CHUNK_OF_TAG = {"DET": "B-NP", "NOUN": "I-NP", "VERB": "B-VP", "ADJ": "I-NP", "ADP": "B-PP"}


Row = Callable[[int, str, str], list[str]]
"""A function that returns the cells of a line for the number of the word, the word and its part of speech."""


def write_words(path: Path, row: Row, separator: str = "\t", comment: str = "") -> Path:
    """Write 60 sentences of 6 words, and a comment before each.

    Args:
        path: the file.
        row: returns the cells of a line.
        separator: what separates the cells.
        comment: the comment, to which the number of the sentence is added; empty for none.
    """
    lines = []
    for sentence in range(60):
        lines += [f"{comment}{sentence}"] if comment else []
        for number in range(1, 7):
            kind = (sentence * 31 + number * 17) % 200
            lines.append(separator.join(row(number, f"w{kind}", TAG_OF_WORD[kind % 5])))
        lines.append("")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def three_columns(number: int, word: str, tag: str) -> list[str]:
    return [word, tag, CHUNK_OF_TAG[tag]]


@pytest.fixture
def init(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., CommandResult]:
    """Return a function that runs `init` with the plugin, and writes `a.yaml`."""
    monkeypatch.delenv("SEQKIT_PLUGINS", raising=False)

    def init(*arguments: str) -> CommandResult:
        (tmp_path / "a.yaml").unlink(missing_ok=True)
        return run_here("init", *arguments, "--minutes", "0.01", "--output", "a.yaml", cwd=tmp_path)

    return init


@pytest.mark.parametrize("separator", [" ", "\t"])
def test_the_columns_that_the_user_names_are_read(
    tmp_path: Path, init: Callable[..., CommandResult], separator: str
) -> None:
    write_words(tmp_path / "a.conll", three_columns, separator)
    cases: list[tuple[tuple[str, ...], dict[str, int], str]] = [
        ((), {}, "the word is column 1, its tag column 3 (spans in BIO tags), or with --label 'column_2'"),
        (("--label", "column_2"), {"word": 1, "tag": 2}, "the word is column 1, its tag column 2 (tags)"),
        (("--text", "column_2"), {"word": 2, "tag": 3}, "the word is column 2, its tag column 3 (spans in BIO tags)"),
        (
            ("--text", "column_3", "--label", "column_2"),
            {"word": 3, "tag": 2},
            "the word is column 3, its tag column 2 (tags)",
        ),
    ]
    for options, columns, line in cases:
        done = init("a.conll", *options, "--task", "tag")
        assert done.code == 0, done.err
        assert f"task: tag, {line}" in done.out.replace(" (other tasks: ", "\n").splitlines()
        data = yaml.safe_load((tmp_path / "a.yaml").read_text(encoding="utf-8"))["data"]
        assert {key: data[key] for key in ("word", "tag") if key in data} == columns
    names = "column_1, column_2, column_3"
    for options, option in (
        (("--label", "2"), "--label 2"),
        (("--text", "there", "--label", "column_2"), "--text there"),
    ):
        line = error_line(init("a.conll", *options))
        assert line == f"{option}: a.conll has no such column; the columns are {names}"
    assert "; 'column_2：' has '：' (U+FF1A): write ':'" in error_line(init("a.conll", "--label", "column_2："))
    done = init("a.conll", "--label", "column_2", "--text", "column_2", "--task", "tag")
    assert "--text and --label name the same column, 'column_2': name two" in error_line(done)


@pytest.mark.parametrize(
    ("row", "columns"),
    [
        (lambda n, word, tag: [str(n), word, "_", tag, "x"], (2, 4)),
        (lambda n, word, tag: [str(n), word, "_", tag], (2, 4)),
        (lambda n, word, tag: [word, f"{word}s", tag], (1, 3)),
        (lambda n, word, tag: [word, word.upper(), tag, str(n), f"{n / 8}"], (1, 3)),
        (lambda n, word, tag: ["text", "0", str(n), word, tag, "*"], (4, 5)),
        (lambda n, word, tag: [word, str(n % 2)], (1, 2)),
    ],
)
@pytest.mark.parametrize("separator", [" ", "\t"])
@pytest.mark.parametrize("comment", ["", "# sent "])
def test_columns_without_tags_are_skipped(
    tmp_path: Path, row: Row, columns: tuple[int, int], separator: str, comment: str
) -> None:
    file = inspect(write_words(tmp_path / "a.conll", row, separator, comment))
    found = tag(file)
    assert not isinstance(found, str)
    assert f"the word is column {columns[0]}, its tag column {columns[1]} (tags)" == found.summary
    assert isinstance(classified := classify(file), str) or classified.fit < found.fit
    (tmp_path / "a.conll").rename(tmp_path / "words.conll")
    done = run_here("init", "words.conll", "--minutes", "0.01", cwd=tmp_path)
    assert done.code == 0, done.err


def test_conllu_without_parts_of_speech_has_other_tags(tmp_path: Path) -> None:
    def row(number: int, word: str, tag: str) -> list[str]:
        return [str(number), word, word, "_", tag, "_", str(number - 1), f"r{number}", "_", "_"]

    found = tag(inspect(write_words(tmp_path / "a.conllu", row, comment="# sent_id = ")))
    assert not isinstance(found, str)
    assert found.summary == "the word is column 2, its tag column 5 (tags), or with --label 'column_8'"


def test_a_file_without_a_column_of_tags_is_named(tmp_path: Path, init: Callable[..., CommandResult]) -> None:
    write_words(tmp_path / "a.conll", lambda n, word, tag: [f"{word}", f"{n}{word}", "x"])
    line = error_line(init("a.conll", "--task", "tag"))
    assert "the columns have 95, 360, 1 distinct values, and tags have 2 to 120: name the columns of the word" in line
    assert "with --text column_N --label column_M (data.word and data.tag of a recipe)" in line
    line = error_line(init("a.conll", "--task", "tag", "--label", "column_3"))
    assert "the column 'column_3' has one value only, but tags need at least 2: name another with --label" in line
    line = error_line(init("a.conll", "--task", "tag", "--label", "column_2"))
    assert "the column 'column_2' has 360 distinct values, too many for tags: name another" in line


def test_tags_before_the_words_are_named(tmp_path: Path, init: Callable[..., CommandResult]) -> None:
    write_words(tmp_path / "a.conll", lambda n, word, tag: [tag, word], " ")
    for options in (("--label", "column_1"), ("--text", "column_2")):
        assert "task: tag, the word is column 2, its tag column 1 (tags)" in init("a.conll", *options).out


@pytest.mark.parametrize("header", [[], [["id", "text", "label"]]])
def test_texts_with_labels_in_groups_are_no_words(tmp_path: Path, header: list[list[str]]) -> None:
    rows = [*header, *([f"{n}", f"a good room for {n}", "yes" if n % 2 else "no"] for n in range(40))]
    lines = ["\t".join(row) + ("\n" if place % 5 == 4 else "") for place, row in enumerate(rows)]
    (tmp_path / "a.tsv").write_text("\n".join(lines))
    assert isinstance(tag(inspect(tmp_path / "a.tsv")), str)
    assert not isinstance(classify(inspect(tmp_path / "a.tsv")), str)


def test_the_words_of_tables_and_lists_can_be_named() -> None:
    columns = [Column("sentence", ["1", "1", "2", "2"]), Column("Word", ["a", "b", "c", "a"])]
    columns += [Column("Norm", ["A", "B", "C", "A"]), Column("Tag", ["X", "Y", "X", "X"])]
    file: dict[str, Any] = {"columns": columns, "format": "csv", "rows": 4, "label": "Tag"}
    lists = [Column(name, [["a", "b"], ["c"]] * 3) for name in ("words", "norms")]
    lists.append(Column("tags", [["X", "Y"], ["X"]] * 3))
    for text, key, found in (
        ("Norm", "word", tag(DataFile(Path("a.csv"), **file, text="Norm"))),
        ("norms", "words", tag(DataFile(Path("a.jsonl"), columns=lists, format="jsonl", text="norms", label="tags"))),
    ):
        assert not isinstance(found, str)
        assert found.recipe["data"][key] == text
