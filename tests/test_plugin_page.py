"""docs/write-a-plugin.md: each block is what a file of the repository holds, or is run here."""

from __future__ import annotations

import csv
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest
from distributions import describe

import seqkit

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "write-a-plugin.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"(?:(From )?\*\*`([^`\n]+)`\*\*\n\n)?^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BLOCKS = [match.groups() for match in BLOCK.finditer(PAGE)]

WHOLE = {name: text for part, name, _, text in BLOCKS if name and not part and (ROOT / name).exists()}
PARTS = [(name, text) for part, name, _, text in BLOCKS if part]
OWN = {name: text for part, name, _, text in BLOCKS if name and not part and name not in WHOLE}
COMMANDS = [line for _, name, language, text in BLOCKS if language == "sh" for line in text.splitlines()]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Returns a folder that holds the plugins of the page, as pip would have left them."""
    folder = tmp_path_factory.mktemp("installed")
    for name, text in OWN.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    for package in {name.partition("/")[0] for name in OWN if "/" in name}:
        describe(folder, package.replace("_", "-"), package)
    (folder / "seqkit_gru").symlink_to(ROOT / "plugins" / "seqkit-gru" / "seqkit_gru")
    describe(folder, "seqkit-gru", "seqkit_gru")
    return folder


def command(words: list[str], installed: Path, cwd: Path) -> str:
    done = subprocess.run(
        [sys.executable, *words],
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": str(installed), "SEQKIT_PLUGINS": "on", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=240,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_every_block_is_accounted_for() -> None:
    assert PAGE.count("\n```") == 2 * len(BLOCKS)
    assert all(name or language == "sh" for _, name, language, _ in BLOCKS)
    assert set(OWN) == {"seqkit_table/__init__.py", "enough.py", "seqkit_curve/__init__.py", "seqkit_curve/command.py"}


@pytest.mark.parametrize("name", WHOLE)
def test_a_file_is_shown_as_it_is(name: str) -> None:
    assert WHOLE[name] == (ROOT / name).read_text(encoding="utf-8")


@pytest.mark.parametrize(("name", "text"), PARTS, ids=[name for name, _ in PARTS])
def test_a_part_of_a_file_is_shown_as_it_is(name: str, text: str) -> None:
    lines, size = (ROOT / name).read_text(encoding="utf-8").splitlines(), len(text.splitlines())
    assert text.rstrip() in {dedent("\n".join(lines[start : start + size])) for start in range(len(lines))}


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\((?!https)([^)]+)\)", PAGE):
        assert (ROOT / "docs" / target).exists(), target


@pytest.mark.parametrize("line", COMMANDS)
def test_a_command_works_as_typed(line: str, installed: Path, tmp_path: Path) -> None:
    program, *words = shlex.split(line)
    if program == "pip":  # as `make setup` does
        assert (ROOT / words[-1] / "pyproject.toml").exists()
        return
    assert program == "seqkit"
    words = [str(ROOT / word) if word.startswith("plugins/") else word for word in words]
    quick = ["train.epochs=2", "train.threads=1"] if words[0] == "run" else []
    command(["-m", "seqkit", *words, *quick], installed, tmp_path)


def test_the_tracker_and_the_command_follow_a_run(installed: Path, tmp_path: Path) -> None:
    recipe = {
        "data": {"type": "text", "text": "She sells sea shells by the sea shore."},
        "encoder": {"type": "lstm", "hidden_size": 4},
        "head": "next_char",
        "train": {"epochs": 3, "threads": 1},
    }
    (tmp_path / "recipe.yaml").write_text(json.dumps(recipe))
    run = tmp_path / command(["-m", "seqkit", "run", "recipe.yaml"], installed, tmp_path).splitlines()[-1]
    with (run / "epochs.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    losses = [row["loss"] for row in seqkit.load(run).metrics]
    assert rows == [[str(number), str(number), "train", str(loss)] for number, loss in enumerate(losses, start=1)]

    assert "  curve" in command(["-m", "seqkit", "--help"], installed, tmp_path)
    bars = command(["-m", "seqkit", "curve", str(run)], installed, tmp_path).splitlines()
    assert bars[0] == f"     1 {losses[0]:8.4f} {'#' * 50}"
    assert len(bars) == 3


def test_a_callback_stops_a_run(installed: Path, tmp_path: Path) -> None:
    told = command([str(installed / "enough.py")], installed, tmp_path)
    reached = re.search(r"note: training ends here: Enough 1: the loss is below 0.5 after epoch (\d+)", told)
    assert reached and 1 < int(reached[1]) < 500
    assert f"'epoch': {reached[1]}" in told.splitlines()[-1]
