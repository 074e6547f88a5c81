"""Tests of the recipes that installed packages ship: `seqkit recipes`."""

from __future__ import annotations

import json
import sys
from functools import partial
from pathlib import Path

import pytest

from helpers.commands import run_forked, run_process
from helpers.recipes import PROJECT
from seqkit.errors import UsageError
from seqkit.recipe.shipped import ShippedRecipe, find_recipe, shipped_recipes
from seqkit.recipe.shipped_copy import copy_recipe
from seqkit.recipe.source import read_recipe

OWN = shipped_recipes(["seqkit"])


def test_own_recipes_are_those_of_the_folder_recipes() -> None:
    assert {recipe.name for recipe in OWN} == {file.stem for file in (PROJECT / "recipes").glob("*.yaml")}


def test_a_package_that_is_not_installed_ships_none() -> None:
    assert shipped_recipes(["no-such-package"]) == []


def test_summary_is_the_first_sentence(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(
        "# yaml-language-server: $schema=../a.json\n# Tags of words\n# in 1.5 minutes. More.\n#\n# And more.\nname: a\n"
    )
    assert ShippedRecipe(file, "seqkit").summary == "Tags of words in 1.5 minutes"


def test_recipes_of_a_wheel_are_found_in_share(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = tmp_path / "lib" / "site"
    information = site / "seqkit_example-1.0.dist-info"
    information.mkdir(parents=True)
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: seqkit-example\nVersion: 1.0\n")
    files = ["seqkit_example/x.yaml", "../../share/seqkit-example/recipes/b.yaml"]
    (information / "RECORD").write_text("".join(f"{file},,\n" for file in files))
    recipes = tmp_path / "share" / "seqkit-example" / "recipes"
    recipes.mkdir(parents=True)
    (recipes / "b.yaml").write_text("# B.\n")
    monkeypatch.setattr(sys, "path", [str(site), *sys.path])
    (recipe,) = shipped_recipes(["seqkit-example"])
    assert (recipe.name, recipe.summary, recipe.provider) == ("b", "B", "seqkit-example")


@pytest.mark.parametrize("recipe", OWN, ids=[recipe.name for recipe in OWN])
def test_a_copy_is_the_same_recipe(recipe: ShippedRecipe, tmp_path: Path) -> None:
    copied = copy_recipe(recipe, tmp_path / "new" / "folder")
    assert "$schema" not in copied.read_text("utf-8")
    assert read_recipe(copied).data == read_recipe(recipe.file).data
    for value in ("path", "valid", "test"):
        path = read_recipe(copied).data["data"].get(value)
        path = path["path"] if isinstance(path, dict) else path
        if isinstance(path, str) and (recipe.file.parent / path).is_file():
            assert (copied.parent / path).read_bytes() == (recipe.file.parent / path).read_bytes()


def test_a_copy_names_its_plugin_without_the_source_tree(tmp_path: Path) -> None:
    file = tmp_path / "visits.yaml"
    file.write_text("plugins: [seqkit-tagging>=0.1 @ .., seqkit-gru @ ..]\ndata: {type: conll}\n")
    copied = copy_recipe(ShippedRecipe(file, "seqkit-tagging"), tmp_path / "copy")
    assert "seqkit-tagging>=0.1, seqkit-gru]" in copied.read_text()


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    recipe = find_recipe("sentiment_zh_lstm", OWN)
    changed = tmp_path / "sentiment_zh.yaml"
    changed.write_text("name: mine\n")
    with pytest.raises(UsageError, match=r"sentiment_zh\.yaml: exists: move it, or choose another folder"):
        copy_recipe(recipe, tmp_path)
    assert list(tmp_path.iterdir()) == [changed]
    changed.unlink()
    assert copy_recipe(recipe, tmp_path) == copy_recipe(recipe, tmp_path)  # the same content is no obstacle


def test_an_unknown_name_has_a_suggestion() -> None:
    with pytest.raises(UsageError, match=r"no recipe 'chargen' \(did you mean 'char_gen'\?\)"):
        find_recipe("chargen", OWN)
    with pytest.raises(UsageError, match="no recipe 'xyz': `seqkit recipes` lists them"):
        find_recipe("xyz", OWN)
    assert find_recipe("char_gen.yaml", OWN).name == "char_gen"


def test_command_lists_prints_and_copies(tmp_path: Path) -> None:
    command = partial(run_forked, cwd=tmp_path)
    listed = run_process("recipes").stdout
    assert "seqkit:\n" in listed
    assert "  char_gen  " in listed
    found = json.loads(command("recipes", "--json").out)
    names = [recipe["name"] for recipe in found]
    assert "char_gen" in names
    assert command("recipes", "char_gen").out == (PROJECT / "recipes" / "char_gen.yaml").read_text("utf-8")
    for path in ("char_gen", "recipes/char_gen.yaml"):
        missing = command("run", path)
        hint = "`seqkit recipes char_gen --copy .` copies the recipe of this name"
        assert (missing.code, missing.err) == (2, f"seqkit: {path}: the recipe does not exist: {hint}\n")
    assert command("recipes", "char_gen", "--copy", ".").out == "char_gen.yaml\n"
    assert run_process("check", "char_gen.yaml", cwd=tmp_path).returncode == 0
    failed = command("recipes", "--copy", ".")
    assert (failed.code, failed.err) == (2, "seqkit: --copy copies one recipe: pass its name\n")
