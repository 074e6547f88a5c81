from pathlib import Path

import pytest
from seqkit_placeholder.schedule import Placeholder

import seqkit
from seqkit.contracts import TrainingLength
from seqkit.testing import check_schedule

RECIPE = Path(__file__).parent.parent / "recipes" / "placeholder.yaml"


def test_contract() -> None:
    check_schedule(Placeholder)
    check_schedule(lambda: Placeholder(warmup=1))


def test_rates_equal_their_formula() -> None:
    length = TrainingLength(epochs=1, steps=400, steps_per_epoch=400)
    rates = [Placeholder(warmup=100).learning_rate(0.2, step, length) for step in (0, 49, 99, 399)]
    assert rates == pytest.approx([0.002, 0.1, 0.2, 0.1])


def test_recipe_trains(tmp_path: Path) -> None:
    run = seqkit.run(RECIPE, runs=tmp_path, quiet=True)
    assert run.result["metrics"]["train"]["loss"] < run.result["baseline"]["loss"]
