"""`seqkit check-plugin` on installed packages."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from distributions import install

from seqkit import registry
from seqkit.errors import SeqkitError
from seqkit.testing.installed import check_distribution

GOOD = """
import torch
from seqkit.contracts import Encoded, Encoder, Fraction, Reader, Example

class MovingAverage(torch.nn.Module, Encoder):
    causal = True

    def __init__(self, input_size: int, *, decay: Fraction):
        super().__init__()
        self.decay = decay
        self.output_size = self.final_size = input_size

    def forward(self, inputs, lengths, state=None):
        at = inputs.new_zeros(inputs.shape[0], inputs.shape[2]) if state is None else state
        outputs = []
        for step in inputs.unbind(1):
            at = self.decay * at + (1 - self.decay) * step
            outputs.append(at)
        outputs = torch.stack(outputs, 1)
        final = outputs[torch.arange(len(outputs)), lengths - 1]
        return Encoded(outputs, final, final)

class Last(MovingAverage):
    def forward(self, inputs, lengths, state=None):
        encoded = super().forward(inputs, lengths, state)
        return encoded._replace(final=encoded.outputs[:, -1])

class Whole(Reader):
    labelled = False

    def __init__(self, *, path: str):
        self.path = path

    def read(self):
        from seqkit.readers.files import read_text
        yield Example(read_text(self.path, "utf-8"), where=f"{self.path}:1")

def whole():
    from seqkit.testing import checks_for_reader
    return checks_for_reader(lambda path: Whole(path=path), "some text")

def nothing():
    return []
"""

HOOKS = """
@seqkit.hookimpl
def seqkit_encoders():
    yield Component("average", "averages:MovingAverage", "an encoder for a test")

@seqkit.hookimpl
def seqkit_readers():
    yield Component("whole", "averages:Whole", "a reader for a test"{checks})
"""


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Returns a function that installs a plugin of this source beside the module with its components."""

    def put(source: str) -> str:
        folder = tmp_path / "installed"
        install(folder, "seqkit-averages", source, point="average")
        (folder / "averages.py").write_text(GOOD)
        monkeypatch.syspath_prepend(folder)
        monkeypatch.setenv("SEQKIT_PLUGINS", "on")
        monkeypatch.setattr(registry, "_loaded", {})
        for module in ("averages", "seqkit_averages"):
            monkeypatch.delitem(sys.modules, module, raising=False)
        return str(folder)

    return put


def check(name: str = "seqkit-averages") -> tuple[list[str], list[str]]:
    """Returns the lines that are printed, and those of the error that ends it."""
    printed: list[str] = []
    try:
        printed.append(check_distribution(name, registry.load_registry(), printed.append))
    except SeqkitError as error:
        return printed, error.lines
    return printed, []


def test_a_sound_package_is_told_check_by_check(cli, installed) -> None:
    folder = installed(HOOKS.format(checks=', checks="averages:whole"'))
    done = cli("check-plugin", "Seqkit_Averages", PYTHONPATH=folder, SEQKIT_PLUGINS="on")
    assert (done.returncode, done.stderr) == (0, "")
    *lines, last = done.stdout.splitlines()
    assert lines[0] == "plugin average: start-up … ok"
    assert "encoder average: padding … ok" in lines
    assert "encoder average: ids … skipped: it takes no ids" in lines
    assert "reader whole: line_ends … ok" in lines
    counts = {word: sum(f"… {word}" in line for line in lines) for word in ("ok", "skipped")}
    assert last == f"{counts['ok']} ok, {counts['skipped']} skipped"


def test_each_failure_is_a_line_and_the_exit_code_is_that_of_plugins(cli, installed) -> None:
    source = HOOKS.format(checks=', checks="averages:nothing"').replace("MovingAverage", "Last")
    done = cli("check-plugin", "seqkit-averages", PYTHONPATH=installed(source), SEQKIT_PLUGINS="on")
    assert done.returncode == 4
    assert "encoder average: padding … FAILED\n" in done.stdout
    lines = done.stderr.splitlines()
    assert len(lines) == done.stdout.count("FAILED") >= 3
    told = r"seqkit: encoder average: padding: final moves by [\d.]+ where a batch is padded"
    assert any(re.match(told, line) for line in lines)
    assert "seqkit: reader whole: loads: averages:nothing does not return checks of seqkit.testing" in lines


def test_a_reader_without_a_sample_is_not_tried_and_the_remedy_told(installed) -> None:
    installed(HOOKS.format(checks=""))
    printed, error = check()
    assert error == []
    assert (
        "reader whole … not tried: no sample of what it reads can be guessed: name a function that returns its checks, "
        'Component(…, checks="package.module:function")'
    ) in printed
    assert printed[-1].endswith(", 1 not tried")


def test_a_package_of_which_nothing_can_be_tried_is_an_error(installed) -> None:
    installed("@seqkit.hookimpl" + HOOKS.format(checks="").split("@seqkit.hookimpl")[2])
    _, error = check()
    assert error == ["seqkit-averages: nothing of it could be tried"]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("import absent", "plugin average: start-up: it is set aside: ModuleNotFoundError: No module named 'absent'"),
        ("", "plugin average: start-up: it provides nothing: no function of its module is a @seqkit.hookimpl"),
        (
            "import sys; sys.modules.setdefault('torch', sys)\n" + HOOKS.format(checks=""),
            "plugin average: start-up: importing seqkit_averages imports torch, which every command would wait for",
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
            "plugin average: start-up: it is set aside: seqkit_readers: the checks of 'whole' are 'averages.whole', "
            "not 'package.module:function'",
        ),
    ],
)
def test_what_is_wrong_with_the_package_as_a_whole(installed, source: str, message: str) -> None:
    installed(source)
    _, error = check()
    assert any(line.startswith(message) for line in error), error


def test_a_package_that_is_not_there(installed) -> None:
    installed(HOOKS.format(checks=""))
    wanted = "no plugin is installed that is called 'seqkit-average' (did you mean 'seqkit-averages'?)"
    assert check("seqkit-average") == ([], [wanted])
