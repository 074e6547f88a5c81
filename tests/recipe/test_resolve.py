"""A recipe into a plan: defaults, nested components, what `check` prints, and every error at once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import seqkit
from seqkit.contracts import Encoder, Example, Reader
from seqkit.errors import PluginError, RecipeError
from seqkit.optimizers.sgd import SGD
from seqkit.recipe.parameters import parameters
from seqkit.recipe.plan import Plan, Spec
from seqkit.recipe.resolve import resolve
from seqkit.recipe.run_name import is_run_name, run_name_of
from seqkit.recipe.source import read_recipe
from seqkit.recipe.values import check_values
from seqkit.recipe.yaml_parser import dump, parse
from seqkit.registry import load_registry

LSTM = {"type": "lstm", "hidden_size": 4}
WRITES: dict[str, Any] = {"data": {"type": "text", "text": "abc"}, "encoder": LSTM, "head": "next_char"}
LABELS: dict[str, Any] = {"data": {"type": "table", "path": "a.csv"}, "encoder": LSTM, "head": "classify"}


def plan_of(recipe: Any) -> Plan:
    return resolve(read_recipe(recipe), load_registry())


def faults_of(recipe: Any) -> list[str]:
    with pytest.raises(RecipeError) as caught:
        plan_of(recipe)
    return caught.value.lines


def test_every_default_is_filled_in() -> None:
    assert plan_of(WRITES).as_data() == {
        "name": "run",
        "seed": 0,
        "data": {"type": "text", "path": None, "text": "abc", "unit": "text", "encoding": "utf-8"},
        "tokenizer": {"type": "char", "unknown": "error", "min_count": 1, "max_length": None},
        "embedding": {"type": "one_hot"},
        "encoder": LSTM
        | {
            "num_layers": 1,
            "bias": True,
            "dropout": 0.0,
            "proj_size": 0,
            "input_dropout": 0.0,
            "output_dropout": 0.0,
            "variational": False,
            "weight_dropout": 0.0,
            "activation_penalty": 0.0,
            "temporal_penalty": 0.0,
        },
        "head": {
            "type": "next_char",
            "objective": "step",
            "whole_texts": False,
            "context": 128,
            "allow_leak": False,
            "dropout": 0.0,
            "noise": 0.0,
            "mask": 0.0,
            "tied": False,
            "label_smoothing": 0.0,
        },
        "train": {
            "epochs": None,
            "steps": None,
            "batch_size": 32,
            "sequence_length": None,
            "shift_windows": False,
            "carry_state": True,
            "optimizer": {
                "type": "adam",
                "lr": 0.001,
                "betas": [0.9, 0.999],
                "eps": 1e-8,
                "weight_decay": 0.0,
                "exempt_biases": False,
            },
            "schedule": {"type": "constant", "warmup": 0, "final": 0.0, "every": 1, "gamma": 0.5},
            "groups": [],
            "average": None,
            "clip_norm": None,
            "metrics": [],
            "trackers": [],
            "metric": "loss",
            "early_stopping": None,
            "evaluate_every": 1,
            "evaluate_train": False,
            "checkpoint_seconds": 30.0,
            "device": "auto",
            "precision": "float32",
            "threads": "auto",
        },
        "predict": [],
        "baseline": "on",
    }


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("char_gen", "char-gen"),
        ("我的", "我的"),
        ("हिन्दी", "हिन्दी"),
        ("Cafe\u0301", "Café"),
        ("\u0301a", "a"),
        ("__", "run"),
        ("a b!", "a-b"),
        ("x.y", "x-y"),
        ("-1", "1"),
        ("a" * 99, "a" * 64),
        ("好" * 64, "好" * 64),
        ("𠀀" * 60, "𠀀" * 50),
    ],
)
def test_a_run_is_named_after_its_file(tmp_path: Path, file: str, name: str) -> None:
    (tmp_path / f"{file}.yaml").write_text(json.dumps(WRITES), encoding="utf-8")
    plan = plan_of(tmp_path / f"{file}.yaml")
    assert plan.name == name
    assert plan_of(plan.as_data()).name == name


@given(st.text())
def test_the_name_of_a_file_is_a_run_name(stem: str) -> None:
    name = run_name_of(stem)
    assert is_run_name(name) if name else not any(map(str.isalnum, stem))
    assert run_name_of(name).startswith(name.rstrip("-"))


OPTIMIZERS = [
    "adam",
    {"type": "adam", "betas": [0.5, 0.9]},
    {"type": "adamw", "lr": 1, "weight_decay": 0},
    {"type": "sgd", "momentum": 0.9, "nesterov": True},
    {"lr": 0.5},
    {"type": "nadam", "exempt_biases": True, "weight_decay": 0.1},
    "rmsprop",
]
SCHEDULES = [
    "linear",
    {"warmup": 10},
    {"type": "cosine", "final": 0.1},
    {"type": "step", "every": 2, "gamma": 1},
    "one_cycle",
]


@pytest.mark.parametrize("given_form", OPTIMIZERS)
def test_an_optimizer_by_its_name_or_in_full(given_form: Any) -> None:
    settings = plan_of(WRITES | {"train": {"optimizer": given_form}}).train.optimizer.as_data()
    full = {"type": given_form} if isinstance(given_form, str) else given_form
    assert settings | full == settings


@pytest.mark.parametrize("given_form", SCHEDULES)
def test_a_schedule_by_its_name_or_in_full(given_form: Any) -> None:
    settings = plan_of(WRITES | {"train": {"schedule": given_form}}).train.schedule.as_data()
    full = {"type": given_form} if isinstance(given_form, str) else given_form
    assert settings | full == settings


def test_train_of_an_older_run_is_a_recipe_of_the_same_plan() -> None:
    """Its plan.json has no `groups` and no `exempt_biases`, and all keys of the schedule, whatever its type."""
    optimizer = {"type": "adamw", "lr": 0.001, "betas": [0.9, 0.999], "eps": 1e-8, "weight_decay": 0.01}
    schedule = {"type": "cosine", "warmup": 3, "final": 0.0, "every": 1, "gamma": 0.5}
    train = plan_of(WRITES | {"train": {"optimizer": optimizer, "schedule": schedule}}).train
    assert train.optimizer.as_data() == optimizer | {"exempt_biases": False}
    assert (train.schedule.as_data(), train.groups) == (schedule, ())


def test_optimizer_without_lr_is_an_error_of_its_plugin(isolated_registry: None) -> None:
    class Fixed(SGD):
        def __init__(self, parameters: Any) -> None:
            super().__init__(parameters, lr=0.1)

    seqkit.register("optimizer", "fixed")(Fixed)
    with pytest.raises(PluginError, match=r"^optimizer 'fixed' of this session has no parameter lr: add the learning"):
        plan_of(WRITES | {"train": {"optimizer": "fixed"}})


@pytest.mark.parametrize(("written", "on"), [("on", True), (True, True), ("off", False), (False, False)])
def test_baseline_is_on_or_off(written: Any, on: bool) -> None:
    assert plan_of(WRITES | {"baseline": written}).baseline is on


@pytest.mark.parametrize("embedding", ["one_hot", {"type": "one_hot"}])
def test_a_component_without_parameters_takes_none(embedding: Any) -> None:
    assert plan_of(WRITES | {"embedding": embedding}).as_data()["embedding"] == {"type": "one_hot"}
    assert faults_of(WRITES | {"embedding": {"type": "one_hot", "dim": 7}}) == [
        "recipe: embedding.dim: unknown key: there are no parameters"
    ]


def test_a_component_without_a_constructor_has_no_parameters() -> None:
    class Plain(Reader):
        def read(self) -> list[Example]:
            return []

    assert parameters(Plain) == {}


@pytest.mark.parametrize(
    ("written", "wanted", "messages"),
    [
        ([1, 2.5], (1, 2.5), []),
        ([1], None, ["WANTED, not [1]"]),
        ([1, 2, 3], None, ["WANTED, not [1, 2, 3]"]),
        ([1, "2"], None, ["must be a number, not '2' (remove the quotes)"]),
        (1, None, ["WANTED, not 1"]),
    ],
)
def test_a_tuple_is_written_as_a_list(written: Any, wanted: Any, messages: list[str]) -> None:
    class Ranged:
        def __init__(self, *, speed: tuple[int, float], noise: tuple[float, float] | None = None) -> None: ...

    for name, others in (("speed", {}), ("noise", {"speed": [1, 1]})):
        values, found = check_values(Ranged, others | {name: written})
        assert values.get(name) == wanted
        form = "a list of 2 items (an integer, a number)" if name == "speed" else "a list of 2 numbers"
        assert [problem.text for problem in found] == [text.replace("WANTED", f"must be {form}") for text in messages]


@pytest.mark.parametrize("word", ["none", "None", "off", "no", "", "null", "~"])
def test_a_word_for_null_is_named_where_null_is_accepted(word: str) -> None:
    class Sized:
        def __init__(
            self,
            *,
            size: int | None = 1,
            weights: dict[str, float] | Literal["balanced"] | None = None,
            sizes: tuple[int | None, ...] = (),
            count: int = 1,
            cased: bool = False,
        ) -> None: ...

    hint = f"not '{word}'; write null for none"
    _, found = check_values(Sized, {"size": word, "weights": word, "sizes": [word], "count": word, "cased": word})
    assert [problem.text.endswith(hint) for problem in found] == [True, True, True, False, False]
    assert check_values(Sized, {"size": "two", "weights": {"a": word}})[1][0].text.endswith("not 'two'")
    faults = faults_of(LABELS | {"train": {"early_stopping": word, "clip_norm": word}, "generate": word})
    assert [fault.endswith(hint) for fault in faults] == [True, True, True]


def test_nested_components_are_resolved_with_their_places() -> None:
    encoder = {
        "type": "stacked",
        "layers": [LSTM, {"type": "projected", "proj_size": 2, "encoder": {"type": "bilstm", "hidden_size": 3}}],
        "dropout": 0.1,
    }
    plan = plan_of(LABELS | {"encoder": encoder})
    assert [(spec.name, ".".join(spec.path)) for spec in plan.encoder.walk()] == [
        ("stacked", "encoder"),
        ("lstm", "encoder.layers.0"),
        ("projected", "encoder.layers.1"),
        ("bilstm", "encoder.layers.1.encoder"),
    ]
    assert [type(layer) for layer in plan.encoder.values["layers"]] == [Spec, Spec]
    built = plan.encoder.build(7)
    assert (built.output_size, built.causal) == (2, False)
    assert plan.providers().keys() == {"seqkit"}


def test_a_side_has_the_readers_settings_but_for_what_it_changes(tmp_path: Path) -> None:
    data = {"type": "table", "path": "a.csv", "label": "y", "valid": {"path": "v.tsv"}, "test": {"label": "z"}}
    (tmp_path / "r.yaml").write_text(json.dumps(LABELS | {"data": data}))
    plan = plan_of(tmp_path / "r.yaml")
    assert {side: (spec.values["path"].name, spec.values["label"]) for side, spec in plan.side_readers.items()} == {
        "valid": ("v.tsv", "y"),
        "test": ("a.csv", "z"),
    }
    assert plan.as_data()["data"]["test"] == {"label": "z"}


encoders = st.recursive(
    st.builds(
        lambda kind, hidden, layers, dropout, proj: {
            "type": kind,
            "hidden_size": hidden,
            "num_layers": layers,
            "dropout": dropout if layers > 1 else 0.0,
            "proj_size": min(proj, hidden - 1),
        },
        st.sampled_from(["lstm", "bilstm"]),
        st.integers(1, 9),
        st.integers(1, 3),
        st.sampled_from([0, 0.5]),
        st.integers(0, 4),
    ),
    lambda inner: (
        st.builds(lambda layers: {"type": "stacked", "layers": layers}, st.lists(inner, min_size=1, max_size=3))
        | st.builds(
            lambda encoder, size: {"type": "projected", "proj_size": size, "encoder": encoder}, inner, st.integers(1, 5)
        )
    ),
    max_leaves=4,
)
splits = st.sampled_from(
    [
        None,
        {"by": "hash", "valid": 0.1, "test": 0.25},
        {"by": "hash", "folds": 5, "fold": 4, "valid": 0.1},
        {"by": "random", "test": 0.5},
        {"by": "order", "valid": 0.0},
    ]
)
trains = st.fixed_dictionaries(
    {},
    optional={
        "steps": st.integers(1, 10),
        "optimizer": st.sampled_from(OPTIMIZERS),
        "schedule": st.sampled_from(SCHEDULES),
        "clip_norm": st.none() | st.floats(0.01, 10),
        "device": st.sampled_from(["auto", "cpu", "cuda", "cuda:1", "mps"]),
        "threads": st.sampled_from(["auto", 1, 2]),
    },
)
tops = st.fixed_dictionaries(
    {"encoder": encoders, "train": trains},
    optional={
        "seed": st.integers(0, 2**32 - 1),
        "name": st.sampled_from(["a", "A.b_c-1", "007", "1e3"]),
        "baseline": st.sampled_from(["on", "off"]),
        "tokenizer": st.sampled_from(
            ["char", "byte", {"type": "word", "lower": True, "unknown": "mark", "min_count": 2}]
        ),
        "embedding": st.sampled_from(["one_hot", {"type": "learned", "dim": 3}]),
    },
)


@settings(max_examples=40, deadline=None)
@given(tops, splits, st.booleans(), st.sampled_from(["1e3", "0o7", "no", "a: b", "#", "我\n", "null"]))
def test_a_plan_as_data_is_a_recipe_of_the_same_plan(top: dict, split: Any, labels: bool, text: str) -> None:
    if labels:
        recipe = {
            "data": {"type": "table", "path": "a.csv", "split": split},
            "head": "sentiment",
            "predict": [text],
        } | top
    else:
        head = {"type": "next_char", "objective": "prefix", "context": 9}
        recipe = {"data": {"type": "text", "text": text, "split": split}, "head": head} | top
        recipe["generate"] = {"prompt": text, "top_p": 1, "stop": text}
    plan = plan_of(recipe)
    data = plan.as_data()
    assert plan_of(data) == plan
    assert plan_of(json.loads(json.dumps(data))) == plan
    assert parse(dump(data), "plan").data == data


def test_sides_survive_the_plan_as_data() -> None:
    data = {"type": "table", "path": "a.csv", "label": "y", "valid": {"path": "v.tsv"}, "test": {"path": "t.jsonl"}}
    plan = plan_of(LABELS | {"data": data})
    assert plan_of(plan.as_data()) == plan


BROKEN = """\
nam: x
seed: -1
data: {type: table, path: a.csv, split: {by: hash, valid: 2}}
tokenizer: {type: char, unknown: maybe}
embedding: {type: lerned}
encoder: {type: stacked, layers: [{type: lstm}, {type: lstm, hidden_size: 2, proj_size: 9}]}
head: {type: classify, dropout: 1}
train:
  batch_sise: 3
  metric: f1
  optimizer: {type: adam, lr: 0}
generate: {prompt: a, length: -1}
predict: a
baseline: maybe
"""
EXPECTED = [
    (1, "nam", "unknown section (did you mean 'name'?)"),
    (2, "seed", "must be an integer, 0 to 4294967295, not -1"),
    (3, "data.split.valid", "must be a number of at least 0 and less than 1, not 2"),
    (4, "tokenizer.unknown", "must be one of error, skip, mark, not 'maybe'"),
    (5, "embedding.type", "unknown embedding 'lerned' (did you mean 'learned'?)"),
    (6, "encoder.layers.0.hidden_size", "is required"),
    (7, "head.dropout", "must be a number of at least 0 and less than 1, not 1"),
    (9, "train.batch_sise", "unknown key (did you mean 'batch_size'?)"),
    (11, "train.optimizer.lr", "must be a positive number, not 0"),
    (12, "generate.length", "must be a positive integer, not -1"),
    (13, "predict", "must be a list of non-empty strings or lists of 2 non-empty strings, not 'a'"),
    (14, "baseline", "must be one of on, off, or true or false, not 'maybe'"),
]


def test_a_fault_in_each_section_is_reported_together_in_the_order_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "r.yaml"
    file.write_text(BROKEN)
    found = faults_of(file)
    assert len(found) == len(EXPECTED)
    for line, (number, key, message) in zip(found, EXPECTED, strict=True):
        where, _, rest = line.removeprefix(f"{file}:").partition(": ")
        assert where.split(":")[0] == str(number)
        assert rest.startswith(f"{key}: {message}")


def test_conflicts_between_sections_are_reported_with_faults_in_one(tmp_path: Path) -> None:
    file = tmp_path / "r.yaml"
    file.write_text(
        "data: {type: text, text: abc}\nencoder: {type: bilstm, hidden_size: 2}\nhead: next_char\nseed: x\n"
        "train: {metric: accuracy, early_stopping: {}, batch_size: 0}\ngenerate: {length: 0}\npredict: [a]\n"
    )
    assert [line.split(": ")[1] for line in faults_of(file)] == [
        "encoder.type",
        "seed",
        "train.metric",
        "train.early_stopping",
        "train.batch_size",
        "generate.prompt",
        "generate.length",
        "predict",
    ]


def test_a_fault_of_the_reader_is_reported_once(tmp_path: Path) -> None:
    file = tmp_path / "r.yaml"
    data = {"type": "table", "path": "a.csv", "encoding": "utf9", "lable": "y", "valid": {"path": "v.csv"}}
    file.write_text(json.dumps(LABELS | {"data": data}))
    assert [line.split(": ")[1] for line in faults_of(file)] == ["data.lable"]
    del data["lable"]
    file.write_text(json.dumps(LABELS | {"data": data}))
    assert [line.split(": ")[1] for line in faults_of(file)] == ["data.encoding"]


def test_no_validation_split_is_required_if_the_data_section_is_wrong() -> None:
    train = {"early_stopping": {}, "metric": "perplexity"}
    assert [line.split(": ")[1] for line in faults_of(WRITES | {"train": train})] == [
        "train.early_stopping",
        "train.metric",
    ]
    broken = WRITES | {"train": train, "data": {"type": "text", "text": "a", "split": {"by": "hash", "valid": 2}}}
    assert [line.split(": ")[1] for line in faults_of(broken)] == ["data.split.valid"]


def test_warnings_of_constructors_become_notes() -> None:
    notes = plan_of(WRITES | {"encoder": LSTM | {"dropout": 0.5}}).notes
    assert len(notes) == 1
    assert "has no effect with one layer" in notes[0]
    assert plan_of(WRITES).notes == []


def test_the_recipe_and_the_random_state_are_not_changed() -> None:
    import torch

    recipe = read_recipe(WRITES | {"train": {"optimizer": "adam"}})
    before, state = json.dumps(recipe.data), torch.get_rng_state()
    resolve(recipe, load_registry())
    assert json.dumps(recipe.data) == before
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("size", [10**12, 2**63 - 1, 10**30])
def test_a_size_that_no_memory_is_large_enough_for_is_a_fault_of_the_recipe(size: int) -> None:
    [line] = faults_of(WRITES | {"encoder": LSTM | {"hidden_size": size}})
    assert line == f"recipe: encoder.hidden_size: is too large for memory: {size:,}"


def test_a_component_whose_constructor_fails_is_the_plugins_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    from seqkit.encoders.lstm import LSTM as Encoder

    def broken(self: Any, input_size: int, *, hidden_size: int) -> None:
        raise KeyError("oops")

    from seqkit.recipe import parameters as signature

    monkeypatch.setattr(Encoder, "__init__", broken)
    signature._read_parameters.cache_clear()
    try:
        with pytest.raises(PluginError, match=r"encoder 'lstm' of seqkit \S+ cannot be built: KeyError: 'oops'"):
            plan_of(WRITES)
    finally:
        signature._read_parameters.cache_clear()


def test_a_key_that_precedes_the_star_is_named(isolated_registry: None) -> None:
    class Positional(Encoder):
        def __init__(self, input_size: int, units: int = 4) -> None: ...
        def forward(self, inputs: Any, lengths: Any, state: Any = None) -> Any: ...

    seqkit.register("encoder", "positional")(Positional)
    assert faults_of(WRITES | {"encoder": {"type": "positional", "units": 8}}) == [
        f"recipe: encoder.units: {__name__}.{Positional.__qualname__} takes it before the `*` of its constructor: "
        "put it after"
    ]
    assert faults_of(WRITES | {"encoder": {"type": "positional", "input_size": 8}}) == [
        "recipe: encoder.input_size: unknown key: there are no parameters"
    ]


def test_the_remedies_without_a_validation_split_are_accepted() -> None:
    train: dict[str, Any] = {"metric": "accuracy", "early_stopping": {}, "schedule": "plateau"}
    assert {line.rpartition(", or ")[2] for line in faults_of(LABELS | {"train": train})} == {
        "set this key to `loss`",
        "set this key to null",
        "use another schedule, such as `constant`",
    }
    plan_of(LABELS | {"train": {"metric": "loss", "early_stopping": None, "schedule": "constant"}})
