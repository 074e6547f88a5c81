"""Tables: delimiters, headers, other columns, row numbers, and what JSON Lines may contain."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.long_texts import result_or_error
from seqkit.contracts import DataNote, Example
from seqkit.data.dataset import build_readers, read_examples, read_splits
from seqkit.readers.table import Table
from seqkit.recipe.recipe import Recipe
from seqkit.recipe.resolve import resolve
from seqkit.registry import load_registry

NAMES = {",": "comma", ";": "semicolon", "\t": "tab", "|": "vertical bar"}


@pytest.fixture
def read(tmp_path: Path):
    """Return a function that writes a table and reads its examples."""

    def read(content: str, name: str = "a.csv", **parameters) -> list[Example]:
        path = tmp_path / name
        path.write_text(content, encoding="utf-8", newline="")
        return list(Table(path=path, **parameters).read())

    return read


def error_of(read, *arguments, **parameters) -> str:
    error = str(result_or_error(lambda: read(*arguments, **parameters))[1])
    assert error.count("\n") == 0
    return error.rpartition("/")[2]


def values(examples: list[Example]) -> list[tuple[str, str | None]]:
    return [(example.input, example.target) for example in examples]


# Delimiters


@pytest.mark.parametrize("delimiter", NAMES)
@pytest.mark.parametrize("name", ["a.csv", "a.tsv"])
def test_the_delimiter_is_found_in_the_header(read, delimiter: str, name: str) -> None:
    rows = [["id", "text", "label"], ["1", "good", "0,5"], ["2", '"bad"', "1"]]
    if delimiter == ",":
        rows[1][2] = '"0,5"'
    content = "\n" + "".join(delimiter.join(row) + "\r\n" for row in rows)
    examples = read(content, name)
    quoted = '"bad"' if (name, delimiter) == ("a.tsv", "\t") else "bad"  # only TSV has no quoting
    assert values(examples) == [("good", "0,5"), (quoted, "1")]
    assert values(read(content, name, delimiter=delimiter)) == values(examples)
    for other in set(NAMES) - {delimiter}:
        note = f"{name}:2: the delimiter of the columns is a {NAMES[delimiter]}, not a {NAMES[other]}$"
        with pytest.warns(UserWarning, match=note.replace(".", r"\.")) as notes:
            assert values(read(content, name, delimiter=other)) == values(examples)
        assert len(notes) == 1


def test_a_given_delimiter_is_kept_where_no_other_fits(read) -> None:
    content = "a, b, c;d\n1;2\n"
    assert "; the columns are a, b, c, d: set" in error_of(read, content, delimiter=";")
    assert "; the columns are a, b, c;d: set" in error_of(read, content, delimiter="|")
    assert values(read("1,5;2,5\n", delimiter=";", columns=["text", "label"])) == [("1,5", "2,5")]


def test_a_delimiter_in_a_quoted_name_is_not_one(read) -> None:
    content = '"id;old","text",label,"a;b;c;d"\n1,good;better,1,x\n'
    (example,) = read(content)
    assert (example.input, example.target) == ("good;better", "1")
    assert example.columns == {"id;old": "1", "a;b;c;d": "x"}
    (example,) = read('"text";"label";"a,b,c,d"\n"well; well, well";1;x\n')
    assert (example.input, example.columns) == ("well; well, well", {"a,b,c,d": "x"})


def test_quotes_of_a_tsv_file_are_those_of_its_header(read) -> None:
    assert values(read('"text"\t"label"\n"a ""b""\tc"\t"1"\n', "a.tsv")) == [('a "b"\tc', "1")]
    assert values(read('text\tlabel\tsize "cm"\n"a\t1\t2\n', "a.tsv")) == [('"a', "1")]
    assert "a.tsv:1: there is no column 'text'" in error_of(read, '"so", he said\t1\n', "a.tsv")


@pytest.mark.parametrize("name", ["a.csv", "a.tsv"])
def test_a_single_column_needs_no_delimiter(read, name: str) -> None:
    assert values(read("text\ngood; or | not\nbad\n", name, label=None)) == [("good; or | not", None), ("bad", None)]


def test_a_misspelled_column_is_named_whatever_the_delimiter(read) -> None:
    error = error_of(read, "id;Review;labels\n1;good;0\n", text="review", label="label")
    assert error == "a.csv:1: there is no column 'review' (did you mean 'Review'?): set `text:` to the right one"
    error = error_of(read, "id\tnumber\n1\t2\n", label=None, text="wording")
    assert (
        "; the columns are id, number: set `text:` to the right one, or add a header if this is the first row" in error
    )


def test_an_ambiguous_header_names_the_parameter(read) -> None:
    error = error_of(read, "text;x|text|y;text\na\n", label=None)
    assert error == "a.csv:1: the columns can be separated by semicolon or vertical bar: set `delimiter:`"


def test_a_file_without_a_header_is_recognized(read) -> None:
    error = error_of(read, "a great film,pos\na bad one,neg\n")
    assert error == (
        "a.csv:1: there is no column 'text'; the columns are a great film, pos: set `text:` to the right one, or add a "
        "header if this is the first row"
    )
    assert len(error_of(read, "long " * 1000 + ",pos\n")) < 250


def test_another_file_is_read_with_the_delimiter_of_the_recipe(tmp_path: Path) -> None:
    parameters = {"path": tmp_path / "a.csv", "delimiter": ";", "text": "review", "format": "csv"}
    for name, delimiter in {"b.csv": ";", "b.tsv.gz": ";", "b": ";", "b.jsonl": "auto", "b.parquet": "auto"}.items():
        other = Table.for_path(tmp_path / name, parameters)
        expected = {"path": tmp_path / name, "delimiter": delimiter, "text": "review"}
        assert other == expected | {"format": "csv" if name == "b" else "auto"}
        Table(**other)
    with pytest.raises(ValueError, match="^delimiter applies to csv and tsv: remove it"):
        Table(path=tmp_path / "a.jsonl", delimiter=";")


delimited_fields = st.text("ab ,;|\t\"'1.", min_size=1).filter(str.strip)


@given(
    rows=st.lists(st.tuples(delimited_fields, delimited_fields), min_size=1),
    names=st.permutations(["text", "label", 'a "name", or; two|', ""]),
    delimiter=st.sampled_from([*NAMES]),
)
def test_any_delimiter_is_found(tmp_path_factory, rows, names, delimiter: str) -> None:
    def quoted(value: str) -> str:
        return '"' + value.replace('"', '""') + '"'

    path = tmp_path_factory.getbasetemp() / "any.csv"
    lines = [names, *([{"text": text, "label": label}.get(name, "x") for name in names] for text, label in rows)]
    path.write_text("".join(delimiter.join(map(quoted, line)) + "\n" for line in lines), encoding="utf-8")
    assert values(list(Table(path=path).read())) == [(text, label.strip()) for text, label in rows]


# Headers and columns


def test_a_repeated_header_is_skipped_with_a_note(read) -> None:
    header, mark = '"text", label\n', "\ufeff"
    with pytest.warns(DataNote, match="^skipped: the header again") as notes:
        examples = read(f"{header}a,1\ntext,label\nb,0\n{header}")
    assert [(example.input, example.row) for example in examples] == [("a", 1), ("b", 2)]
    assert [note.message.location.rpartition(":")[2] for note in notes] == ["3", "5"]
    with pytest.warns() as notes:
        examples = read(f"{mark}text\tlabel\na\t1\n{mark}text\tlabel\nb\t0\n", "a.tsv")
    assert values(examples) == [("a", "1"), ("b", "0")]
    assert {note.category for note in notes} == {DataNote, UserWarning}


@pytest.mark.parametrize(
    "content",
    [
        ",text,label\n0,a,1\n1,b,0\n",  # the index that pandas writes
        "text,label,\na,1,\nb,0,\n",
        "text,label,\na,1\nb,0\n",
        "text,label\na,1,\nb,0, ,\n",
        "text,label,,\na,1,\nb,0,,,\n",
    ],
)
def test_columns_without_a_name_do_no_harm(read, content: str) -> None:
    examples = read(content)
    assert values(examples) == [("a", "1"), ("b", "0")]
    assert [name for example in examples for name in example.columns if name.strip(".123")] == []


def test_a_field_too_many_is_still_an_error(read) -> None:
    assert "the number of fields is 3, not 2" in error_of(read, "text,label\na,1,x\n")
    assert "the number of fields is 1, not 3" in error_of(read, "text,label,\na\n")
    assert error_of(read, "text;label\na;1;x\n").endswith("quote a field that contains a semicolon")


def test_rows_and_other_columns(read) -> None:
    examples = read("id,text,x,label,x\n7,a,1,neg,2\n\n8,b,3,pos,4\n")
    assert [(example.row, example.columns) for example in examples] == [
        (1, {"id": "7", "x": "1", "x.1": "2"}),
        (2, {"id": "8", "x": "3", "x.1": "4"}),
    ]
    assert list(examples[0].columns) == ["id", "x", "x.1"]
    content = '{"id": [7], "text": "a", "label": 1}\n\n{"label": 0, "text": "b", "id": null}\n'
    assert [(example.row, example.columns) for example in read(content, "a.jsonl")] == [
        (1, {"id": [7]}),
        (3, {"id": None}),
    ]


def test_rows_are_numbered_with_those_that_are_skipped(read) -> None:
    with pytest.warns(DataNote):
        assert [example.row for example in read("text,label\n,1\na,1\n", empty="skip")] == [2]


def test_inputs_are_read_without_labels(read, tmp_path: Path) -> None:
    parameters = Table.without_targets(
        {"path": tmp_path / "a.csv", "label": "stars", "empty": "skip", "text": "review"}
    )
    assert set(parameters) <= set(inspect.signature(Table).parameters)
    (tmp_path / "a.csv").write_text("review,id\ngood,7\n", encoding="utf-8")
    assert list(Table(**parameters).read()) == [
        Example("good", location=f"{tmp_path}/a.csv:2", row=1, columns={"id": "7"})
    ]
    (tmp_path / "a.csv").write_text("stars,review\n,good\n1,\n5,bad\n", encoding="utf-8")
    with pytest.warns(DataNote, match="^skipped: no text"):
        examples = list(Table(**parameters).read())
    assert [(example.input, example.row, example.columns) for example in examples] == [
        ("good", 1, {"stars": ""}),
        ("bad", 3, {"stars": "5"}),
    ]


def test_training_drops_the_other_columns(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text,label,x\na,1,2\nb,0,3\n", encoding="utf-8")
    data = {"type": "table", "path": str(tmp_path / "a.csv")}
    recipe = {"data": data, "encoder": {"type": "lstm", "hidden_size": 2}, "head": "sentiment"}
    plan = resolve(Recipe(recipe, ""), load_registry())
    readers = build_readers(plan)
    assert [example.columns for example in read_splits(plan, readers)["train"]] == [{}, {}]
    assert [example.columns for example in read_examples(readers["train"], "table")] == [{"x": "2"}, {"x": "3"}]


# JSON Lines


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"text": "a", "label": NaN}', "invalid JSON: NaN is not JSON (a missing value is null)"),
        ('{"text": -Infinity, "label": 1}', "invalid JSON: -Infinity is not JSON (a missing value is null)"),
        ('{"text": "a", "label": 1e999}', "invalid JSON: '1e999' is too large for a floating-point number"),
        ('{"text": "a", "label": 0, "label": 1}', "invalid JSON: the key 'label' occurs twice"),
        ('{"text": "a", "label": 1, "x": {"y": 1, "y": 2}}', "invalid JSON: the key 'y' occurs twice"),
        ('{"text": "a", "label": ' + "9" * 5000 + "}", "invalid JSON: an integer of 5,000 digits is too large"),
        ("[" * 100_000, "invalid JSON: brackets are nested too deeply"),
        ('{"text": "a", "label": "\\udc00"}', "'label' contains \\udc00, half of a surrogate pair: add the other half"),
    ],
)
@pytest.mark.parametrize("empty", ["error", "skip"])
def test_what_is_not_json_is_an_error(read, line: str, message: str, empty: str) -> None:
    assert error_of(read, f'{{"text": "a", "label": 1}}\n{line}\n', "a.jsonl", empty=empty) == f"a.jsonl:2: {message}"


def test_half_of_a_surrogate_pair_in_another_column_matters_where_it_is_copied(read) -> None:
    content = '{"text": "a", "label": 1, "x": ["\\ud83d"]}\n'
    assert values(read(content, "a.jsonl")) == [("a", "1")]
    assert "'x' contains \\ud83d" in error_of(read, content, "a.jsonl", label=None)
    content = '{"text": "a", "label": 1, "\\ud83d": 1}\n'
    assert "contains \\ud83d, half of" in error_of(read, content, "a.jsonl", label=None)
