"""A recipe's `plugins:` - the packages that it needs: what is said where one is not there, and with which exit code."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from distributions import install

import seqkit
from seqkit import registry
from seqkit.cli import execute
from seqkit.errors import PluginError
from seqkit.needed_plugins import check_plugins
from seqkit.registry import Plugin, Registry

RECIPE = """plugins: [{}]
data: {{type: text, text: a basket of apples}}
encoder: {{type: lstm, hidden_size: 4}}
head: next_char
"""


class Done(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def check(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Callable[..., Done]:
    """Returns a function that checks a recipe that needs plugins, where two are here and one of them fails."""
    install(tmp_path / "installed", "seqkit-works", "", version="1.2", point="works")
    install(tmp_path / "installed", "seqkit-fails", "import absent_module", point="fails")
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)  # put back what a command replaces
    monkeypatch.setattr(registry, "_loaded", {})
    monkeypatch.setenv("SEQKIT_PLUGINS", "on")
    monkeypatch.syspath_prepend(tmp_path / "installed")
    monkeypatch.chdir(tmp_path)

    def run(plugins: str, *options: str) -> Done:
        (tmp_path / "recipe.yaml").write_text(RECIPE.format(plugins), encoding="utf-8")
        return Done(execute(["check", "recipe.yaml", *options]), *capsys.readouterr())

    return run


@pytest.mark.parametrize(
    "plugins", ["", "seqkit-works", "works", "seqkit_works", "SeqKit.Works", "seqkit-works>=1.2,<2", "seqkit"]
)
def test_what_is_here_passes(check, plugins: str) -> None:
    done = check(f'"{plugins}"' if plugins else "")
    assert (done.code, done.err) == (0, "")


@pytest.mark.parametrize(
    ("plugins", "options", "message"),
    [
        (
            "seqkit-works, seqkit-absent",
            [],
            "recipe.yaml:1:25: this recipe needs the plugin seqkit-absent, which is not installed: "
            "`pip install seqkit-absent`",
        ),
        (
            '"seqkit-absent>=2"',
            [],
            "recipe.yaml:1:11: this recipe needs the plugin seqkit-absent, which is not installed: "
            "`pip install 'seqkit-absent>=2'`",
        ),
        (
            "seqkit-works",
            ["--no-plugin", "works"],
            "recipe.yaml:1:11: this recipe needs the plugin seqkit-works, which was left out",
        ),
        (
            '"seqkit-works>=2"',
            [],
            "recipe.yaml:1:11: this recipe needs seqkit-works>=2, and 1.2 is installed: "
            "`pip install 'seqkit-works>=2'`",
        ),
        (
            "seqkit-fails",
            [],
            "recipe.yaml:1:11: the plugin seqkit-fails is set aside: "
            "ModuleNotFoundError: No module named 'absent_module'",
        ),
    ],
    ids=["missing", "missing, of a version", "left out", "too old", "set aside"],
)
def test_what_is_not_here_is_told_before_anything_else(check, plugins: str, options: list[str], message: str) -> None:
    done = check(plugins, *options, "encoder.type=of-the-plugin")
    assert (done.code, done.out, done.err) == (4, "", f"seqkit: {message}\n")


@pytest.mark.parametrize(
    ("plugins", "message"),
    [
        ('"seqkit works"', "recipe.yaml:1:11: plugins.0: must be a package's name, `seqkit-tagging` or "),
        ('"seqkit-works[extra]"', "recipe.yaml:1:11: plugins.0: must be a package's name and version alone, not "),
        ('"seqkit-works @ https://host/it.whl"', "recipe.yaml:1:11: plugins.0: must be a package's name and version "),
        ("7", "recipe.yaml:1:11: plugins.0: must be text, not 7"),
    ],
)
def test_what_is_no_package_is_a_fault_of_the_recipe(check, plugins: str, message: str) -> None:
    done = check(plugins)
    assert (done.code, done.out) == (2, "")
    (line,) = done.err.splitlines()
    assert line.startswith(f"seqkit: {message}")


def test_a_name_alone_is_a_fault_that_says_what_to_write(check, tmp_path: Path) -> None:
    done = check("seqkit-works", "plugins=seqkit-works")
    assert done.code == 2
    (line,) = done.err.splitlines()
    assert line.startswith("seqkit: command line: plugins: must be a list")


def test_a_dictionary_is_checked_too(tmp_path: Path) -> None:
    recipe = {"plugins": ["seqkit-absent"], "data": {"type": "text", "text": "six"}, "head": "next_char"}
    with pytest.raises(PluginError, match="^recipe: this recipe needs the plugin seqkit-absent"):
        seqkit.run(recipe, runs=tmp_path, quiet=True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("version", "is_enough"), [("0.1.0", True), ("0.2.0.dev1", True), ("0.0.9", False)])
def test_a_version_is_compared_as_pip_compares_it(version: str, is_enough: bool) -> None:
    here = Registry(plugins=[Plugin("mine", "seqkit-mine", version)])
    if is_enough:
        check_plugins(["seqkit-mine>=0.1"], here, str)
        return
    with pytest.raises(PluginError, match="^0: this recipe needs seqkit-mine>=0.1, and 0.0.9 is installed"):
        check_plugins(["seqkit-mine>=0.1"], here, str)
