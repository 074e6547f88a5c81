"""`predict` and `evaluate` on the command line: their inputs, options and output."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import seqkit
from helpers.commands import error_line
from helpers.recipes import classification_recipe
from seqkit.contracts import DataNote, Example, Reader


def test_predict_prints_json_lines(run_command, classification_run: Path, tmp_path: Path, monkeypatch) -> None:
    texts = ["好吃", "很难吃", "很", '好"', "--"]
    done = run_command("predict", classification_run, *texts[:3])
    predictions = [json.loads(line) for line in done.out.splitlines()]
    assert (done.code, done.err, predictions) == (0, "", seqkit.load(classification_run).predict(texts[:3]))
    for prediction, text in zip(predictions, texts, strict=False):
        assert set(prediction) == {"text", "label", "probabilities"}
        assert prediction["text"] == text
        assert set(prediction["probabilities"]) == {"neg", "pos"}
        assert sum(prediction["probabilities"].values()) == pytest.approx(1)
        assert prediction["label"] == max(prediction["probabilities"], key=prediction["probabilities"].get)
    content = "\ufeff好吃\r\n很难吃\n很"
    (tmp_path / "lines.txt").write_bytes(content.encode())
    (tmp_path / "chinese.txt").write_bytes(content.removeprefix("\ufeff").encode("gb18030"))
    assert run_command("predict", classification_run, "--file", "lines.txt") == done
    assert run_command("predict", classification_run, "--file", "chinese.txt", "--encoding", "gb18030") == done
    with (tmp_path / "lines.txt").open(encoding="utf-8") as standard_input:
        monkeypatch.setattr(sys, "stdin", standard_input)
        assert run_command("predict", classification_run, "--file", "-") == done
    assert run_command("predict", classification_run, "很", "--", "好").out.count("\n") == 2


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (
            ["好吃", "坏"],
            3,
            "text 2 of 2: '坏' (U+574F), token 1 of the text, is not in the vocabulary of 4: change it",
        ),
        ([""], 3, "text 1 of 1: the text is empty"),
        (["--file", "absent.txt"], 3, "absent.txt: no such file"),
        (["--file", "."], 3, ".: cannot be read: Is a directory"),
        (["--file", "empty.txt"], 3, "empty.txt: the file is empty"),
        (
            ["--file", "chinese.txt"],
            3,
            "chinese.txt:1: byte 0xba is not utf-8; the file can be read as gb18030: set `--encoding gb",
        ),
        (["--file", "invalid.txt"], 3, "byte 0xff is not utf-8; set the encoding of the file with `--encoding …`"),
        (["--file", "empty.txt", "--encoding", "utf-9"], 2, "--encoding 'utf-9' is unknown: set it to utf-8, gb18030"),
        (["--file", "empty.txt", "--encoding", "hex"], 2, "--encoding 'hex' is not a text encoding"),
        (["--", "--debug"], 3, "text 1 of 1: '-' (U+002D), token 1"),
    ],
)
def test_invalid_input_of_predict(
    run_command, classification_run: Path, arguments, code: int, message: str, tmp_path: Path
) -> None:
    (tmp_path / "empty.txt").write_bytes(b"")
    (tmp_path / "chinese.txt").write_bytes("很好吃很难吃\n".encode("gb18030"))
    (tmp_path / "invalid.txt").write_bytes(b"x\n\xff\n")
    done = run_command("predict", classification_run, *arguments)
    assert done.code == code
    assert message in error_line(done)


def test_a_note_says_that_a_text_is_a_file(run_command, classification_run: Path, tmp_path: Path) -> None:
    (tmp_path / "好").write_text("text\n很好\n", encoding="utf-8")
    (tmp_path / "很").mkdir()
    note = (
        "seqkit: note: '好' is read as a text, but is also a file: to predict its texts, pass it to `seqkit predict` "
        "with --file (one text per line) or --data (in the format that the recipe reads)\n"
    )
    for texts, expected in ((["很", "好"], note), (["很"], ""), (["好" * 5000], ""), (["好", "好"], note)):
        done = run_command("predict", classification_run, *texts)
        assert (done.code, done.err, len(predicted(done.out))) == (0, expected, len(texts))
    done = run_command("explain", classification_run, "好")
    assert (done.code, done.err) == (0, note) and "pos" in done.out


def test_evaluate_equals_the_metrics_of_the_run(run_command, classification_run: Path) -> None:
    done = run_command("evaluate", classification_run, "--data", classification_run.parent / "test.csv")
    assert (done.code, done.err) == (0, "")
    scores = json.loads(done.out)
    assert scores.pop("examples") == 3
    assert scores.pop("calibration")["brier"] > 0  # training does not record it
    expected = seqkit.load(classification_run).result["metrics"]["test"]
    assert scores.pop("loss") == pytest.approx(expected.pop("loss"), rel=1e-6)
    assert scores == expected
    assert set(scores) == {"accuracy", "macro_f1", "per_class", "confusion_matrix"}


# --file


def predicted(out: str) -> list[Any]:
    return [json.loads(line) for line in out.splitlines()]


@pytest.mark.parametrize("content", ["好\n\n难\n \n", "\r\n\r\n好\r\n难", "好"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-7"])  # utf-7 is not read in chunks
def test_every_line_of_a_file_gets_a_prediction(
    run_command, classification_run: Path, content: str, encoding: str, tmp_path: Path
) -> None:
    (tmp_path / "lines.txt").write_bytes(content.encode(encoding))
    done = run_command("predict", classification_run, "--file", "lines.txt", "--encoding", encoding)
    assert (done.code, done.err) == (0, "")
    lines = content.splitlines()
    assert [prediction["text"] for prediction in predicted(done.out)] == lines
    for prediction, line in zip(predicted(done.out), lines, strict=True):
        if line.strip():
            (expected,) = seqkit.load(classification_run).predict([line])
            assert prediction["probabilities"] == pytest.approx(expected["probabilities"], abs=1e-6)
        else:
            assert prediction == {"text": line, "label": None, "probabilities": {"neg": None, "pos": None}}


def test_a_block_of_blank_lines_gets_the_fields_of_later_predictions(
    run_command, classification_run: Path, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr("seqkit.cli.predict_inputs._LINES", 2)
    (tmp_path / "lines.txt").write_text("\n\n\n好\n\n\n难\n\n", encoding="utf-8")
    done = run_command("predict", classification_run, "--file", "lines.txt", "--output", "lines.csv")
    assert done == (0, "", "")
    with (tmp_path / "lines.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["row"] for row in rows] == [str(number) for number in range(1, 9)]
    assert [row["text"] for row in rows] == ["", "", "", "好", "", "", "难", ""]
    assert [bool(row["label"]) for row in rows] == [bool(row["text"]) for row in rows]


@pytest.mark.parametrize("name", ["new.csv", "NEW.TSV", "new.jsonl", "new.parquet", "new.csv.gz", "new.xlsx"])
def test_a_table_is_not_read_as_lines(run_command, classification_run: Path, generation_run: Path, name: str) -> None:
    assert error_line(run_command("predict", classification_run, "--file", name)) == (
        f"{name}: a table, not one text per line: pass it with --data"
    )
    assert error_line(run_command("generate", generation_run, "--prompts", name)) == (
        f"{name}: a table, not one text per line: write one prompt per line into a text file"
    )


def test_error_in_a_file_names_the_line(run_command, classification_run: Path, tmp_path: Path) -> None:
    (tmp_path / "lines.txt").write_text("好\n\n坏\n", encoding="utf-8")
    done = run_command("predict", classification_run, "--file", "lines.txt", "--output", "out.csv")
    assert done.code == 3
    assert error_line(done).startswith("lines.txt:3: '坏' (U+574F), token 1 of the text")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lines.txt"]


def test_blank_prompts_are_continued_by_null(run_command, generation_run: Path, tmp_path: Path) -> None:
    (tmp_path / "prompts.txt").write_text("In\n\nBe\n")
    done = run_command("generate", generation_run, "--prompts", "prompts.txt", "--length", "3")
    texts = seqkit.load(generation_run).generate(["In", "Be"], length=3)
    assert predicted(done.out) == [
        {"prompt": "In", "text": texts[0]},
        {"prompt": "", "text": None},
        {"prompt": "Be", "text": texts[1]},
    ]


# --data


class Rows(Reader):
    """A table whose rows keep their number and their other columns, and whose labels can be missing."""

    def __init__(
        self, *, path: Path, text: str = "text", label: str | None = "label", delimiter: str = ",", skip: str = ""
    ) -> None:
        self.path, self.text, self.label, self.delimiter, self.skip = path, text, label, delimiter, skip

    @classmethod
    def without_targets(cls, parameters: Any) -> dict[str, Any]:
        return {**parameters, "label": None}

    def read(self) -> Iterator[Example]:
        with self.path.open(encoding="utf-8", newline="") as file:
            for number, row in enumerate(csv.DictReader(file, delimiter=self.delimiter), start=1):
                location = f"{self.path}:{number + 1}"
                for column in (self.text, self.label):
                    if column is not None and column not in row:
                        raise seqkit.DataError(f"{location}: no column '{column}': set `label:` to null")
                if row[self.text] == self.skip:
                    import warnings

                    warnings.warn(DataNote("skipped", location), stacklevel=2)
                    continue
                others = {name: value for name, value in row.items() if name not in (self.text, self.label)}
                target = None if self.label is None else row[self.label]
                yield Example(row[self.text], target, location, row=number, columns=others)


@pytest.fixture
def rows_run(isolated_registry: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a run whose reader is `Rows`."""
    seqkit.register("reader", "rows", Rows)
    recipe = classification_recipe(tmp_path)
    recipe["data"] |= {"type": "rows"}
    path = seqkit.run(recipe, runs=tmp_path / "runs", quiet=True).path
    for name in ("reviews.csv", "test.csv"):
        (tmp_path / name).unlink()
    return path


TABLE = 'id,review,label\n7,好吃,"a, ""b"""\n8,skipped,\n9,难吃,"two\nlines"\n'


@pytest.mark.filterwarnings("default")  # shown, not raised
@pytest.mark.parametrize("name", ["out.csv", "out.jsonl", "-"])
def test_output_has_row_numbers_and_the_other_columns(run_command, rows_run: Path, name: str, tmp_path: Path) -> None:
    (tmp_path / "new.csv").write_text(TABLE, encoding="utf-8")
    options = ["--text", "review", "--set", "skip=skipped", "--output", name]
    done = run_command("predict", rows_run, "--data", "new.csv", *options)
    assert (done.code, done.err) == (0, "seqkit: note: new.csv:3: skipped\n")
    predictions = seqkit.load(rows_run).predict(["好吃", "难吃"])
    others = [{"row": 1, "id": "7", "input_label": 'a, "b"'}, {"row": 3, "id": "9", "input_label": "two\nlines"}]
    expected = [other | prediction for other, prediction in zip(others, predictions, strict=True)]
    if name != "out.csv":
        written = done.out if name == "-" else (tmp_path / name).read_text(encoding="utf-8")
        assert predicted(written) == expected
        return
    with (tmp_path / name).open(encoding="utf-8", newline="") as file:
        header, *found = csv.reader(file)
    assert header == ["row", "id", "input_label", "text", "label", "probabilities.neg", "probabilities.pos"]
    for fields, record in zip(found, expected, strict=True):
        assert fields[:5] == [str(value) for value in list(record.values())[:5]]
        assert [float(field) for field in fields[5:]] == list(record["probabilities"].values())


def test_predicting_a_file_does_not_import_torch(classification_run: Path, tmp_path: Path) -> None:
    (tmp_path / "new.csv").write_text("text\n好\n", encoding="utf-8")
    program = "import sys, seqkit; run = seqkit.load(sys.argv[1]); print(len(run.predict_file(sys.argv[2])));"
    program += "print('torch' in sys.modules)"
    command = [sys.executable, "-c", program, str(classification_run), str(tmp_path / "new.csv")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=240)
    assert done.stdout == "1\nFalse\n"


def test_a_table_without_labels_is_predicted(run_command, classification_run: Path, tmp_path: Path) -> None:
    (tmp_path / "new.csv").write_text("id,comment\n7,好吃\n8,难\n", encoding="utf-8")
    done = run_command("predict", classification_run, "--data", "new.csv", "--text", "comment", "--output", "-")
    assert (done.code, done.err) == (0, "")
    assert [(each["row"], each["id"], each["text"]) for each in predicted(done.out)] == [
        (1, "7", "好吃"),
        (2, "8", "难"),
    ]


def test_tsv_output_has_no_quotes(run_command, rows_run: Path, tmp_path: Path) -> None:
    (tmp_path / "new.csv").write_text('text,id\n好吃,"a ""b"""\n', encoding="utf-8")
    assert run_command("predict", rows_run, "--data", "new.csv", "--output", "out.tsv") == (0, "", "")
    assert (tmp_path / "out.tsv").read_text(encoding="utf-8").splitlines()[1].startswith('1\ta "b"\t好吃\t')
    (tmp_path / "new.csv").write_text('text,id\n好吃,"a\tb"\n', encoding="utf-8")
    done = run_command("predict", rows_run, "--data", "new.csv", "--output", "out.tsv")
    assert error_line(done).startswith("prediction 1: a field contains a tab or a line break, which a TSV file cannot")


def test_values_of_json_lines_in_a_csv_file(run_command, classification_run: Path, tmp_path: Path) -> None:
    rows = [{"text": "好", "row": 7, "tags": ["a", {"b": None}], "meta": {"x": 1}, "ok": True, "none": None}]
    rows.append({**rows[0], "meta": {"y": 2}})
    (tmp_path / "new.jsonl").write_text("\n".join(map(json.dumps, rows)))
    assert run_command("predict", classification_run, "--data", "new.jsonl", "--output", "out.csv") == (0, "", "")
    with (tmp_path / "out.csv").open(encoding="utf-8", newline="") as file:
        first, second = csv.DictReader(file)
    expected = {
        "row": "1",
        "input_row": "7",
        "tags": '["a", {"b": null}]',
        "meta": '{"x": 1}',
        "ok": "true",
        "none": "",
    }
    assert expected.items() <= first.items()
    assert (second["row"], second["meta"]) == ("2", '{"y": 2}')
    (tmp_path / "new.jsonl").write_text('{"text": "好"}\n{"text": "好", "more": 1}')
    done = run_command("predict", classification_run, "--data", "new.jsonl", "--output", "out.csv")
    assert error_line(done) == "prediction 2: 'more' is not among the columns of the first: write a .jsonl file"


def test_data_is_read_and_predicted_block_by_block(rows_run: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("seqkit.inference.predictions.BLOCK_ROWS", 2)
    (tmp_path / "new.csv").write_text("text\n" + "好\n" * 3 + "坏\n" + "难\n" * 9, encoding="utf-8")
    run = seqkit.load(rows_run)
    examples = run.read_file(tmp_path / "new.csv")
    results = run.predict_examples(examples)
    assert [next(results)[0].row for _ in range(2)] == [1, 2]
    assert next(examples).row == 3  # not read before it is needed
    with pytest.raises(seqkit.DataError, match=r"new\.csv:5: '坏'"):
        next(results)


def test_blocks_end_by_their_size_too(classification_run: Path, monkeypatch) -> None:
    monkeypatch.setattr("seqkit.inference.predictions.BLOCK_SIZE", 10)
    run = seqkit.load(classification_run)
    read: list[int] = []

    def examples() -> Iterator[Example]:
        for number in range(9):
            read.append(number)
            yield Example("好吃吃吃")

    next(iter(run.predict_examples(examples())))
    assert read == [0, 1, 2]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--set", "delimitr=;"], "the reader 'rows': delimitr: unknown key (did you mean 'delimiter'?)"),
        (
            ["--set", "delimiter=1"],
            "the reader 'rows': delimiter: must be a string, not 1 (quote it to make it a string)",
        ),
        (["--set", "delimiter"], "--set 'delimiter' is not key=value, as in --set encoding=gb18030"),
        (["--set", "encoding＝gb18030"], "as in --set encoding=gb18030; it has '＝' (U+FF1D): write '='"),
        (["--set", "encoding:gb18030"], "as in --set encoding=gb18030; write '=' after the key, not ':'"),
        (["--set", "path=x.csv"], "path cannot be set here: set it in the recipe"),
        (["--set", "text=a", "--text", "b"], "pass --text or --set text=…, not both"),
        (["--encoding", "utf-8"], "--encoding is that of --file: for --data, pass --set encoding=utf-8"),
        (["--output", "out.parquet"], "--output out.parquet: the ending must be one of .csv, .tsv, .jsonl, .ndjson; -"),
        (["--output", "out.csv.gz"], "--output out.csv.gz: the ending must be one of"),
        (["--output", "gone/out.csv"], "--output gone/out.csv: no such folder gone: create it first"),
        (["--output", "new.csv"], "--output new.csv: is a file that is read: choose another name"),
        (["--output", "link.csv"], "--output link.csv: is a file that is read: choose another name"),
        (["--output", "folder.csv"], "--output folder.csv: a folder: name a file, such as folder.csv/name.csv"),
    ],
)
def test_invalid_options_of_predict(run_command, rows_run: Path, options: list[str], message: str, tmp_path) -> None:
    (tmp_path / "new.csv").write_text("text\n好\n", encoding="utf-8")
    (tmp_path / "link.csv").symlink_to("new.csv")
    (tmp_path / "folder.csv").mkdir()
    before = sorted(tmp_path.iterdir())
    done = run_command("predict", rows_run, "--data", "new.csv", *options)
    assert done.code == 2
    assert message in error_line(done)
    assert sorted(tmp_path.iterdir()) == before


def test_options_of_a_file_need_the_file(run_command, classification_run: Path, generation_run: Path) -> None:
    for options in (["--text", "a"], ["--set", "a=b"]):
        assert error_line(run_command("predict", classification_run, "好", *options)) == (
            "--text and --set describe a file of --data: pass --data"
        )
    done = run_command("evaluate", generation_run, "--data", "a.txt", "--text", "a")  # `text` is no column there
    assert error_line(done) == (
        "--text: the reader 'text' names its columns otherwise: use --set KEY=VALUE with one of text, unit, encoding"
    )


def test_existing_output_is_replaced_only_when_complete(run_command, rows_run: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.csv"
    output.write_text("old")
    (tmp_path / "new.csv").write_text("text\n好\n坏\n", encoding="utf-8")
    done = run_command("predict", rows_run, "--data", "new.csv", "--output", "out.csv")
    assert (done.code, output.read_text()) == (3, "old")
    (tmp_path / "new.csv").write_text("text\n好\n", encoding="utf-8")
    (tmp_path / "link.csv").symlink_to("out.csv")
    assert run_command("predict", rows_run, "--data", "new.csv", "--output", "link.csv") == (0, "", "")
    assert output.read_text(encoding="utf-8").startswith("row,text,label,")
    assert (tmp_path / "link.csv").is_symlink()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link.csv", "new.csv", "out.csv", "runs"]


@pytest.mark.filterwarnings("default")  # shown, not raised
def test_data_is_read_from_standard_input(run_command, classification_run: Path, tmp_path: Path, monkeypatch) -> None:
    def replace_stdin(content: str) -> None:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content.encode())))

    replace_stdin("text,label\n好,pos\n")
    done = run_command("predict", classification_run, "--data", "-")
    assert [prediction["text"] for prediction in predicted(done.out)] == ["好"]
    replace_stdin("text,label\n好,pos\n")
    assert json.loads(run_command("evaluate", classification_run, "--data", "-").out)["examples"] == 1
    replace_stdin("text;label\n好;pos\n坏;neg\n")
    done = run_command("predict", classification_run, "--data", "-", "--set", "delimiter=|")
    note, error = done.err.splitlines()
    assert note.startswith("seqkit: note: standard input:1: ")
    assert error.startswith("seqkit: standard input:3: '坏' (U+574F), token 1 of the text")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
def test_other_files_than_regular_ones_are_rejected(run_command, classification_run: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    for command, option, name in (("predict", "--data", "pipe.csv"), ("evaluate", "--data", "pipe.csv")):
        done = run_command(command, classification_run, option, name)
        assert (done.code, error_line(done)) == (3, f"{name}: is not a regular file, but a pipe")
    (tmp_path / "pipe.csv").rename(tmp_path / "pipe")
    done = run_command("predict", classification_run, "--file", "pipe")
    assert (done.code, error_line(done)) == (3, "pipe: is not a regular file, but a pipe")


def test_terminated_command_leaves_nothing(classification_run: Path, tmp_path: Path) -> None:
    (tmp_path / "lines.txt").write_text("好吃\n" * 3_000_000, encoding="utf-8")
    command = [sys.executable, "-m", "seqkit", "predict", str(classification_run)]
    process = subprocess.Popen([*command, "--file", "lines.txt", "--output", "out.csv"], cwd=tmp_path)
    while not list(tmp_path.glob(".out.csv.*")):
        time.sleep(0.01)
    process.terminate()
    assert process.wait(60) == 143
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lines.txt"]


@pytest.mark.filterwarnings("default")  # shown, not raised
def test_evaluate_takes_the_columns_of_the_file(run_command, rows_run: Path, tmp_path: Path) -> None:
    (tmp_path / "new.csv").write_text("review;stars\n好;pos\n难;neg\n;pos\n", encoding="utf-8")
    done = run_command("evaluate", rows_run, "--data", "new.csv")
    assert done.code == 3
    options = ["--text", "review", "--label", "stars", "--set", "delimiter=;"]
    done = run_command("evaluate", rows_run, "--data", "new.csv", *options)
    assert (done.code, done.err) == (0, "seqkit: note: new.csv:4: skipped\n")
    expected = seqkit.load(rows_run).evaluate([("好", "pos"), ("难", "neg")])
    assert json.loads(done.out) == expected


@pytest.mark.filterwarnings("default")  # shown, not raised
@pytest.mark.parametrize("delimiter", ["auto", ";"])
def test_a_note_says_that_a_file_has_another_delimiter_than_the_recipe_names(
    run_command, vowel_recipe, tmp_path: Path, delimiter: str
) -> None:
    rows = (tmp_path / "words.csv").read_text()
    (tmp_path / "words.csv").write_text(rows.replace(",", ";"))
    (tmp_path / "words.tsv").write_text(rows.replace(",", "\t"))
    (tmp_path / "bars.csv").write_text(rows.replace(",", "|"))
    vowel_recipe["data"]["delimiter"] = delimiter
    run = seqkit.run(vowel_recipe, train={"epochs": 1}, quiet=True).path
    for name in ("words.csv", "words.tsv", "bars.csv"):
        for command in ("predict", "evaluate"):
            done = run_command(command, run, "--data", name)
            is_noted = (name, delimiter) in (("words.tsv", ";"), ("bars.csv", ";"))
            found = "tab" if name == "words.tsv" else "vertical bar"
            note = f"seqkit: note: {name}:1: the delimiter of the columns is a {found}, not a semicolon\n"
            assert (done.code, done.err) == (0, note * is_noted)


def test_error_of_the_data_names_the_option(run_command, rows_run: Path, tmp_path: Path) -> None:
    (tmp_path / "new.csv").write_text("text\n好\n", encoding="utf-8")
    done = run_command("evaluate", rows_run, "--data", "new.csv")
    assert error_line(done) == "new.csv:2: no column 'label': set `label:` to null (here: --label …)"
