"""The longest input that a component takes: longer ones are cut or rejected, in training and in prediction alike."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import seqkit
from helpers.recipes import CHARACTER_RECIPE
from helpers.training import interrupted_run, reproducible_contents
from seqkit.contracts import Encoded, Encoder, InputLimit, PositiveInt
from seqkit.data.limits import LengthLimit, smallest_limit
from seqkit.errors import DataError, RecipeError, SeqkitError
from seqkit.runs.files import to_json

pytestmark = pytest.mark.usefixtures("isolated_registry")


class Positions(nn.Module, Encoder):
    """Adds a learned vector of each position."""

    causal = True

    def __init__(self, input_size: int, *, positions: PositiveInt = 8, cut: bool = False) -> None:
        super().__init__()
        self.positions = nn.Embedding(positions, input_size)
        self.output_size = self.final_size = input_size
        self.input_limit = InputLimit(positions, cut)

    def forward(self, inputs: Any, lengths: torch.Tensor, state: Any = None) -> Encoded:
        outputs = inputs + self.positions(torch.arange(inputs.shape[1]))
        return Encoded(outputs, outputs[torch.arange(len(lengths)), lengths - 1])


TEXTS = "text,label\nabcd,x\nbc,y\nabcdabcda,x\ndd,y\n"


def recipe(folder: Path, head: Any = "classify", **encoder: Any) -> dict[str, Any]:
    (folder / "texts.csv").write_text(TEXTS)
    return {
        "name": "limits",
        "data": {"type": "table", "path": str(folder / "texts.csv")},
        "encoder": {"type": "positions"} | encoder if encoder else {"type": "lstm", "hidden_size": 4},
        "head": head,
        "train": {"epochs": 2, "batch_size": 2, "threads": 1},
        "baseline": "off",
    }


def probabilities(run: seqkit.Run, text: str) -> Any:
    return run.predict([text])[0]["probabilities"]


@pytest.mark.parametrize("wrapper", ["", "stacked", "projected"])
def test_longer_text_is_rejected_with_its_place_and_both_lengths(wrapper: str, tmp_path: Path) -> None:
    seqkit.register("encoder", "positions")(Positions)
    given = recipe(tmp_path, positions=8)
    if wrapper == "stacked":
        given["encoder"] = {"type": "stacked", "layers": [{"type": "lstm", "hidden_size": 4}, given["encoder"]]}
    elif wrapper == "projected":
        given["encoder"] = {"type": "projected", "encoder": given["encoder"], "proj_size": 3}
    with pytest.raises(DataError) as caught:
        seqkit.run(given, runs=tmp_path / "runs", quiet=True)
    reason = "the input has 9 time steps, but the encoder takes at most 8: shorten or divide it"
    assert caught.value.lines == [f"{tmp_path / 'texts.csv'}:4: {reason}"]
    assert not (tmp_path / "runs").exists() or not any((tmp_path / "runs").iterdir())


def test_run_rejects_longer_texts_as_its_training_did(tmp_path: Path) -> None:
    seqkit.register("encoder", "positions")(Positions)
    run = seqkit.run(recipe(tmp_path, positions=9), runs=tmp_path, quiet=True)
    reason = "the input has 10 time steps, but the encoder takes at most 9: shorten or divide it"
    run.predict(["abcdabcda"])
    for use in (lambda: run.predict(["a", "abcdabcdab"]), lambda: run.evaluate([("a", "x"), ("abcdabcdab", "y")])):
        with pytest.raises(DataError, match=f"2: {reason}"):
            use()


def test_text_is_cut_in_training_and_prediction_if_the_component_says_so(tmp_path: Path) -> None:
    seqkit.register("encoder", "positions")(Positions)
    run = seqkit.run(recipe(tmp_path, positions=3, cut=True), runs=tmp_path / "one", quiet=True)
    assert probabilities(run, "abcdabcda") == probabilities(run, "abc")
    assert run.evaluate([("abcdabcda", "x")]) == run.evaluate([("abc", "x")])
    given = recipe(tmp_path, positions=3, cut=True)
    (tmp_path / "texts.csv").write_text(TEXTS.replace("abcdabcda", "abc").replace("abcd,x", "abc,x"))
    given["tokenizer"] = {"type": "char", "max_length": 3}
    other = seqkit.run(given, runs=tmp_path / "other", quiet=True)
    assert (
        json.loads((run.path / "plan.json").read_text())["data_sha256"]
        == json.loads((other.path / "plan.json").read_text())["data_sha256"]
    )


def test_windows_must_not_be_longer_than_the_encoder_takes(tmp_path: Path) -> None:
    seqkit.register("encoder", "positions")(Positions)
    given = CHARACTER_RECIPE | {"encoder": {"type": "positions", "positions": 8, "cut": True}}
    with pytest.raises(
        RecipeError, match=r"train\.sequence_length: must be at most 8, the longest input of the encoder"
    ):
        seqkit.run(given, runs=tmp_path, quiet=True, train__sequence_length=9)
    with pytest.raises(DataError, match="takes at most 8, and the head needs all of it, so it is not cut"):
        seqkit.run(given, runs=tmp_path, quiet=True)
    run = seqkit.run(given, runs=tmp_path, quiet=True, train__sequence_length=8)
    assert len(run.generate("In Beijing Sarah", length=20)) > 16  # reads the last eight tokens for each new one


def test_head_cuts_or_rejects_with_torch_and_with_numpy(tmp_path: Path) -> None:
    head = {"type": "classify", "max_length": 3}
    run = seqkit.run(recipe(tmp_path, head), runs=tmp_path, quiet=True)
    assert probabilities(run, "abcdabcda") == probabilities(run, "abc") != probabilities(run, "ab")
    engines = [run._parts.engine, run._parts.torch_engine]
    ids = np.array([1, 2, 3, 0, 1])
    assert type(engines[0]) is not type(engines[1])
    assert [engine.prediction_input(ids).tolist() for engine in engines] == [[1, 2, 3], [1, 2, 3]]
    assert run.evaluate([("abcdabcda", "x")])["loss"] == pytest.approx(run.evaluate([("abc", "x")])["loss"])
    with pytest.raises(DataError, match=r"texts\.csv:2: the input has 4 time steps, but the head takes at most 3"):
        seqkit.run(recipe(tmp_path, head | {"too_long": "error"}), runs=tmp_path, quiet=True)


def test_numpy_engine_rejects_what_torch_rejects(tmp_path: Path) -> None:
    head = {"type": "classify", "max_length": 9, "too_long": "error"}
    run = seqkit.run(recipe(tmp_path, head), runs=tmp_path, quiet=True)
    for engine in (run._parts.engine, run._parts.torch_engine):
        with pytest.raises(DataError, match="the input has 10 time steps, but the head takes at most 9"):
            engine.prediction_input(np.zeros(10, dtype=np.int64))
    plan = json.loads((run.path / "plan.json").read_text())
    plan["recipe"]["head"]["max_length"] = -1
    (run.path / "plan.json").write_text(to_json(plan))
    with pytest.raises(SeqkitError, match="max_length"):
        seqkit.load(run.path).predict(["ab"])


def test_run_of_an_earlier_version_has_no_limit(tmp_path: Path) -> None:
    run = seqkit.run(recipe(tmp_path), runs=tmp_path, quiet=True)
    expected = run.predict(["abcdabcda"])
    plan = json.loads((run.path / "plan.json").read_text())
    for key in ("max_length", "too_long", "crop", "noise"):
        del plan["recipe"]["head"][key]
    for key in ("metrics", "shift_windows"):
        del plan["recipe"]["train"][key]
    (run.path / "plan.json").write_text(to_json(plan))
    assert seqkit.load(run.path).predict(["abcdabcda"]) == expected


def test_resumed_run_cuts_as_before(tmp_path: Path) -> None:
    given = recipe(tmp_path, {"type": "classify", "max_length": 4, "crop": 3})
    complete = seqkit.run(given, runs=tmp_path / "complete", quiet=True)
    path = interrupted_run(given, tmp_path / "stopped", 2)
    assert reproducible_contents(seqkit.resume(path, quiet=True)) == reproducible_contents(complete)


def test_smallest_limit_decides() -> None:
    limits = {"head": InputLimit(9), "encoder": InputLimit(5, cut=True), "embedding": InputLimit(5)}
    assert smallest_limit(limits, accepts_cut=True) == LengthLimit(5, "embedding", cut=False, accepts_cut=True)
    assert smallest_limit({"head": None}, accepts_cut=True) is None
