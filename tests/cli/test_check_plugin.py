"""`seqkit check-plugin` on installed packages."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from catalogue import CATALOGUE, read_translations
from helpers.distributions import install
from helpers.plugins import MOVING_AVERAGE
from seqkit import registry
from seqkit.errors import PluginError, SeqkitError
from seqkit.messages import message, translate, use_translation
from seqkit.testing.checks import Case, Check, run_check
from seqkit.testing.distribution import check_distribution

GOOD = (
    dedent(MOVING_AVERAGE)
    + """
from pathlib import Path

from seqkit.contracts import Example, Reader

class Last(MovingAverage):
    def forward(self, inputs, lengths, state=None):
        encoded = super().forward(inputs, lengths, state)
        return encoded._replace(final=encoded.outputs[:, -1])

class WholeFile(Reader):
    labelled = False

    def __init__(self, *, path: Path):
        self.path = path

    def read(self):
        from seqkit.readers.files import read_text
        yield Example(read_text(self.path, "utf-8"), location=f"{self.path}:1")

def whole():
    from seqkit.testing import checks_for_reader
    return checks_for_reader(lambda path: WholeFile(path=path), "some text")

def nothing():
    return []
"""
)

HOOKS = """
@seqkit.hookimpl
def seqkit_encoders():
    yield Component("average", "averages:MovingAverage", "an encoder for a test")

@seqkit.hookimpl
def seqkit_readers():
    yield Component("whole", "averages:WholeFile", "a reader for a test"{checks})
"""


@pytest.fixture
def installed(enable_plugins, tmp_path: Path):
    """Return a function that installs a plugin with this source, and a module with its components."""

    def put(source: str) -> str:
        folder = tmp_path / "installed"
        install(folder, "seqkit-averages", source, point="average")
        (folder / "averages.py").write_text(GOOD)
        enable_plugins(folder)
        return str(folder)

    return put


def check(name: str = "seqkit-averages") -> tuple[list[str], list[str]]:
    """Return the printed lines and the lines of the error."""
    printed: list[str] = []
    try:
        printed.append(check_distribution(name, registry.load_registry(), printed.append))
    except SeqkitError as error:
        return printed, error.lines
    return printed, []


WITHOUT_COMPILER = """
import sys
from seqkit.cli import execute
code = execute(sys.argv[1:])
sys.exit(code or "torch._dynamo" in sys.modules)
"""


def test_each_check_of_a_correct_package_is_printed(installed) -> None:
    """In a new process, which does not import the compiler of torch: that takes as long as importing torch itself."""
    folder = installed(HOOKS.format(checks=', checks="averages:whole"'))
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_COMPILER, "check-plugin", "Seqkit_Averages"],
        env=os.environ | {"PYTHONPATH": os.pathsep.join([folder, *sys.path]), "SEQKIT_PLUGINS": "on"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=240,
    )
    assert (done.returncode, done.stderr) == (0, "")
    *lines, last = done.stdout.splitlines()
    assert lines[0] == "plugin average: start-up … ok"
    assert "encoder average: padding_independence … ok" in lines
    assert "encoder average: ids_match_one_hot … skipped: accepts_ids is False" in lines
    assert "reader whole: windows_line_endings … ok" in lines
    counts = {word: sum(f"… {word}" in line for line in lines) for word in ("ok", "skipped")}
    assert last == f"{counts['ok']} ok, {counts['skipped']} skipped"


@pytest.mark.usefixtures("one_process")
def test_each_failure_is_one_line_and_the_exit_code_is_4(run_command, installed) -> None:
    installed(HOOKS.format(checks=', checks="averages:nothing"').replace("MovingAverage", "Last"))
    done = run_command("check-plugin", "seqkit-averages")
    assert done.code == 4
    assert "encoder average: padding_independence … FAILED\n" in done.out
    lines = done.err.splitlines()
    assert len(lines) == done.out.count("FAILED") >= 3
    expected = r"seqkit: encoder average: padding_independence: difference of [\d.]+ in final when the batch is padded"
    assert any(re.match(expected, line) for line in lines)
    assert "seqkit: reader whole: loads: averages:nothing does not return checks of seqkit.testing" in lines


HEADS = """
import torch
from seqkit.contracts import Encoded, Encoder, PositiveInt
from seqkit.contracts import Tokenizer
import numpy as np

class Average(MovingAverage):
    def forward(self, inputs, lengths, state=None):
        return undefined_name

class Even(MovingAverage):
    def __init__(self, input_size: int, *, num_heads: PositiveInt, width: PositiveInt):
        super().__init__(input_size)
        if num_heads >= width:
            raise ValueError("num_heads must be less than width")

class Letters(Tokenizer):
    def fit(self, texts):
        self.restore({"letters": list({letter for text in texts for letter in text})})

    def restore(self, state):
        self.letters = list(state["letters"])
        self.vocab_size = len(self.letters) + 1

    def state(self):
        return {"letters": self.letters}

    def encode(self, text):
        letters = {letter: number for number, letter in enumerate(self.letters)}
        return np.array([letters.get(letter, len(letters)) for letter in text], dtype=np.int64)

    def decode(self, ids):
        return "".join([*self.letters, "?"][number] for number in ids)

def broken_checks():
    return absent()

def two_cases():
    from seqkit.testing import checks_for_encoder
    return [each for decay in (0.1, 0.2) for each in checks_for_encoder(lambda size: MovingAverage(size, decay=decay))]
"""


def test_mistakes_of_a_package_are_reported_once(installed) -> None:
    folder = installed(
        """
        @seqkit.hookimpl
        def seqkit_encoders():
            yield Component("undefined", "averages:Average", "forward raises an error")
            yield Component("even", "averages:Even", "rejects guessed values")
            yield Component("twice", "averages:MovingAverage", "two cases", "averages:two_cases")

        @seqkit.hookimpl
        def seqkit_tokenizers():
            yield Component("letters", "averages:Letters", "in the order of a set")
            yield Component("broken", "averages:Letters", "its checks raise an error", "averages:broken_checks")
        """
    )
    with (Path(folder) / "averages.py").open("a") as file:
        file.write(HEADS)
    printed, error = check()
    # One error for the constructor or forward; what depends on it is not run.
    (undefined,) = [line for line in error if line.startswith("encoder undefined: ")]
    assert undefined.startswith("encoder undefined: shapes: raises NameError: name 'undefined_name' is not defined")
    assert "encoder undefined: causality … not run: fails for the same reason as shapes" in printed
    # Guessed values that the constructor rejects are not an error.
    assert (
        "encoder even … not tried: its constructor rejects the guessed values num_heads=4, width=4 (ValueError: "
        "num_heads must be less than width): name a function that returns its checks: Component(..., "
        'checks="package.module:function")'
    ) in printed
    # A function that fails to return checks does not end the report.
    (broken,) = [line for line in error if line.startswith("tokenizer broken: ")]
    assert broken.startswith("tokenizer broken: loads: averages:broken_checks raises NameError")
    # Each case has its own name.
    assert "encoder twice: shapes (case 1) … ok" in printed
    assert "encoder twice: shapes (case 2) … ok" in printed
    assert "encoder twice: hash_seed_independence (case 2) … ok" in printed
    # The order of a set differs between processes.
    (order,) = [line for line in error if line.startswith("tokenizer letters: ")]
    assert order.startswith("tokenizer letters: hash_seed_independence: the ids differ between two processes")
    assert len(error) == 3


@pytest.mark.usefixtures("one_process")
def test_reader_without_a_sample_is_not_checked(installed) -> None:
    installed(HOOKS.format(checks=""))
    printed, error = check()
    assert error == []
    assert (
        "reader whole … not checked: there is no default sample of its source: name a function that returns its "
        'checks: Component(..., checks="package.module:function")'
    ) in printed
    assert printed[-1].endswith(", 1 not checked")


def test_package_without_checked_components_is_an_error(installed) -> None:
    installed("@seqkit.hookimpl" + HOOKS.format(checks="").split("@seqkit.hookimpl")[2])
    _, error = check()
    assert error == ["seqkit-averages: none of its components could be checked"]


@pytest.mark.usefixtures("one_process")
@pytest.mark.parametrize(
    ("source", "message"),
    [
        (
            "import absent",
            "plugin average: start-up: the plugin is disabled: ModuleNotFoundError: No module named 'absent'",
        ),
        ("", "plugin average: start-up: the plugin provides nothing: define a @seqkit.hookimpl function"),
        (
            "import sys; sys.modules.setdefault('torch', sys)\n" + HOOKS.format(checks=""),
            "plugin average: start-up: importing seqkit_averages imports torch, which slows down every command",
        ),
        (
            HOOKS.format(checks=', checks="averages:missing"'),
            "reader whole: loads: reader 'whole' of seqkit-averages 1.0: cannot load averages:missing: AttributeError",
        ),
        (
            HOOKS.format(checks="").replace("averages:MovingAverage", "averages:Moving"),
            "encoder average: loads: encoder 'average' of seqkit-averages 1.0: cannot load averages:Moving",
        ),
        (
            HOOKS.format(checks=', checks="averages.whole"'),
            "plugin average: start-up: the plugin is disabled: seqkit_readers: the checks of 'whole' must be "
            "'package.module:function', not 'averages.whole'",
        ),
    ],
)
def test_errors_of_a_package(installed, source: str, message: str) -> None:
    installed(source)
    _, error = check()
    assert any(line.startswith(message) for line in error), error


TASK = """
@seqkit.hookimpl
def seqkit_tasks():
    yield seqkit.Task("shout", "averages:task", "a task for a test")
"""


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ("'no'", ""),
        ("Draft(0.5, RECIPE, 'a summary')", ""),
        (
            "Draft(1.5, RECIPE, 'a summary')",
            "ValueError: fit is 1.5: it must be from 0 to 1 (for the sample file empty.txt)",
        ),
        (
            "Draft(0.5, {**RECIPE, 'train': {}}, 'a summary')",
            "ValueError: the recipe lacks train.epochs (for the sample file empty.txt)",
        ),
        (
            "'' if file.columns else file.lines[0]",
            "IndexError: tuple index out of range (for the sample file empty.txt)",
        ),
        (
            "file.columns[0].values[0].upper() if file.columns and file.columns[0].values else 'no'",
            "AttributeError: 'list' object has no attribute 'upper' (for the sample file lists.jsonl)",
        ),
    ],
)
def test_a_plugin_of_tasks_alone_is_checked(installed, answer: str, problem: str) -> None:
    folder = installed(TASK)
    recipe = "RECIPE = {key: {'type': 'lstm'} for key in ('data', 'encoder', 'head')} | {'train': {'epochs': 1}}"
    source = f"from seqkit.contracts import Draft\n{recipe}\n\ndef task(file):\n    return {answer}\n"
    (Path(folder) / "averages.py").write_text(source)
    printed, error = check()
    assert printed[0] == "plugin average: start-up … ok"
    assert error == ([f"task shout: answers: task 'shout' of seqkit-averages 1.0: {problem}"] if problem else [])
    assert printed[1:] == (["task shout: answers … FAILED"] if problem else ["task shout: answers … ok", "2 ok"])


def test_unknown_package_is_an_error(installed) -> None:
    installed(HOOKS.format(checks=""))
    expected = "no plugin 'seqkit-average' is installed (did you mean 'seqkit-averages'?)"
    assert check("seqkit-average") == ([], [expected])


@pytest.fixture
def chinese() -> Iterator[None]:
    translations = read_translations(CATALOGUE)
    use_translation(lambda text: translations.get(text) or text)
    yield
    use_translation(None)


def is_half_chinese(line: str) -> bool:
    """Return whether a line has Chinese, and also English words besides those of code, values and exceptions."""
    english = re.search(r"\b(the|is|are|of|to|a|it|not|with|see|for|in|when)\b", line)
    return english is not None and re.search(r"[\u4e00-\u9fff]", line) is not None


@pytest.mark.usefixtures("one_process", "chinese")
def test_the_report_is_chinese_but_for_what_is_wrong_with_a_component(installed) -> None:
    checks = {"checks": ', checks="averages:nothing"'}
    installed(HOOKS.format(**checks).replace("averages:MovingAverage", "averages:Last"))
    printed, error = check()
    lines = [translate(line) for line in printed]
    assert lines[0] == "启动插件 average … 通过"
    assert "encoder average: padding_independence … 失败" in lines
    assert "encoder average: ids_match_one_hot … 跳过：accepts_ids 为 False" in lines
    assert "加载 reader whole: averages:nothing 返回的不是 seqkit.testing 的检查" in error
    assert any(line.startswith("encoder average: padding_independence: difference of") for line in error)
    assert [line for line in [*lines, *error] if is_half_chinese(line)] == []


@pytest.mark.usefixtures("one_process", "chinese")
def test_the_total_is_chinese(installed) -> None:
    installed(HOOKS.format(checks=""))
    printed, _ = check()
    lines = [translate(line) for line in printed]
    assert re.fullmatch(r"\d+ 项通过、\d+ 项跳过、1 项未检查", lines[-1])
    assert [line for line in lines if is_half_chinese(line)] == []


@pytest.mark.usefixtures("chinese")
def test_an_unknown_package_is_named_in_chinese(installed) -> None:
    installed("@seqkit.hookimpl" + HOOKS.format(checks="").split("@seqkit.hookimpl")[2])
    assert check("seqkit-average")[1] == ["没有安装插件 'seqkit-average'（你是指 'seqkit-averages' 吗？）"]
    (line,) = check("没有")[1]
    assert line.startswith("没有安装插件 '没有'；已安装的有：seqkit、")


@pytest.mark.usefixtures("chinese")
def test_a_violation_stays_english_with_what_it_is_composed_of() -> None:
    """Only its template is left out of the catalogue: a message inside of it would be translated."""

    class Empty(Case):
        def compute(self) -> dict[str, Any]:
            return {}

    def fail(_: object) -> None:
        raise PluginError(message("the plugin is disabled: {failure}", failure="it has a bug"))

    result = run_check(Check("encoder", "fails", "It works.", fail, Empty()))
    assert result.status == "failed"
    assert translate(result.message).startswith("raises the plugin is disabled: it has a bug at ")
