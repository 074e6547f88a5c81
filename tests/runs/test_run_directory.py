"""Tests of run directories: their files, that they are self-contained, and the messages for corrupt files."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

import seqkit
from helpers.recipes import GENERATION_RECIPE
from helpers.runs import (
    HOSTILE_VALUES,
    RUN_FILES,
    data_error_line,
    load_and_evaluate,
    load_and_use,
    value_paths,
    with_value,
)
from seqkit.errors import DataError, SeqkitError, UsageError
from seqkit.inference.numpy_engine.engine import SUPPORTED
from seqkit.recipe.yaml_parser import parse
from seqkit.runs.directory import RunDirectory


def corrupted(run: Path, target: Path, file: str, content: bytes | None) -> Path:
    """Copy a run with one file replaced, or removed if the content is None."""
    shutil.copytree(run, target)
    (target / file).unlink()
    if content is not None:
        (target / file).write_bytes(content)
    return target


def edited(run: Path, target: Path, file: str, *path: Any, value: Any) -> Path:
    """Copy a run with one value of a JSON file replaced."""
    document = json.loads((run / file).read_text(encoding="utf-8"))
    return corrupted(run, target, file, json.dumps(with_value(document, path, value)).encode())


# Contents


def test_run_directory_is_self_contained(classification_run: Path, tmp_path: Path) -> None:
    assert {file.name for file in classification_run.iterdir()} == RUN_FILES
    predictions = seqkit.load(classification_run).predict(["好吃", "难"])
    moved = shutil.copytree(classification_run, tmp_path / "elsewhere" / "run")
    for name in RUN_FILES - {"plan.json", "tokenizer.json", "model.safetensors"}:
        shutil.rmtree(moved / name) if (moved / name).is_dir() else (moved / name).unlink()
    assert seqkit.load(moved).predict(["好吃", "难"]) == predictions


def test_plan_records_components_and_versions(generation_run: Path) -> None:
    plan = json.loads((generation_run / "plan.json").read_text(encoding="utf-8"))
    assert plan["format"] == 1
    assert set(plan["versions"]) == {"python", "torch", "numpy", "seqkit"}
    assert [component["name"] for component in plan["components"]] == [
        *("text", "char", "one_hot", "lstm", "next_char", "adam", "constant")
    ]
    assert plan["recipe"]["encoder"] == {
        "type": "lstm", "hidden_size": 6, "num_layers": 1, "bias": True, "dropout": 0.0, "proj_size": 0,
        "input_dropout": 0.0, "output_dropout": 0.0, "variational": False, "weight_dropout": 0.0,
        "activation_penalty": 0.0, "temporal_penalty": 0.0,
    }  # fmt: skip
    assert json.loads((generation_run / "recipe.given.yaml").read_text(encoding="utf-8")) == GENERATION_RECIPE
    assert parse((generation_run / "recipe.yaml").read_text(encoding="utf-8"), "recipe.yaml").data == plan["recipe"]


def test_run_directories_are_numbered_after_existing_ones(tmp_path: Path) -> None:
    runs = tmp_path / "deep" / "runs"
    made = [RunDirectory.create(runs, "a", {}).path.name for _ in range(2)]
    (runs / "a-7").write_text("a file also occupies a number")
    for name in ("a-b-9", "a-x", "ab-20", "a-"):
        (runs / name).mkdir()
    made += [RunDirectory.create(runs, name, {}).path.name for name in ("a", "a-b", "b")]
    assert made == ["a-1", "a-2", "a-8", "a-b-10", "b-1"]


@pytest.mark.parametrize("place", ["taken", "taken/below", "a\0b", "n" * 300], ids=["file", "below", "nul", "long"])
def test_unusable_runs_folder_is_reported_before_training(place: str, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(UsageError, match="cannot create a run directory: .*; choose another folder with --runs"):
        seqkit.run(GENERATION_RECIPE, runs=tmp_path / place, quiet=True)
    assert [file.name for file in tmp_path.iterdir()] == ["taken"]


# Invalid and incomplete run directories


@pytest.mark.parametrize("place", ["absent", ".", "file", "file/below", "a\0b", "n" * 300, "n" * 5000])
def test_paths_without_a_run_are_rejected(place: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("a file")
    with pytest.raises(UsageError, match="does not exist|not a run directory|cannot be opened") as caught:
        seqkit.load(tmp_path / place)
    assert caught.value.exit_code == 2
    assert len(caught.value.lines) == 1


REQUIRED_FILES = ["plan.json", "tokenizer.json", "model.safetensors"]
CONTENTS = {
    "missing": None,
    "empty": b"",
    "truncated": ...,
    "not JSON": b"hello",
    "a list": b"[]",
    "a number": b"7",
    "an empty object": b"{}",
    "binary": bytes(range(256)),
    "deep": b'{"recipe":' * 5000 + b"1" + b"}" * 5000,
    "huge number": b'{"format": ' + b"9" * 6000 + b"}",
}


@pytest.mark.parametrize("action", [load_and_use, load_and_evaluate])
@pytest.mark.parametrize("case", CONTENTS)
@pytest.mark.parametrize("file", REQUIRED_FILES)
def test_corrupt_files_are_named(
    file: str, case: str, action: Callable[[Path], Any], generation_run: Path, tmp_path: Path
) -> None:
    content: Any = CONTENTS[case]
    if content is ...:
        content = (generation_run / file).read_bytes()[:-20]
    path = corrupted(generation_run, tmp_path / "run", file, content)
    if (file, case) == ("plan.json", "missing"):
        with pytest.raises(UsageError, match="not a run directory, since it contains no plan.json: pass the last"):
            action(path)
        return
    line = data_error_line(path, action)
    assert line.startswith(f"{path / file}: ")
    assert ("is missing: the run is not complete" in line) == (case == "missing")


def test_an_unknown_number_type_of_weights_is_named_without_a_list(generation_run: Path, tmp_path: Path) -> None:
    content = (generation_run / "model.safetensors").read_bytes()
    path = corrupted(generation_run, tmp_path / "run", "model.safetensors", content.replace(b'"F32"', b'"F33"', 1))
    line = data_error_line(path, load_and_use)
    assert "corrupt: " in line
    assert "F33" in line
    assert "BF16" not in line


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
@pytest.mark.parametrize("file", REQUIRED_FILES)
def test_pipes_and_folders_in_place_of_files_are_rejected(file: str, generation_run: Path, tmp_path: Path) -> None:
    """Reading a pipe without a writer would block forever."""
    pipe = corrupted(generation_run, tmp_path / "pipe", file, None)
    os.mkfifo(pipe / file)
    folder = corrupted(generation_run, tmp_path / "folder", file, None)
    (folder / file).mkdir()
    for path in (pipe, folder):
        with pytest.raises(SeqkitError, match="not a regular file|not a run directory|cannot be read"):
            load_and_use(path)


def test_other_formats_are_rejected(generation_run: Path, tmp_path: Path) -> None:
    line = data_error_line(edited(generation_run, tmp_path / "run", "plan.json", "format", value=2))
    expected = "format 2 of a newer version; this version of seqkit reads format 1: pip install --upgrade seqkit"
    assert line.endswith(f"plan.json: {expected}")
    line = data_error_line(edited(generation_run, tmp_path / "other", "plan.json", "format", value="1"))
    assert line.endswith("plan.json: format '1'; this version of seqkit reads format 1")


def test_component_that_is_not_installed_is_named(generation_run: Path, tmp_path: Path) -> None:
    plan = json.loads((generation_run / "plan.json").read_text(encoding="utf-8"))
    plan["recipe"]["encoder"]["type"] = plan["components"][3]["name"] = "gru"
    plan["components"][3] |= {"distribution": "seqkit-gru", "version": "1.2"}
    path = corrupted(generation_run, tmp_path / "run", "plan.json", json.dumps(plan).encode())
    message = r"the encoder 'gru' of seqkit-gru is not installed: pip install 'seqkit-gru>=1\.2'"
    with pytest.raises(seqkit.PluginError, match=message):
        load_and_use(path)
    plan["components"] = []
    path = corrupted(generation_run, tmp_path / "unlisted", "plan.json", json.dumps(plan).encode())
    assert "plan.json: corrupt: encoder.type: unknown encoder 'gru'" in data_error_line(path)


PLAN_EDITS = {
    "no recipe": (("recipe",), None, "corrupt: it contains no recipe"),
    "no type": (("recipe", "encoder"), {"hidden_size": 6}, "corrupt: encoder.type: is required"),
    "list for a mapping": (("recipe", "encoder"), ["lstm"], "corrupt: encoder: must be a mapping"),
    "type is a list": (("recipe", "head", "type"), ["next_char"], "corrupt: head.type: must be the name of a head"),
    "no tokenizer": (("recipe", "tokenizer"), None, "corrupt: tokenizer: is required"),
    "other size": (("recipe", "encoder", "hidden_size"), 7, "model.safetensors: 'encoder.layers.cells.0.weight_ih_l0'"),
    "size is text": (("recipe", "encoder", "hidden_size"), "6", "hidden_size: must be a positive integer, not '6'"),
    "huge size": (("recipe", "encoder", "hidden_size"), 10**30, "has the shape (24, 21), not (4000000"),
    "huge depth": (("recipe", "encoder", "num_layers"), 10**30, "'encoder.layers.cells.1.weight_ih_l0' is missing"),
    "negative depth": (("recipe", "encoder", "num_layers"), -1, "num_layers: must be a positive integer, not -1"),
    "no bias": (("recipe", "encoder", "bias"), False, "bias_hh_l0' is not part of the model"),
    "projected": (("recipe", "encoder", "proj_size"), 3, "weight_hh_l0' has the shape (24, 6), not (24, 3)"),
    "other encoder": (("recipe", "encoder", "type"), "bilstm", "'encoder.layers.cells.1.weight_ih_l0' is missing"),
    "empty stack": (("recipe", "encoder"), {"type": "stacked", "layers": []}, "layers: must be a list of"),
    "deeply nested": (("recipe", "data"), json.loads("[" * 400 + "]" * 400), "nested more than 100 levels deep"),
    "lone surrogate": (("recipe", "name"), "\ud800", "surrogates not allowed"),
    "numeric prompt": (("recipe", "generate", "prompt"), 5, "generate.prompt must be a non-empty string, not 5"),
    "length is text": (("recipe", "generate", "length"), "x", "corrupt: generate.length must be a positive integer"),
    "generate is a list": (("recipe", "generate"), [1], "corrupt: generate is not a mapping"),
    "seed is a mapping": (("recipe", "seed"), {}, "corrupt: seed must be a non-negative integer, not {}"),
    "components is a number": (("components",), 5, "corrupt: 'components' is not a list of components"),
}  # fmt: skip


@pytest.mark.parametrize(("path", "value", "message"), PLAN_EDITS.values(), ids=PLAN_EDITS)
def test_invalid_plan_is_reported(
    path: tuple[str, ...], value: Any, message: str, generation_run: Path, tmp_path: Path
):
    run = edited(generation_run, tmp_path / "run", "plan.json", *path, value=value)

    def generate(run: Path) -> str:
        given = {} if path[-1] in ("prompt", "length", "generate", "seed") else {"prompt": "In", "length": 2}
        return seqkit.load(run).generate(**given)

    assert message in data_error_line(run, generate)


TOKENIZER_EDITS = {
    "no symbols": (("tokenizer",), {}, "corrupt: the tokenizer cannot read its state: "),
    "symbol is a number": (("tokenizer", "symbols", 0), 5, "has no list of symbols"),
    "duplicate symbol": (("tokenizer", "symbols", 0), "a", "has a duplicate symbol"),
    "symbol of two characters": (("tokenizer", "symbols", 0), "\n\n", "has an invalid symbol"),
    "unsorted symbols": (("tokenizer", "symbols", 0), "~", "are not sorted"),
    "too few symbols": (("tokenizer", "symbols"), ["I", "n"], "vocab_size is not 2"),
    "lone surrogate": (("tokenizer", "symbols", 0), "\udc00", "surrogates not allowed"),
    "other vocabulary": (("head", "vocab_size"), 10**12, "vocab_size is not 21"),
    "no head": (("head",), None, "corrupt: 'head' is not a mapping"),
    "features is text": (("features",), "wide", "corrupt: 'features' must be a positive integer"),
    "features is a boolean": (("features",), True, "corrupt: 'features' must be a positive integer, not true"),
}


@pytest.mark.parametrize("action", [load_and_use, load_and_evaluate])
@pytest.mark.parametrize(("path", "value", "message"), TOKENIZER_EDITS.values(), ids=TOKENIZER_EDITS)
def test_invalid_tokenizer_is_reported(path, value, message: str, action, generation_run: Path, tmp_path: Path) -> None:
    line = data_error_line(edited(generation_run, tmp_path / "run", "tokenizer.json", *path, value=value), action)
    assert "tokenizer.json: " in line
    assert message in line


@pytest.mark.parametrize(
    "value", [None, 7, [], "ab", ["neg"], ["neg", "neg"], ["neg", ""], ["neg", []], ["a", "b", "c"]]
)
@pytest.mark.parametrize("action", [load_and_use, load_and_evaluate])
def test_invalid_labels_are_reported(value: Any, action, classification_run: Path, tmp_path: Path) -> None:
    line = data_error_line(
        edited(classification_run, tmp_path / "run", "tokenizer.json", "head", "labels", value=value), action
    )
    expected = ("the head's labels are not a list of distinct strings", "'head.output.weight' has the shape")
    assert any(part in line for part in expected)


def rename_head(weights: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name.replace("head.", "tail."): tensor for name, tensor in weights.items()}


WEIGHT_EDITS = {
    "other names": (rename_head, "'head.output.weight' is missing"),
    "extra tensor": (lambda weights: weights | {"more": np.zeros(3, np.float32)}, "'more' is not part of the model"),
    "transposed": (
        lambda weights: weights | {"head.output.weight": weights["head.output.weight"].T.copy()},
        "'head.output.weight' has the shape (6, 21), not (21, 6)",
    ),
    "integers": (
        lambda weights: weights | {"head.output.bias": np.zeros(21, np.int64)},
        "'head.output.bias' has the type int64, not a floating-point type",
    ),
    "not finite": (
        lambda weights: weights | {"head.output.bias": np.full(21, np.nan, np.float32)},
        "'head.output.bias' contains a number that is not finite",
    ),
    "too large": (
        lambda weights: weights | {"head.output.bias": np.full(21, 1e300)},
        "'head.output.bias' contains a number that is not finite",
    ),
    "no tensors": (lambda weights: {}, "is missing: the file does not contain the weights of this recipe"),
}


@pytest.mark.parametrize("action", [load_and_use, load_and_evaluate])
@pytest.mark.parametrize(("edit", "message"), WEIGHT_EDITS.values(), ids=WEIGHT_EDITS)
def test_weights_of_another_model_are_rejected(
    edit, message: str, action, generation_run: Path, tmp_path: Path
) -> None:
    path = shutil.copytree(generation_run, tmp_path / "run")
    save_file(edit(load_file(path / "model.safetensors")), path / "model.safetensors")
    line = data_error_line(path, action)
    assert line.startswith(f"{path / 'model.safetensors'}: ")
    assert message in line


ENCODERS: dict[str, dict[str, Any]] = {
    "lstm": {"num_layers": 3, "hidden_size": 5, "proj_size": 2},
    "bilstm": {"num_layers": 2, "hidden_size": 4, "proj_size": 3, "bias": False},
    "stacked": {
        "layers": [
            {"type": "bilstm", "hidden_size": 3},
            {"type": "stacked", "layers": [{"type": "lstm", "hidden_size": 4, "num_layers": 2}]},
        ]
    },
    "projected": {"encoder": {"type": "bilstm", "hidden_size": 4}, "proj_size": 3, "bias": False},
}


@pytest.mark.parametrize("encoder", sorted(SUPPORTED["encoder"]))
def test_valid_weights_of_built_in_encoders_are_accepted(encoder: str, tmp_path: Path) -> None:
    recipe = {key: value for key, value in GENERATION_RECIPE.items() if key != "generate"}
    recipe |= {"encoder": {"type": encoder} | ENCODERS[encoder], "embedding": {"type": "learned", "dim": 3}}
    run = seqkit.run(recipe, runs=tmp_path, quiet=True, train__epochs=1, head__objective="prefix", head__context=3)
    assert len(seqkit.load(run.path).generate("In", length=3)) == 3


def test_corrupt_metrics_and_result_are_named(generation_run: Path, tmp_path: Path) -> None:
    assert [row["epoch"] for row in seqkit.load(generation_run).metrics] == [1, 2]
    truncated = (generation_run / "metrics.jsonl").read_bytes()[:-9]
    contents = {
        truncated: "metrics.jsonl:2: corrupt",
        b"\xff": "metrics.jsonl:1: corrupt: not UTF-8",
        None: "is missing",
        b"NaN\n": "metrics.jsonl:1: corrupt: NaN is not JSON",
        b'{"epoch": 1}\n{"loss": 1e999}\n': "metrics.jsonl:2: corrupt: '1e999' is too large",
        b'{"epoch": 1, "epoch": 2}\n': "metrics.jsonl:1: corrupt: the key 'epoch' occurs twice",
        b'{"epoch": 1}\n\n5\n': "metrics.jsonl:3: corrupt: not a JSON object",
        b'"\\ud800"\n': "metrics.jsonl:1: corrupt: 'utf-8' codec can't encode",
    }
    for number, (content, message) in enumerate(contents.items()):
        path = corrupted(generation_run, tmp_path / str(number), "metrics.jsonl", content)
        assert message in data_error_line(path, lambda run: seqkit.load(run).metrics)
    path = corrupted(generation_run, tmp_path / "no result", "result.json", None)
    assert "result.json: is missing: the run is not complete" in data_error_line(
        path, lambda run: seqkit.load(run).result
    )
    with pytest.warns(UserWarning, match="is not finished"):
        assert len(load_and_use(path)) == 2


# Arbitrary values


@pytest.mark.parametrize("file", ["plan.json", "tokenizer.json"])
@pytest.mark.parametrize("kind", ["generation_run", "classification_run"])
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_no_run_directory_value_causes_a_traceback(
    data: st.DataObject, kind: str, file: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> None:
    intact_run: Path = request.getfixturevalue(kind)
    document = json.loads((intact_run / file).read_text(encoding="utf-8"))
    path = data.draw(st.sampled_from(list(value_paths(document))))
    mutated = json.dumps(with_value(document, path, data.draw(HOSTILE_VALUES)))
    run = tmp_path_factory.getbasetemp() / f"hostile-{kind}"
    if not run.exists():
        shutil.copytree(intact_run, run)
    for name in ("plan.json", "tokenizer.json"):
        (run / name).write_text(
            mutated if name == file else (intact_run / name).read_text(encoding="utf-8"), encoding="utf-8"
        )
    try:
        loaded = seqkit.load(run)
        if kind == "generation_run":
            assert isinstance(loaded.generate(length=2), str)
        else:
            (prediction,) = loaded.predict(["很好"])
            assert sum(prediction["probabilities"].values()) == pytest.approx(1)
    except SeqkitError as error:
        assert error.exit_code in (2, 3, 4)
        (line,) = error.lines
        assert len(line) < 600


# Malformed checkpoints


@pytest.mark.parametrize(
    "state", [{"format": 1}, {"format": 1, "progress": [1]}, {"format": 1, "progress": {"x": 1}}, {}]
)
def test_invalid_state_with_matching_manifest_is_rejected(state: Any, generation_run: Path, tmp_path: Path) -> None:
    path = shutil.copytree(generation_run, tmp_path / "run")
    (checkpoint,) = (path / "checkpoints").iterdir()
    content = json.dumps(state).encode()
    (checkpoint / "state.json").write_bytes(content)
    manifest = json.loads((checkpoint / "manifest.json").read_text())
    manifest["state.json"] = hashlib.sha256(content).hexdigest()
    (checkpoint / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(DataError, match="no checkpoint is intact: start a new run"):
        seqkit.run(GENERATION_RECIPE, resume=path, quiet=True)
