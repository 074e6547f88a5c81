"""The readers: what they yield, and the messages for files that are wrong."""

from __future__ import annotations

import codecs
import csv
import errno
import gzip
import io
import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqkit.cli.lines import read_lines
from seqkit.contracts import DataNote, Example
from seqkit.errors import DataError, UsageError
from seqkit.readers.table import Table
from seqkit.readers.text import Text


@pytest.fixture
def table(tmp_path: Path):
    """Return a function that writes a table and reads it as (text, label, line)."""

    def read(content: str | bytes, format: str = "csv", **parameters) -> list[tuple[str, str | None, int]]:
        path = tmp_path / f"data.{format}"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        examples = list(Table(path=path, **parameters).read())
        return [(example.input, example.target, int(example.location.removeprefix(f"{path}:"))) for example in examples]

    return read


def error_of(read, *arguments, **parameters) -> str:
    """Return the message of the DataError that reading raises, without the folder."""
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
def test_blank_lines_are_skipped_and_counted(table, format: str, content: str, line_end: str) -> None:
    first = 1 if format == "jsonl" else 3 if content.startswith("\n") else 2
    rows = table(content.replace("\n", line_end), format)
    assert rows == [("good", "1", first), ("bad", "0", 5)]


def test_line_numbers_after_quoted_line_breaks(table) -> None:
    content = 'text,label\n"two\r\nlines, a comma and a ""quote""",1\n"\n\n\nlate",0\nplain,1\n'
    assert table(content) == [
        ('two\nlines, a comma and a "quote"', "1", 2),
        ("\n\n\nlate", "0", 4),
        ("plain", "1", 8),
    ]


def test_tsv_has_no_quoting(table) -> None:
    assert table('text\tlabel\n"so", he said\t1\n"open\t0\n', "tsv") == [('"so", he said', "1", 2), ('"open', "0", 3)]


def test_labels_of_jsonl_are_those_of_csv(table) -> None:
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
def test_empty_rows_can_be_skipped(table, format: str, content: str) -> None:
    with pytest.warns(DataNote, match="^skipped: the text or the label is empty$") as notes:
        assert table(content, format, empty="skip") == [("good", "1", 3)]
    lines = [2, 4, 5] if format == "csv" else [2, 4]
    assert [note.message.location.rpartition(":")[2] for note in notes] == list(map(str, lines))
    with pytest.warns(DataNote):
        error = error_of(table, content.replace("good", " "), format, empty="skip")
    assert (
        error == f"data.{format}: all {content.count(chr(10)) - (format != 'jsonl')} rows have an empty text or label: "
        "check `text:` and `label:`"
    )


@pytest.mark.parametrize("empty", ["error", "skip"])
def test_missing_column_is_not_an_empty_field(table, empty: str) -> None:
    rows = '{"text": "good", "tag": {"by": "A"}}\n{"text": "bad", "tag": null, "labels": 1}'
    error = error_of(table, rows, "jsonl", empty=empty)
    assert error.startswith("data.jsonl:1: there is no column 'label' (did you mean 'labels'?): set `label:`")
    error = error_of(table, rows, "jsonl", empty=empty, label="tag.status")
    assert "data.jsonl:1: there is no column 'tag.status'" in error


@pytest.mark.parametrize("lacking", ['"tag": null', '"tag": {}', '"tag": "x"', '"tag": {"status": null}', '"a": 1'])
def test_a_field_that_only_some_rows_have_is_empty_in_the_others(table, lacking: str) -> None:
    def row(text: str, field: str) -> str:
        return f'{{"text": "{text}", {field}}}\n'

    known = '"tag": {"status": "good"}'
    for content in (row("a", known) + row("b", lacking), row("b", lacking) + row("a", known)):
        with pytest.warns(DataNote, match="^skipped: the text or the label is empty$"):
            ((text, label, _),) = table(content, "jsonl", label="tag.status", empty="skip")
        assert (text, label) == ("a", "good")
        error = error_of(table, content, "jsonl", label="tag.status")
        what = "empty: fill it in" if "status" in lacking else "missing: add it"
        assert f"'tag.status' is {what}, or ignore such rows with `empty: skip`" in error
        found = table(content, "jsonl", label="tag.status", optional_label=True)
        assert {text: label for text, label, _ in found} == {"a": "good", "b": []}


def test_missing_texts_obey_empty(table) -> None:
    content = '{"label": "x"}\n{"text": "a", "pair": "b", "label": "x"}\n{"text": "a", "pair": null, "label": "x"}\n'
    with pytest.warns(DataNote, match="^skipped: the text or the label is empty$") as notes:
        assert len(table(content, "jsonl", text_pair="pair", empty="skip")) == 1
    assert len(notes) == 2
    with pytest.warns(DataNote, match="^skipped: no text$"):
        assert len(table(content, "jsonl", label=None, empty="skip")) == 2


@pytest.mark.parametrize(
    ("format", "content"),
    [
        ("csv", 'text,tags\na,"x,y"\nb,\nc,NA\n,x\n'),
        ("jsonl", '{"text": "a", "tags": "x,y"}\n{"text": "b", "tags": null}\n{"text": "c"}\n{"text": "", "tags": 1}'),
    ],
)
def test_an_empty_label_can_mean_no_labels(table, format: str, content: str) -> None:
    parameters: dict[str, Any] = {"label": "tags", "optional_label": True, "missing": ["NA"]}
    with pytest.warns(DataNote, match="^skipped: no text$"):
        found = table(content, format, empty="skip", **parameters)
    assert [(text, label) for text, label, _ in found] == [("a", "x,y"), ("b", []), ("c", [])]
    assert "'text' is empty" in error_of(table, content, format, **parameters)


def test_columns_are_chosen_by_name(table) -> None:
    content = "review,stars,text\nfine,5,x\n"
    assert table(content, text="review", label="stars") == [("fine", "5", 2)]
    assert table(content, text="review", label=None) == [("fine", None, 2)]


def test_labelled() -> None:
    path = Path("data.csv")
    assert Table(path=path).labelled
    assert not Table(path=path, label=None).labelled


@pytest.mark.parametrize("encoding", ["utf-8", "UTF8", "gb18030", "utf-16", "utf-16-le", "big5"])
@pytest.mark.parametrize("mark", ["", "\N{ZERO WIDTH NO-BREAK SPACE}"])
def test_encodings(table, encoding: str, mark: str) -> None:
    mark = "" if encoding in ("utf-16", "big5") else mark  # the codec of utf-16 writes one, and big5 has none
    raw = (mark + "text,label\n開心,1\n").encode(encoding)
    assert table(raw, encoding=encoding) == [("開心", "1", 2)]


@pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF8])
@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"])
def test_wrong_encoding(table, mark: bytes, line_end: bytes) -> None:
    lines = [b"text,label", "好,1".encode(), "天气".encode("gb18030") + b",0"]
    expected = "data.csv:3: byte 0xcc is not utf-8; set the encoding of the file with `encoding: …`"
    if mark:  # then two of three lines are not ASCII and UTF-8
        expected = "data.csv:3: byte 0xcc is not utf-8, but most lines are: the file is damaged or mixes encodings: "
        expected += "correct this line"
    assert error_of(table, mark + line_end.join(lines)) == expected

    lines[1] = "好,1".encode("gb18030")
    expected = "data.csv:2: byte 0xba is not utf-8; the file can be read as gb18030: set `encoding: gb18030`"
    assert error_of(table, line_end.join(lines)) == expected


@pytest.mark.parametrize(
    ("raw", "encoding", "message"),
    [
        ("text,label\n天,1".encode(), "ascii", "data.csv:2: byte 0xe5 is not ascii; the file can be read as utf-8"),
        (
            "text,label\n天,1\n".encode(),
            "gb18030",
            "data.csv:2: byte 0xa9 is not gb18030; the file can be read as utf-8",
        ),
        (
            "text,label\n天,1\n".encode("utf-16"),
            "utf-8",
            "data.csv:1: byte 0xff is not utf-8; the file can be read as utf-16",
        ),
        (b"text,label\nna\xefve,1\n", "utf-8", "data.csv:2: byte 0xef is not utf-8; set the encoding"),
    ],
)
def test_other_wrong_encodings(table, raw: bytes, encoding: str, message: str) -> None:
    assert error_of(table, raw, encoding=encoding).startswith(message)


@pytest.mark.parametrize(
    ("format", "content", "message"),
    [
        ("csv", "", "data.csv: the file is empty"),
        ("csv", " \n\n\t\n", "data.csv: the file contains only white space"),
        ("csv", "text,label\n", "data.csv: there are no rows after the header"),
        ("tsv", "text\tlabel\n\n", "data.tsv: there are no rows after the header"),
        (
            "csv",
            "text,label\ngood,1\nwell, well,1\n",
            "data.csv:3: the number of fields is 3, not 2 as in the header: quote a field that contains a comma",
        ),
        (
            "csv",
            'text,label\n"a\nb",1\nalone\n',
            "data.csv:4: the number of fields is 1, not 2 as in the header: quote a field that contains a comma",
        ),
        (
            "csv",
            "text,label\n好，很好,1\n好，1\n",
            "data.csv:3: the number of fields is 1, not 2 as in the header: replace the full-width '，' "
            "between fields with ','",
        ),
        (
            "csv",
            "text;label\n好；1\n",
            "data.csv:2: the number of fields is 1, not 2 as in the header: replace the full-width '；' between fields "
            "with ';'",
        ),
        (
            "csv",
            "text\tlabel\n\ufee9\n",  # the letter is as far from a tab as '，' from ','
            "data.csv:2: the number of fields is 1, not 2 as in the header: quote a field that contains a tab",
        ),
        (
            "csv",
            "label，text\n好，1\n",
            "data.csv:1: there is no column 'text'; the columns are label，text: the columns are separated by "
            "full-width commas '，': replace them with ','",
        ),
        (
            "tsv",
            "text\tlabel\na\tb\t1\n",
            "data.tsv:2: the number of fields is 3, not 2 as in the header: remove tabs from the text",
        ),
        (
            "csv",
            "Texts,label\na,1\n",
            "data.csv:1: there is no column 'text' (did you mean 'Texts'?): set `text:` to the right one",
        ),
        (
            "csv",
            "\ntext,stars\na,1\n",
            "data.csv:2: there is no column 'label'; the columns are text, stars: "
            "set `label:` to the right one, or to null to read no labels",
        ),
        ("csv", "text,label,text\na,1,b\n", "data.csv:1: the column 'text' occurs more than once: rename the others"),
        (
            "csv",
            "text,label\n ,1\n",
            "data.csv:2: 'text' is empty: fill it in, or ignore such rows with `empty: skip`",
        ),
        (
            "csv",
            "text,label\na,1\nb,\n",
            "data.csv:3: 'label' is empty: fill it in, or ignore such rows with `empty: skip`; with the head "
            "multi_label, `optional_label: true` reads it as no labels",
        ),
        (
            "tsv",
            "text\tlabel\n\t\n",
            "data.tsv:2: 'text' is empty: fill it in, or ignore such rows with `empty: skip`",
        ),
        (
            "jsonl",
            '{"text": "", "label": 1}',
            "data.jsonl:1: 'text' is empty: fill it in, or ignore such rows with `empty: skip`",
        ),
        (
            "csv",
            'text,label\na,1\n"open,1\nb,1\n',
            "data.csv:3: a quoted field is never closed: double each quote inside a quoted field",
        ),
        (
            "csv",
            'text,label\n"so" he said,1\n',
            "data.csv:2: a quoted field is closed before its end: double each quote inside a quoted field",
        ),
        (
            "jsonl",
            '{"text": "a", "label": 1}\n{"text": "b" "label": 1}\n',
            "data.jsonl:2: invalid JSON: Expecting ',' delimiter at character 14: write one JSON object per line",
        ),
        (
            "jsonl",
            '[{"text": "a", "label": 1}]',
            "data.jsonl:1: not a JSON object: write one JSON object per line",
        ),
        ("jsonl", "[" * 100_000, "data.jsonl:1: invalid JSON: "),
        ("jsonl", '{"text": "a", "label": ' + "1" * 5_000 + "}", "data.jsonl:1: invalid JSON: "),
        (
            "jsonl",
            '{"text": "a", "label": null}',
            "data.jsonl:1: 'label' is empty: fill it in, or ignore such rows with `empty: skip`; with the head "
            "multi_label, `optional_label: true` reads it as no labels",
        ),
        (
            "jsonl",
            '{"label": 1}\n{"text": "a", "label": 1}',
            "data.jsonl:1: 'text' is missing: add it, or ignore such rows with `empty: skip`",
        ),
        ("jsonl", '{"text": ["a"], "label": 1}', "data.jsonl:1: 'text' is [\"a\"], not text: quote it"),
        (
            "jsonl",
            '\n{"txt": "a", "label": 1}',
            "data.jsonl:2: there is no column 'text' (did you mean 'txt'?): set `text:` to the right one",
        ),
        (
            "jsonl",
            '{"text": "a\\ud83d", "label": 1}',
            "data.jsonl:1: 'text' contains \\ud83d, half of a surrogate pair: add the other half",
        ),
    ],
)
def test_invalid_table(table, format: str, content: str, message: str) -> None:
    error = error_of(table, content, format)
    assert error.startswith(message) if message.endswith(" ") else error == message


@pytest.mark.parametrize("format", ["csv", "tsv", "jsonl"])
def test_long_fields_and_null_characters(table, format: str) -> None:
    long = "word " * 60_000 + "\0 end"
    content = {
        "csv": f'text,label\n"{long}",1\n{long},0\n',
        "tsv": f"text\tlabel\n{long}\t1\n{long}\t0\n",
        "jsonl": "".join(json.dumps({"text": long, "label": label}) + "\n" for label in (1, 0)),
    }[format]
    limit = csv.field_size_limit()
    assert [(text, label) for text, label, _ in table(content, format)] == [(long, "1"), (long, "0")]
    assert csv.field_size_limit() == limit


fields = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\ufeff"), min_size=1).filter(str.strip)


@settings(deadline=None)
@given(
    rows=st.lists(st.tuples(fields, fields), min_size=1),
    line_end=st.sampled_from(["\r\n", "\n"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    delimiter=st.sampled_from(",;\t|"),
    compress=st.sampled_from([gzip.compress, bytes]),
)
def test_csv_module_round_trip(tmp_path_factory, rows, line_end: str, quoting, delimiter: str, compress) -> None:
    written = io.StringIO(newline="")
    writer = csv.writer(written, lineterminator=line_end, quoting=quoting, delimiter=delimiter)
    writer.writerows([("text", "label"), *rows])
    path = tmp_path_factory.mktemp("written") / "rows.csv"
    path.write_bytes(compress(written.getvalue().encode()))

    examples = list(Table(path=path, delimiter=delimiter).read())
    assert [(example.input, example.target) for example in examples] == [
        (text.replace("\r\n", "\n"), label.replace("\r\n", "\n").strip()) for text, label in rows
    ]
    line = 2
    for number, (example, row) in enumerate(zip(examples, rows, strict=True), start=1):
        assert (example.location, example.row) == (f"{path}:{line}", number)
        line += 1 + sum(value.count("\n") for value in row)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({}, "path is required: set `path:` here or pass `data.path=FILE` on the command line"),
        (
            {"path": Path("data.txt")},
            "format is not clear from the file name data.txt: set it to csv, tsv, jsonl or parquet",
        ),
        ({"path": Path(__file__).parent}, r".* is a folder: name a file in it$"),
        ({"path": Path("a.csv"), "text": "label"}, "label must name a different column than text, 'label'"),
        (
            {"path": Path("a.csv"), "encoding": "utf8000"},
            "encoding 'utf8000' is unknown: set it to utf-8, gb18030, big5",
        ),
        ({"path": Path("a.csv"), "encoding": "base64"}, "encoding 'base64' is not a text encoding"),
    ],
)
def test_invalid_parameters_of_table(parameters: dict, message: str) -> None:
    with pytest.raises(ValueError, match="^" + message):
        Table(**parameters)


def test_format_by_extension_or_parameter(tmp_path: Path) -> None:
    for name, format, content in [
        ("A.CSV", "auto", "text,label\na,1\n"),
        ("a.ndjson", "auto", '{"text": "a", "label": 1}'),
        ("a.txt", "tsv", "text\tlabel\na\t1\n"),
    ]:
        path = tmp_path / name
        path.write_text(content, encoding="utf-8")
        assert [example.input for example in Table(path=path, format=format).read()] == ["a"]


# Text


def test_units_of_inline_text() -> None:
    text = "one\n\n  \ntwo \n"
    assert list(Text(text=text).read()) == [Example(text, location="data.text")]
    assert list(Text(text=text, unit="line").read()) == [
        Example("one", location="data.text:1", row=1),
        Example("two ", location="data.text:4", row=4),
    ]


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_text_file_line_endings(tmp_path: Path, line_end: str) -> None:
    path = tmp_path / "poem.txt"
    path.write_bytes(f"\N{ZERO WIDTH NO-BREAK SPACE}床前{line_end}{line_end}明月\u2028光\x0c\x85".encode())
    assert list(Text(path=path).read()) == [Example("床前\n\n明月\u2028光\x0c\x85", location=str(path))]
    assert list(Text(path=path, unit="line").read()) == [
        Example("床前", location=f"{path}:1", row=1),
        Example("明月\u2028光\x0c\x85", location=f"{path}:3", row=3),
    ]


@pytest.mark.parametrize("text", ["", " \n\t", "\u3000"])
def test_empty_inline_text(text: str) -> None:
    assert error_of(lambda: list(Text(text=text).read())) == "data.text: the text is empty"


def test_text_needs_one_source() -> None:
    with pytest.raises(ValueError, match=r"^path is required: set `path:` here or pass `data\.path=FILE`"):
        Text()
    with pytest.raises(ValueError, match="^text cannot be combined with path: remove one of them"):
        Text(text="a", path=Path("a.txt"))


# Files that cannot be read, for each function that reads files


def text_file(path: Path) -> list[Example]:
    return list(Text(path=path).read())


def table_file(path: Path) -> list[Example]:
    return list(Table(path=path, format="csv").read())


@pytest.mark.parametrize("read", [text_file, table_file, lambda path: lines_of(path, "utf-8")])
def test_unreadable_path(tmp_path: Path, read) -> None:
    assert error_of(read, tmp_path / "missing.csv") == "missing.csv: no such file"
    (tmp_path / "folder.csv").mkdir()
    assert error_of(read, tmp_path / "folder.csv") == "folder.csv: cannot be read: Is a directory"
    (tmp_path / "empty.csv").touch()
    assert error_of(read, tmp_path / "empty.csv") == "empty.csv: the file is empty"
    (tmp_path / "ring.csv").symlink_to("ring.csv")
    error = error_of(read, tmp_path / "ring.csv")
    assert error == f"ring.csv: cannot be read: {os.strerror(errno.ELOOP)}"


def test_file_without_permission(tmp_path: Path, monkeypatch) -> None:
    def refuse(path: Path, *mode: str) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "open", refuse)  # the tests may run as root, which has permission for everything
    assert error_of(table_file, tmp_path / "a.csv") == "a.csv: cannot be read: Permission denied"


# Lines to predict


def lines_of(file: Path, encoding: str) -> list[str]:
    return list(read_lines(file, encoding))


def replace_stdin(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))


def test_lines_of_a_file_and_of_standard_input(tmp_path: Path, monkeypatch) -> None:
    raw = "\N{ZERO WIDTH NO-BREAK SPACE}开心\r\n\r\n  \nsad\x0c\u2028 \rso\n".encode("gb18030")
    (tmp_path / "lines.txt").write_bytes(raw)
    replace_stdin(monkeypatch, raw)
    expected = ["开心", "", "  ", "sad\x0c\u2028 \rso"]
    assert lines_of(tmp_path / "lines.txt", "gb18030") == expected
    assert lines_of(Path("-"), "gb18030") == expected


def test_lines_in_another_encoding(tmp_path: Path, monkeypatch) -> None:
    raw = "好\n".encode("gb18030")
    (tmp_path / "lines.txt").write_bytes(raw)
    replace_stdin(monkeypatch, raw)
    remedy = ":1: byte 0xba is not utf-8; the file can be read as gb18030: set `--encoding gb18030`"
    assert error_of(lines_of, tmp_path / "lines.txt", "utf-8") == "lines.txt" + remedy
    assert error_of(lines_of, Path("-"), "utf-8") == "standard input" + remedy
    replace_stdin(monkeypatch, b"\n \n")
    assert error_of(lines_of, Path("-"), "utf-8") == "standard input: the file contains only white space"
    with pytest.raises(UsageError, match="^--encoding 'klingon' is unknown"):
        read_lines(Path("-"), "klingon")
