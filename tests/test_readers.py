"""Readers: what they yield, and one clear line for every way that a file can be wrong."""

from __future__ import annotations

import codecs
import csv
import errno
import json
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqkit.contracts import Example
from seqkit.errors import DataError, UsageError
from seqkit.infer.lines import read_lines
from seqkit.readers.table import Table
from seqkit.readers.text import Text


@pytest.fixture
def table(tmp_path: Path):
    """Returns a function that writes a table and reads it back as (text, label, line)."""

    def read(content: str | bytes, format: str = "csv", **parameters) -> list[tuple[str, str | None, int]]:
        path = tmp_path / f"data.{format}"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        examples = list(Table(path=path, **parameters).read())
        return [(example.input, example.target, int(example.where.removeprefix(f"{path}:"))) for example in examples]

    return read


def complaint(read, *arguments, **parameters) -> str:
    """Returns the message of the DataError that reading ends in, with the folder left out."""
    with pytest.raises(DataError) as caught:
        read(*arguments, **parameters)
    assert caught.value.exit_code == 3
    assert len(caught.value.lines) == 1
    return str(caught.value).rpartition("/")[2]


# Tables


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize(
    ("format", "content"),
    [
        ("csv", "text,label\ngood,1\n\n  \nbad,0\n"),
        ("csv", "\nlabel,text,other\n1,good,x\n\n0,bad,\n"),
        ("tsv", "text\tlabel\ngood\t1\n\n \nbad\t0\n"),
        ("jsonl", '{"text": "good", "label": 1}\n\n  \n\n{"label": "0", "text": "bad"}\n'),
    ],
)
def test_blank_lines_are_passed_over_and_counted(table, format: str, content: str, line_end: str) -> None:
    first = 1 if format == "jsonl" else 3 if content.startswith("\n") else 2
    rows = table(content.replace("\n", line_end), format)
    assert rows == [("good", "1", first), ("bad", "0", 5)]


def test_rows_after_a_quoted_line_end_have_their_own_line_numbers(table) -> None:
    content = 'text,label\n"two\r\nlines, a comma and a ""quote""",1\n"\n\n\nlate",0\nplain,1\n'
    assert table(content) == [
        ('two\nlines, a comma and a "quote"', "1", 2),
        ("\n\n\nlate", "0", 4),
        ("plain", "1", 8),
    ]


def test_a_tsv_is_taken_as_it_stands(table) -> None:
    assert table('text\tlabel\n"so", he said\t1\n"open\t0\n', "tsv") == [('"so", he said', "1", 2), ('"open', "0", 3)]


def test_numbers_and_booleans_of_a_jsonl_are_the_labels_that_a_csv_would_have(table) -> None:
    labels = [1, 0.5, True, False, "true", " padded "]
    content = "".join(json.dumps({"text": "t", "label": label}) + "\n" for label in labels)
    assert [label for _, label, _ in table(content, "jsonl")] == ["1", "0.5", "true", "false", "true", "padded"]


@pytest.mark.parametrize(
    ("format", "content"),
    [
        ("csv", "text,label\n,1\ngood,1\n  ,\nbad,\n"),
        ("tsv", "text\tlabel\n\t1\ngood\t1\n\t\n"),
        ("jsonl", '\n{"text": null, "label": 1}\n{"text": "good", "label": 1}\n{"text": "bad", "label": ""}'),
    ],
)
def test_rows_that_are_not_filled_in_may_be_passed_over(table, format: str, content: str) -> None:
    assert table(content, format, empty="skip") == [("good", "1", 3)]
    said = complaint(table, content.replace("good", " "), format, empty="skip")
    assert (
        said == f"data.{format}: there is no row that is filled in, of {content.count(chr(10)) - (format != 'jsonl')}"
    )


def test_a_missing_column_is_not_an_empty_one(table) -> None:
    assert "there is no column 'label'" in complaint(table, '{"text": "good"}', "jsonl", empty="skip")


def test_columns_are_chosen_by_name_and_a_label_is_not_needed(table) -> None:
    content = "review,stars,text\nfine,5,x\n"
    assert table(content, text="review", label="stars") == [("fine", "5", 2)]
    assert table(content, text="review", label=None) == [("fine", None, 2)]


def test_a_table_says_whether_it_is_labelled() -> None:
    path = Path("data.csv")
    assert Table(path=path).labelled
    assert not Table(path=path, label=None).labelled


@pytest.mark.parametrize("encoding", ["utf-8", "UTF8", "gb18030", "utf-16", "utf-16-le", "big5"])
@pytest.mark.parametrize("mark", ["", "\N{ZERO WIDTH NO-BREAK SPACE}"])
def test_encodings(table, encoding: str, mark: str) -> None:
    mark = "" if encoding in ("utf-16", "big5") else mark  # utf-16 writes its own, and big5 has none
    raw = (mark + "text,label\n開心,1\n").encode(encoding)
    assert table(raw, encoding=encoding) == [("開心", "1", 2)]


@pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF8])
@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"])
def test_a_wrong_encoding_names_the_line_the_byte_and_a_likely_encoding(table, mark: bytes, line_end: bytes) -> None:
    lines = [b"text,label", "好,1".encode(), "天气".encode("gb18030") + b",0"]
    expected = "data.csv:3: byte 0xcc is not utf-8; name its encoding with `encoding: …`"
    assert complaint(table, mark + line_end.join(lines)) == expected

    lines[1] = "好,1".encode("gb18030")
    expected = "data.csv:2: byte 0xba is not utf-8; it reads as gb18030: set `encoding: gb18030`"
    assert complaint(table, line_end.join(lines)) == expected


@pytest.mark.parametrize(
    ("raw", "encoding", "message"),
    [
        ("text,label\n天,1".encode(), "ascii", "data.csv:2: byte 0xe5 is not ascii; it reads as utf-8"),
        ("text,label\n天,1\n".encode(), "gb18030", "data.csv:2: byte 0xa9 is not gb18030; it reads as utf-8"),
        ("text,label\n天,1\n".encode("utf-16"), "utf-8", "data.csv:1: byte 0xff is not utf-8; it reads as utf-16"),
        (b"text,label\nna\xefve,1\n", "utf-8", "data.csv:2: byte 0xef is not utf-8; name its encoding"),
    ],
)
def test_other_wrong_encodings(table, raw: bytes, encoding: str, message: str) -> None:
    assert complaint(table, raw, encoding=encoding).startswith(message)


@pytest.mark.parametrize(
    ("format", "content", "message"),
    [
        ("csv", "", "data.csv: there is nothing in it"),
        ("csv", " \n\n\t\n", "data.csv: there is nothing in it but white space"),
        ("csv", "text,label\n", "data.csv: there is a header and nothing below it"),
        ("tsv", "text\tlabel\n\n", "data.tsv: there is a header and nothing below it"),
        (
            "csv",
            "text,label\ngood,1\nwell, well,1\n",
            "data.csv:3: 3 columns, where the header has 2; perhaps a text holds a comma: put it in quotes",
        ),
        (
            "csv",
            'text,label\n"a\nb",1\nalone\n',
            "data.csv:4: 1 column, where the header has 2; perhaps a text holds a comma: put it in quotes",
        ),
        (
            "tsv",
            "text\tlabel\na\tb\t1\n",
            "data.tsv:2: 3 columns, where the header has 2; perhaps a text holds a tab: take the tab out",
        ),
        (
            "csv",
            "Texts,label\na,1\n",
            "data.csv:1: there is no column 'text' (did you mean 'Texts'?): name the right one with `text:`",
        ),
        (
            "csv",
            "\ntext,stars\na,1\n",
            "data.csv:2: there is no column 'label'; there are text, stars: "
            "name the right one with `label:`, or null for none",
        ),
        ("csv", "text,label,text\na,1,b\n", "data.csv:1: the column 'text' is there twice: rename one"),
        (
            "csv",
            "text,label\n ,1\n",
            "data.csv:2: 'text' is empty: fill it in, or pass over such rows with `empty: skip`",
        ),
        (
            "csv",
            "text,label\na,1\nb,\n",
            "data.csv:3: 'label' is empty: fill it in, or pass over such rows with `empty: skip`",
        ),
        (
            "tsv",
            "text\tlabel\n\t\n",
            "data.tsv:2: 'text' is empty: fill it in, or pass over such rows with `empty: skip`",
        ),
        (
            "jsonl",
            '{"text": "", "label": 1}',
            "data.jsonl:1: 'text' is empty: fill it in, or pass over such rows with `empty: skip`",
        ),
        (
            "csv",
            'text,label\na,1\n"open,1\nb,1\n',
            "data.csv:3: a quote is opened here and never closed: write a quote inside a quoted field twice",
        ),
        (
            "csv",
            'text,label\n"so" he said,1\n',
            "data.csv:2: a quote ends in the middle of a field: write a quote inside a quoted field twice",
        ),
        (
            "jsonl",
            '{"text": "a", "label": 1}\n{"text": "b" "label": 1}\n',
            "data.jsonl:2: not JSON: Expecting ',' delimiter at character 14: write one JSON object on each line",
        ),
        (
            "jsonl",
            '[{"text": "a", "label": 1}]',
            "data.jsonl:1: not a JSON object: write one JSON object on each line",
        ),
        ("jsonl", "[" * 100_000, "data.jsonl:1: not JSON: "),
        ("jsonl", '{"text": "a", "label": ' + "1" * 5_000 + "}", "data.jsonl:1: not JSON: "),
        ("jsonl", '{"text": "a", "label": null}', "data.jsonl:1: 'label' is null, not text: write it in quotes"),
        ("jsonl", '{"text": ["a"], "label": 1}', "data.jsonl:1: 'text' is [\"a\"], not text: write it in quotes"),
        (
            "jsonl",
            '\n{"txt": "a", "label": 1}',
            "data.jsonl:2: there is no column 'text' (did you mean 'txt'?): name the right one with `text:`",
        ),
        (
            "jsonl",
            '{"text": "a\\ud83d", "label": 1}',
            "data.jsonl:1: 'text' holds \\ud83d, half a character: write it with its other half",
        ),
    ],
)
def test_a_wrong_table_is_refused_in_one_line(table, format: str, content: str, message: str) -> None:
    said = complaint(table, content, format)
    assert said.startswith(message) if message.endswith(" ") else said == message


@pytest.mark.parametrize("format", ["csv", "tsv", "jsonl"])
def test_a_long_document_and_null_characters_are_text_like_any_other(table, format: str) -> None:
    long = "word " * 60_000 + "\0 end"
    content = {
        "csv": f'text,label\n"{long}",1\n{long},0\n',
        "tsv": f"text\tlabel\n{long}\t1\n{long}\t0\n",
        "jsonl": "".join(json.dumps({"text": long, "label": label}) + "\n" for label in (1, 0)),
    }[format]
    limit = csv.field_size_limit()
    assert [(text, label) for text, label, _ in table(content, format)] == [(long, "1"), (long, "0")]
    assert csv.field_size_limit() == limit


fields = st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(str.strip)


# With "\n" for a line end, QUOTE_MINIMAL leaves a carriage return in a field bare, where it is a line end to a reader.
dialects = [("\r\n", csv.QUOTE_MINIMAL), ("\r\n", csv.QUOTE_ALL), ("\n", csv.QUOTE_ALL)]


@settings(deadline=None)
@given(rows=st.lists(st.tuples(fields, fields), min_size=1), dialect=st.sampled_from(dialects))
def test_what_the_csv_module_writes_is_read_back(tmp_path_factory, rows, dialect) -> None:
    line_end, quoting = dialect
    path = tmp_path_factory.mktemp("written") / "rows.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator=line_end, quoting=quoting).writerows([("text", "label"), *rows])

    def plain(value: str) -> str:
        return value.replace("\r\n", "\n").replace("\r", "\n")

    examples = list(Table(path=path).read())
    assert [(example.input, example.target) for example in examples] == [
        (plain(text), plain(label).strip()) for text, label in rows
    ]
    line = 2
    for example, row in zip(examples, rows, strict=True):
        assert example.where == f"{path}:{line}"
        line += 1 + sum(plain(value).count("\n") for value in row)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({}, "path is required: a file to read, as `path:` here or `data.path=FILE` on the command line"),
        ({"path": Path("data.txt")}, "format cannot be told from the ending of data.txt: give csv, tsv or jsonl"),
        ({"path": Path("a.csv"), "text": "label"}, "label is the same column as the text, 'label'"),
        ({"path": Path("a.csv"), "encoding": "utf8000"}, "encoding 'utf8000' is not known: utf-8, gb18030, big5"),
        ({"path": Path("a.csv"), "encoding": "base64"}, "encoding 'base64' does not hold text"),
    ],
)
def test_a_table_refuses_impossible_parameters(parameters: dict, message: str) -> None:
    with pytest.raises(ValueError, match="^" + message):
        Table(**parameters)


def test_the_format_is_told_by_the_ending_or_by_the_recipe(tmp_path: Path) -> None:
    for name, format, content in [
        ("A.CSV", "auto", "text,label\na,1\n"),
        ("a.ndjson", "auto", '{"text": "a", "label": 1}'),
        ("a.txt", "tsv", "text\tlabel\na\t1\n"),
    ]:
        path = tmp_path / name
        path.write_text(content, encoding="utf-8")
        assert [example.input for example in Table(path=path, format=format).read()] == ["a"]


# Text


def test_inline_text_is_one_example_or_one_a_line() -> None:
    text = "one\n\n  \ntwo \n"
    assert list(Text(text=text).read()) == [Example(text, where="data.text")]
    assert list(Text(text=text, unit="line").read()) == [
        Example("one", where="data.text:1"),
        Example("two ", where="data.text:4"),
    ]


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_a_text_file_is_read_with_plain_line_ends(tmp_path: Path, line_end: str) -> None:
    path = tmp_path / "poem.txt"
    path.write_bytes(f"\N{ZERO WIDTH NO-BREAK SPACE}床前{line_end}{line_end}明月\u2028光\x0c\x85".encode())
    assert list(Text(path=path).read()) == [Example("床前\n\n明月\u2028光\x0c\x85", where=str(path))]
    assert list(Text(path=path, unit="line").read()) == [
        Example("床前", where=f"{path}:1"),
        Example("明月\u2028光\x0c\x85", where=f"{path}:3"),
    ]


@pytest.mark.parametrize("text", ["", " \n\t", "\u3000"])
def test_inline_text_that_is_empty(text: str) -> None:
    assert complaint(lambda: list(Text(text=text).read())) == "data.text: the text is empty"


def test_text_needs_one_source() -> None:
    with pytest.raises(ValueError, match=r"^path is required: a file to read, as `path:` here or `data\.path=FILE`"):
        Text()
    with pytest.raises(ValueError, match="^text cannot stand beside path: leave one out"):
        Text(text="a", path=Path("a.txt"))


# Files that cannot be read, whatever reads them


def text_file(path: Path) -> list[Example]:
    return list(Text(path=path).read())


def table_file(path: Path) -> list[Example]:
    return list(Table(path=path, format="csv").read())


@pytest.mark.parametrize("read", [text_file, table_file, lambda path: read_lines(path, "utf-8")])
def test_a_path_that_is_no_readable_file(tmp_path: Path, read) -> None:
    assert complaint(read, tmp_path / "missing.csv") == "missing.csv: there is no such file"
    (tmp_path / "folder.csv").mkdir()
    assert complaint(read, tmp_path / "folder.csv") == "folder.csv: cannot be read: Is a directory"
    (tmp_path / "empty.csv").touch()
    assert complaint(read, tmp_path / "empty.csv") == "empty.csv: there is nothing in it"
    (tmp_path / "ring.csv").symlink_to("ring.csv")
    said = complaint(read, tmp_path / "ring.csv")
    assert said == f"ring.csv: cannot be read: {os.strerror(errno.ELOOP)}"


def test_a_file_that_may_not_be_read(tmp_path: Path, monkeypatch) -> None:
    def refuse(path: Path, *mode: str) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "open", refuse)  # a test may run as root, who may read everything
    assert complaint(table_file, tmp_path / "a.csv") == "a.csv: cannot be read: Permission denied"


# Lines to predict


class Bytes:
    """Stands in for standard input."""

    def __init__(self, content: bytes) -> None:
        self.buffer = self
        self.read = lambda: content


def test_lines_are_the_same_from_a_file_and_from_standard_input(tmp_path: Path, monkeypatch) -> None:
    raw = "\N{ZERO WIDTH NO-BREAK SPACE}开心\r\n\r\n  \rsad\x0c\u2028 so\n".encode("gb18030")
    (tmp_path / "lines.txt").write_bytes(raw)
    monkeypatch.setattr("sys.stdin", Bytes(raw))
    expected = ["开心", "sad\x0c\u2028 so"]
    assert read_lines(tmp_path / "lines.txt", "gb18030") == expected
    assert read_lines(Path("-"), "gb18030") == expected


def test_lines_in_another_encoding_name_the_option(tmp_path: Path, monkeypatch) -> None:
    raw = "好\n".encode("gb18030")
    (tmp_path / "lines.txt").write_bytes(raw)
    monkeypatch.setattr("sys.stdin", Bytes(raw))
    remedy = ":1: byte 0xba is not utf-8; it reads as gb18030: set `--encoding gb18030`"
    assert complaint(read_lines, tmp_path / "lines.txt", "utf-8") == "lines.txt" + remedy
    assert complaint(read_lines, Path("-"), "utf-8") == "standard input" + remedy
    monkeypatch.setattr("sys.stdin", Bytes(b"\n \n"))
    assert complaint(read_lines, Path("-"), "utf-8") == "standard input: there is nothing in it but white space"
    with pytest.raises(UsageError, match="^--encoding 'klingon' is not known"):
        read_lines(Path("-"), "klingon")
