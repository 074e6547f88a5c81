"""Tests of the plugins that a recipe requires: messages and exit codes if one is missing."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

import seqkit
from helpers.distributions import install
from helpers.recipes import RECIPES
from seqkit import registry
from seqkit.cli import execute
from seqkit.errors import PluginError
from seqkit.recipe.resolve import resolve
from seqkit.recipe.source import read_recipe
from seqkit.registry.registry import Plugin, Registry
from seqkit.registry.requirements import check_plugins

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
    """Return a function that checks a recipe that requires plugins; two are installed, and one of them fails."""
    install(tmp_path / "installed", "seqkit-works", "", version="1.2", point="works")
    install(tmp_path / "installed", "seqkit-fails", "import absent_module", point="fails")
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)  # a command replaces it
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
def test_installed_plugins_are_accepted(check, plugins: str) -> None:
    done = check(f'"{plugins}"' if plugins else "")
    assert (done.code, done.err) == (0, "")


@pytest.mark.parametrize(
    ("plugins", "options", "message"),
    [
        (
            "seqkit-works, seqkit-absent",
            [],
            "recipe.yaml:1:25: the required plugin seqkit-absent is not installed: pip install "
            "seqkit-absent, or its source if it is not published",
        ),
        (
            '"seqkit-absent>=2"',
            [],
            "recipe.yaml:1:11: the required plugin seqkit-absent is not installed: pip install "
            "'seqkit-absent>=2', or its source if it is not published",
        ),
        (
            "seqkit-works",
            ["--no-plugin", "works"],
            "recipe.yaml:1:11: the required plugin seqkit-works is excluded: omit --no-plugin and SEQKIT_PLUGINS=off",
        ),
        (
            '"seqkit-works>=2"',
            [],
            "recipe.yaml:1:11: the recipe requires seqkit-works>=2, but 1.2 is installed: "
            "pip install 'seqkit-works>=2', or its source if it is not published",
        ),
        (
            "seqkit-fails",
            [],
            "recipe.yaml:1:11: the required plugin seqkit-fails is disabled: "
            "ModuleNotFoundError: No module named 'absent_module'",
        ),
    ],
    ids=["missing", "missing, of a version", "excluded", "too old", "disabled"],
)
def test_missing_plugin_is_reported_before_other_errors(check, plugins: str, options: list[str], message: str) -> None:
    done = check(plugins, *options, "encoder.type=of-the-plugin")
    assert (done.code, done.out, done.err) == (4, "", f"seqkit: {message}\n")


@pytest.mark.parametrize(
    ("plugins", "message"),
    [
        ('"seqkit works"', "recipe.yaml:1:11: plugins.0: must be the name of a package, with or without versions "),
        (
            '"seqkit-works[extra]"',
            "recipe.yaml:1:11: plugins.0: must be the name of a package, with or without versions ",
        ),
        (
            '"seqkit-works @"',
            "recipe.yaml:1:11: plugins.0: must be the name of a package, with or without versions ",
        ),
        ("7", "recipe.yaml:1:11: plugins.0: must be the name of a package"),
    ],
)
def test_invalid_package_name_is_reported(check, plugins: str, message: str) -> None:
    done = check(plugins)
    assert (done.code, done.out) == (2, "")
    (line,) = done.err.splitlines()
    assert line.startswith(f"seqkit: {message}")


def test_plugins_must_be_a_list(check, tmp_path: Path) -> None:
    done = check("seqkit-works", "plugins=seqkit-works")
    assert done.code == 2
    (line,) = done.err.splitlines()
    assert line.startswith("seqkit: command line: plugins: must be a list")


def test_required_plugins_of_recipe_dictionary_are_checked(tmp_path: Path) -> None:
    recipe = {"plugins": ["seqkit-absent"], "data": {"type": "text", "text": "six"}, "head": "next_char"}
    with pytest.raises(PluginError, match="^recipe: the required plugin seqkit-absent is not installed"):
        seqkit.run(recipe, runs=tmp_path, quiet=True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("version", "is_enough"), [("0.1.0", True), ("0.2.0.dev1", True), ("0.0.9", False)])
def test_versions_are_compared_like_pip(version: str, is_enough: bool) -> None:
    installed = Registry(plugins=[Plugin("mine", "seqkit-mine", version)])
    if is_enough:
        check_plugins(["seqkit-mine>=0.1"], installed, str)
        return
    with pytest.raises(PluginError, match="^0: the recipe requires seqkit-mine>=0.1, but 0.0.9 is installed"):
        check_plugins(["seqkit-mine>=0.1"], installed, str)


def test_missing_plugin_is_installed_from_the_source_that_the_recipe_names(check, tmp_path: Path) -> None:
    source = tmp_path / "my plugins" / "seqkit-absent"
    source.mkdir(parents=True)
    missing = "seqkit: recipe.yaml:1:11: the required plugin seqkit-absent is not installed: "
    absent = "does not exist: install it from where the recipe comes from"
    for item, remedy in {
        "seqkit-absent @ my plugins/seqkit-absent": "pip install 'my plugins/seqkit-absent'",
        "seqkit-absent>=2@./my plugins": "pip install './my plugins'",
        "seqkit-absent @ nowhere": f"its source {tmp_path}/nowhere {absent}",
        "seqkit-absent @ --index-url=http://x": f"its source {tmp_path}/--index-url=http:/x {absent}",
        "seqkit-absent @ git+https://host/it&x": "pip install 'git+https://host/it&x'",
    }.items():
        done = check(f'"{item}"')
        assert (done.code, done.out, done.err) == (4, "", f"{missing}{remedy}\n")


def test_plugins_of_this_repository_are_installed_from_their_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(RECIPES.parent)
    for recipe in sorted(Path("plugins").glob("*/recipes/*.yaml")):
        name = recipe.parts[1]
        with pytest.raises(PluginError, match=f"{name} is not installed: pip install plugins/{name}$"):
            resolve(read_recipe(recipe), Registry())
