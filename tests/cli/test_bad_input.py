"""Invalid input: one line that names place, cause and remedy, the exit code, and no file left behind."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import seqkit
from helpers.commands import error_line
from helpers.plugins import variant
from helpers.recipes import (
    GENERATION_RECIPE,
    REVIEWS,
    TEST_REVIEWS,
    classification_recipe,
    write_recipe,
)
from helpers.runs import with_large_weights
from seqkit.contracts import Encoded, Encoder
from seqkit.runs.directory import RunDirectory


def relative_paths(folder: Path) -> list[str]:
    """Return the paths of everything in a folder."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def failure(run_command: Callable[..., Any], code: int, folder: Path, *arguments: str | Path) -> str:
    """Run a command, check that it fails and changes no file, and return the only line that it prints."""
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    paths = relative_paths(folder)
    done = run_command(*arguments)
    assert done.code == code, done
    assert relative_paths(folder) == paths
    assert {path: path.read_bytes() for path in before} == before
    return error_line(done)


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["data", "{run}"], "{run}: cannot read the recipe: it is a folder: the recipe of a run is {run}/recipe.yaml"),
        (["recipes", "scores", "--json"], "--json lists the recipes: leave out scores"),
        (["show", "bilstm"], "name its kind too: `seqkit show encoder bilstm`"),
        (["show", "trian"], "there is no section 'trian' (did you mean 'train'?)"),
        (["summary", "{ensemble}"], "{ensemble}: an ensemble has several models: pass one of its members"),
    ],
)
def test_an_argument_of_another_kind(
    arguments: list[str], line: str, classification_run: Path, tmp_path: Path, run_command: Callable[..., Any]
) -> None:
    paths = {"run": classification_run, "ensemble": tmp_path / "ensemble-1"}
    if "{ensemble}" in arguments:
        other = shutil.copytree(classification_run, tmp_path / "other")
        seqkit.ensemble([classification_run, other], runs=tmp_path)
    words = [word.format(**paths) for word in arguments]
    assert failure(run_command, 2, tmp_path, *words) == line.format(**paths)


# Data

GB18030 = REVIEWS.replace("好", "很好").encode("gb18030")
DATA: dict[str, tuple[bytes | None, str]] = {
    "missing file": (None, "reviews.csv does not exist"),
    "empty file": (b"", "reviews.csv: the file is empty"),
    "only a byte order mark": (b"\xef\xbb\xbf", "reviews.csv: the file is empty"),
    "white space": (b" \n\t\n", "reviews.csv: the file contains only white space"),
    "only a header": (b"text,label\n", "reviews.csv: there are no rows after the header"),
    "empty text": (b"text,label\na,pos\n,neg\n", "reviews.csv:3: 'text' is empty: fill it in, or ignore such rows"),
    "blank text": (b"text,label\n  ,pos\n", "reviews.csv:2: 'text' is empty: fill it in"),
    "empty label": (b"text,label\na,\n", "reviews.csv:2: 'label' is empty: fill it in"),
    "one label": (b"text,label\na,pos\nb,pos\n", "all 2 training examples have the label 'pos': provide"),
    "too few columns": (b"text,label\na,pos\nb\n", "reviews.csv:3: the number of fields is 1, not 2 as in the header"),
    "too many columns": (
        b"text,label\na,b,pos\n",
        "reviews.csv:2: the number of fields is 3, not 2 as in the header: quote",
    ),
    "no such column": (b"text,lable\na,pos\n", "there is no column 'label' (did you mean 'lable'?): set `label:`"),
    "column twice": (b"text,label,text\na,pos,b\n", "reviews.csv:1: the column 'text' occurs more than once"),
    "open quote": (b'text,label\n"a,pos\nb,neg\n', "reviews.csv:2: a quoted field is never closed"),
    "GB18030": (GB18030, "byte 0xba is not utf-8; the file can be read as gb18030: set `encoding: gb18030`"),
    "UTF-16": (REVIEWS.encode("utf-16"), "reviews.csv:1: byte 0xff is not utf-8; the file can be read as utf-16"),
    "invalid bytes": (b"text,label\na,pos\n\xff\xff\xff,neg\n", "reviews.csv:3: byte 0xff is not utf-8; set the enc"),
    "unknown character": ("text,label\n很,pos\n吃,neg\n".encode(), "test.csv:2: '好' (U+597D), token 1 of"),
}  # fmt: skip


@pytest.mark.parametrize("case", DATA)
def test_invalid_data_exits_with_3(run_command, case: str, tmp_path: Path) -> None:
    content, message = DATA[case]
    recipe = write_recipe(tmp_path / "classification.yaml", classification_recipe(tmp_path))
    (tmp_path / "reviews.csv").unlink() if content is None else (tmp_path / "reviews.csv").write_bytes(content)
    assert message in failure(run_command, 3, tmp_path, "run", recipe, "predict=[]")


TEXTS: dict[str, tuple[bytes | None, str]] = {
    "missing file": (None, "text.txt does not exist"),
    "empty file": (b"", "text.txt: the file is empty"),
    "too short": (b"a", "text.txt: the text is too short: next-token prediction requires at least two tokens"),
    "invalid bytes": (b"first\r\nsecond \xff", "text.txt:2: byte 0xff is not utf-8"),
}


@pytest.mark.parametrize("case", TEXTS)
def test_invalid_text_exits_with_3(run_command, case: str, tmp_path: Path) -> None:
    content, message = TEXTS[case]
    recipe = write_recipe(
        tmp_path / "generation.yaml",
        GENERATION_RECIPE | {"data": {"type": "text", "path": "text.txt"}, "generate": None},
    )
    if content is not None:
        (tmp_path / "text.txt").write_bytes(content)
    assert message in failure(run_command, 3, tmp_path, "run", recipe)


@pytest.mark.parametrize("text", ["''", "' '"])
def test_empty_text_in_the_recipe_exits_with_3(run_command, text: str, tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path / "generation.yaml", GENERATION_RECIPE)
    assert failure(run_command, 3, tmp_path, "run", recipe, f"data.text={text}") == "data.text: the text is empty"


@pytest.mark.parametrize(
    ("split", "message"),
    [
        ("{by: order, test: 0.1}", "data.split: the test split is empty (examples in total: 4): increase its fraction"),
        (
            "{by: hash, test: 0.001}",
            "data.split: the test split is empty (examples in total: 4): increase its fraction",
        ),
    ],
)
def test_empty_split_exits_with_3(run_command, split: str, message: str, tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path / "classification.yaml", classification_recipe(tmp_path))
    assert message in failure(run_command, 3, tmp_path, "run", recipe, "data.test=null", f"data.split={split}")


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
def test_unusual_encoding_or_line_endings_give_the_same_run(
    run_command,
    content: bytes,
    encoding: str,
    classification_run: Path,
    tmp_path: Path,
) -> None:
    recipe = write_recipe(tmp_path / "classification.yaml", classification_recipe(tmp_path))
    (tmp_path / "reviews.csv").write_bytes(content)
    (tmp_path / "test.csv").write_text(TEST_REVIEWS, encoding=encoding)
    done = run_command("run", recipe, f"data.encoding={encoding}")
    assert (done.code, done.err) == (0, "")
    run = RunDirectory(tmp_path / done.out.splitlines()[-1])
    assert run.model.read_bytes() == RunDirectory(classification_run).model.read_bytes()
    assert run.tokenizer.read_text() == RunDirectory(classification_run).tokenizer.read_text()


# Recipes and command lines

INVALID_RECIPES: dict[str, tuple[list[str], str]] = {
    "unknown key": (["encoder.hiden_size=3"], "encoder.hiden_size: unknown key (did you mean 'hidden_size'?)"),
    "unknown section": (["encodr.type=lstm"], "encodr: unknown section (did you mean 'encoder'?)"),
    "unknown component": (["encoder.type=lsmt"], "encoder.type: unknown encoder 'lsmt' (did you mean 'lstm'?)"),
    "wrong type": (["encoder.hidden_size=many"], "encoder.hidden_size: must be a positive integer, not 'many'"),
    "not a boolean": (["encoder.bias=yes"], "encoder.bias: must be true or false, not 'yes'"),
    "out of bounds": (["encoder.hidden_size=0"], "encoder.hidden_size: must be a positive integer, not 0"),
    "not causal": (["encoder.type=bilstm"], "encoder.type: 'bilstm' is not causal: its outputs depend on the tokens"),
    "unknown character": (
        ["generate.prompt=In 北京"],
        "generate.prompt: '北' (U+5317), token 4 of the text, is not in",
    ),
    "empty prompt": (["generate.prompt=''"], "generate.prompt: must be a non-empty string, not ''"),
    "too large": (["encoder.hidden_size=9999999"], "encoder: the model does not fit into memory: make it smaller"),
    "far too large": (["encoder.hidden_size=10000000000000"], "encoder.hidden_size: is too large for memory"),
    "missing device": (["train.device=cuda:99"], "train.device: this machine has no cuda:99: set it to `auto`"),
    "name with a separator": (["name=../other"], "name: must be a folder name of at most 64 letters"),
    "runs is a file": (["--runs", "generation.yaml"], "n.yaml: cannot create a run directory: File exists; choose"),
    "runs is in a file": (["--runs", "generation.yaml/runs"], "cannot create a run directory: Not a directory; choose"),
    "resume a missing run": (["--resume", "nowhere"], "nowhere: the run directory does not exist"),
    "resume another folder": (["--resume", "."], ".: not a run directory, since it contains no plan.json"),
}  # fmt: skip


@pytest.mark.parametrize("case", INVALID_RECIPES)
def test_invalid_recipe_or_command_line_exits_with_2(run_command, case: str, tmp_path: Path) -> None:
    changes, message = INVALID_RECIPES[case]
    recipe = write_recipe(tmp_path / "generation.yaml", GENERATION_RECIPE)
    assert message in failure(run_command, 2, tmp_path, "run", recipe, *changes)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("predict=[好吃, 坏]", "predict.1: '坏' (U+574F), token 1 of the text, is not in the vocabulary of 4"),
        ("predict=['']", "predict.0: must be a non-empty string or a list of 2 non-empty strings, not ''"),
        (
            "head.class_weights={nag: 2}",
            "head.class_weights: contains 'nag', which is not a label of the training data (did",
        ),
        ("generate={prompt: 好}", "generate: 'sentiment' cannot generate: use `predict:`"),
    ],
)
def test_invalid_recipe_of_a_classifier_exits_with_2(run_command, change: str, message: str, tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path / "classification.yaml", classification_recipe(tmp_path))
    assert message in failure(run_command, 2, tmp_path, "run", recipe, change)


def test_each_error_of_a_recipe_is_one_line(run_command, tmp_path: Path) -> None:
    write_recipe(tmp_path / "generation.yaml", GENERATION_RECIPE)
    for name in ("run", "check"):
        done = run_command(name, "generation.yaml", "encoder.hidden_size=x", "sed=1", "train.epochs=-1")
        assert (done.code, done.out) == (2, "")
        keys = sorted(line.split(": ")[2] for line in done.err.splitlines())
        assert keys == ["encoder.hidden_size", "sed", "train.epochs"]
    assert relative_paths(tmp_path) == ["generation.yaml"]


def test_control_characters_of_a_recipe_are_escaped(run_command, tmp_path: Path) -> None:
    """A terminal would interpret them."""
    (tmp_path / "bad.yaml").write_text('encoder: {type: "\\e[2Jlstm\\n\\u2028x"}\ndata: abc\nhead: next_char\n')
    done = run_command("run", "bad.yaml")
    assert done.code == 2
    assert len(done.err.splitlines()) == 2
    assert "unknown encoder '\\x1b[2Jlstm x'" in done.err.replace("\\u2028", "")
    assert "\x1b" not in done.err


# Training and plugins


def test_not_finite_loss_exits_with_5(run_command, tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path / "generation.yaml", GENERATION_RECIPE)
    done = run_command("run", recipe, "train.optimizer={type: sgd, lr: 1e38}", "train.epochs=9")
    assert done.code == 5
    (line,) = done.err.splitlines()
    assert re.match(
        r"seqkit: step \d+, row 1 of train: the loss is (nan|inf).*not taken: lower train\.optimizer\.lr", line
    )


class Zeros(torch.nn.Module, Encoder):
    """An encoder whose outputs are zeros; `width` can differ from `output_size`."""

    causal = True
    width = 3

    def __init__(self, input_size: int) -> None:
        super().__init__()
        self.output_size = self.final_size = 3

    def forward(self, inputs, lengths, state=None):
        outputs = inputs.new_zeros(*inputs.shape[:2], self.width)
        return Encoded(outputs, outputs[:, -1])


class FailingEncoder(Zeros):
    def forward(self, inputs, lengths, state=None):
        raise RuntimeError("the sizes of tensors must match\nin two lines")


@pytest.mark.parametrize(
    ("encoder", "message"),
    [
        (variant(Zeros, width=5), "outputs is (1, 41, 5), not (1, 41, 3): check its output_size"),
        (FailingEncoder, ": RuntimeError: the sizes of tensors must match in two lines"),
    ],
)
def test_faulty_encoder_of_a_plugin_exits_with_4(
    run_command,
    isolated_registry,
    encoder: type,
    message: str,
    tmp_path: Path,
) -> None:
    seqkit.register("encoder", "faulty", encoder)
    recipe = write_recipe(tmp_path / "generation.yaml", GENERATION_RECIPE | {"encoder": "faulty"})
    assert failure(run_command, 4, tmp_path, "run", recipe).endswith(message)


def test_first_batch_of_a_plugin_does_not_change_the_random_numbers(isolated_registry, tmp_path: Path) -> None:
    """The components of a plugin are checked on one batch before training."""
    from seqkit.encoders.lstm import LSTM

    seqkit.register("encoder", "copy", variant(LSTM))
    recipe = GENERATION_RECIPE | {"head": {"type": "next_char", "dropout": 0.5}}
    losses = [
        [row["loss"] for row in seqkit.run(recipe, runs=tmp_path, quiet=True, encoder__type=name).metrics]
        for name in ("lstm", "copy")
    ]
    assert losses[0] == losses[1]


# A trained run


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("text,label\n好,pos\n坏,neg\n", "new.csv:3: '坏' (U+574F), token 1 of the text, is not in the vocabulary"),
        ("text,lab\n好,pos\n", "new.csv:1: there is no column 'label' (did you mean 'lab'?)"),
        ("", "new.csv: the file is empty"),
        (None, "new.csv: no such file"),
    ],
)
def test_invalid_data_for_evaluate_exits_with_3(
    run_command,
    classification_run: Path,
    content: str | None,
    message: str,
    tmp_path: Path,
) -> None:
    if content is not None:
        (tmp_path / "new.csv").write_text(content, encoding="utf-8")
    assert message in failure(run_command, 3, tmp_path, "evaluate", classification_run, "--data", "new.csv")


def test_unknown_file_format_for_evaluate_exits_with_2(run_command, classification_run: Path, tmp_path: Path) -> None:
    (tmp_path / "new.docx").write_text(TEST_REVIEWS, encoding="utf-8")
    line = failure(run_command, 2, tmp_path, "evaluate", classification_run, "--data", "new.docx")
    assert line == "new.docx: format is not clear from the file name new.docx: set it to csv, tsv, jsonl or parquet"


@pytest.mark.parametrize("arguments", [["generate"], ["predict", "a"], ["evaluate", "--data", "x.csv"]])
@pytest.mark.parametrize(
    ("run", "message"),
    [
        ("nowhere", "nowhere: the run directory does not exist"),
        (".", ".: not a run directory, since it contains no plan.json: pass the last line that `seqkit run` printed"),
        (
            "file",
            "file: not a run directory, since it contains no plan.json: pass the last line that `seqkit run` printed",
        ),
        ("n" * 5000, "cannot be opened: File name too long"),
    ],
)
def test_path_that_is_not_a_run_directory_exits_with_2(
    run_command, arguments, run: str, message: str, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("{}")
    name, *rest = arguments
    assert failure(run_command, 2, tmp_path, name, run, *rest).endswith(message)


@pytest.mark.parametrize("arguments", [["generate"], ["predict", "a"], ["evaluate", "--data", "x.csv"]])
@pytest.mark.parametrize(
    ("plan", "message"),
    [
        ("", "plan.json: corrupt: Expecting value: line 1 column 1 (char 0)"),
        ("[]", "plan.json: corrupt: not a JSON object"),
        ('{"format": 9}', "plan.json: format 9 of a newer version; this version of seqkit reads format 1"),
        ('{"format": 1, "recipe": 5}', "plan.json: corrupt: it contains no recipe"),
        ('{"format": 1, "recipe": {}, "components": []}', "plan.json: corrupt: data: is required: name a reader"),
    ],
)
def test_corrupt_run_directory_exits_with_3(run_command, arguments, plan: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_text(plan)
    name, *rest = arguments
    assert message in failure(run_command, 3, tmp_path, name, ".", *rest)


def test_commands_print_one_line_and_no_number_that_is_not_finite(
    run_command, classification_run: Path, generation_run: Path, tmp_path: Path
) -> None:
    classification = with_large_weights(classification_run, tmp_path)
    generation = with_large_weights(generation_run, tmp_path / "generation")
    data = classification_run.parent / "test.csv"
    for arguments in (
        ("predict", classification, "很好吃"),
        ("evaluate", classification, "--data", data),
        ("generate", generation),
    ):
        done = run_command(*arguments)
        assert done.code == 3
        assert "not finite" in error_line(done)
