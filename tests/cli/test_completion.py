"""Shell completion: what it offers, without importing torch."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from helpers.commands import run_process
from helpers.recipes import GENERATION_RECIPE, RECIPES, write_recipe
from seqkit.cli import execute
from seqkit.hookspecs import KINDS
from seqkit.registry import load_registry


@pytest.fixture
def complete(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> Callable[..., list[str]]:
    """Return a function that completes the last of some words, in a folder with a recipe and a run."""
    write_recipe(tmp_path / "generation.yaml", GENERATION_RECIPE)
    for folder in ("runs/generation-1", "runs/unfinished", "recipes"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "runs" / "generation-1" / "plan.json").touch()
    (tmp_path / "recipes" / "other.yaml").touch()
    (tmp_path / ".hidden.yaml").touch()
    monkeypatch.chdir(tmp_path)

    def complete(*words: str) -> list[str]:
        monkeypatch.setenv("_SEQKIT_COMPLETE", "bash_complete")
        monkeypatch.setenv("COMP_WORDS", " ".join(["seqkit", *words]))
        monkeypatch.setenv("COMP_CWORD", str(len(words)))
        with pytest.raises(SystemExit) as ended:
            execute([])
        assert ended.value.code == 0
        printed = capsys.readouterr()
        assert printed.err == ""
        return printed.out.split()

    return complete


def plain(*words: str) -> list[str]:
    return [f"plain,{word}" for word in words]


def test_commands_and_components(complete) -> None:
    assert complete("gen") == plain("generate")
    assert complete("show", "") == complete("list", "") == plain(*KINDS)
    assert complete("show", "encoder", "") == plain(*load_registry().names("encoder"))
    assert complete("show", "nothing", "") == []
    assert complete("check-plugin", "seq") == plain("seqkit")


def test_recipes_and_runs(complete) -> None:
    assert complete("run", "") == complete("check", "") == plain("generation.yaml", "recipes/other.yaml")
    assert complete("run", "rec") == complete("run", "recipes/o") == plain("recipes/other.yaml")
    assert complete("run", "./gen") == plain("./generation.yaml")
    assert complete("run", "x") == ["file,x"]
    for command in ("predict", "evaluate", "generate"):
        assert complete(command, "") == complete(command, "runs/gen") == plain("runs/generation-1")
    assert complete("predict", "./ru") == ["dir,./ru"]
    assert complete("run", "generation.yaml", "--resume", "r") == plain("runs/generation-1")


def test_keys_of_a_recipe(complete) -> None:
    assert complete("run", "generation.yaml", "train.ep") == plain("train.epochs=")
    assert complete("check", "generation.yaml", "encoder.hid") == plain("encoder.hidden_size=")
    assert complete("run", "generation.yaml", "data.") == plain(
        "data.encoding=", "data.path=", "data.text=", "data.type=", "data.unit="
    )
    assert complete("run", "generation.yaml", "train.optimizer.we") == plain("train.optimizer.weight_decay=")
    assert complete("run", "generation.yaml", "train.schedule.w") == plain("train.schedule.warmup=")
    assert complete("run", "generation.yaml", "train.gr") == plain("train.groups=")
    assert complete("run", "generation.yaml", "train.epochs=") == []
    assert complete("run", "absent.yaml", "train.ep") == plain("train.epochs=")


def test_completion_does_not_import_torch() -> None:
    program = "import sys; sys.argv[0] = 'seqkit'\nfrom seqkit.cli import execute\ntry: execute([])\n"
    program += "finally: print(*sorted({'torch', 'pydantic', 'sklearn'} & set(sys.modules)), file=sys.stderr)"
    words = {"COMP_WORDS": f"seqkit run {RECIPES / 'char_gen.yaml'} encoder.hid", "COMP_CWORD": "3"}
    environment = os.environ | words | {"_SEQKIT_COMPLETE": "bash_complete"}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("plain,encoder.hidden_size=\n", "\n")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_get_a_script(shell: str) -> None:
    done = run_process(env=os.environ | {"_SEQKIT_COMPLETE": f"{shell}_source"})
    assert (done.returncode, done.stderr) == (0, "")
    assert f"_SEQKIT_COMPLETE={shell}_complete" in done.stdout
