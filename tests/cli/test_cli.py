"""The command line: help, usage errors, streams, and the output of each command."""

from __future__ import annotations

import inspect
import json
import os
import re
import signal
import subprocess
import sys
import typing
from pathlib import Path

import pytest

import seqkit
from helpers.commands import error_line, run_forked, run_process
from helpers.plugins import write_dedented
from helpers.recipes import GENERATION_RECIPE, RECIPES, classification_recipe, write_recipe
from helpers.runs import RUN_FILES
from seqkit.recipe.descriptions import describe
from seqkit.recipe.parameters import parameters
from seqkit.recipe.yaml_parser import parse
from seqkit.registry import load_registry

COMMANDS = ["run", "check", "generate", "predict", "ensemble", "evaluate", "report", "list", "show", "plugins"]
COMMANDS += ["check-plugin", "new-plugin", "resume", "verify-resume", "explain", "recipes"]
COMMANDS += ["init", "data", "schema", "summary"]
COMMANDS += ["runs", "diff", "compare"]


# Help and usage errors


def test_help_lists_every_command(run_command) -> None:
    for arguments in (["--help"], ["-h"], []):
        done = run_command(*arguments)
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
        ("evaluate", ["RUN", "--data", "--errors", "--by"]),
        ("explain", ["RUN TEXT", "--pair", "--label", "--token N", "--trace", "--html FILE", "--json"]),
        ("list", ["[KIND]", "reader, tokenizer, embedding, encoder, head, optimizer, schedule, metric or tracker"]),
        ("show", ["KIND [NAME]"]),
        ("plugins", ["--no-plugin NAME"]),
    ],
)
def test_help_of_a_command_lists_arguments_and_options(run_command, name: str, words: list[str]) -> None:
    done = run_command(name, "--help")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(f"Usage: seqkit {name} [OPTIONS]")
    flat = " ".join(done.out.split())
    for word in words:
        assert word in flat


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["rn"], "no such command 'rn' (did you mean 'run'?) (see `seqkit --help`)"),
        (["xyz"], "no such command 'xyz' (see `seqkit --help`)"),
        (["--verson"], "no such option '--verson' (did you mean '--version'?) (see `seqkit --help`)"),
        (["run"], "missing argument 'RECIPE' (see `seqkit run --help`)"),
        (["generate", "x", "--lenght", "3"], "no such option '--lenght' (did you mean '--length'?)"),
        (["generate", "x", "--length", "ten"], "invalid value for '--length': must be a positive integer, not 'ten'"),
        (["generate", "x", "--prompt"], "option '--prompt' requires an argument"),
        (["evaluate"], "missing argument 'RUN' (see `seqkit evaluate --help`)"),
        (
            ["predict", "x"],
            "no texts: pass texts, --file with one text per line, or --data in the format that the recipe reads",
        ),
        (["predict", "x", "text", "--file", "f"], "pass texts or --file, not both"),
        (["list", "encoders"], "unknown kind 'encoders' (did you mean 'encoder'?); known: reader, tok"),
        (["show", "encoder"], "name a component: seqkit show encoder NAME (`seqkit list encoder`)"),
        (
            ["show", "encoder", "lsmt"],
            "unknown encoder 'lsmt' (did you mean 'lstm'?); `seqkit list encoder` lists",
        ),
        (["check", "nowhere.yaml"], "nowhere.yaml: the recipe does not exist"),
        (["check", "."], ".: cannot read the recipe: it is a folder: pass a file"),
        (["run", "nowhere.yaml", "seed"], "nowhere.yaml: the recipe does not exist"),
        (["run", str(RECIPES / "char_gen.yaml"), "seed"], "'seed' is not key=value, as in encoder.hidden_size=64"),
        (["run", str(RECIPES / "char_gen.yaml"), "sed=1"], "sed: unknown section (did you mean 'seed'?)"),
        (["list", "--no-plugin", "absent"], "--no-plugin absent: no such plugin is installed"),
    ],
)
def test_usage_error_is_one_line_and_exit_code_2(
    run_command, arguments: list[str], message: str, tmp_path: Path
) -> None:
    done = run_command(*arguments)
    assert done.code == 2
    assert message in error_line(done)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("option", ["--" + "x" * 5000, "--\x1b[2J\n"])
def test_an_argument_is_cut_and_cannot_control_the_terminal(run_command, option: str) -> None:
    done = run_command("list", option)
    line = error_line(done)
    assert done.code == 2
    assert line.isprintable()
    assert len(line) < 200
    assert line.endswith("(see `seqkit list --help`)")


def test_version(run_command) -> None:
    assert run_command("--version") == (0, f"seqkit, version {seqkit.__version__}\n", "")


@pytest.mark.parametrize("arguments", [["--debug", "check", "nowhere.yaml"], ["check", "nowhere.yaml", "--debug"]])
def test_debug_prints_the_traceback_before_the_message(run_command, arguments: list[str]) -> None:
    done = run_command(*arguments)
    assert done.code == 2
    assert done.err.startswith("Traceback")
    assert done.err.splitlines()[-1] == "seqkit: nowhere.yaml: the recipe does not exist"


# Colors


@pytest.mark.parametrize(
    ("environment", "is_terminal", "is_colored"),
    [
        ({}, True, True),
        ({}, False, False),
        ({"NO_COLOR": "1"}, True, False),
        ({"NO_COLOR": ""}, True, True),
        ({"TERM": "dumb"}, True, False),
        ({"FORCE_COLOR": "1"}, False, True),
        ({"FORCE_COLOR": "0"}, False, False),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, True, False),
    ],
    ids=str,
)
def test_errors_are_red_and_notes_yellow_on_a_terminal(
    run_command, tmp_path: Path, monkeypatch, environment: dict[str, str], is_terminal: bool, is_colored: bool
) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(type(sys.stderr), "isatty", lambda stream: is_terminal, raising=False)
    error = "seqkit: nowhere.yaml: the recipe does not exist"
    assert run_command("check", "nowhere.yaml").err == (f"\x1b[31m{error}\x1b[0m\n" if is_colored else f"{error}\n")
    recipe = write_recipe(tmp_path / "generation.yaml", GENERATION_RECIPE)
    note = run_command("check", recipe, "encoder.dropout=0.5")
    assert note.err.startswith("\x1b[33mseqkit: note: " if is_colored else "seqkit: note: ")
    assert "\x1b" not in note.out


# Imports

IMPORTED = """
import sys
from seqkit.cli import execute
code = execute(sys.argv[1:])
print(*sorted({"torch", "pydantic", "sklearn", "yaml"} & set(sys.modules)), file=sys.stderr)
sys.exit(code)
"""


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["run", "--help"],
        ["list"],
        ["plugins"],
        ["generate", "GENERATION", "--length", "3", "--temperature", "1", "--top-k", "3", "--top-p", "0.9"],
        ["generate", "GENERATION", "--samples", "2", "--temperature", "1"],
        ["predict", "CLASSIFICATION", "好吃"],
    ],
    ids=" ".join,
)
def test_commands_that_do_not_import_torch_or_pydantic(
    arguments: list[str], generation_run: Path, classification_run: Path
) -> None:
    runs = {"GENERATION": str(generation_run), "CLASSIFICATION": str(classification_run)}
    command = [sys.executable, "-c", IMPORTED, *(runs.get(argument, argument) for argument in arguments)]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=240, check=False)
    assert (done.returncode, done.stderr) == (0, "\n")


# Streams


def test_chinese_text_with_an_ascii_locale(classification_run: Path) -> None:
    ascii_only = os.environ | {"LC_ALL": "C", "PYTHONIOENCODING": "ascii"}
    for done in (
        run_process("predict", classification_run, "好吃", env=ascii_only),
        run_process("predict", classification_run, "好x吃", env=ascii_only),
    ):
        assert ("好" in done.stdout) == (done.returncode == 0)
        assert ("'x' (U+0078), token 2 of the text" in done.stderr) == (done.returncode == 3)
    without_utf8_mode = ascii_only | {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = run_process("predict", classification_run, "好吃", env=without_utf8_mode)
    assert (done.returncode, done.stderr) == (3, "seqkit: text 1 of 1: character 1 is not valid Unicode\n")


@pytest.mark.parametrize("arguments", [["list"], ["--help"], []])
def test_closed_stdout_ends_a_command_without_an_error(arguments: list[str]) -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    done = run_process(*arguments, capture_output=False, stdout=write_end, stderr=subprocess.PIPE)
    os.close(write_end)
    assert (done.returncode, done.stderr) == (0, "")


def test_closed_stdout_does_not_end_a_run(tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path / "generation.yaml", GENERATION_RECIPE)
    read_end, write_end = os.pipe()
    os.close(read_end)
    done = run_forked("run", recipe, cwd=tmp_path, stdout=write_end)
    os.close(write_end)
    assert (done.code, done.err) == (0, "")
    assert {file.name for file in (tmp_path / "runs" / "generation-1").iterdir()} == RUN_FILES


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="requires /dev/full")
@pytest.mark.parametrize("arguments", [["list"], ["--version"], []])
def test_stdout_on_a_full_disk_is_an_error(arguments: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        done = run_process(*arguments, capture_output=False, stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 1
    assert done.stderr == "seqkit: standard output: cannot be written: No space left on device\n"


def test_closed_streams(classification_run: Path) -> None:
    command = [sys.executable, "-m", "seqkit"]
    done = subprocess.run(
        ["sh", "-c", '"$@" >&-', "sh", *command, "list"], stderr=subprocess.PIPE, text=True, timeout=240, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    done = subprocess.run(
        ["sh", "-c", '"$@" <&-', "sh", *command, "predict", str(classification_run), "--file", "-"],
        stderr=subprocess.PIPE, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (3, "seqkit: standard input: the file is empty\n")


def test_sigint_ends_generate_with_130(generation_run: Path) -> None:
    endless = ["generate", generation_run, "--length", "100000000", "--stream"]
    command = [sys.executable, "-m", "seqkit", *map(str, endless)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        assert running.stdout.read(9).startswith("In Be")
        running.send_signal(signal.SIGINT)
        _, errors = running.communicate(timeout=60)
    assert (running.returncode, errors) == (130, "seqkit: interrupted\n")


# run


def test_last_line_of_run_is_the_run_directory(run_command, tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path / "classification.yaml", classification_recipe(tmp_path))
    for number in (1, 2):
        done = run_command("run", recipe, "--runs", "folder")
        assert (done.code, done.err) == (0, "")
        lines = done.out.splitlines()
        assert lines[0] == "classification, seed 0"
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
        assert lines[-1] == f"folder/classification-{number}"
    assert "\r" not in done.out
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "classification.yaml",
        "folder",
        "reviews.csv",
        "test.csv",
    ]


@pytest.mark.filterwarnings("always")  # shown, not raised
def test_quiet_and_json_print_the_run_alone(run_command, tmp_path: Path) -> None:
    path = write_recipe(tmp_path / "generation.yaml", GENERATION_RECIPE)
    overrides = ("encoder.dropout=0.5", "train.epochs=1")
    quiet = run_command("run", path, *overrides, "--quiet")
    assert (quiet.code, quiet.out) == (0, "runs/generation-1\n")
    assert "note: encoder dropout applies between layers" in quiet.err
    as_json = run_command("run", path, *overrides, "--json")
    assert (as_json.code, as_json.err) == (0, quiet.err)
    result = seqkit.load(tmp_path / "runs" / "generation-2").result
    assert json.loads(as_json.out) == {"run": "runs/generation-2"} | result
    for option in ("--quiet", "--json"):
        error = error_line(run_command("run", path, option, "--verbose"))
        assert error == f"pass --verbose or {option}, not both"


def test_key_value_arguments_override_the_recipe(run_command, tmp_path: Path) -> None:
    path = write_recipe(tmp_path / "generation.yaml", GENERATION_RECIPE)
    done = run_command("run", path, "encoder.hidden_size=3", "name=other", "train.epochs=1", "seed=4")
    assert done.out.splitlines()[-1] == "runs/other-1"
    recipe = seqkit.load(tmp_path / "runs" / "other-1").recipe
    assert (recipe["encoder"]["hidden_size"], recipe["train"]["epochs"], recipe["seed"]) == (3, 1, 4)


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="requires pseudo-terminals")
def test_progress_bar_is_printed_only_to_a_terminal(tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path / "generation.yaml", GENERATION_RECIPE | {"train": {"epochs": 400, "threads": 1}})
    termios = pytest.importorskip("termios")
    terminal_end, process_end = os.openpty()
    termios.tcsetwinsize(process_end, (24, 100))
    done = run_forked("run", recipe, cwd=tmp_path, stderr=process_end)
    os.set_blocking(terminal_end, False)
    printed = os.read(terminal_end, 65_536).decode()
    os.close(process_end)
    os.close(terminal_end)
    assert done.code == 0
    assert re.search(r"epoch \d+/400  \d+%  step \d+/400  \d+ steps/s  0:\d\d left  loss \d\.\d{5}\x1b", printed)
    assert "\r" not in done.out
    assert done.out.splitlines()[-1] == "runs/generation-1"


# generate


def test_generate_prints_prompt_and_continuation(run_command, generation_run: Path) -> None:
    generated = seqkit.load(generation_run).result["generated"]
    assert run_command("generate", generation_run) == (0, f"In Be{generated[0]['text']}\n", "")
    done = run_command("generate", generation_run, "--prompt", "Sarah", "--length", "1")
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
def test_stream_prints_the_same_text(run_command, generation_run: Path, options: list[str]) -> None:
    arguments = ["generate", generation_run, "--prompt", "In", "--length", "60", *options]
    plain, streamed = run_command(*arguments), run_command(*arguments, "--stream")
    assert plain.code == 0
    assert streamed == plain


def test_options_of_generate(run_command, generation_run: Path) -> None:
    def text(*options: str) -> str:
        done = run_command("generate", generation_run, "--prompt", "In", "--length", "40", *options)
        assert (done.code, done.err) == (0, "")
        return done.out.removeprefix("In").removesuffix("\n")

    sampled = text("--temperature", "5", "--seed", "1")
    assert len(sampled) == 40
    assert text("--temperature", "5", "--seed", "1") == sampled
    assert text("--temperature", "5", "--seed", "2") != sampled
    greedy = text()
    assert text("--temperature", "5", "--top-k", "1") == greedy
    assert text("--temperature", "5", "--top-p", "1e-9") == greedy
    middle = sampled[20]
    assert text("--temperature", "5", "--seed", "1", "--stop", middle) == sampled[: sampled.index(middle)]


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        (
            "--length",
            "0",
            "invalid value for '--length': must be a positive integer, not 0 (see `seqkit generate --help`)",
        ),
        ("--temperature", "-0.1", "invalid value for '--temperature': must be a non-negative number, not -0.1"),
        ("--temperature", "nan", "invalid value for '--temperature': must be a finite number, not .nan"),
        ("--temperature", "inf", "invalid value for '--temperature': must be a finite number, not .inf"),
        ("--top-k", "0", "invalid value for '--top-k': must be a positive integer, not 0"),
        ("--top-p", "0", "invalid value for '--top-p': must be a number greater than 0 and at most 1, not 0 (see"),
        ("--top-p", "1.01", "invalid value for '--top-p': must be a number greater than 0 and at most 1, not 1.01"),
        ("--seed", "-1", "invalid value for '--seed': must be a non-negative integer, not -1"),
        ("--stop", "", "stop must be a non-empty string or a list of non-empty strings, not ['']"),
        ("--prompt", "", "no prompt: pass --prompt or set generate.prompt in the recipe"),
        (
            "--prompt",
            "In 北京",
            "the prompt: '北' (U+5317), token 4 of the text, is not in the vocabulary of 21: change it",
        ),
    ],
)
def test_invalid_option_of_generate(run_command, generation_run: Path, option: str, value: str, message: str) -> None:
    done = run_command("generate", generation_run, option, value)
    assert done.code == 2
    assert message in error_line(done)


def test_generate_and_predict_name_the_other_command(
    run_command, generation_run: Path, classification_run: Path
) -> None:
    assert "the head 'sentiment' does not generate text: use predict" in error_line(
        run_command("generate", classification_run, "--prompt", "好")
    )
    assert "the head 'next_char' generates text: use generate" in error_line(
        run_command("predict", generation_run, "In")
    )


# check, list, show, plugins

WITHOUT_A_RUN = sorted({file.name for file in RECIPES.glob("*.yaml")} - {"reviews_finetune.yaml"})


@pytest.mark.parametrize("name", WITHOUT_A_RUN)
def test_check_prints_a_recipe_that_has_the_same_plan(run_command, name: str, tmp_path: Path) -> None:
    takes_a_file = "data.path=" in (RECIPES / name).read_text(encoding="utf-8")
    overrides = [f"data.path={tmp_path / 'data.csv'}"] if takes_a_file else []
    if overrides:
        (tmp_path / "data.csv").touch()
    first = run_command("check", RECIPES / name, *overrides)
    assert (first.code, first.err) == (0, "")
    (tmp_path / "printed.yaml").write_text(first.out, encoding="utf-8")
    assert run_command("check", "printed.yaml") == first
    assert {file.name for file in tmp_path.iterdir()} == {"printed.yaml"} | ({"data.csv"} if overrides else set())
    as_json = run_command("check", RECIPES / name, *overrides, "--json")
    assert json.loads(as_json.out) == parse(first.out, "printed").data


def test_check_reports_each_file_that_is_missing(run_command, tmp_path: Path) -> None:
    (tmp_path / "test.csv").touch()
    recipe = write_dedented(
        tmp_path / "files.yaml",
        """
        data:
          path: train.csv
          type: table
          valid: {path: valid.csv}
          test: {path: test.csv}
        encoder: {type: lstm, hidden_size: 4}
        head: classify
        """,
    )
    done = run_command("check", recipe)
    assert (done.code, done.out) == (3, "")
    assert done.err.splitlines() == [
        f"seqkit: {recipe}:3:9: data.path: the file {tmp_path}/train.csv does not exist",
        f"seqkit: {recipe}:5:17: data.valid.path: the file {tmp_path}/valid.csv does not exist",
    ]
    done = run_command("check", recipe, "data.path=test.csv", "data.valid.path=/dev/null", "data.format=csv")
    assert done.err == "seqkit: command line: data.valid.path: /dev/null: is not a regular file\n"
    (tmp_path / "valid.csv").touch()
    assert run_command("check", recipe, "data.path=test.csv").code == 0


def test_check_prints_notes_to_stderr(run_command, tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path / "generation.yaml", GENERATION_RECIPE)
    done = run_command("check", recipe, "encoder.dropout=0.5")
    assert done.code == 0
    assert done.err == (
        "seqkit: note: encoder dropout applies between layers and has no effect with one layer: "
        "remove it, or increase num_layers\n"
    )


def test_json_of_a_plan_is_a_recipe_with_the_same_plan(run_command, tmp_path: Path) -> None:
    printed = run_command("check", RECIPES / "char_gen.yaml", "--json")
    assert (printed.code, printed.err) == (0, "")
    assert json.loads(printed.out)["encoder"]["hidden_size"] == 32
    (tmp_path / "printed.yaml").write_text(printed.out, encoding="utf-8")  # JSON is YAML
    assert run_command("check", "printed.yaml", "--json") == printed


def test_json_of_components_and_plugins(run_command) -> None:
    listed = json.loads(run_command("list", "--json").out)
    registry = load_registry()
    assert [(entry["kind"], entry["name"]) for entry in listed] == [
        (kind, name) for kind in seqkit.contracts.CONTRACTS for name in registry.names(kind)
    ]
    assert json.loads(run_command("list", "reader", "--json").out) == [
        entry for entry in listed if entry["kind"] == "reader"
    ]
    shown = json.loads(run_command("show", "encoder", "lstm", "--json").out)
    assert {"kind": "encoder", "name": "lstm", "distribution": "seqkit"}.items() <= shown.items()
    assert shown["parameters"][:2] == [
        {"name": "hidden_size", "type": "a positive integer", "required": True},
        {"name": "num_layers", "type": "an integer, 1 to 100", "required": False, "default": 1},
    ]
    (plugin,) = json.loads(run_command("plugins", "--json").out)
    assert (plugin["name"], plugin["version"], plugin["disabled"]) == ("seqkit", seqkit.__version__, None)
    assert {(entry["kind"], entry["name"]) for entry in plugin["components"]} == {
        (entry["kind"], entry["name"]) for entry in listed
    }


def test_list_prints_components_and_providers(run_command) -> None:
    complete = run_command("list")
    assert (complete.code, complete.err) == (0, "")
    for kind in seqkit.contracts.CONTRACTS:
        of_kind = run_command("list", kind).out
        assert of_kind in complete.out
        header, *lines = of_kind.splitlines()
        assert header == f"{kind}:"
        registry = load_registry()
        assert [line.split()[0] for line in lines] == registry.names(kind)
        for line, entry in zip(lines, registry.all(kind), strict=True):
            assert line.split(maxsplit=1)[1].startswith(entry.provider)
            assert line.endswith(f"  {entry.record.summary}")


def test_plugins_lists_the_components_of_seqkit(run_command) -> None:
    done = run_command("plugins")
    assert done.code == 0
    lines = done.out.splitlines()
    assert lines[0] == f"seqkit: seqkit {seqkit.__version__}"
    for line in ("  reader table", "  tokenizer char", "  embedding one_hot", "  encoder bilstm", "  head sentiment"):
        assert line in lines


COMPONENTS = [(kind, name) for kind in seqkit.contracts.CONTRACTS for name in load_registry().names(kind)]


@pytest.mark.parametrize(("kind", "name"), COMPONENTS, ids=map("-".join, COMPONENTS))
def test_show_prints_type_and_default_of_each_parameter(run_command, kind: str, name: str) -> None:
    done = run_command("show", kind, name)
    assert (done.code, done.err) == (0, "")
    entry = load_registry().get(kind, name)
    cls = entry.load()
    assert done.out.startswith(f"{kind} {name}: {entry.record.summary}\nprovided by {entry.provider} (")
    shown = {
        line.split()[0]: line.split(maxsplit=1)[1] for line in done.out.partition("\nparameters:\n")[2].splitlines()
    }
    expected = {}
    if inspect.isfunction(cls.__init__) and cls.__init__.__module__.startswith("seqkit."):  # not torch.nn.Module's
        expected = {
            parameter.name: parameter
            for parameter in inspect.signature(cls.__init__).parameters.values()
            if parameter.kind is inspect.Parameter.KEYWORD_ONLY
        }
        hints = typing.get_type_hints(cls.__init__, include_extras=True)
    assert list(shown) == list(expected)
    assert expected or "no parameters" in done.out
    for key, parameter in expected.items():
        default = str(list(parameter.default) if isinstance(parameter.default, tuple) else parameter.default)
        default = {"None": "null", "True": "true", "False": "false"}.get(default, default)
        assert shown[key].endswith("; required" if parameter.default is parameter.empty else f"; default {default}")
        if not parameters(cls)[key].nested:
            assert shown[key].startswith(describe(hints[key]))


# Names that are not UTF-8


@pytest.mark.skipif(sys.platform != "linux", reason="requires file names of any bytes")
def test_run_directory_with_a_name_that_is_not_utf8(tmp_path: Path) -> None:
    """Its path is printed as it is; in files and messages, with escapes."""
    folder = tmp_path / os.fsdecode(b"r\xff")
    folder.mkdir()
    (folder / "words.csv").write_text("text,label\nab,1\nba,2\naa,1\nbb,2\n")
    recipe = write_recipe(
        folder / "recipe.yaml",
        {
            "name": "words",
            "data": {"type": "table", "path": "words.csv"},
            "encoder": {"type": "lstm", "hidden_size": 3},
            "head": "classify",
            "train": {"epochs": 1, "threads": 1},
            "baseline": "off",
        },
    )
    runs = tmp_path / os.fsdecode(b"s\xff")
    done = run_forked("run", recipe, "--runs", runs, cwd=tmp_path)
    assert (done.code, done.err) == (0, "")
    run = Path(done.out.splitlines()[-1])
    assert run == runs / "words-1"
    assert json.loads((run / "plan.json").read_text())["recipe"]["data"]["path"].endswith("r\\xff/words.csv")
    assert seqkit.load(run).predict(["ab"])
    assert seqkit.run(recipe, resume=run, quiet=True).path == run
