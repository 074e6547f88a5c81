"""The command line: help, mistakes, streams, and what each command prints."""

# ruff: noqa: F401, F811 - fixtures are imported by name

from __future__ import annotations

import inspect
import json
import os
import re
import signal
import subprocess
import sys
import typing
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from conftest import RECIPES
from test_run_directory import LABELS, WHOLE, WRITES, labels, labels_recipe, writes

import seqkit
from seqkit.cli import execute
from seqkit.registry import load_registry

COMMANDS = ["run", "check", "generate", "predict", "evaluate", "list", "show", "plugins"]
COMMANDS += ["check-plugin", "new-plugin", "verify-resume"]


class Done(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Done]:
    """Returns a function that runs a command line in this process, in an empty folder."""
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)  # put back what a command replaces
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str | Path) -> Done:
        capsys.readouterr()
        return Done(execute([str(argument) for argument in arguments]), *capsys.readouterr())

    return run


def process(*arguments: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
    """Runs a command line as a process of its own, for what only a process has: streams, a locale, an end."""
    given = {"capture_output": True, "text": True, "encoding": "utf-8", "timeout": 240} | options
    return subprocess.run([sys.executable, "-m", "seqkit", *map(str, arguments)], **given)


def one_line(done: Done) -> str:
    """Returns the line that a command which failed printed on stderr, having printed nothing on stdout."""
    assert done.out == ""
    (line,) = done.err.splitlines()
    assert line.startswith("seqkit: ")
    assert "unexpected" not in line
    return line.removeprefix("seqkit: ")


def write(path: Path, recipe: dict[str, Any]) -> Path:
    path.write_text(yaml.safe_dump(recipe, allow_unicode=True), encoding="utf-8")
    return path


# Help and mistakes


def test_help_lists_every_command(command) -> None:
    for arguments in (["--help"], ["-h"], []):
        done = command(*arguments)
        assert (done.code, done.err) == (0 if arguments else 2, "")
        assert done.out.startswith("Usage: seqkit [OPTIONS] COMMAND [ARGS]...")
        assert [line.split()[0] for line in done.out.split("Commands:\n")[1].splitlines()] == sorted(COMMANDS)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("run", ["RECIPE [KEY=VALUE]...", "--runs", "[default: runs]", "--resume RUN", "--no-plugin NAME"]),
        ("check", ["RECIPE [KEY=VALUE]...", "--no-plugin NAME"]),
        ("generate", ["RUN", "--prompt", "--length", "--temperature", "--top-k", "--top-p", "--seed", "--stop"]),
        ("generate", ["--stream", "[default: the recipe's, else 100]"]),
        ("predict", ["RUN [TEXT]...", "--file", "--encoding", "- for standard input"]),
        ("evaluate", ["RUN", "--data", "[required]"]),
        ("list", ["[KIND]", "reader, tokenizer, embedding, encoder or head"]),
        ("show", ["KIND NAME"]),
        ("plugins", ["--no-plugin NAME"]),
    ],
)
def test_the_help_of_a_command_names_what_it_takes(command, name: str, words: list[str]) -> None:
    done = command(name, "--help")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(f"Usage: seqkit {name} [OPTIONS]")
    flat = " ".join(done.out.split())
    for word in words:
        assert word in flat


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["rn"], "No such command 'rn'. Did you mean 'run'? (see `seqkit --help`)"),
        (["xyz"], "No such command 'xyz'. (see `seqkit --help`)"),
        (["--verson"], "No such option '--verson'. Did you mean '--version'? (see `seqkit --help`)"),
        (["run"], "Missing argument 'RECIPE'. (see `seqkit run --help`)"),
        (["generate", "x", "--lenght", "3"], "No such option '--lenght'. Did you mean '--length'?"),
        (["generate", "x", "--length", "ten"], "Invalid value for '--length': 'ten' is not a valid integer."),
        (["generate", "x", "--prompt"], "Option '--prompt' requires an argument."),
        (["evaluate", "x"], "Missing option '--data'. (see `seqkit evaluate --help`)"),
        (["predict", "x"], "give texts, or --file with one a line"),
        (["predict", "x", "text", "--file", "f"], "give texts or --file, not both"),
        (["list", "encoders"], "no kind of component is called 'encoders' (did you mean 'encoder'?): reader, tok"),
        (["show", "encoder"], "Missing argument 'NAME'. (see `seqkit show --help`)"),
        (
            ["show", "encoder", "lsmt"],
            "no encoder is called 'lsmt' (did you mean 'lstm'?); `seqkit list encoder` shows",
        ),
        (["check", "nowhere.yaml"], "nowhere.yaml: there is no such recipe"),
        (["check", "."], ".: cannot read the recipe: Is a directory"),
        (["run", "nowhere.yaml", "seed"], "nowhere.yaml: there is no such recipe"),
        (["run", str(RECIPES / "char_gen.yaml"), "seed"], "'seed' is not key=value: write encoder.hidden_size=64"),
        (["run", str(RECIPES / "char_gen.yaml"), "sed=1"], "sed: no such section (did you mean 'seed'?)"),
        (["list", "--no-plugin", "absent"], "--no-plugin absent: no plugin of that name is installed"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(command, arguments: list[str], message: str, tmp_path: Path) -> None:
    done = command(*arguments)
    assert done.code == 2
    assert message in one_line(done)
    assert list(tmp_path.iterdir()) == []


def test_the_version(command) -> None:
    assert command("--version") == (0, f"seqkit, version {seqkit.__version__}\n", "")


@pytest.mark.parametrize("arguments", [["--debug", "check", "nowhere.yaml"], ["check", "nowhere.yaml", "--debug"]])
def test_debug_lets_the_traceback_out(command, arguments: list[str]) -> None:
    with pytest.raises(seqkit.UsageError, match="there is no such recipe"):
        command(*arguments)


def test_debug_shows_a_traceback_and_its_error() -> None:
    done = process("check", "nowhere.yaml", "--debug")
    assert done.returncode == 1
    assert done.stderr.startswith("Traceback")
    assert "nowhere.yaml: there is no such recipe" in done.stderr.splitlines()[-1]


# Streams


def test_chinese_text_in_a_locale_of_ascii(labels: Path) -> None:
    ascii_only = os.environ | {"LC_ALL": "C", "PYTHONIOENCODING": "ascii"}
    for done in (
        process("predict", labels, "好吃", env=ascii_only),
        process("predict", labels, "好x吃", env=ascii_only),
    ):
        assert ("好" in done.stdout) == (done.returncode == 0)
        assert ("'x' (U+0078), symbol 2 of the text" in done.stderr) == (done.returncode == 3)
    bare = ascii_only | {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = process("predict", labels, "好吃", env=bare)
    assert (done.returncode, done.stderr) == (3, "seqkit: text 1 of 1: character 1 is not Unicode text\n")


@pytest.mark.parametrize("arguments", [["list"], ["--help"], []])
def test_a_reader_that_goes_away_ends_a_command_quietly(arguments: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = process(*arguments, capture_output=False, stdout=writing, stderr=subprocess.PIPE)
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_reader_that_goes_away_does_not_end_a_run(tmp_path: Path) -> None:
    recipe = write(tmp_path / "writes.yaml", WRITES)
    reading, writing = os.pipe()
    os.close(reading)
    done = process("run", recipe, capture_output=False, stdout=writing, stderr=subprocess.PIPE, cwd=tmp_path)
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, "")
    assert {file.name for file in (tmp_path / "runs" / "writes-1").iterdir()} == WHOLE


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
@pytest.mark.parametrize("arguments", [["list"], ["--version"], []])
def test_a_full_disk_under_stdout_is_told(arguments: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        done = process(*arguments, capture_output=False, stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 1
    assert done.stderr == "seqkit: standard output: cannot be written: No space left on device\n"


def test_streams_that_were_never_opened(labels: Path) -> None:
    line = [sys.executable, "-m", "seqkit"]
    done = subprocess.run(
        ["sh", "-c", '"$@" >&-', "sh", *line, "list"], stderr=subprocess.PIPE, text=True, timeout=240, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    done = subprocess.run(
        ["sh", "-c", '"$@" <&-', "sh", *line, "predict", str(labels), "--file", "-"],
        stderr=subprocess.PIPE, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (3, "seqkit: standard input: there is nothing in it\n")


def test_control_c_ends_generate_with_130(writes: Path) -> None:
    endless = ["generate", writes, "--length", "100000000", "--stream"]
    line = [sys.executable, "-m", "seqkit", *map(str, endless)]
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        assert running.stdout.read(9).startswith("In Be")
        running.send_signal(signal.SIGINT)
        _, errors = running.communicate(timeout=60)
    assert (running.returncode, errors) == (130, "seqkit: interrupted\n")


# run


def test_run_prints_plain_lines_and_last_the_run_directory(command, tmp_path: Path) -> None:
    recipe = write(tmp_path / "labels.yaml", labels_recipe(tmp_path))
    for number in (1, 2):
        done = command("run", recipe, "--runs", "here")
        assert (done.code, done.err) == (0, "")
        lines = done.out.splitlines()
        assert lines[0] == "labels, seed 0"
        assert [line.split()[0] for line in lines[1:7]] == [
            "data",
            "tokenizer",
            "embedding",
            "encoder",
            "head",
            "machine",
        ]
        assert [line[:10] for line in lines if line.startswith("epoch")] == ["epoch 1/3 ", "epoch 2/3 ", "epoch 3/3 "]
        assert re.fullmatch(r"很好吃 -> (pos|neg) \(0\.\d{3}\)", lines[-2])
        assert lines[-1] == f"here/labels-{number}"
    assert "\r" not in done.out
    assert sorted(path.name for path in tmp_path.iterdir()) == ["here", "labels.yaml", "reviews.csv", "test.csv"]


def test_key_value_overrides_the_recipe(command, tmp_path: Path) -> None:
    recipe = write(tmp_path / "writes.yaml", WRITES)
    done = command("run", recipe, "encoder.hidden_size=3", "name=other", "train.epochs=1", "seed=4")
    assert done.out.splitlines()[-1] == "runs/other-1"
    made = seqkit.load(tmp_path / "runs" / "other-1").recipe
    assert (made["encoder"]["hidden_size"], made["train"]["epochs"], made["seed"]) == (3, 1, 4)


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="there are no terminals")
def test_a_terminal_gets_a_bar_and_stdout_stays_plain(tmp_path: Path) -> None:
    recipe = write(tmp_path / "writes.yaml", WRITES | {"train": {"epochs": 400, "threads": 1}})
    termios = pytest.importorskip("termios")
    terminal, side = os.openpty()
    termios.tcsetwinsize(side, (24, 100))
    done = process("run", recipe, capture_output=False, stdout=subprocess.PIPE, stderr=side, cwd=tmp_path)
    os.set_blocking(terminal, False)
    shown = os.read(terminal, 65_536).decode()
    os.close(side)
    os.close(terminal)
    assert done.returncode == 0
    assert re.search(r"\r.*\d/400 \[.*step/s, epoch \d+, loss \d\.\d{4}\]", shown)
    assert "\r" not in done.stdout
    assert done.stdout.splitlines()[-1] == "runs/writes-1"


# generate


def test_generate_prints_the_prompt_and_what_follows(command, writes: Path) -> None:
    written = seqkit.load(writes).result["generated"]
    assert command("generate", writes) == (0, f"In Be{written[0]['text']}\n", "")
    done = command("generate", writes, "--prompt", "Sarah", "--length", "1")
    assert done.code == 0
    assert re.fullmatch(r"Sarah.\n", done.out)


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--temperature", "1", "--seed", "3"],
        ["--temperature", "1.5", "--top-k", "5", "--top-p", "0.9"],
        ["--temperature", "1", "--stop", "a", "--stop", "Be"],
    ],
)
def test_stream_prints_the_same(command, writes: Path, options: list[str]) -> None:
    arguments = ["generate", writes, "--prompt", "In", "--length", "60", *options]
    plain, streamed = command(*arguments), command(*arguments, "--stream")
    assert plain.code == 0
    assert streamed == plain


def test_the_options_of_generate_do_what_they_say(command, writes: Path) -> None:
    def text(*options: str) -> str:
        done = command("generate", writes, "--prompt", "In", "--length", "40", *options)
        assert (done.code, done.err) == (0, "")
        return done.out.removeprefix("In").removesuffix("\n")

    free = text("--temperature", "5", "--seed", "1")
    assert len(free) == 40
    assert text("--temperature", "5", "--seed", "1") == free
    assert text("--temperature", "5", "--seed", "2") != free
    greedy = text()
    assert text("--temperature", "5", "--top-k", "1") == greedy
    assert text("--temperature", "5", "--top-p", "1e-9") == greedy
    middle = free[20]
    assert text("--temperature", "5", "--seed", "1", "--stop", middle) == free[: free.index(middle)]


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--length", "0", "length must be a whole number of at least 1, not 0"),
        ("--temperature", "-0.1", "temperature must be at least 0 and finite, not -0.1"),
        ("--temperature", "nan", "temperature must be at least 0 and finite, not NaN"),
        ("--temperature", "inf", "temperature must be at least 0 and finite, not Infinity"),
        ("--top-k", "0", "top-k must be a whole number of at least 1, not 0"),
        ("--top-p", "0", "top-p must be above 0 and at most 1, not 0.0"),
        ("--top-p", "1.01", "top-p must be above 0 and at most 1, not 1.01"),
        ("--seed", "-1", "seed must be a whole number of at least 0, not -1"),
        ("--stop", "", "stop must be texts, none of them empty, not ['']"),
        ("--prompt", "", "a prompt is needed, to go on from"),
        (
            "--prompt",
            "In 北京",
            "the prompt: '北' (U+5317), symbol 4 of the text, is not in the vocabulary of 21: write it",
        ),
    ],
)
def test_an_option_out_of_bounds(command, writes: Path, option: str, value: str, message: str) -> None:
    done = command("generate", writes, option, value)
    assert done.code == 2
    assert message in one_line(done)


def test_each_job_names_the_other_where_it_cannot_be_done(command, writes: Path, labels: Path) -> None:
    assert "the head 'sentiment' does not write; use predict" in one_line(command("generate", labels, "--prompt", "好"))
    assert "the head 'next_char' writes text; use generate" in one_line(command("predict", writes, "In"))


# predict and evaluate


def test_predict_prints_a_json_object_a_line(command, labels: Path, tmp_path: Path, monkeypatch) -> None:
    texts = ["好吃", "很难吃", "很", '好"', "--"]
    done = command("predict", labels, *texts[:3])
    answers = [json.loads(line) for line in done.out.splitlines()]
    assert (done.code, done.err, answers) == (0, "", seqkit.load(labels).predict(texts[:3]))
    for answer, text in zip(answers, texts, strict=False):
        assert set(answer) == {"text", "label", "probabilities"}
        assert answer["text"] == text
        assert set(answer["probabilities"]) == {"neg", "pos"}
        assert sum(answer["probabilities"].values()) == pytest.approx(1)
        assert answer["label"] == max(answer["probabilities"], key=answer["probabilities"].get)
    content = "\ufeff好吃\r\n\r\n很难吃\n  \n很"
    (tmp_path / "lines.txt").write_bytes(content.encode())
    (tmp_path / "chinese.txt").write_bytes(content.removeprefix("\ufeff").encode("gb18030"))
    assert command("predict", labels, "--file", "lines.txt") == done
    assert command("predict", labels, "--file", "chinese.txt", "--encoding", "gb18030") == done
    with (tmp_path / "lines.txt").open(encoding="utf-8") as standard_input:
        monkeypatch.setattr(sys, "stdin", standard_input)
        assert command("predict", labels, "--file", "-") == done
    assert command("predict", labels, "很", "--", "好").out.count("\n") == 2


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (
            ["好吃", "坏"],
            3,
            "text 2 of 2: '坏' (U+574F), symbol 1 of the text, is not in the vocabulary of 4: write it",
        ),
        ([""], 3, "text 1 of 1: the text is empty"),
        (["--file", "absent.txt"], 3, "absent.txt: there is no such file"),
        (["--file", "."], 3, ".: cannot be read: Is a directory"),
        (["--file", "empty.txt"], 3, "empty.txt: there is nothing in it"),
        (
            ["--file", "chinese.txt"],
            3,
            "chinese.txt:1: byte 0xba is not utf-8; it reads as gb18030: set `--encoding gb",
        ),
        (["--file", "invalid.txt"], 3, "invalid.txt:2: byte 0xff is not utf-8; name its encoding with `--encoding …`"),
        (["--file", "empty.txt", "--encoding", "utf-9"], 2, "--encoding 'utf-9' is not known: utf-8, gb18030"),
        (["--file", "empty.txt", "--encoding", "hex"], 2, "--encoding 'hex' does not hold text"),
        (["--", "--debug"], 3, "text 1 of 1: '-' (U+002D), symbol 1"),
    ],
)
def test_what_predict_refuses(command, labels: Path, arguments, code: int, message: str, tmp_path: Path) -> None:
    (tmp_path / "empty.txt").write_bytes(b"")
    (tmp_path / "chinese.txt").write_bytes("很好吃很难吃\n".encode("gb18030"))
    (tmp_path / "invalid.txt").write_bytes(b"x\n\xff\n")
    done = command("predict", labels, *arguments)
    assert done.code == code
    assert message in one_line(done)


def test_evaluate_gives_the_metrics_of_the_run(command, labels: Path) -> None:
    done = command("evaluate", labels, "--data", labels.parent / "test.csv")
    assert (done.code, done.err) == (0, "")
    scores = json.loads(done.out)
    assert scores.pop("examples") == 3
    kept = seqkit.load(labels).result["metrics"]["test"]
    assert scores.pop("loss") == pytest.approx(kept.pop("loss"), rel=1e-6)
    assert scores == kept
    assert set(scores) == {"accuracy", "macro_f1", "per_class", "confusion_matrix"}


# check, list, show, plugins

SHIPPED = sorted(file.name for file in RECIPES.glob("*.yaml"))


@pytest.mark.parametrize("name", SHIPPED)
def test_check_prints_a_recipe_with_the_same_plan(command, name: str, tmp_path: Path) -> None:
    overrides = [f"data.path={tmp_path / 'data.csv'}"] if name in ("shakespeare.yaml", "hotel_reviews.yaml") else []
    first = command("check", RECIPES / name, *overrides)
    assert (first.code, first.err) == (0, "")
    (tmp_path / "printed.yaml").write_text(first.out, encoding="utf-8")
    assert command("check", "printed.yaml") == first
    assert sorted(file.name for file in tmp_path.iterdir()) == ["printed.yaml"]


def test_check_passes_a_warning_on_as_a_note(command, tmp_path: Path) -> None:
    recipe = write(tmp_path / "writes.yaml", WRITES)
    done = command("check", recipe, "encoder.dropout=0.5")
    assert done.code == 0
    assert done.err == "seqkit: note: encoder dropout acts between layers: with one layer it does nothing\n"


def test_list_shows_every_component_and_its_provider(command) -> None:
    everything = command("list")
    assert (everything.code, everything.err) == (0, "")
    for kind in ("reader", "tokenizer", "embedding", "encoder", "head"):
        alone = command("list", kind).out
        assert alone in everything.out
        header, *lines = alone.splitlines()
        assert header == f"{kind}:"
        registry = load_registry()
        assert [line.split()[0] for line in lines] == registry.names(kind)
        for line, entry in zip(lines, registry.all(kind), strict=True):
            assert line.split(maxsplit=1)[1].startswith(entry.provider)
            assert line.endswith(f"  {entry.component.summary}")


def test_plugins_shows_what_is_built_in(command) -> None:
    done = command("plugins")
    assert done.code == 0
    lines = done.out.splitlines()
    assert lines[0] == f"seqkit: seqkit {seqkit.__version__}"
    for line in ("  reader table", "  tokenizer char", "  embedding one_hot", "  encoder bilstm", "  head sentiment"):
        assert line in lines


EVERY = [(kind, name) for kind in seqkit.contracts.CONTRACTS for name in load_registry().names(kind)]


@pytest.mark.parametrize(("kind", "name"), EVERY, ids=map("-".join, EVERY))
def test_show_lists_every_parameter_with_type_default_and_bounds(command, kind: str, name: str) -> None:
    done = command("show", kind, name)
    assert (done.code, done.err) == (0, "")
    entry = load_registry().get(kind, name)
    cls = entry.load()
    assert done.out.startswith(f"{kind} {name}: {entry.component.summary}\nprovided by {entry.provider} (")
    shown = {
        line.split()[0]: line.split(maxsplit=1)[1] for line in done.out.partition("\nparameters:\n")[2].splitlines()
    }
    wanted = {}
    if inspect.isfunction(cls.__init__) and cls.__init__.__module__.startswith("seqkit."):  # not torch.nn.Module's
        wanted = {
            parameter.name: parameter
            for parameter in inspect.signature(cls.__init__).parameters.values()
            if parameter.kind is inspect.Parameter.KEYWORD_ONLY
        }
        hints = typing.get_type_hints(cls.__init__, include_extras=True)
    assert list(shown) == list(wanted)
    assert wanted or "no parameters" in done.out
    for key, parameter in wanted.items():
        default = str(parameter.default)
        default = {"None": "null", "True": "true", "False": "false"}.get(default, default)
        assert shown[key].endswith("; required" if parameter.default is parameter.empty else f"; default {default}")
        for words in _bounds(hints[key]):
            assert words in shown[key]


def _bounds(annotation: Any) -> list[str]:
    words = {"gt": "above", "ge": "at least", "lt": "below", "le": "at most"}
    found = [
        f"{words[bound]} {getattr(extra, bound)}"
        for extra in getattr(annotation, "__metadata__", ())
        for bound in words
        if hasattr(extra, bound)
    ]
    return found + [inner for argument in typing.get_args(annotation) for inner in _bounds(argument)]
