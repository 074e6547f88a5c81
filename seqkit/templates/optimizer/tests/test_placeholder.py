from pathlib import Path

import torch
from seqkit_placeholder.optimizer import Placeholder

import seqkit
from seqkit.testing import check_optimizer

RECIPE = Path(__file__).parent.parent / "recipes" / "placeholder.yaml"


def test_contract() -> None:
    check_optimizer(Placeholder)
    check_optimizer(lambda parameters: Placeholder(parameters, momentum=0.0, weight_decay=0.1))


def test_steps_equal_their_formula() -> None:
    weight = torch.nn.Parameter(torch.tensor([1.0, -2.0]))
    optimizer = Placeholder([weight], lr=0.1, momentum=0.5, weight_decay=0.5)
    for gradient in ([1.0, -3.0], [-4.0, 1.0]):
        weight.grad = torch.tensor(gradient)
        optimizer.step()
    # The signs of the momentum are those of [0.5, -1.5], and then of [-1.75, -0.25].
    first = torch.tensor([1.0, -2.0]) * 0.95 - 0.1 * torch.tensor([1.0, -1.0])
    torch.testing.assert_close(weight.detach(), first * 0.95 - 0.1 * torch.tensor([-1.0, -1.0]))


def test_recipe_trains(tmp_path: Path) -> None:
    run = seqkit.run(RECIPE, runs=tmp_path, quiet=True)
    assert run.result["metrics"]["train"]["loss"] < run.result["baseline"]["loss"]
