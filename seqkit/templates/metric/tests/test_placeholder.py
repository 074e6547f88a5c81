from pathlib import Path

import pytest
from seqkit_placeholder.metric import Placeholder

import seqkit
from seqkit.contracts import Outcomes
from seqkit.testing import check_metric

RECIPE = Path(__file__).parent.parent / "recipes" / "placeholder.yaml"


def test_contract() -> None:
    check_metric(Placeholder)
    check_metric(lambda: Placeholder(label="1", beta=1.0))


def test_score_equals_its_formula() -> None:
    outcomes = Outcomes(["no", "yes", "yes", "yes"], ["yes", "yes", "no", "yes"], ["no", "yes"])
    # Of three that are "yes", two are found, and of three found, two are right.
    assert Placeholder(beta=1.0).score(outcomes) == pytest.approx(2 / 3)
    assert Placeholder(label="no", beta=1.0).score(outcomes) == 0.0
    assert Placeholder(label="other").score(outcomes) is None


def test_recipe_trains(tmp_path: Path) -> None:
    run = seqkit.run(RECIPE, runs=tmp_path, quiet=True)
    assert run.result["metrics"]["train"]["placeholder"] == 1.0
