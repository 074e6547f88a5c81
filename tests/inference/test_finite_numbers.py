"""Every number that a command prints or a function returns is finite, and every row has one prediction."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torch import nn

import seqkit
from helpers.engines import ConstantEngine
from helpers.recipes import classification_recipe
from helpers.runs import with_large_weights
from seqkit.contracts import Example, Head, Loss, Reader, Row
from seqkit.errors import DataError, NotFiniteError, PluginError, RecipeError, UsageError
from seqkit.inference.engine import check_logits
from seqkit.inference.generation import generate
from seqkit.inference.sampling import SamplingConfig, row_generator
from seqkit.runs.numbers import find_not_finite
from seqkit.tokenizers.byte import Byte

NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ({"a": [1.0, {"b": (2, "x", None, True)}]}, None),
        ({"a": [1.0, {"b": (2, NAN)}]}, NAN),
        ([[0.0], -INF], -INF),
        ("nan", None),
        (np.float64(NAN), NAN),
    ],
)
def test_find_not_finite(value: Any, found: float | None) -> None:
    assert repr(find_not_finite(value)) == repr(found) or float(find_not_finite(value) or 0) != found


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize(
    ("logits", "is_valid"),
    [([0.0, 3e38], True), ([-INF, 1.0], True), ([1.0, NAN], False), ([INF, 0.0], False), ([-INF, -INF], False)],
)
def test_logits_have_a_most_likely_token(logits: list[float], is_valid: bool, rows: int) -> None:
    array = np.array([[0.0, 1.0]] * (rows - 1) + [logits], np.float32)
    if is_valid:
        check_logits(array, Path("model.safetensors"))
    else:
        with pytest.raises(DataError, match=r"^model.safetensors: the result is not finite: the weights are corrupt"):
            check_logits(array, Path("model.safetensors"))


@pytest.mark.parametrize("temperature", [5e-324, 1e-300, 1.0])
def test_any_temperature_samples_a_token(temperature: float) -> None:
    text = generate(
        ConstantEngine([3e38 if token == 65 else -3e38 for token in range(256)]),
        Byte(),
        [np.array([66])],
        length=3,
        sampling=SamplingConfig(temperature),
        generators=[row_generator(0)],
        stop=(),
    )
    assert text == ["AAA"]


@pytest.mark.parametrize(
    "use",
    [
        lambda run: run.generate(length=2),
        lambda run: run.generate(length=2, temperature=1e-300, samples=3),
        lambda run: list(run.stream(length=2)),
        lambda run: run.evaluate([("In Beijing", None)]),
        lambda run: run._parts.torch_engine.read([np.array([0, 1]), np.array([2])]),
    ],
    ids=["generate", "sample", "stream", "evaluate", "torch"],
)
def test_generation_that_is_not_finite_names_the_weights(
    generation_run: Path, tmp_path: Path, use: Callable[[seqkit.Run], Any]
) -> None:
    run = with_large_weights(generation_run, tmp_path)
    with pytest.raises(DataError, match=r"model\.safetensors: the result is not finite: the weights are corrupt"):
        use(seqkit.load(run))


class Waves(Reader):
    yields = "features"

    def read(self):
        for number in range(6):
            yield Example(np.full((2 + number, 2), 0.1 * number, np.float32), float(number))


class Regression(nn.Module, Head):
    """A head with a loss that training decreases, whose other results a subclass replaces."""

    needs = frozenset({"final", "targets"})
    metric_names = ("error",)

    def build(self, output_size, final_size):
        self.output = nn.Linear(final_size, 1)

    def rows(self, example, encoded_input):
        yield Row(encoded_input, float(example.target))

    def loss(self, encoded, batch):
        errors = self.output(encoded.final)[:, 0] - batch.targets
        return Loss(errors.square().sum(), len(errors))

    def predict(self, encoded, batch):
        return [{"numbers": [value]} for value in self.output(encoded.final)[:, 0].tolist()]


def train(folder: Path, **sections: Any) -> seqkit.Run:
    seqkit.register("reader", "waves")(Waves)
    recipe = {
        "data": {"type": "waves"},
        "encoder": {"type": "lstm", "hidden_size": 3},
        "head": {"type": "regression"},
        "train": {"epochs": 2},
    }
    return seqkit.run(recipe | sections, runs=folder, quiet=True)


INPUTS = [np.ones((3, 2)), np.zeros((2, 2))]


@pytest.mark.usefixtures("isolated_registry")
def test_a_prediction_that_is_not_finite_is_an_error(tmp_path: Path) -> None:
    @seqkit.register("head", "regression")
    class Careless(Regression):
        def predict(self, encoded, batch):
            return [{"numbers": [0.0, NAN]} for _ in batch.lengths]

    run = train(tmp_path)
    with pytest.raises(DataError, match="the result is not finite"):
        run.predict(INPUTS)


@pytest.mark.usefixtures("isolated_registry")
@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (NAN, "time step 1 contains a number that is not finite"),
        (INF, "time step 1 contains a number that is not finite"),
        (1e39, r"feature 1, time step 1: a value of 1e\+39 is too large to compute with: correct or rescale it"),
    ],
)
def test_features_that_are_not_finite_are_rejected(value: float, problem: str, tmp_path: Path) -> None:
    seqkit.register("head", "regression")(Regression)
    run = train(tmp_path)
    with pytest.raises(DataError, match=f"^input 2 of 2: {problem}$"):
        run.predict([INPUTS[0], INPUTS[1] + value])
    with pytest.raises(DataError, match=f"^pair 1: {problem}$"):
        run.evaluate([(INPUTS[0] + value, 1.0)])


@pytest.mark.usefixtures("isolated_registry")
def test_encoder_outputs_that_are_not_finite_are_an_error_whatever_is_predicted(tmp_path: Path) -> None:
    @seqkit.register("head", "regression")
    class Sign(Regression):
        def predict(self, encoded, batch):
            return [{"sign": bool(value > 0)} for value in self.output(encoded.final)[:, 0]]

    run = train(tmp_path)
    assert len(run.predict(INPUTS)) == 2
    for weight in run._parts.torch_engine.model.encoder.parameters():
        weight.detach().fill_(NAN)  # as after an overflow
    with pytest.raises(DataError, match="the result is not finite"):
        run.predict(INPUTS)


@pytest.mark.usefixtures("isolated_registry")
def test_a_head_without_predictions_says_so(tmp_path: Path) -> None:
    @seqkit.register("head", "regression")
    class Silent(Regression):
        def predict(self, encoded, batch):
            return []

    run = train(tmp_path)
    with pytest.raises(UsageError, match=r": the head 'regression' makes no predictions: use evaluate$"):
        run.predict(INPUTS)
    recipe = classification_recipe(tmp_path) | {"head": {"type": "regression"}, "predict": ["好"]}
    for column in ("reviews.csv", "test.csv"):
        numbers = (tmp_path / column).read_text(encoding="utf-8").replace("pos", "1").replace("neg", "0")
        (tmp_path / column).write_text(numbers, encoding="utf-8")
    with pytest.raises(RecipeError, match="predict: the head 'regression' makes no predictions: remove this key"):
        seqkit.run(recipe, runs=tmp_path / "runs", quiet=True)


@pytest.mark.usefixtures("isolated_registry")
@pytest.mark.parametrize(("found", "count"), [(lambda rows: [{}] * (rows - 1), 5), (lambda rows: None, "NoneType")])
def test_a_wrong_number_of_predictions_is_an_error_of_the_head(tmp_path: Path, found: Any, count: Any) -> None:
    @seqkit.register("head", "regression")
    class Wrong(Regression):
        def predict(self, encoded, batch):
            return found(len(batch.lengths))

    with pytest.raises(PluginError, match=rf"Wrong: predict returns {count} predictions for 6 rows: return a list"):
        train(tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("isolated_registry")
def test_a_metric_that_is_not_a_number_is_left_out(tmp_path: Path) -> None:
    @seqkit.register("head", "regression")
    class Undefined(Regression):
        def metrics(self, loss, predictions, examples):  # the arguments before `count` and `tokenizer` were added
            return {"error": NAN, "nested": {"a": [NAN]}, "other": 1.0}

        def baseline(self, train, test, tokenizer):
            return {"name": "the mean", "error": INF}

    result = train(tmp_path).result
    assert set(result["metrics"]["train"]) == {"loss", "other"}
    assert "baseline" not in result
    json.dumps(result, allow_nan=False)


@pytest.mark.usefixtures("isolated_registry")
def test_an_infinite_metric_is_an_error(tmp_path: Path) -> None:
    @seqkit.register("head", "regression")
    class Overflowing(Regression):
        def metrics(self, loss, predictions, examples):
            return {"error": INF}

    with pytest.raises(NotFiniteError, match=r"^error is inf in evaluation: lower train\.optimizer\.lr"):
        train(tmp_path)
