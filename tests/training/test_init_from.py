"""Tests of `init_from`: components that begin with what another run has learned."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

import seqkit
from helpers.recipes import CHARACTER_RECIPE, SENTENCE, write_recipe
from helpers.training import interrupted_run, reproducible_contents
from seqkit.contracts import Embedding, Encoded, Encoder, State, Tokenizer
from seqkit.errors import RecipeError
from seqkit.training.callbacks import Callback

SPLIT = {"by": "hash", "valid": 0.3, "test": 0.3}
TEXTS = [f"{letter}{other}{letter}" for letter in "abcdefgh" for other in "uvwxyz"]
EMBEDDING = {"type": "learned", "dim": 4}
ENCODER = {"type": "bilstm", "hidden_size": 3}


@pytest.fixture
def data(tmp_path: Path) -> dict[str, Any]:
    lines = [f"{text},{'pos' if text[1] in 'uvw' else 'neg'}" for text in TEXTS]
    (tmp_path / "texts.csv").write_text("\n".join(["text,label", *lines, ""]))
    return {"type": "table", "path": str(tmp_path / "texts.csv"), "split": SPLIT}


def recipe(data: dict[str, Any], **sections: Any) -> dict[str, Any]:
    """Return a recipe that trains a classifier for two epochs."""
    base = {
        "name": "classify",
        "seed": 1,
        "data": data,
        "tokenizer": {"type": "char", "unknown": "mark"},
        "embedding": EMBEDDING,
        "encoder": ENCODER,
        "head": "classify",
        "train": {"epochs": 2, "threads": 1, "batch_size": 8},
        "baseline": "off",
    }
    return base | sections


@pytest.fixture
def pretrained(data: dict[str, Any], tmp_path: Path) -> Path:
    """Train language models of the texts; return the run directory."""
    head = {"type": "next_char", "objective": "bidirectional"}
    return seqkit.run(recipe(data, name="pre", head=head), runs=tmp_path / "pre", quiet=True).path


class FirstWeights(Callback):
    """Records the weights that training begins with."""

    def on_setup(self, setup: Any, processes: int) -> None:
        self.weights = {name: weight.clone() for name, weight in setup.model.state_dict().items()}
        self.notes = setup.data.notes


def begin(recipe: dict[str, Any], tmp_path: Path) -> FirstWeights:
    """Train a recipe, and return the weights that it began with."""
    first = FirstWeights()
    seqkit.run(recipe, runs=tmp_path / "runs", quiet=True, callbacks=[first])
    return first


def error_of(recipe: dict[str, Any], tmp_path: Path) -> str:
    """Return the one line that a recipe is rejected with, before a run directory is created."""
    with pytest.raises(RecipeError) as caught:
        seqkit.run(recipe, runs=tmp_path / "rejected", quiet=True)
    assert not (tmp_path / "rejected").exists()
    (line,) = caught.value.lines
    return line


def with_source(run: Path) -> dict[str, Any]:
    """Return sections that take tokenizer, embedding and encoder of a run."""
    return {
        "tokenizer": {"type": "char", "unknown": "mark", "init_from": str(run)},
        "embedding": EMBEDDING | {"init_from": str(run)},
        "encoder": ENCODER | {"init_from": {"run": str(run)}},
    }


# What is taken


def test_components_begin_with_the_weights_of_the_run(data, pretrained: Path, tmp_path: Path) -> None:
    first, learned = (
        begin(recipe(data, **with_source(pretrained)), tmp_path),
        load_file(pretrained / "model.safetensors"),
    )
    taken = [name for name in learned if not name.startswith("head.")]
    assert len(taken) > 5
    assert all(torch.equal(first.weights[name], learned[name]) for name in taken)
    fresh = begin(recipe(data), tmp_path).weights
    # The head is initialized as it is without the run: a random number more or less would change it.
    assert all(torch.equal(first.weights[name], fresh[name]) for name in fresh if name.startswith("head."))


def test_tokenizer_has_the_vocabulary_of_the_run(data, pretrained: Path, tmp_path: Path) -> None:
    changed = data | {"split": {"by": "hash", "valid": 0.3, "test": 0.3}}
    run = seqkit.run(recipe(changed, **with_source(pretrained)), runs=tmp_path / "runs", quiet=True)
    states = [json.loads((path / "tokenizer.json").read_text())["tokenizer"] for path in (run.path, pretrained)]
    assert states[0] == states[1]
    assert seqkit.load(run.path).predict(["aua"])[0]["label"] in ("pos", "neg")  # in NumPy


def test_rows_are_matched_by_the_text_of_their_tokens(data, pretrained: Path, tmp_path: Path) -> None:
    (tmp_path / "more.csv").write_text("text,label\n" + "".join(f"a{letter}z,x\nuv!,y\n" for letter in "uvwx#"))
    sections = {"embedding": EMBEDDING | {"init_from": str(pretrained)}}
    other = {"type": "table", "path": str(tmp_path / "more.csv")}
    first = begin(recipe(other, **sections), tmp_path)
    learned = load_file(pretrained / "model.safetensors")["embedding.vectors.weight"]
    known = json.loads((pretrained / "tokenizer.json").read_text())["tokenizer"]["symbols"]
    fresh = begin(recipe(other), tmp_path).weights["embedding.vectors.weight"]
    symbols = sorted(set("auzvwx#!"))
    for number, symbol in enumerate(symbols):
        expected = learned[known.index(symbol)] if symbol in known else fresh[number]
        assert torch.equal(first.weights["embedding.vectors.weight"][number], expected)
    # The last row is that of unknown characters in both vocabularies.
    assert torch.equal(first.weights["embedding.vectors.weight"][-1], learned[-1])
    note = f"embedding: 7 of 9 tokens begin with their vectors of {pretrained}; the vectors of the others are new"
    assert note in first.notes


def test_layers(data, tmp_path: Path) -> None:
    deep = {"type": "lstm", "hidden_size": 3, "num_layers": 2}
    source = seqkit.run(recipe(data, encoder=deep), runs=tmp_path / "pre", quiet=True).path
    learned = load_file(source / "model.safetensors")
    fresh = begin(recipe(data, encoder=deep), tmp_path).weights
    encoder = deep | {"init_from": {"run": str(source), "layers": [1]}}
    first = begin(recipe(data, encoder=encoder), tmp_path).weights
    for name in (name for name in fresh if name.startswith("encoder.")):
        assert torch.equal(first[name], (learned if ".cells.1." in name else fresh)[name])
    text = error_of(recipe(data, encoder=deep | {"init_from": {"run": str(source), "layers": [0, 2]}}), tmp_path)
    assert text == ("recipe: encoder.init_from.layers.1: the encoder 'lstm' has no layer 2: its layers are 0 to 1")
    text = error_of(recipe(data, encoder=deep | {"num_layers": 1, "init_from": str(source)}), tmp_path)
    assert f"encoder.init_from: {source} also has the weight 'encoder.layers.cells.1." in text


@pytest.mark.parametrize(
    ("encoder", "prefix"),
    [
        ({"type": "stacked", "layers": [ENCODER, ENCODER]}, "encoder.layers.0."),
        ({"type": "projected", "encoder": ENCODER, "proj_size": 4}, "encoder.encoder."),
    ],
)
def test_nested_components(encoder: dict[str, Any], prefix: str, data, pretrained: Path, tmp_path: Path) -> None:
    """A component takes the weights of a section as a whole, and of a part of it."""
    nested = json.loads(json.dumps(encoder))
    inner = nested["layers"][0] if "layers" in nested else nested["encoder"]
    inner["init_from"] = str(pretrained)
    first = begin(recipe(data, encoder=nested), tmp_path).weights
    learned = load_file(pretrained / "model.safetensors")
    for name in (name for name in learned if name.startswith("encoder.")):
        assert torch.equal(first[name.replace("encoder.", prefix, 1)], learned[name])

    source = seqkit.run(recipe(data, encoder=encoder), runs=tmp_path / "nested", quiet=True).path
    learned = load_file(source / "model.safetensors")
    part = {"run": str(source)} | ({"part": "encoder.layers.1"} if "layers" in encoder else {})
    if "layers" not in encoder:
        first = begin(recipe(data, encoder=ENCODER | {"init_from": part}), tmp_path).weights
        assert all(torch.equal(first[f"encoder.{name.removeprefix(prefix)}"], learned[name]) for name in learned
                   if name.startswith(prefix))  # fmt: skip
        return
    # The upper encoder reads 6 features, and so does one above an embedding of that width.
    wide = {"embedding": {"type": "learned", "dim": 6}, "encoder": ENCODER | {"init_from": part}}
    first = begin(recipe(data, **wide), tmp_path).weights
    names = [name for name in learned if name.startswith("encoder.layers.1.")]
    assert all(torch.equal(first[name.replace("layers.1.", "", 1)], learned[name]) for name in names)


def test_concatenated_embedding(data, pretrained: Path, tmp_path: Path) -> None:
    inner = [{"type": "one_hot"}, EMBEDDING | {"init_from": str(pretrained)}]
    first = begin(recipe(data, embedding={"type": "concat", "embeddings": inner}), tmp_path).weights
    learned = load_file(pretrained / "model.safetensors")
    assert torch.equal(first["embedding.embeddings.1.vectors.weight"], learned["embedding.vectors.weight"])


class Scale(nn.Module, Encoder):
    """A plugin's encoder: each feature times a weight, summed over time."""

    causal = True

    def __init__(self, input_size: int) -> None:
        super().__init__()
        self.output_size = self.final_size = input_size
        self.scale = nn.Parameter(torch.rand(input_size))

    def forward(self, inputs: Tensor, lengths: Tensor, state: State = None) -> Encoded:
        outputs = (inputs * self.scale).cumsum(dim=1) + (0 if state is None else state)
        final = outputs[torch.arange(len(outputs)), lengths - 1]
        return Encoded(outputs, final, final[:, None])


class Numbers(nn.Module, Embedding):
    """A plugin's embedding, whose weights depend on the vocabulary although it has no table of vectors."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        super().__init__()
        self.output_size = 2
        self.values = nn.Parameter(torch.rand(tokenizer.vocab_size))

    def forward(self, ids: Tensor) -> Tensor:
        return torch.stack([self.values[ids], -self.values[ids]], dim=-1)


def test_components_of_plugins(isolated_registry, data, tmp_path: Path) -> None:
    seqkit.register("encoder", "scale")(Scale)
    seqkit.register("embedding", "numbers")(Numbers)
    plugin: dict[str, Any] = {"embedding": {"type": "numbers"}, "encoder": {"type": "scale"}}
    source = seqkit.run(recipe(data, **plugin), runs=tmp_path / "pre", quiet=True).path
    learned = load_file(source / "model.safetensors")
    taken = {key: section | {"init_from": str(source)} for key, section in plugin.items()}
    first = begin(recipe(data, **taken), tmp_path).weights
    for name in ("embedding.values", "encoder.scale"):
        assert torch.equal(first[name], learned[name])
    tokenizer = {"type": "char", "unknown": "skip"}
    text = error_of(recipe(data, tokenizer=tokenizer, **plugin | {"embedding": taken["embedding"]}), tmp_path)
    assert text.startswith(
        f"recipe: embedding.init_from: the weights of {source} have another shape ('embedding.values'"
    )


# Without the run


def test_run_is_needed_once(data, pretrained: Path, tmp_path: Path) -> None:
    given = recipe(data, **with_source(pretrained))
    expected = seqkit.run(given, runs=tmp_path / "a", quiet=True, train__epochs=4)
    run = seqkit.run(given, runs=tmp_path / "b", quiet=True)
    document = json.loads((run.path / "plan.json").read_text())
    assert {key for key in document["files_sha256"] if "init_from" in key} == {
        f"{kind}.init_from.run" for kind in ("tokenizer", "embedding", "encoder")
    }
    (origin,) = document["init_from"]
    assert origin["run"] == str(pretrained)
    assert origin["components"] == ["tokenizer", "embedding", "encoder"]
    assert (origin["seed"], origin["data"]["split"]) == (1, document["recipe"]["data"]["split"])
    assert origin["data_sha256"].keys() == {"train", "valid", "test"}
    shutil.rmtree(pretrained)
    resumed = seqkit.resume(run.path, quiet=True, train__epochs=4)
    contents = [(each.path / "model.safetensors").read_bytes() for each in (resumed, expected)]
    assert contents[0] == contents[1]
    assert seqkit.load(run.path).predict(["aua"]) == seqkit.load(expected.path).predict(["aua"])
    assert seqkit.load(run.path).evaluate([("aua", "pos")])["loss"] > 0


@pytest.mark.parametrize("after", [1, 3, 5])
def test_fine_tuning_with_unfreezing_resumes_exactly(after: int, data, pretrained: Path, tmp_path: Path) -> None:
    overrides = {
        "train__optimizer": {"type": "adamw", "lr": 0.05},
        "train__schedule": {"type": "one_cycle", "shape": "linear", "rise": 0.1},
        "train__groups": [
            {"parameters": "embedding.*", "frozen_epochs": 1, "lr_scale": 0.3},
            {"parameters": "encoder.*", "frozen_epochs": 0.5, "lr_scale": 0.5},
        ],
    }
    given = write_recipe(tmp_path / "fine.yaml", recipe(data, **with_source(pretrained)))
    complete = seqkit.run(given, runs=tmp_path / "complete", quiet=True, **overrides)
    path = interrupted_run(given, tmp_path / "stopped", after, **overrides)
    resumed = seqkit.run(given, runs=tmp_path / "unused", resume=path, quiet=True, **overrides)
    assert reproducible_contents(resumed) == reproducible_contents(complete)


# Errors, before training and in one line


def source_of(pretrained: Path, **changes: Any) -> dict[str, Any]:
    """Return the sections of `with_source`, with changes of one of them."""
    sections = with_source(pretrained)
    return sections | {key: sections[key] | value for key, value in changes.items()}


@pytest.mark.parametrize(
    ("changes", "key", "text"),
    [
        ({"encoder": {"hidden_size": 5}}, "encoder.hidden_size",
         "is 5, but 3 in {run} ('encoder.layers.cells.0.weight_ih_l0' is (20, 4) here and (12, 4) there): set it to 3"),
        ({"embedding": {"dim": 5}}, "embedding.dim", "is 5, but 4 in {run} ('embedding.vectors.weight' is ("),
        ({"encoder": {"type": "lstm"}}, "encoder.init_from",
         "the encoder of {run} is 'bilstm', not 'lstm': use that type here, or another run"),
        ({"tokenizer": {"type": "word"}}, "tokenizer.init_from", "the tokenizer of {run} is 'char', not 'word'"),
        ({"encoder": {"num_layers": 2}}, "encoder.init_from",
         "{run} has no weight 'encoder.layers.cells.2.weight_ih_l0': set the same number of layers"),
        ({"encoder": {"init_from": {"run": "{run}", "part": "encoder.layer"}}}, "encoder.init_from.part",
         "{run} has no part 'encoder.layer' (did you mean 'encoder.layers'?)"),
        ({"encoder": {"init_from": {"layers": [0]}}}, "encoder.init_from.run", "is required"),
        ({"encoder": {"init_from": {"run": "{run}", "layers": [-1]}}}, "encoder.init_from.layers.0", "must be"),
        ({"encoder": {"init_from": 3}}, "encoder.init_from", "must be a run directory, or a mapping with `run:`, not"),
        ({"encoder": {"init_from": "{run}/none"}}, "encoder.init_from", "{run}/none: the run directory does not exist"),
        ({"embedding": {"init_from": {"run": "{run}", "layers": [0]}}}, "embedding.init_from",
         "only an encoder has layers, not the embedding: remove `layers`"),
        ({"tokenizer": {"init_from": {"run": "{run}", "part": "x"}}}, "tokenizer.init_from",
         "the tokenizer is taken as a whole: remove `part`"),
    ],
)  # fmt: skip
def test_mismatch(changes: dict[str, Any], key: str, text: str, data, pretrained: Path, tmp_path: Path) -> None:
    changes = json.loads(json.dumps(changes).replace("{run}", str(pretrained)))
    given = recipe(data, **source_of(pretrained, **changes))
    line = error_of(given, tmp_path)
    assert line.startswith(f"recipe: {key}: " + text.replace("{run}", str(pretrained)))


def test_check_compares_the_weights(data, pretrained: Path, tmp_path: Path, run_command) -> None:
    sections = source_of(pretrained, encoder={"hidden_size": 5})
    checked = run_command("check", write_recipe(tmp_path / "wrong.yaml", recipe(data, **sections)))
    assert checked.code == 2
    assert "encoder.hidden_size: is 5, but 3 in " in checked.err
    assert (
        run_command("check", write_recipe(tmp_path / "right.yaml", recipe(data, **with_source(pretrained)))).code == 0
    )


def test_head_cannot_be_initialized(data, pretrained: Path, tmp_path: Path) -> None:
    head = {"type": "classify", "init_from": str(pretrained)}
    line = error_of(recipe(data, head=head), tmp_path)
    assert "head.init_from: only a tokenizer, an embedding or an encoder begins with what a run has learned" in line


def test_run_of_features_has_no_tokenizer(data, tmp_path: Path) -> None:
    run = seqkit.run(CHARACTER_RECIPE, runs=tmp_path / "pre", quiet=True).path
    plan = json.loads((run / "plan.json").read_text())
    del plan["recipe"]["tokenizer"]
    (run / "plan.json").write_text(json.dumps(plan))
    line = error_of(recipe(data, tokenizer={"type": "char", "init_from": str(run)}), tmp_path)
    assert line == f"recipe: tokenizer.init_from: {run} has no tokenizer: name another run"


@pytest.mark.parametrize(
    ("file", "content", "text"),
    [
        ("model.safetensors", b"abc", "corrupt: not a safetensors file, or truncated"),
        ("plan.json", b"{", "corrupt: "),
        ("tokenizer.json", b"[]", "corrupt: not a JSON object"),
        ("result.json", None, "is not finished: resume it with: seqkit resume"),
        ("model.safetensors", None, "is missing: the run is not complete"),
    ],
)
def test_damaged_run(file: str, content: bytes | None, text: str, data, pretrained: Path, tmp_path: Path) -> None:
    (pretrained / file).unlink()
    if content is not None:
        (pretrained / file).write_bytes(content)
    assert text in error_of(recipe(data, encoder=with_source(pretrained)["encoder"]), tmp_path)


def test_weights_that_are_not_finite(data, pretrained: Path, tmp_path: Path) -> None:
    file = pretrained / "model.safetensors"
    weights = load_file(file)
    weights["encoder.layers.cells.0.weight_ih_l0"][0, 0] = torch.nan
    save_file(weights, file)
    with pytest.raises(seqkit.errors.DataError, match=r"weight_ih_l0' contains a number that is not finite"):
        seqkit.run(recipe(data, **with_source(pretrained)), runs=tmp_path / "runs", quiet=True)


def test_encoder_of_one_hot_vectors_needs_the_same_vocabulary(tmp_path: Path) -> None:
    """The columns of its weights belong to tokens: another vocabulary of the same size would be silently wrong."""
    source = seqkit.run(CHARACTER_RECIPE, runs=tmp_path / "pre", quiet=True).path
    encoder = CHARACTER_RECIPE["encoder"] | {"init_from": str(source)}
    other = CHARACTER_RECIPE | {"data": {"type": "text", "text": SENTENCE.replace("z", "y").replace("k", "Q")}}
    assert begin(CHARACTER_RECIPE | {"encoder": encoder}, tmp_path).weights
    line = error_of(other | {"encoder": encoder}, tmp_path)
    assert "encoder.init_from: the vocabulary has 23 tokens and that of " in line
    assert f"set `tokenizer: {{type: …, init_from: {source}}}` to take its vocabulary too" in line


# Held-out texts


RANDOM = {"by": "random", "valid": 0.3, "test": 0.3}


@pytest.mark.parametrize(
    ("first", "second", "seed", "text"),
    [
        (SPLIT, {"by": "hash", "folds": 5, "fold": 0}, 1, "data.split.fold is 0 here, and was null there"),
        (SPLIT, SPLIT | {"test": 0.2}, 1, "data.split.test is 0.2 here, and was 0.3 there"),
        (RANDOM, RANDOM, 2, "seed is 2 here, and was 1 there"),
        (None, SPLIT, 1, "data.split is {by: 'hash', valid: 0.3,"),
        (SPLIT, SPLIT, 2, ""),
        (RANDOM, RANDOM, 1, ""),
        (SPLIT, None, 1, ""),
    ],
)
def test_splits_must_be_the_same(first: Any, second: Any, seed: int, text: str, data, tmp_path: Path) -> None:
    source = seqkit.run(recipe(data | {"split": first}, head="classify"), runs=tmp_path / "pre", quiet=True).path
    given = recipe(data | {"split": second}, seed=seed, encoder=ENCODER | {"init_from": str(source)})
    if not text:
        assert not [note for note in begin(given, tmp_path).notes if "held out" in note]
        return
    line = error_of(given, tmp_path)
    assert line.startswith(f"recipe: encoder.init_from: {source} may have been trained on texts that are held out here")
    assert text in line


def test_other_data_is_a_note(data, pretrained: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.csv"
    other.write_text((tmp_path / "texts.csv").read_text() + "new,pos\n")
    given = recipe(data | {"path": str(other)}, encoder=ENCODER | {"init_from": str(pretrained)})
    # The split of a text depends on the text alone.
    assert not [note for note in begin(given, tmp_path).notes if "held out" in note]
    given["data"]["split"] = {"by": "random", "test": 0.3}
    (note,) = [note for note in begin(given, tmp_path).notes if "held out" in note]
    assert note == (
        f"{pretrained} was trained on other data (data.path): make sure that it contains no text that is held out here"
    )


def test_run_that_trained_on_the_test_file_is_rejected(data, pretrained: Path, tmp_path: Path) -> None:
    (tmp_path / "other.csv").write_text("text,label\naub,pos\nbxa,neg\n")
    separate = {"type": "table", "path": str(tmp_path / "other.csv"), "test": {"path": data["path"]}}
    line = error_of(recipe(separate, encoder=ENCODER | {"init_from": str(pretrained)}), tmp_path)
    assert "it was trained on the file of data.test" in line


def test_earlier_runs_count_too(data, pretrained: Path, tmp_path: Path) -> None:
    """A run that began with another one has learned its texts too."""
    other = tmp_path / "other.csv"
    other.write_text("text,label\naub,pos\nbxa,neg\n")
    middle = recipe({"type": "table", "path": str(other)}, encoder=ENCODER | {"init_from": str(pretrained)})
    source = seqkit.run(middle, runs=tmp_path / "middle", quiet=True).path
    split = {"by": "hash", "valid": 0.1, "test": 0.1}
    line = error_of(recipe(data | {"split": split}, encoder=ENCODER | {"init_from": str(source)}), tmp_path)
    assert f"{source} may have been trained on texts that are held out here: data.split.test" in line
