"""docs/en/how-to/write-a-plugin.md: each code block equals a file of the repository, or is run by a test."""

from __future__ import annotations

import csv
import inspect
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

import seqkit
from helpers.distributions import write_metadata
from helpers.recipes import PROJECT
from seqkit.contracts import CONTRACTS

PAGE = (PROJECT / "docs" / "en" / "how-to" / "write-a-plugin.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"(?:(From )?\*\*`([^`\n]+)`\*\*\n\n)?^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BLOCKS = [match.groups() for match in BLOCK.finditer(PAGE)]

FILES = {name: text for part, name, _, text in BLOCKS if name and not part and (PROJECT / name).exists()}
"""The blocks that show a file of the repository."""
EXCERPTS = [(name, text) for part, name, _, text in BLOCKS if part]
"""The blocks that show a part of a file of the repository."""
EXAMPLES = {name: text for part, name, _, text in BLOCKS if name and not part and name not in FILES}
"""The blocks that show a file that is not in the repository."""
COMMANDS = [line for _, name, language, text in BLOCKS if language == "sh" for line in text.splitlines()]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the plugins of the page, as pip would install them."""
    folder = tmp_path_factory.mktemp("installed")
    for name, text in EXAMPLES.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    for package in {name.partition("/")[0] for name in EXAMPLES if "/" in name}:
        write_metadata(folder, package.replace("_", "-"), package)
    (folder / "seqkit_gru").symlink_to(PROJECT / "plugins" / "seqkit-gru" / "seqkit_gru")
    write_metadata(folder, "seqkit-gru", "seqkit_gru")
    return folder


@pytest.fixture
def command(run_command, enable_plugins, installed: Path) -> Callable[..., str]:
    """Return a function that runs a command line in this process, in an empty folder, and returns what it prints."""
    enable_plugins(installed)

    def command(*words: str) -> str:
        done = run_command(*words)
        assert (done.code, done.err) == (0, "")
        return done.out

    return command


def test_all_blocks_are_tested() -> None:
    assert PAGE.count("\n```") == 2 * len(BLOCKS)
    assert all(name or language == "sh" for _, name, language, _ in BLOCKS)
    assert set(EXAMPLES) == {
        "seqkit_table/__init__.py",
        "enough.py",
        "seqkit_curve/__init__.py",
        "seqkit_curve/command.py",
        "seqkit_shout/__init__.py",
        "seqkit_shout/tasks.py",
    }


@pytest.mark.parametrize("name", FILES)
def test_file_equals_its_block(name: str) -> None:
    assert FILES[name] == (PROJECT / name).read_text(encoding="utf-8")


@pytest.mark.parametrize(("name", "text"), EXCERPTS, ids=[name for name, _ in EXCERPTS])
def test_file_contains_its_excerpt(name: str, text: str) -> None:
    lines, size = (PROJECT / name).read_text(encoding="utf-8").splitlines(), len(text.splitlines())
    assert text.rstrip() in {dedent("\n".join(lines[start : start + size])) for start in range(len(lines))}


@pytest.mark.parametrize("kind", [kind for kind in CONTRACTS if kind != "tracker"])
def test_table_of_methods_is_complete(kind: str) -> None:
    (methods, attributes) = re.findall(rf"^\| {kind} \|(.*)\|(.*)\|$", PAGE, re.MULTILINE)[0]
    contract = CONTRACTS[kind]
    assert set(re.findall(r"`(\w+)`", methods)) == contract.__abstractmethods__
    required = {name for name in inspect.get_annotations(contract) if not hasattr(contract, name)}
    assert set(re.findall(r"`(\w+)`", attributes)) == required - {"param_groups", "state"}  # set by torch's optimizers


@pytest.mark.parametrize("line", COMMANDS)
def test_command_of_the_page(line: str, command) -> None:
    program, *words = shlex.split(line)
    if program == "pip":  # as `make setup` does
        assert (PROJECT / words[-1] / "pyproject.toml").exists()
        return
    assert program == "seqkit"
    words = [str(PROJECT / word) if word.startswith("plugins/") else word for word in words]
    quick = ["train.epochs=2", "train.threads=1"] if words[0] == "run" else []
    command(*words, *quick)


def test_tracker_and_command_of_the_page(command, tmp_path: Path) -> None:
    recipe = {
        "data": {"type": "text", "text": "She sells sea shells by the sea shore."},
        "encoder": {"type": "lstm", "hidden_size": 4},
        "head": "next_char",
        "train": {"epochs": 3, "threads": 1},
    }
    (tmp_path / "recipe.yaml").write_text(json.dumps(recipe))
    run = tmp_path / command("run", "recipe.yaml").splitlines()[-1]
    with (run / "epochs.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    losses = [row["loss"] for row in seqkit.load(run).metrics]
    assert rows == [[str(number), str(number), "train", str(loss)] for number, loss in enumerate(losses, start=1)]

    assert "  curve" in command("--help")
    bars = command("curve", str(run)).splitlines()
    assert bars[0] == f"     1 {losses[0]:8.4f} {'#' * 50}"
    assert len(bars) == 3


def test_task_of_the_page_drafts_a_recipe(command, tmp_path: Path) -> None:
    rows = [f"{'STOP' if row % 2 else 'wait'} here {row},{'yes' if row % 2 else 'no'}" for row in range(20)]
    (tmp_path / "a.csv").write_text("\n".join(["text,shouted", *rows]))
    output = command("init", "a.csv")
    assert "task: shout, the column 'shouted' is the label (other tasks: classify, generate)" in output
    assert "plugins: [seqkit-shout]" in (tmp_path / "a.yaml").read_text()


def test_callback_of_the_page_ends_training(installed: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, installed / "enough.py"],
        cwd=tmp_path,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert (done.returncode, done.stderr) == (0, "")
    reached = re.search(r"note: training ends early: Enough 1: the loss is below 0.5 after epoch (\d+)", done.stdout)
    assert reached and 1 < int(reached[1]) < 500
    assert f"'epoch': {reached[1]}" in done.stdout.splitlines()[-1]
