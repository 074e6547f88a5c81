"""Bad input: one clear line that names the place and what to do, the right exit code, and nothing left behind."""

# ruff: noqa: F401, F811 - fixtures are imported by name

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from test_cli import command, one_line, write
from test_plugin_packages import but, session
from test_run_directory import LABELS, REVIEWS, TEST, WRITES, labels, labels_recipe, writes

import seqkit
from seqkit.contracts import Encoded, Encoder
from seqkit.rundir import RunDirectory


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def refused(command: Callable[..., Any], code: int, folder: Path, *arguments: str | Path) -> str:
    """Runs a command that must fail and leave every file as it was; returns its one line."""
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    there = names(folder)
    done = command(*arguments)
    assert done.code == code, done
    assert names(folder) == there
    assert {path: path.read_bytes() for path in before} == before
    return one_line(done)


# Data

GB18030 = REVIEWS.replace("好", "很好").encode("gb18030")
DATA: dict[str, tuple[bytes | None, str]] = {
    "missing file": (None, "reviews.csv: there is no such file"),
    "empty file": (b"", "reviews.csv: there is nothing in it"),
    "byte order mark alone": (b"\xef\xbb\xbf", "reviews.csv: there is nothing in it"),
    "white space": (b" \n\t\n", "reviews.csv: there is nothing in it but white space"),
    "header alone": (b"text,label\n", "reviews.csv: there is a header and nothing below it"),
    "empty text": (b"text,label\na,pos\n,neg\n", "reviews.csv:3: 'text' is empty: fill it in, or pass over such rows"),
    "blank text": (b"text,label\n  ,pos\n", "reviews.csv:2: 'text' is empty: fill it in"),
    "empty label": (b"text,label\na,\n", "reviews.csv:2: 'label' is empty: fill it in"),
    "one label": (b"text,label\na,pos\nb,pos\n", "all 2 training examples are labelled 'pos': two labels are needed"),
    "too few columns": (b"text,label\na,pos\nb\n", "reviews.csv:3: 1 column, where the header has 2"),
    "too many columns": (b"text,label\na,b,pos\n", "reviews.csv:2: 3 columns, where the header has 2; perhaps a text"),
    "no such column": (b"text,lable\na,pos\n", "there is no column 'label' (did you mean 'lable'?): name the"),
    "column twice": (b"text,label,text\na,pos,b\n", "reviews.csv:1: the column 'text' is there twice: rename one"),
    "open quote": (b'text,label\n"a,pos\nb,neg\n', "reviews.csv:2: a quote is opened here and never closed"),
    "GB18030": (GB18030, "reviews.csv:2: byte 0xba is not utf-8; it reads as gb18030: set `encoding: gb18030`"),
    "UTF-16": (REVIEWS.encode("utf-16"), "reviews.csv:1: byte 0xff is not utf-8; it reads as utf-16"),
    "invalid bytes": (b"text,label\na,pos\n\xff\xff\xff,neg\n", "reviews.csv:3: byte 0xff is not utf-8; name its enc"),
    "label unseen in training": (REVIEWS.replace("neg", "bad").encode(), "test.csv:3: the label 'neg' is not among"),
    "text unseen in training": ("text,label\n很,pos\n吃,neg\n".encode(), "test.csv:2: '好' (U+597D), symbol 1 of"),
}  # fmt: skip


@pytest.mark.parametrize("what", DATA)
def test_bad_data_ends_with_3(command, what: str, tmp_path: Path) -> None:
    content, message = DATA[what]
    recipe = write(tmp_path / "labels.yaml", labels_recipe(tmp_path))
    (tmp_path / "reviews.csv").unlink() if content is None else (tmp_path / "reviews.csv").write_bytes(content)
    assert message in refused(command, 3, tmp_path, "run", recipe, "predict=[]")


TEXTS: dict[str, tuple[bytes | None, str]] = {
    "missing file": (None, "text.txt: there is no such file"),
    "empty file": (b"", "text.txt: there is nothing in it"),
    "too short": (b"a", "text.txt: too short: a next character takes a text of two at least"),
    "invalid bytes": (b"first\r\nsecond \xff", "text.txt:2: byte 0xff is not utf-8"),
}


@pytest.mark.parametrize("what", TEXTS)
def test_bad_text_ends_with_3(command, what: str, tmp_path: Path) -> None:
    content, message = TEXTS[what]
    recipe = write(tmp_path / "writes.yaml", WRITES | {"data": {"type": "text", "path": "text.txt"}, "generate": None})
    if content is not None:
        (tmp_path / "text.txt").write_bytes(content)
    assert message in refused(command, 3, tmp_path, "run", recipe)


@pytest.mark.parametrize("text", ["''", "' '"])
def test_an_empty_text_in_the_recipe_ends_with_3(command, text: str, tmp_path: Path) -> None:
    recipe = write(tmp_path / "writes.yaml", WRITES)
    assert refused(command, 3, tmp_path, "run", recipe, f"data.text={text}") == "data.text: the text is empty"


@pytest.mark.parametrize(
    ("split", "message"),
    [
        ("{by: order, test: 0.1}", "data.split: no example falls into the test part, of 4: make that part larger"),
        ("{by: hash, test: 0.001}", "data.split: no example falls into the test part, of 4: make that part larger"),
    ],
)
def test_a_part_without_examples_ends_with_3(command, split: str, message: str, tmp_path: Path) -> None:
    recipe = write(tmp_path / "labels.yaml", labels_recipe(tmp_path))
    assert message in refused(command, 3, tmp_path, "run", recipe, "data.test=null", f"data.split={split}")


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        (REVIEWS.encode("utf-8-sig"), "utf-8"),
        (REVIEWS.replace("\n", "\r\n").encode(), "utf-8"),
        (REVIEWS.encode("gb18030"), "gb18030"),
        (REVIEWS.encode("utf-16"), "utf-16"),
        (REVIEWS.replace("\n", "\n\n").rstrip().encode(), "utf-8"),
    ],
    ids=["byte order mark", "CRLF", "GB18030", "UTF-16", "blank lines"],
)
def test_unusual_data_gives_the_same_run(
    command,
    content: bytes,
    encoding: str,
    labels: Path,
    tmp_path: Path,
) -> None:
    recipe = write(tmp_path / "labels.yaml", labels_recipe(tmp_path))
    (tmp_path / "reviews.csv").write_bytes(content)
    (tmp_path / "test.csv").write_text(TEST, encoding=encoding)
    done = command("run", recipe, f"data.encoding={encoding}")
    assert (done.code, done.err) == (0, "")
    made = RunDirectory(tmp_path / done.out.splitlines()[-1])
    assert made.model.read_bytes() == RunDirectory(labels).model.read_bytes()
    assert made.tokenizer.read_text() == RunDirectory(labels).tokenizer.read_text()


# Recipes and command lines

RECIPES_OF: dict[str, tuple[list[str], str]] = {
    "unknown key": (["encoder.hiden_size=3"], "encoder.hiden_size: no such key (did you mean 'hidden_size'?)"),
    "unknown section": (["encodr.type=lstm"], "encodr: no such section (did you mean 'encoder'?)"),
    "unknown component": (["encoder.type=lsmt"], "encoder.type: no encoder is called 'lsmt' (did you mean 'lstm'?)"),
    "wrong type": (["encoder.hidden_size=many"], "encoder.hidden_size: must be a whole number, not 'many'"),
    "a word for truth": (["encoder.bias=yes"], "encoder.bias: must be true or false, not 'yes'"),
    "out of bounds": (["encoder.hidden_size=0"], "encoder.hidden_size: must be above 0, not 0"),
    "not causal": (["encoder.type=bilstm"], "encoder.type: 'bilstm' is not causal: its backward half reads the answer"),
    "a prompt unseen": (["generate.prompt=In 北京"], "generate.prompt: '北' (U+5317), symbol 4 of the text, is not in"),
    "an empty prompt": (["generate.prompt=''"], "generate.prompt: must not be empty"),
    "too large": (["encoder.hidden_size=9999999"], "encoder: this model does not fit into memory: make it smaller"),
    "far too large": (["encoder.hidden_size=10000000000000"], "encoder.hidden_size: is too large: nothing of size"),
    "no such device": (["train.device=cuda:99"], "train.device: there is no cuda:99 on this machine; `auto` takes"),
    "a name of two folders": (["name=../other"], "name: must be at most 64 letters"),
    "runs in a file": (["--runs", "writes.yaml"], "writes.yaml: cannot make a run directory there: File exists; give"),
    "runs below a file": (["--runs", "writes.yaml/runs"], "cannot make a run directory there: Not a directory; give"),
    "resuming nothing": (["--resume", "nowhere"], "nowhere: there is no such run directory"),
    "resuming a folder": (["--resume", "."], ".: not a run directory: it holds no plan.json"),
}  # fmt: skip


@pytest.mark.parametrize("what", RECIPES_OF)
def test_a_bad_recipe_or_command_line_ends_with_2(command, what: str, tmp_path: Path) -> None:
    changes, message = RECIPES_OF[what]
    recipe = write(tmp_path / "writes.yaml", WRITES)
    assert message in refused(command, 2, tmp_path, "run", recipe, *changes)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("predict=[好吃, 坏]", "predict.1: '坏' (U+574F), symbol 1 of the text, is not in the vocabulary of 4"),
        ("predict=['']", "predict.0: must not be empty"),
        ("head.class_weights={nag: 2}", "head.class_weights: names 'nag', which no training example has (did you mean"),
        ("generate={prompt: 好}", "generate: 'sentiment' does not write; use `predict:`"),
    ],
)
def test_a_bad_recipe_of_labels_ends_with_2(command, change: str, message: str, tmp_path: Path) -> None:
    recipe = write(tmp_path / "labels.yaml", labels_recipe(tmp_path))
    assert message in refused(command, 2, tmp_path, "run", recipe, change)


def test_every_fault_of_a_recipe_is_a_line(command, tmp_path: Path) -> None:
    write(tmp_path / "writes.yaml", WRITES)
    for name in ("run", "check"):
        done = command(name, "writes.yaml", "encoder.hidden_size=x", "sed=1", "train.epochs=-1")
        assert (done.code, done.out) == (2, "")
        keys = sorted(line.split(": ")[2] for line in done.err.splitlines())
        assert keys == ["encoder.hidden_size", "sed", "train.epochs"]
    assert names(tmp_path) == ["writes.yaml"]


def test_a_recipe_that_no_terminal_should_see(command, tmp_path: Path) -> None:
    """What a stranger's recipe holds is shown and not obeyed."""
    (tmp_path / "bad.yaml").write_text('encoder: {type: "\\e[2Jlstm\\n\\u2028x"}\ndata: abc\nhead: next_char\n')
    done = command("run", "bad.yaml")
    assert done.code == 2
    assert len(done.err.splitlines()) == 2
    assert "no encoder is called '\\x1b[2Jlstm x'" in done.err.replace("\\u2028", "")
    assert "\x1b" not in done.err


# Training and plugins


def test_a_number_that_is_not_finite_ends_with_5(command, tmp_path: Path) -> None:
    recipe = write(tmp_path / "writes.yaml", WRITES)
    done = command("run", recipe, "train.optimizer={type: sgd, lr: 1e38}", "train.epochs=9")
    assert done.code == 5
    (line,) = done.err.splitlines()
    assert re.match(
        r"seqkit: step \d+, row 1 of train: the loss is (nan|inf).*not taken: lower train\.optimizer\.lr", line
    )


class Zeros(torch.nn.Module, Encoder):
    """Gives zeros: of the width that it says, unless a test has it do otherwise."""

    causal = True
    width = 3

    def __init__(self, input_size: int) -> None:
        super().__init__()
        self.output_size = self.final_size = 3

    def forward(self, inputs, lengths, state=None):
        outputs = inputs.new_zeros(*inputs.shape[:2], self.width)
        return Encoded(outputs, outputs[:, -1])


class Breaks(Zeros):
    def forward(self, inputs, lengths, state=None):
        raise RuntimeError("the sizes of tensors must match\nin two lines")


@pytest.mark.parametrize(
    ("encoder", "message"),
    [
        (but(Zeros, width=5), "outputs is (1, 41, 5), not (1, 41, 3): see its output_size"),
        (Breaks, "this session: the model fails on its first batch: RuntimeError: the sizes of tensors must match"),
    ],
)
def test_a_bad_model_of_a_plugin_ends_with_4(
    command,
    session,
    encoder: type,
    message: str,
    tmp_path: Path,
) -> None:
    seqkit.register("encoder", "tried", encoder)
    recipe = write(tmp_path / "writes.yaml", WRITES | {"encoder": "tried"})
    assert refused(command, 4, tmp_path, "run", recipe).endswith(message)


def test_trying_a_model_out_changes_nothing_of_its_training(session, tmp_path: Path) -> None:
    """A plugin's model gets one batch before training; the numbers drawn in training are the same ones."""
    from seqkit.encoders.lstm import LSTM

    seqkit.register("encoder", "mine", but(LSTM))
    dropped = WRITES | {"head": {"type": "next_char", "dropout": 0.5}}
    losses = [
        [row["loss"] for row in seqkit.run(dropped, runs=tmp_path, quiet=True, encoder__type=name).metrics]
        for name in ("lstm", "mine")
    ]
    assert losses[0] == losses[1]


# A trained run


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("text,label\n好,good\n", "new.csv:2: the label 'good' is not among the training data's: neg, pos"),
        ("text,label\n好,pos\n坏,neg\n", "new.csv:3: '坏' (U+574F), symbol 1 of the text, is not in the vocabulary"),
        ("text,lab\n好,pos\n", "new.csv:1: there is no column 'label' (did you mean 'lab'?)"),
        ("", "new.csv: there is nothing in it"),
        (None, "new.csv: there is no such file"),
    ],
)
def test_data_that_cannot_be_evaluated_ends_with_3(
    command,
    labels: Path,
    content: str | None,
    message: str,
    tmp_path: Path,
) -> None:
    if content is not None:
        (tmp_path / "new.csv").write_text(content, encoding="utf-8")
    assert message in refused(command, 3, tmp_path, "evaluate", labels, "--data", "new.csv")


def test_a_file_that_the_reader_cannot_take_ends_with_2(command, labels: Path, tmp_path: Path) -> None:
    (tmp_path / "new.docx").write_text(TEST, encoding="utf-8")
    line = refused(command, 2, tmp_path, "evaluate", labels, "--data", "new.docx")
    assert line == "new.docx: format cannot be told from the ending of new.docx: give csv, tsv or jsonl"


@pytest.mark.parametrize("arguments", [["generate"], ["predict", "a"], ["evaluate", "--data", "x.csv"]])
@pytest.mark.parametrize(
    ("run", "message"),
    [
        ("nowhere", "nowhere: there is no such run directory"),
        (".", ".: not a run directory: it holds no plan.json; give what `seqkit run` printed last"),
        ("file", "file: not a run directory: it holds no plan.json; give what `seqkit run` printed last"),
        ("n" * 5000, "cannot be opened: File name too long"),
    ],
)
def test_what_is_no_run_directory_ends_with_2(command, arguments, run: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("{}")
    name, *rest = arguments
    assert refused(command, 2, tmp_path, name, run, *rest).endswith(message)


@pytest.mark.parametrize("arguments", [["generate"], ["predict", "a"], ["evaluate", "--data", "x.csv"]])
@pytest.mark.parametrize(
    ("plan", "message"),
    [
        ("", "plan.json: damaged: Expecting value: line 1 column 1 (char 0)"),
        ("[]", "plan.json: damaged: not a JSON object"),
        ('{"format": 9}', "plan.json: format 9; this version of seqkit reads format 1"),
        ('{"format": 1, "recipe": 5}', "plan.json: damaged: holds no recipe"),
        ('{"format": 1, "recipe": {}, "components": []}', "plan.json: damaged: data: is required: name a reader"),
    ],
)
def test_a_damaged_run_directory_ends_with_3(command, arguments, plan: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_text(plan)
    name, *rest = arguments
    assert message in refused(command, 3, tmp_path, name, ".", *rest)
