"""A run directory: what it holds, that it stands on its own, and what is said of one that is damaged."""

from __future__ import annotations

import copy
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

import seqkit
from seqkit.errors import DataError, SeqkitError, UsageError
from seqkit.infer.numpy_engine import OWN
from seqkit.rundir import RunDirectory

WRITES: dict[str, Any] = {
    "name": "writes",
    "seed": 1,
    "data": {"type": "text", "text": "In Beijing Sarah bought a basket of apples"},
    "encoder": {"type": "lstm", "hidden_size": 6},
    "head": {"type": "next_char"},
    "train": {"epochs": 2, "threads": 1, "optimizer": {"type": "adam", "lr": 0.05}},
    "generate": {"prompt": "In Be", "length": 8},
    "baseline": "off",
}
LABELS: dict[str, Any] = {
    "name": "labels",
    "data": {"type": "table", "path": "reviews.csv", "test": {"path": "test.csv"}},
    "encoder": {"type": "bilstm", "hidden_size": 4},
    "head": {"type": "sentiment"},
    "train": {"epochs": 3, "threads": 1},
    "predict": ["很好吃"],
    "baseline": "off",
}
REVIEWS = "text,label\n好吃,pos\n难吃,neg\n很好,pos\n很难,neg\n"
TEST = "text,label\n好好,pos\n难难,neg\n好难,neg\n"

WHOLE = {
    "recipe.yaml",
    "plan.json",
    "tokenizer.json",
    "model.safetensors",
    "metrics.jsonl",
    "checkpoints",
    "result.json",
}


def labels_recipe(folder: Path) -> dict[str, Any]:
    """Writes the data of LABELS into a folder, and returns the recipe that reads it."""
    (folder / "reviews.csv").write_text(REVIEWS, encoding="utf-8")
    (folder / "test.csv").write_text(TEST, encoding="utf-8")
    recipe = copy.deepcopy(LABELS)
    recipe["data"]["path"] = str(folder / "reviews.csv")
    recipe["data"]["test"]["path"] = str(folder / "test.csv")
    return recipe


@pytest.fixture(scope="module")
def writes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that writes."""
    return seqkit.run(WRITES, runs=tmp_path_factory.mktemp("writes"), quiet=True).path


@pytest.fixture(scope="module")
def labels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that labels; its data stands in `reviews.csv` and `test.csv` beside it."""
    folder = tmp_path_factory.mktemp("labels")
    return seqkit.run(labels_recipe(folder), runs=folder, quiet=True).path


def use(path: Path) -> Any:
    """Loads a run and has it answer."""
    run = seqkit.load(path)
    return run.generate(length=2) if (run.recipe.get("head") or {}).get("type") == "next_char" else run.predict(["好"])


def score(path: Path) -> Any:
    """Loads a run and has it evaluate, which goes through torch."""
    run = seqkit.load(path)
    return run.evaluate([("In", None)] if run.recipe["head"]["type"] == "next_char" else [("好", "pos")])


def complaint(path: Path, action: Callable[[Path], Any] = use) -> str:
    """Returns the one line that is said of a damaged run."""
    with pytest.raises(DataError) as caught:
        action(path)
    (line,) = caught.value.lines
    assert len(line.replace(str(path), "")) < 250
    return line


def damaged(run: Path, target: Path, file: str, content: bytes | None) -> Path:
    """Copies a run, with one file replaced or, for None, taken out."""
    shutil.copytree(run, target)
    (target / file).unlink()
    if content is not None:
        (target / file).write_bytes(content)
    return target


def edited(run: Path, target: Path, file: str, *path: Any, value: Any) -> Path:
    """Copies a run, with one value of a JSON file replaced."""
    document = json.loads((run / file).read_text(encoding="utf-8"))
    return damaged(run, target, file, json.dumps(_replaced(document, path, value)).encode())


# What it holds


def test_a_run_is_whole_and_stands_on_its_own(labels: Path, tmp_path: Path) -> None:
    assert {file.name for file in labels.iterdir()} == WHOLE
    answers = seqkit.load(labels).predict(["好吃", "难"])
    moved = shutil.copytree(labels, tmp_path / "elsewhere" / "kept")
    for name in WHOLE - {"plan.json", "tokenizer.json", "model.safetensors"}:
        shutil.rmtree(moved / name) if (moved / name).is_dir() else (moved / name).unlink()
    assert seqkit.load(moved).predict(["好吃", "难"]) == answers


def test_the_plan_says_what_made_the_run(writes: Path) -> None:
    plan = json.loads((writes / "plan.json").read_text(encoding="utf-8"))
    assert plan["format"] == 1
    assert set(plan["versions"]) == {"python", "torch", "numpy", "seqkit"}
    assert [component["name"] for component in plan["components"]] == ["text", "char", "one_hot", "lstm", "next_char"]
    assert plan["recipe"]["encoder"] == {
        "type": "lstm", "hidden_size": 6, "num_layers": 1, "bias": True, "dropout": 0.0, "proj_size": 0,
    }  # fmt: skip
    assert json.loads((writes / "recipe.yaml").read_text(encoding="utf-8")) == WRITES


def test_directories_are_numbered_past_what_is_there(tmp_path: Path) -> None:
    runs = tmp_path / "deep" / "runs"
    made = [RunDirectory.create(runs, "a", {}).path.name for _ in range(2)]
    (runs / "a-7").write_text("a file takes a number too")
    for name in ("a-b-9", "a-x", "ab-20", "a-"):
        (runs / name).mkdir()
    made += [RunDirectory.create(runs, name, {}).path.name for name in ("a", "a-b", "b")]
    assert made == ["a-1", "a-2", "a-8", "a-b-10", "b-1"]


@pytest.mark.parametrize("place", ["taken", "taken/below", "a\0b", "n" * 300], ids=["file", "below", "nul", "long"])
def test_a_folder_that_cannot_be_made_is_told_before_training(place: str, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(UsageError, match="cannot make a run directory there: .*; give another with --runs"):
        seqkit.run(WRITES, runs=tmp_path / place, quiet=True)
    assert [file.name for file in tmp_path.iterdir()] == ["taken"]


# One that is not one, or not whole


@pytest.mark.parametrize("place", ["absent", ".", "file", "file/below", "a\0b", "n" * 300, "n" * 5000])
def test_what_is_no_run_directory_is_refused(place: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("a file")
    with pytest.raises(UsageError, match="no such run directory|not a run directory|cannot be opened") as caught:
        seqkit.load(tmp_path / place)
    assert caught.value.exit_code == 2
    assert len(caught.value.lines) == 1


NEEDED = ["plan.json", "tokenizer.json", "model.safetensors"]
CONTENTS = {
    "missing": None,
    "empty": b"",
    "truncated": ...,
    "not JSON": b"hello",
    "a list": b"[]",
    "a number": b"7",
    "nothing in it": b"{}",
    "binary": bytes(range(256)),
    "deep": b'{"recipe":' * 5000 + b"1" + b"}" * 5000,
    "huge number": b'{"format": ' + b"9" * 6000 + b"}",
}


@pytest.mark.parametrize("action", [use, score])
@pytest.mark.parametrize("what", CONTENTS)
@pytest.mark.parametrize("file", NEEDED)
def test_a_damaged_file_is_named(
    file: str, what: str, action: Callable[[Path], Any], writes: Path, tmp_path: Path
) -> None:
    content: Any = CONTENTS[what]
    if content is ...:
        content = (writes / file).read_bytes()[:-20]
    path = damaged(writes, tmp_path / "run", file, content)
    if (file, what) == ("plan.json", "missing"):
        with pytest.raises(UsageError, match="not a run directory: it holds no plan.json; give what `seqkit run`"):
            action(path)
        return
    line = complaint(path, action)
    assert line.startswith(f"{path / file}: ")
    assert ("is missing: the run is not complete" in line) == (what == "missing")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
@pytest.mark.parametrize("file", NEEDED)
def test_a_pipe_or_a_folder_in_place_of_a_file(file: str, writes: Path, tmp_path: Path) -> None:
    """A pipe that nobody writes to would be waited for without end."""
    pipe = damaged(writes, tmp_path / "pipe", file, None)
    os.mkfifo(pipe / file)
    folder = damaged(writes, tmp_path / "folder", file, None)
    (folder / file).mkdir()
    for path in (pipe, folder):
        with pytest.raises(SeqkitError, match="not a file|not a run directory|cannot be read"):
            use(path)


def test_another_format_is_refused(writes: Path, tmp_path: Path) -> None:
    line = complaint(edited(writes, tmp_path / "run", "plan.json", "format", value=2))
    told = "plan.json: format 2; this version of seqkit reads format 1: a newer one made it: `pip install --upgrade"
    assert line.endswith(f"{told} seqkit`")
    line = complaint(edited(writes, tmp_path / "other", "plan.json", "format", value="1"))
    assert line.endswith('plan.json: format "1"; this version of seqkit reads format 1')


def test_a_component_that_is_not_installed_is_named(writes: Path, tmp_path: Path) -> None:
    plan = json.loads((writes / "plan.json").read_text(encoding="utf-8"))
    plan["recipe"]["encoder"]["type"] = plan["components"][3]["name"] = "gru"
    plan["components"][3] |= {"distribution": "seqkit-gru", "version": "1.2"}
    path = damaged(writes, tmp_path / "run", "plan.json", json.dumps(plan).encode())
    with pytest.raises(seqkit.PluginError, match=r"the encoder 'gru' is not here: install seqkit-gru 1\.2"):
        use(path)
    plan["components"] = []
    path = damaged(writes, tmp_path / "unlisted", "plan.json", json.dumps(plan).encode())
    assert "plan.json: damaged: encoder.type: no encoder is called 'gru'" in complaint(path)


PLAN_EDITS = {
    "no recipe": (("recipe",), None, "damaged: holds no recipe"),
    "no type": (("recipe", "encoder"), {"hidden_size": 6}, "damaged: encoder.type: is required"),
    "list for a map": (("recipe", "encoder"), ["lstm"], "damaged: encoder: must be a mapping"),
    "type no word": (("recipe", "head", "type"), ["next_char"], "damaged: head.type: must be the name of a head"),
    "no tokenizer": (("recipe", "tokenizer"), None, "damaged: tokenizer: is required"),
    "other size": (("recipe", "encoder", "hidden_size"), 7, "model.safetensors: 'encoder.layers.cells.0.weight_ih_l0'"),
    "size no number": (("recipe", "encoder", "hidden_size"), "6", 'hidden_size must be a whole number of at least'),
    "huge size": (("recipe", "encoder", "hidden_size"), 10**30, "has the shape (24, 21), not (4000000"),
    "huge depth": (("recipe", "encoder", "num_layers"), 10**30, "'encoder.layers.cells.1.weight_ih_l0' is missing"),
    "negative depth": (("recipe", "encoder", "num_layers"), -1, "num_layers must be a whole number of at least 1"),
    "no bias": (("recipe", "encoder", "bias"), False, "bias_hh_l0\" is not part of the model"),
    "projected": (("recipe", "encoder", "proj_size"), 3, "weight_hh_l0' has the shape (24, 6), not (24, 3)"),
    "other encoder": (("recipe", "encoder", "type"), "bilstm", "'encoder.layers.cells.1.weight_ih_l0' is missing"),
    "stack of nothing": (("recipe", "encoder"), {"type": "stacked", "layers": []}, "layers must be a list of"),
    "nested deep": (("recipe", "data"), json.loads("[" * 400 + "]" * 400), "nested more than 100 deep"),
    "half a character": (("recipe", "name"), "\ud800", "surrogates not allowed"),
    "prompt no text": (("recipe", "generate", "prompt"), 5, "damaged: prompt must be text, not 5"),
    "length in words": (("recipe", "generate", "length"), "x", "damaged: length must be a whole number of at least 1"),
    "generate no map": (("recipe", "generate"), [1], "damaged: generate is not a mapping"),
    "seed no number": (("recipe", "seed"), {}, "damaged: seed must be a whole number of at least 0, not {}"),
    "components no list": (("components",), 5, "damaged: 'components' does not list components"),
}  # fmt: skip


@pytest.mark.parametrize(("path", "value", "says"), PLAN_EDITS.values(), ids=PLAN_EDITS)
def test_a_plan_that_was_tampered_with(path: tuple[str, ...], value: Any, says: str, writes: Path, tmp_path: Path):
    run = edited(writes, tmp_path / "run", "plan.json", *path, value=value)

    def generate(run: Path) -> str:
        given = {} if path[-1] in ("prompt", "length", "generate", "seed") else {"prompt": "In", "length": 2}
        return seqkit.load(run).generate(**given)

    assert says in complaint(run, generate)


TOKENIZER_EDITS = {
    "no symbols": (("tokenizer",), {}, "damaged: the tokenizer cannot read its state: "),
    "symbols no texts": (("tokenizer", "symbols", 0), 5, "holds no list of symbols"),
    "a symbol twice": (("tokenizer", "symbols", 0), "a", "holds a symbol twice"),
    "fewer symbols": (("tokenizer", "symbols"), ["I", "n"], "vocab_size is not 2"),
    "half a character": (("tokenizer", "symbols", 0), "\udc00", "surrogates not allowed"),
    "other vocabulary": (("head", "vocab_size"), 10**12, "vocab_size is not 21"),
    "no head": (("head",), None, "damaged: 'head' is not a mapping"),
    "features": (("features",), "wide", "damaged: 'features' is not a width"),
}


@pytest.mark.parametrize("action", [use, score])
@pytest.mark.parametrize(("path", "value", "says"), TOKENIZER_EDITS.values(), ids=TOKENIZER_EDITS)
def test_a_tokenizer_that_was_tampered_with(path, value, says: str, action, writes: Path, tmp_path: Path) -> None:
    line = complaint(edited(writes, tmp_path / "run", "tokenizer.json", *path, value=value), action)
    assert "tokenizer.json: " in line
    assert says in line


@pytest.mark.parametrize(
    "value", [None, 7, [], "ab", ["neg"], ["neg", "neg"], ["neg", ""], ["neg", []], ["a", "b", "c"]]
)
@pytest.mark.parametrize("action", [use, score])
def test_labels_that_were_tampered_with(value: Any, action, labels: Path, tmp_path: Path) -> None:
    line = complaint(edited(labels, tmp_path / "run", "tokenizer.json", "head", "labels", value=value), action)
    assert "the head's labels are not a list of words" in line or "'head.output.weight' has the shape" in line


def _renamed(weights: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name.replace("head.", "tail."): tensor for name, tensor in weights.items()}


WEIGHT_EDITS = {
    "other names": (_renamed, "'head.output.weight' is missing"),
    "one more": (lambda weights: weights | {"more": np.zeros(3, np.float32)}, '"more" is not part of the model'),
    "transposed": (
        lambda weights: weights | {"head.output.weight": weights["head.output.weight"].T.copy()},
        "'head.output.weight' has the shape (6, 21), not (21, 6)",
    ),
    "whole numbers": (
        lambda weights: weights | {"head.output.bias": np.zeros(21, np.int64)},
        "'head.output.bias' holds int64, not floating-point numbers",
    ),
    "not finite": (
        lambda weights: weights | {"head.output.bias": np.full(21, np.nan, np.float32)},
        "'head.output.bias' holds a number that is not finite",
    ),
    "too large": (
        lambda weights: weights | {"head.output.bias": np.full(21, 1e300)},
        "'head.output.bias' holds a number that is not finite",
    ),
    "none": (lambda weights: {}, "is missing: these are not the weights of this recipe"),
}


@pytest.mark.parametrize("action", [use, score])
@pytest.mark.parametrize(("edit", "says"), WEIGHT_EDITS.values(), ids=WEIGHT_EDITS)
def test_weights_that_are_not_the_recipes(edit, says: str, action, writes: Path, tmp_path: Path) -> None:
    path = shutil.copytree(writes, tmp_path / "run")
    save_file(edit(load_file(path / "model.safetensors")), path / "model.safetensors")
    line = complaint(path, action)
    assert line.startswith(f"{path / 'model.safetensors'}: ")
    assert says in line


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


@pytest.mark.parametrize("encoder", sorted(OWN["encoder"]))
def test_sound_weights_of_every_own_encoder_pass_the_check(encoder: str, tmp_path: Path) -> None:
    recipe = {key: value for key, value in WRITES.items() if key != "generate"}
    recipe |= {"encoder": {"type": encoder} | ENCODERS[encoder], "embedding": {"type": "learned", "dim": 3}}
    run = seqkit.run(recipe, runs=tmp_path, quiet=True, train__epochs=1, head__objective="prefix", head__context=3)
    assert len(seqkit.load(run.path).generate("In", length=3)) == 3


def test_metrics_and_result_that_are_damaged(writes: Path, tmp_path: Path) -> None:
    assert [row["epoch"] for row in seqkit.load(writes).metrics] == [1, 2]
    half = (writes / "metrics.jsonl").read_bytes()[:-9]
    for content, says in ((half, "metrics.jsonl:2: damaged"), (b"\xff", "not UTF-8"), (None, "is missing")):
        path = damaged(writes, tmp_path / says.replace(":", ""), "metrics.jsonl", content)
        assert says in complaint(path, lambda run: seqkit.load(run).metrics)
    path = damaged(writes, tmp_path / "no result", "result.json", None)
    assert "result.json: is missing: the run is not complete" in complaint(path, lambda run: seqkit.load(run).result)
    assert len(use(path)) == 2


# Anything at all in place of any value

_ABSENT = object()
HOSTILE = st.one_of(
    st.sampled_from(
        [_ABSENT, None, True, -1, 0, 10**9, 10**30, 1e308, "", "x", "lstm", "../../etc/passwd", "\0", "\ud800"]
    ),
    st.sampled_from(
        [[], {}, [None], [[]], {"type": "lstm"}, {"type": []}, ["lstm"], json.loads("[" * 300 + "]" * 300)]
    ),
    st.sampled_from([float("nan"), float("inf")]),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=5,
    ),
)


def _paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    for key, item in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from _paths(item, (*path, key))


def _replaced(document: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return {} if value is _ABSENT else value
    changed = copy.deepcopy(document)
    holder = changed
    for key in path[:-1]:
        holder = holder[key]
    if value is _ABSENT:
        del holder[path[-1]]
    else:
        holder[path[-1]] = value
    return changed


@pytest.mark.parametrize("file", ["plan.json", "tokenizer.json"])
@pytest.mark.parametrize("kind", ["writes", "labels"])
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_no_value_of_a_run_directory_can_cause_a_traceback(
    data: st.DataObject, kind: str, file: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> None:
    sound: Path = request.getfixturevalue(kind)
    document = json.loads((sound / file).read_text(encoding="utf-8"))
    path = data.draw(st.sampled_from(list(_paths(document))))
    mutated = json.dumps(_replaced(document, path, data.draw(HOSTILE)))
    run = tmp_path_factory.getbasetemp() / f"hostile-{kind}"
    if not run.exists():
        shutil.copytree(sound, run)
    for name in ("plan.json", "tokenizer.json"):
        (run / name).write_text(
            mutated if name == file else (sound / name).read_text(encoding="utf-8"), encoding="utf-8"
        )
    try:
        loaded = seqkit.load(run)
        if kind == "writes":
            assert isinstance(loaded.generate(length=2), str)
        else:
            (answer,) = loaded.predict(["很好"])
            assert sum(answer["probabilities"].values()) == pytest.approx(1)
    except SeqkitError as error:
        assert error.exit_code in (2, 3, 4)
        (line,) = error.lines
        assert len(line) < 600


# A checkpoint's files, as a stranger may have made them


@pytest.mark.parametrize(
    "state", [{"format": 1}, {"format": 1, "progress": [1]}, {"format": 1, "progress": {"x": 1}}, {}]
)
def test_a_checkpoint_whose_manifest_agrees_with_nonsense(state: Any, writes: Path, tmp_path: Path) -> None:
    path = shutil.copytree(writes, tmp_path / "run")
    (checkpoint,) = (path / "checkpoints").iterdir()
    content = json.dumps(state).encode()
    (checkpoint / "state.json").write_bytes(content)
    manifest = json.loads((checkpoint / "manifest.json").read_text())
    manifest["state.json"] = hashlib.sha256(content).hexdigest()
    (checkpoint / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(DataError, match="holds no checkpoint that is whole: start it again without --resume"):
        seqkit.run(WRITES, resume=path, quiet=True)
