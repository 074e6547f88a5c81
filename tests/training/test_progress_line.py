"""The progress of training: one line of any width, in a terminal, a notebook and a log file."""

from __future__ import annotations

import fcntl
import io
import os
import pty
import re
import struct
import sys
import termios
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import IO, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.recipes import CHARACTER_RECIPE
from seqkit.contracts import TrainingLength
from seqkit.experiment import run_recipe
from seqkit.recipe.source import read_recipe
from seqkit.registry import load_registry
from seqkit.terminal import display_width
from seqkit.training import console as console_module
from seqkit.training.console import Console
from seqkit.training.progress import Progress
from seqkit.training.progress_display import LogLines, TerminalLine, choose_display
from seqkit.training.progress_line import Status, progress_line

STATUS = Status(3, 10, 1234, 10_000, 52.0, 0.4321, ("accuracy", 0.812))


@pytest.mark.parametrize(
    ("width", "expected"),
    [
        (39, "12% 52/s 2:49 loss 0.432 accuracy 0.812"),
        (60, "[=            ]  12%  52/s  2:49  loss 0.432  accuracy 0.812"),
        (
            119,
            "[==                   ]  epoch 3/10  12%  step 1,234/10,000  52 steps/s  2:49 left  loss 0.43210  "
            "valid accuracy 0.8120",
        ),
        (None, "epoch 3/10  12%  step 1,234/10,000  52 steps/s  2:49 left  loss 0.43210  valid accuracy 0.8120"),
    ],
)
def test_the_line_names_as_much_as_fits(width: int | None, expected: str) -> None:
    assert progress_line(STATUS, width) == expected


@pytest.mark.parametrize(
    ("rate", "steps", "expected"),
    [
        (3.14, 2000, "3.1 steps/s  4:04 left"),
        (0.25, 1334, "4.0 s/step  6:40 left"),
        (0.25, 10_000, "4.0 s/step  9:44:24 left"),
        (0.05, 10_000, "20.0 s/step  2d 0:42:00 left"),
        (None, 10_000, "step 1,234/10,000  loss"),
        (12_345.6, 10_000, "12,346 steps/s  0:01 left"),
    ],
)
def test_rate_and_time_left(rate: float | None, steps: int, expected: str) -> None:
    assert expected in progress_line(Status(1, 2, 1234, steps, rate, 0.5))


@given(
    st.integers(1, 300),
    st.integers(1, 10**9),
    st.floats(1e-6, 1e6) | st.none(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.tuples(st.text(max_size=30), st.floats(allow_nan=False, allow_infinity=False)) | st.none(),
)
def test_the_line_fits_into_any_width(
    width: int, steps: int, rate: float | None, loss: float, metric: tuple[str, float] | None
) -> None:
    line = progress_line(Status(1, 1, 1 + steps // 3, steps, rate, loss, metric), width)
    assert display_width(line) <= width
    assert line.isprintable()


def test_names_of_wide_characters_are_measured_in_columns() -> None:
    line = progress_line(Status(3, 10, 1234, 10_000, 52.0, 0.4321, ("准确率准确率", 0.812)), 39)
    assert line == "12% 52/s 2:49 loss 0.432 准确率准确率 …"
    assert display_width(line) == 39


# Displays


@pytest.fixture
def terminal() -> Iterator[tuple[IO[str], int]]:
    """Yield a terminal of 40 columns, and the file descriptor that reads what is written to it."""
    reader, writer = pty.openpty()
    fcntl.ioctl(writer, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 40, 0, 0))
    with os.fdopen(writer, "w", encoding="utf-8") as stream:
        yield stream, reader
    os.close(reader)


class Clock:
    """A clock that advances by a fixed time whenever it is read."""

    def __init__(self, seconds: float) -> None:
        self.now, self.seconds = 1000.0, seconds

    def monotonic(self) -> float:
        self.now += self.seconds
        return self.now


def train(console: Console, folder: Path, epochs: int = 4) -> None:
    recipe = CHARACTER_RECIPE | {"train": {"epochs": epochs}}
    run_recipe(read_recipe(recipe), load_registry(), folder, [console])


def screen(text: str, columns: int) -> list[str]:
    """Return the lines that a terminal shows after a text with carriage returns and erased lines."""
    lines = []
    for line in text.replace("\r\n", "\n").split("\n"):
        shown = ""
        for part in re.split(r"\r", line):
            visible, erased, rest = part.partition("\x1b[K")
            assert display_width(visible) < columns or "\r" not in line
            shown = visible + ("" if erased else shown[len(visible) :]) + rest
        lines.append(shown)
    return lines


def test_a_terminal_of_40_columns_shows_lines_per_epoch_and_no_rest_of_the_progress(
    terminal: tuple[IO[str], int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(console_module, "time", Clock(0.1))
    stream, reader = terminal
    train(Console(stream, stream), tmp_path)
    written = os.read(reader, 100_000).decode()
    frames = [frame.split("\x1b")[0] for frame in written.split("\r") if "/s " in frame]
    assert len(frames) >= 3
    assert all(display_width(frame) < 40 for frame in frames)
    assert re.fullmatch(r"50% +10/s +0:01 +loss 3\.\d+", frames[0].strip()), frames
    shown = screen(written, 40)
    assert [line for line in shown if line.startswith("epoch")] == [
        line for line in shown if re.fullmatch(r"epoch \d/4  train: loss \d\.\d{5}", line)
    ]
    assert sum(line.startswith("epoch") for line in shown) == 4
    assert not [line for line in shown if "/s " in line and not line.startswith("trained")]


@pytest.mark.parametrize("term", ["dumb", "xterm"])
def test_what_is_no_terminal_gets_a_line_now_and_then(
    term: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", term)
    out, errors = io.StringIO(), io.StringIO()
    monkeypatch.setattr(errors, "isatty", lambda: term == "dumb")
    monkeypatch.setattr(console_module, "time", Clock(7.0))
    console = Console(out, errors)
    for step in range(1, 31):
        console.on_step(Progress(epoch=0, step=step), TrainingLength(30, 30, 1), loss=0.5)
    console.on_run_end(None, KeyboardInterrupt())
    lines = out.getvalue().splitlines()
    assert errors.getvalue() == ""
    assert len(lines) in (3, 4)
    assert "\r" not in out.getvalue() and "\x1b" not in out.getvalue()
    assert lines[0] == "  epoch 1/30  30%  step 9/30  7.0 s/step  2:27 left  loss 0.50000"


def test_a_quiet_console_shows_no_progress(terminal: tuple[IO[str], int], tmp_path: Path) -> None:
    stream, _ = terminal
    out = io.StringIO()
    train(Console(out, stream, quiet=True), tmp_path)
    assert out.getvalue() == ""
    assert isinstance(choose_display(stream, print), TerminalLine)


def test_a_terminal_that_is_closed_does_not_end_the_training(terminal: tuple[IO[str], int], tmp_path: Path) -> None:
    class Closed(io.StringIO):
        def isatty(self) -> bool:
            return True

        def write(self, _: str) -> int:
            raise OSError(5, "Input/output error")

    line = TerminalLine(Closed())
    line.show(STATUS)
    line.show(STATUS)
    line.close()


def test_a_notebook_shows_one_output_that_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel is imitated: what it displays, and what replaces it."""
    shown: list[tuple[str, dict[str, Any]]] = []

    def display(content: dict[str, Any], *, raw: bool, display_id: bool) -> Any:
        assert raw and display_id
        shown.append(("display", content))
        return SimpleNamespace(update=lambda content, raw: shown.append(("update", content)))

    shell = SimpleNamespace(kernel=object())
    module = SimpleNamespace(get_ipython=lambda: shell)
    monkeypatch.setitem(sys.modules, "IPython", module)
    monkeypatch.setitem(sys.modules, "IPython.display", SimpleNamespace(display=display))
    notebook = choose_display(io.StringIO(), print)
    notebook.show(STATUS)
    notebook.show(Status(3, 10, 1300, 10_000, 52.0, 0.4, ("<b>", 0.5)))
    notebook.close()
    assert [kind for kind, _ in shown] == ["display", "update", "update"]
    assert shown[0][1]["text/plain"] == progress_line(STATUS)
    assert '<progress value="1300" max="10000">' in shown[1][1]["text/html"]
    assert "valid &lt;b&gt; 0.5" in shown[1][1]["text/html"]
    assert shown[2][1] == {"text/plain": "", "text/html": ""}
    shell.kernel = None  # IPython in a terminal
    assert isinstance(choose_display(io.StringIO(), print), LogLines)
