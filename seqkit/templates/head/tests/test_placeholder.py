from pathlib import Path

import pytest
import torch
from seqkit_placeholder.head import Placeholder

import seqkit
from seqkit.contracts import Batch, Encoded, Example
from seqkit.testing import check_head

RECIPE = Path(__file__).parent.parent / "recipes" / "placeholder.yaml"


def test_contract() -> None:
    check_head(Placeholder, [Example("ab", 3.0), Example("abbca", 5.5), Example("cab", 1.0)])


def test_loss_is_the_squared_error_divided_by_the_training_variance() -> None:
    head = Placeholder()
    head.fit([Example("a", "1"), Example("b", "5")], None)  # mean 3, variance 4
    head.build(output_size=2, final_size=2)
    vectors, targets = torch.randn(3, 2), torch.tensor([1.0, 5.0, 2.0])
    encoded = Encoded(vectors[:, None], vectors)
    numbers = [prediction["number"] for prediction in head.predict(encoded, Batch(vectors, torch.ones(3)))]
    loss = head.loss(encoded, Batch(vectors, torch.ones(3), targets))
    assert loss.count == 3
    expected = sum((number - target) ** 2 / 4 for number, target in zip(numbers, targets.tolist(), strict=True))
    assert loss.total.item() == pytest.approx(expected, rel=1e-5)


def test_invalid_number() -> None:
    with pytest.raises(seqkit.DataError, match="sums.csv:3: 'many' is not a number"):
        Placeholder().fit([Example("a", "many", "sums.csv:3")], None)


def test_recipe_trains(tmp_path: Path) -> None:
    run = seqkit.run(RECIPE, runs=tmp_path, quiet=True)
    assert run.result["metrics"]["test"]["rmse"] < run.result["baseline"]["rmse"] / 2
