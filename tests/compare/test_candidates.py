"""The candidates of a command line."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from helpers.recipes import GENERATION_RECIPE, write_recipe
from seqkit.compare.candidates import Candidate, read_candidates
from seqkit.errors import RecipeError, SeqkitError, UsageError


def candidates(
    *arguments: str, grid: tuple[str, ...] = (), searched: tuple[str, ...] = (), trials: int = 10
) -> list[Candidate]:
    return read_candidates(arguments, grid, searched, trials, 0)


def test_recipes_with_equal_names_are_told_apart() -> None:
    found = candidates("a/x.yaml", "b/x.yaml", "y.yaml", "seed=3")
    assert [each.name for each in found] == ["x", "x (2)", "y"]
    assert {each.overrides for each in found} == {("seed=3",)}


def test_a_grid_has_every_combination() -> None:
    found = candidates("a.yaml", grid=("encoder.hidden_size=4, 8", "encoder.type=lstm,gru"))
    assert [each.name for each in found] == [
        f"hidden_size={size} type={kind}" for size in (4, 8) for kind in ("lstm", "gru")
    ]
    assert [each.name for each in candidates("a.yaml", "b.yaml", grid=("name=x",))] == ["a name=x", "b name=x"]


def test_too_many_runs_are_rejected_before_they_are_listed() -> None:
    many = ",".join(map(str, range(3000)))
    for grid, searched, trials in (((f"a={many}", f"b={many}"), (), 10), ((), ("a=0..1",), 10**12)):
        with pytest.raises(UsageError, match="runs: at most 10,000: pass fewer values, --trials or --seeds"):
            candidates("a.yaml", grid=grid, searched=searched, trials=trials)


def test_a_value_of_a_grid_can_be_any_yaml(tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path / "a.yaml", GENERATION_RECIPE)
    (first, second) = candidates(str(recipe), grid=("train.clip_norm=null,1e-1",))
    assert [each.recipe().data["train"]["clip_norm"] for each in (first, second)] == [None, 0.1]


def test_random_values_are_within_their_range_and_the_first_candidate_is_the_recipe() -> None:
    found = candidates(
        "a.yaml", searched=("train.optimizer.lr=0.001..0.1:log", "encoder.hidden_size=4..6", "x=a,b"), trials=60
    )
    assert found[0] == Candidate("a", Path("a.yaml"))
    drawn = [dict(each.split("=") for each in candidate.overrides) for candidate in found[1:]]
    rates = [float(each["train.optimizer.lr"]) for each in drawn]
    assert all(0.001 <= rate <= 0.1 for rate in rates)
    assert 0.3 < sum(rate < math.sqrt(0.001 * 0.1) for rate in rates) / len(rates) < 0.7
    assert {each["encoder.hidden_size"] for each in drawn} == {"4", "5", "6"}
    assert {each["x"] for each in drawn} == {"a", "b"}
    assert found == candidates(
        "a.yaml", searched=("train.optimizer.lr=0.001..0.1:log", "encoder.hidden_size=4..6", "x=a,b"), trials=60
    )


@pytest.mark.parametrize(
    ("arguments", "options", "text"),
    [
        ([], {}, "no recipe to compare"),
        (["seed=1"], {}, "no recipe to compare"),
        (["a.yaml", "=1"], {}, "'=1' is not key=value"),
        (["a.yaml", "seed＝1"], {}, "'seed＝1' is not key=value, .* '＝' .U.FF1D.: write '='"),
        (["a.yaml"], {"grid": ("x",)}, "--grid x: not KEY=VALUES"),
        (["a.yaml"], {"grid": ("x＝1",)}, "not KEY=VALUES, .* '＝' .U.FF1D.: write '='"),
        (["a.yaml"], {"grid": ("x:1",)}, "not KEY=VALUES, .*; write '=' after the key, not ':'$"),
        (["a.yaml"], {"searched": ("x：1..2",)}, "not KEY=VALUES, .*; write '=' after the key, not '：'$"),
        (["a.yaml"], {"grid": ("seed=1,2",)}, "pass --seeds"),
        (["a.yaml"], {"grid": ("data.split.fold=0,1",)}, "folds are not compared with each other: pass --folds"),
        (["a.yaml"], {"grid": ("x=",)}, "not KEY=VALUES"),
        (["a.yaml"], {"grid": ("x=1..3",)}, "a range is for --random"),
        (["a.yaml"], {"searched": ("x=3..1",)}, "not a range"),
        (["a.yaml"], {"searched": ("x=0..1:log",)}, "not a range"),
        (["a.yaml"], {"searched": ("x=1..2:cubic",)}, "not a range"),
        (["a.yaml"], {"searched": ("x=a..b",)}, "not a range"),
        (["a.yaml"], {"searched": ("x=1..inf",)}, "not a range"),
    ],
)
def test_wrong_arguments(arguments: list[str], options: dict[str, tuple[str, ...]], text: str) -> None:
    with pytest.raises(UsageError, match=text):
        candidates(*arguments, **options)  # type: ignore[arg-type]


def test_a_value_that_is_not_yaml() -> None:
    with pytest.raises(RecipeError):
        candidates("a.yaml", grid=("x=[1,2",))


def test_a_folder_that_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(SeqkitError, match="not a run directory"):
        candidates(str(tmp_path))
