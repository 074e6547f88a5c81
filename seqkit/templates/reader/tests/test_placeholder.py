from pathlib import Path

import pytest
from seqkit_placeholder import checks
from seqkit_placeholder.reader import Placeholder

import seqkit
import seqkit.testing
from seqkit.contracts import Example

RECIPE = Path(__file__).parent.parent / "recipes" / "placeholder.yaml"


@seqkit.testing.parametrize_with_checks(checks.reader())
def test_contract(check) -> None:
    check()


def test_examples_and_their_locations(tmp_path: Path) -> None:
    file = tmp_path / "texts"
    file.write_text("# a comment\nham: at eight: the pub\n\n spam :Win!\n", encoding="utf-8")
    assert list(Placeholder(path=file).read()) == [
        Example("at eight: the pub", "ham", f"{file}:2"),
        Example("Win!", "spam", f"{file}:4"),
    ]


@pytest.mark.parametrize("line", ["no label", ": no label", "no text:"])
def test_invalid_line(tmp_path: Path, line: str) -> None:
    file = tmp_path / "texts"
    file.write_text(f"ham: fine\n{line}\n", encoding="utf-8")
    with pytest.raises(seqkit.DataError) as caught:
        list(Placeholder(path=file).read())
    assert str(caught.value) == f"{file}:2: must be `label: text`, not '{line}'"


def test_recipe_trains(tmp_path: Path) -> None:
    run = seqkit.run(RECIPE, runs=tmp_path, quiet=True)
    assert run.result["metrics"]["test"]["accuracy"] > 0.9
