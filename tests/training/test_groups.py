"""Groups of parameters: frozen ones, shares of the learning rate, exact resume, and errors in one line."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

import seqkit
from helpers.recipes import ALL_OPTIONS, CHARACTER_RECIPE
from helpers.training import interrupted_run, reproducible_contents
from seqkit.contracts import ParameterGroup
from seqkit.encoders.lstm import LSTM
from seqkit.errors import PluginError, RecipeError
from seqkit.heads.next_char import NextChar
from seqkit.training.callbacks import Callback

SGD = {"type": "sgd", "lr": 0.5}


class Weights(Callback):
    """Records the weights before training and after each step."""

    def __init__(self) -> None:
        self.history: list[dict[str, torch.Tensor]] = []

    def on_setup(self, setup: Any, processes: int) -> None:
        self.model = setup.model
        self.record()

    def on_step(self, progress: Any, length: Any, loss: float) -> None:
        self.record()

    def record(self) -> None:
        self.history.append({name: weight.detach().clone() for name, weight in self.model.named_parameters()})


def changes(tmp_path: Path, groups: Any = (), **train: Any) -> list[dict[str, torch.Tensor]]:
    """Return the change of each weight in each step of a run of one step an epoch."""
    weights = Weights()
    recipe = CHARACTER_RECIPE | {"train": {"epochs": 4, "optimizer": SGD, "groups": list(groups)} | train}
    seqkit.run(recipe, runs=tmp_path, quiet=True, callbacks=[weights])
    pairs = zip(weights.history[1:], weights.history, strict=False)
    return [{name: after[name] - before[name] for name in after} for after, before in pairs]


def changed(steps: list[dict[str, torch.Tensor]], prefix: str) -> list[bool]:
    """Return for each step whether all weights of a component changed; none may be half changed."""
    found = [{bool(change.any()) for name, change in step.items() if name.startswith(prefix)} for step in steps]
    assert all(len(each) == 1 for each in found)
    return [each.pop() for each in found]


@pytest.mark.parametrize("optimizer", ["adamw", "nadam", "rmsprop", SGD | {"momentum": 0.9, "weight_decay": 0.1}])
def test_frozen_parameters_have_no_update_and_no_weight_decay(optimizer: Any, tmp_path: Path) -> None:
    steps = changes(tmp_path, [{"parameters": "encoder.*", "frozen_epochs": 2}], optimizer=optimizer)
    assert changed(steps, "encoder.") == [False, False, True, True]
    assert changed(steps, "head.") == [True] * 4


def test_parameters_are_unfrozen_one_after_another(tmp_path: Path) -> None:
    groups = [
        {"parameters": "encoder.layers.*", "frozen_epochs": 3},
        {"parameters": "embedding.*", "frozen_epochs": "always"},
    ]
    steps = changes(tmp_path, groups[:1])
    assert changed(steps, "encoder.") == [False, False, False, True]
    recipe = CHARACTER_RECIPE | {"embedding": {"type": "learned", "dim": 3}, "train": {"groups": groups}}
    weights = Weights()
    seqkit.run(recipe, runs=tmp_path, quiet=True, callbacks=[weights])
    first, last = weights.history[0], weights.history[-1]
    assert torch.equal(first["embedding.vectors.weight"], last["embedding.vectors.weight"])
    assert all(not torch.equal(first[name], last[name]) for name in first if name.startswith("encoder."))


def test_part_of_an_epoch(tmp_path: Path) -> None:
    """An epoch has several steps here: half of one unfreezes between them."""
    train = {"epochs": 1, "batch_size": 1, "sequence_length": 5}
    steps = changes(tmp_path, [{"parameters": "encoder.*", "frozen_epochs": 0.5}], **train)
    expected = [number / len(steps) >= 0.5 for number in range(len(steps))]
    assert changed(steps, "encoder.") == expected
    assert len(steps) > 4


def test_share_of_the_learning_rate(tmp_path: Path) -> None:
    """In the first step of SGD, the change of a weight is proportional to its learning rate."""
    whole = changes(tmp_path / "a", epochs=1)[0]
    part = changes(tmp_path / "b", [{"parameters": "encoder.*", "lr_scale": 0.25}], epochs=1)[0]
    for name, change in whole.items():
        torch.testing.assert_close(part[name], change * (0.25 if name.startswith("encoder.") else 1.0))


def test_group_of_all_parameters_changes_no_bit(tmp_path: Path) -> None:
    plain = seqkit.run(CHARACTER_RECIPE, runs=tmp_path / "a", quiet=True)
    grouped = seqkit.run(CHARACTER_RECIPE, runs=tmp_path / "b", quiet=True, train__groups=[{"parameters": "*"}])
    assert (plain.path / "model.safetensors").read_bytes() == (grouped.path / "model.safetensors").read_bytes()


def test_run_with_groups_and_plateau_resumes_exactly(vowel_recipe, tmp_path: Path) -> None:
    overrides = ALL_OPTIONS | {
        "train__optimizer": {"type": "adamw", "lr": 0.1, "exempt_biases": True},
        "train__schedule": {"type": "plateau", "patience": 1},
        "train__groups": [
            {"parameters": "embedding.*", "frozen_epochs": 2},
            {"parameters": "encoder.*", "frozen_epochs": 1.25, "lr_scale": 0.3},
        ],
    }
    complete = seqkit.run(vowel_recipe, runs=tmp_path / "complete", quiet=True, **overrides)
    expected, expected_state = reproducible_contents(complete), optimizer_state(complete)
    for after in (1, 7, 12, 13, 25):
        path = interrupted_run(vowel_recipe, tmp_path / f"stopped-{after}", after, **overrides)
        resumed = seqkit.run(vowel_recipe, runs=tmp_path / "unused", resume=path, quiet=True, **overrides)
        assert reproducible_contents(resumed) == expected, after
        state = optimizer_state(resumed)
        assert state.keys() == expected_state.keys()
        assert all(torch.equal(state[name], expected_state[name]) for name in state), after


def optimizer_state(run: seqkit.Run) -> dict[str, torch.Tensor]:
    """Return the tensors of the optimizer in the last checkpoint."""
    return load_file(next(run.path.glob("checkpoints/*")) / "optimizer.safetensors")


@pytest.mark.parametrize(
    ("groups", "key", "text"),
    [
        ([{"parameters": "encodr.*"}], "train.groups.0.parameters",
         "'encodr.*' matches no trained parameter (did you mean 'encoder.*'?)"),
        ([{"parameters": "encoder"}], "train.groups.0.parameters",
         "'encoder' matches no trained parameter (did you mean 'encoder.*'?)"),
        ([{"parameters": "zzz"}], "train.groups.0.parameters",
         "'zzz' matches no trained parameter; the parameters are encoder."),
        ([{"parameters": "encoder.*"}, {"parameters": "*bias*"}], "train.groups.1.parameters",
         "'*bias*' and 'encoder.*' both match encoder."),
        ([{"parameters": "*", "frozen_epochs": 1}], "train.groups",
         "all parameters are frozen in the first epoch: leave a group out, or set its frozen_epochs to 0"),
        ([{"parameters": "*", "frozen_epochs": "always"}], "train.groups", "all parameters are frozen"),
        ([{"parameters": "*", "frozen_epochs": "forever"}], "train.groups.0.frozen_epochs",
         "must be a non-negative number or 'always', not 'forever'"),
        ([{"parameters": "*", "lr_scale": -1}], "train.groups.0.lr_scale", "must be a non-negative number, not -1"),
        ([{"parameters": "*", "lr_scales": 1}], "train.groups.0.lr_scales", "(did you mean 'lr_scale'?)"),
        ([{"lr_scale": 1}], "train.groups.0.parameters", "is required"),
        (["encoder.*"], "train.groups.0", "must be a mapping with any of parameters, lr_scale, frozen_epochs, not"),
        ("encoder.*", "train.groups", "must be a list of mappings with any of parameters, lr_scale, frozen_epochs"),
        (None, "train.groups", "must be a list of mappings"),
    ],
)  # fmt: skip
def test_errors_are_one_line_with_their_place(groups: Any, key: str, text: str, tmp_path: Path) -> None:
    with pytest.raises(RecipeError) as caught:
        seqkit.run(CHARACTER_RECIPE | {"train": {"groups": groups}}, runs=tmp_path, quiet=True)
    (line,) = caught.value.lines
    assert f"{key}: " in line
    assert text in line
    assert not list(tmp_path.iterdir())


# Groups of components


class FrozenLSTM(LSTM):
    """An LSTM whose groups a test sets."""

    groups: Any = ()

    def parameter_groups(self) -> Iterable[ParameterGroup]:
        return self.groups(self) if callable(self.groups) else self.groups


class FrozenHead(NextChar):
    def parameter_groups(self) -> Iterable[ParameterGroup]:
        yield ParameterGroup(self.parameters(), lr_scale=0.0)


@pytest.fixture
def frozen_lstm(isolated_registry: None) -> dict[str, Any]:
    """Register an encoder and a head with groups; return the sections that name them."""
    seqkit.register("encoder", "frozen_lstm")(FrozenLSTM)
    seqkit.register("head", "frozen_head")(FrozenHead)
    return {"encoder": {"type": "frozen_lstm", "hidden_size": 6}}


def component_changes(tmp_path: Path, sections: dict[str, Any], groups: Any, train: Any = ()) -> list[Any]:
    weights = Weights()
    FrozenLSTM.groups = staticmethod(groups) if callable(groups) else groups
    recipe = CHARACTER_RECIPE | sections | {"train": {"epochs": 3, "optimizer": SGD} | dict(train)}
    seqkit.run(recipe, runs=tmp_path, quiet=True, callbacks=[weights])
    pairs = zip(weights.history[1:], weights.history, strict=False)
    return [{name: after[name] - before[name] for name in after} for after, before in pairs]


def frozen(module: Any) -> Iterable[ParameterGroup]:
    yield ParameterGroup(module.parameters(), frozen_epochs=math.inf)


def test_component_freezes_its_parameters(frozen_lstm, tmp_path: Path) -> None:
    steps = component_changes(tmp_path, frozen_lstm, frozen)
    assert (changed(steps, "encoder."), changed(steps, "head.")) == ([False] * 3, [True] * 3)


def test_nested_component_and_head_have_groups(frozen_lstm, tmp_path: Path) -> None:
    inner = frozen_lstm["encoder"]
    sections = {"encoder": {"type": "stacked", "layers": [inner, {"type": "lstm", "hidden_size": 5}]}}
    steps = component_changes(tmp_path, sections | {"head": "frozen_head"}, frozen)
    names = [name.rpartition(".cells")[0] for name in steps[0] if name.startswith("encoder.")]
    first, second = dict.fromkeys(names)
    assert (changed(steps, first), changed(steps, second)) == ([False] * 3, [True] * 3)
    assert changed(steps, "head.") == [False] * 3


def test_recipe_replaces_the_groups_of_components(frozen_lstm, tmp_path: Path) -> None:
    train = {"groups": [{"parameters": "encoder.*", "frozen_epochs": 1}]}
    steps = component_changes(tmp_path, frozen_lstm, frozen, train)
    assert changed(steps, "encoder.") == [False, True, True]


@pytest.mark.parametrize(
    ("groups", "text"),
    [
        (["encoder.*"], "contains a str, not a ParameterGroup"),
        ([ParameterGroup([torch.nn.Parameter(torch.zeros(1))])], "contains what is not one of its parameters"),
        (lambda module: [ParameterGroup(module.parameters())] * 2, "contains a parameter twice"),
    ],
)
def test_wrong_groups_of_a_component_are_reported(frozen_lstm, groups: Any, text: str, tmp_path: Path) -> None:
    with pytest.raises(PluginError) as caught:
        component_changes(tmp_path, frozen_lstm, groups)
    assert str(caught.value) == f"test_groups.FrozenLSTM: parameter_groups {text}"


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"lr_scale": -1.0}, "lr_scale must be a finite number, at least 0, not -1.0"),
        ({"lr_scale": math.inf}, "lr_scale must be a finite number"),
        ({"lr_scale": math.nan}, "lr_scale must be a finite number"),
        ({"frozen_epochs": -1}, "frozen_epochs must be at least 0, not -1"),
        ({"frozen_epochs": math.nan}, "frozen_epochs must be at least 0, not nan"),
    ],
)
def test_numbers_of_a_group_are_checked(arguments: dict[str, float], text: str) -> None:
    with pytest.raises(ValueError, match=f"^{text}"):
        ParameterGroup([], **arguments)
