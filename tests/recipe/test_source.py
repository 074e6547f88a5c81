"""Recipes: files, what they extend, what the command line overrides, and dictionaries."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import seqkit
from helpers.recipes import GENERATION_RECIPE
from seqkit.errors import RecipeError, UsageError
from seqkit.recipe.plan import Plan
from seqkit.recipe.recipe import Recipe
from seqkit.recipe.resolve import resolve
from seqkit.recipe.source import read_recipe
from seqkit.recipe.yaml_parser import MAX_DEPTH
from seqkit.registry import load_registry

BASE = """\
seed: 1
data: {type: text, path: text.txt}
encoder:
  type: lstm
  hidden_size: 4
head: next_char
train:
  epochs: 3
  optimizer: {type: adam, lr: 0.1}
"""

LAYER = ("encoder.layers.0.hidden_size=4",)

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Return a function that writes files into an empty current folder and returns the path of the first."""
    monkeypatch.chdir(tmp_path)

    def write(**files: str | bytes) -> Path:
        for name, content in files.items():
            path = Path(name.replace("__", "/") + ".yaml")
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return Path(next(iter(files)).replace("__", "/") + ".yaml")

    return write


def plan_of(source: Any, *overrides: str) -> Plan:
    return resolve(read_recipe(source, overrides), load_registry())


def faults_of(source: Any, *overrides: str) -> list[str]:
    with pytest.raises(RecipeError) as caught:
        plan_of(source, *overrides)
    return caught.value.lines


def test_a_recipe_keeps_its_bytes_and_drops_a_byte_order_mark(write: Write) -> None:
    recipe = read_recipe(write(r=b"\xef\xbb\xbfname: x\r\n"))
    assert (recipe.data, recipe.given) == ({"name": "x"}, b"\xef\xbb\xbfname: x\r\n")


@pytest.mark.parametrize(
    ("name", "message"), [("none.yaml", "the recipe does not exist"), (".", "cannot read the recipe")]
)
def test_a_missing_recipe_is_a_usage_error(write: Write, name: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        read_recipe(name)


@pytest.mark.parametrize("name", ["my reviews.csv", "train.jsonl", "ner.conll", "a.tsv.gz"])
def test_data_in_place_of_a_recipe_is_named(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text("id,text,label\n1,a,b\n")
    with pytest.raises(UsageError, match=f"{name}: is data, not a recipe: write one for it: seqkit init "):
        read_recipe(path)


def test_a_file_that_is_too_large(write: Write) -> None:
    with pytest.raises(RecipeError, match="not a recipe: larger than 1,000,000 bytes"):
        read_recipe(write(r="#" * 1_000_001))


class TestExtends:
    def test_sections_merge_key_by_key_and_all_else_is_replaced(self, write: Write) -> None:
        base = "a: {x: 1, y: {z: 2}, l: [1, 2]}\nb: {c: 1}\nd: 1\n"
        top = "extends: base.yaml\na: {y: {w: 3}, l: [4]}\nb: null\nd: {e: 5}\n"
        assert read_recipe(write(top=top, base=base)).data == {
            "a": {"x": 1, "y": {"z": 2, "w": 3}, "l": [4]},
            "b": None,
            "d": {"e": 5},
        }

    def test_an_extending_recipe_changes_the_type_of_a_component(self, write: Write) -> None:
        leak = "extends: base.yaml\nencoder: {type: bilstm}\nhead: {allow_leak: true}\n"
        twin = plan_of(write(top=leak, base=BASE))
        assert twin.encoder.as_data() | {"type": "bilstm", "hidden_size": 4} == twin.encoder.as_data()
        assert twin.head.values["allow_leak"]
        assert twin.name == "top"

    def test_a_chain_of_three(self, write: Write) -> None:
        recipe = read_recipe(
            write(c="extends: b.yaml\nseed: 3\n", b="extends: a.yaml\nname: b\nseed: 2\n", a="seed: 1\nx: 1\n")
        )
        assert recipe.data == {"x": 1, "name": "b", "seed": 3}

    def test_a_base_is_relative_to_the_file_that_extends_it(self, write: Write) -> None:
        assert read_recipe(
            write(top="extends: sub/mid.yaml\n", sub__mid="extends: base.yaml\n", sub__base="seed: 7\n")
        ).data == {"seed": 7}

    def test_a_path_is_relative_to_the_file_that_contains_it(self, write: Write, tmp_path: Path) -> None:
        here = write(top="extends: sub/base.yaml\n", sub__base=BASE)
        assert plan_of(here).reader.values["path"] == tmp_path / "sub/text.txt"
        here = write(top="extends: sub/base.yaml\ndata: {path: mine.txt}\n")
        assert plan_of(here).reader.values["path"] == tmp_path / "mine.txt"
        assert plan_of(Path("sub/base.yaml"), "data.path=cli.txt").reader.values["path"] == tmp_path / "cli.txt"
        assert plan_of({"extends": "sub/base.yaml"}).reader.values["path"] == tmp_path / "sub/text.txt"
        assert (
            plan_of({"extends": "sub/base.yaml", "data": {"path": "d.txt"}}).reader.values["path"] == tmp_path / "d.txt"
        )

    @pytest.mark.parametrize(
        ("top", "base", "faults"),
        [
            ("", BASE.replace("4", "0"), ["base.yaml:5:16: encoder.hidden_size: must be a positive integer, not 0"]),
            (
                "encoder: {hidden_size: -1}\n",
                BASE,
                ["top.yaml:2:24: encoder.hidden_size: must be a positive integer, not -1"],
            ),
            (
                "train: {epocs: 3}\n",
                BASE.replace("seed: 1", "seed: x"),
                [
                    "base.yaml:1:7: seed: must be an integer, 0 to 4294967295, not 'x'",
                    "top.yaml:2:9: train.epocs: unknown key (did you mean 'epochs'?)",
                ],
            ),
            ("", "a: @\n", ["base.yaml:1:4: invalid YAML: a value cannot begin with @: quote it"]),
            ("", "", ["base.yaml:1:1: the recipe is empty"]),
            ("", "- 1\n", ["base.yaml:1:1: a recipe is a mapping of sections: `name: …`"]),
        ],
    )
    def test_a_fault_is_placed_in_the_file_that_contains_it(
        self, write: Write, top: str, base: str, faults: list[str]
    ) -> None:
        assert faults_of(write(top="extends: base.yaml\n" + top, base=base)) == faults

    def test_a_key_that_a_replaced_type_leaves_over_is_not_used(self, write: Write) -> None:
        plan = plan_of(write(top="extends: base.yaml\nencoder: {type: stacked, layers: [lstm]}\n", base=BASE), *LAYER)
        assert plan.notes == ["encoder.hidden_size is not used: 'stacked' has no such parameter"]
        plan = plan_of(write(end="extends: top.yaml\nencoder: {type: lstm}\n"))
        assert plan.encoder.values["hidden_size"] == 4
        assert plan.notes == ["encoder.layers is not used: 'lstm' has no such parameter"]

    @pytest.mark.parametrize(
        ("value", "message"),
        [
            ("3", "must be the path of a recipe"),
            ("''", "must be the path of a recipe"),
            ("[base.yaml]", "must be the path of a recipe"),
            ("nowhere.yaml", "the file nowhere.yaml does not exist"),
            (".", "the file . does not exist"),
            ("a" * 500, "the file aaa"),
            ('"a\\0b"', "the file a\\x00b"),
            ("top.yaml", "circular: top.yaml extends top.yaml"),
        ],
    )
    def test_an_invalid_base(self, write: Write, value: str, message: str) -> None:
        [fault] = faults_of(write(top=f"seed: 1\nextends: {value}\n"))
        assert fault.startswith(f"top.yaml:2:10: extends: {message}")

    def test_a_longer_circle_names_every_file(self, write: Write) -> None:
        files = {"a": "extends: b.yaml\n", "b": "extends: sub/c.yaml\n", "sub__c": "\nextends: ../a.yaml\n"}
        assert faults_of(write(**files)) == [
            "sub/c.yaml:2:10: extends: circular: a.yaml extends b.yaml extends c.yaml extends a.yaml"
        ]

    def test_extending_a_file_twice_is_not_circular(self, write: Write) -> None:
        assert read_recipe(write(top="extends: mid.yaml\n", mid="extends: base.yaml\n", base="seed: 1\n")).data == {
            "seed": 1
        }


class TestOverrides:
    @pytest.mark.parametrize(
        ("override", "path", "value"),
        [
            ("seed=7", "seed", 7),
            ("encoder.hidden_size=64", "encoder.hidden_size", 64),
            ("train.optimizer.lr=1e-3", "train.optimizer.lr", 0.001),
            ("train.schedule.warmup=5", "train.schedule.warmup", 5),
            ("name=no", "name", "no"),
            ("name='7'", "name", "7"),
            ("data.path=a=b.txt", "data.path", "a=b.txt"),
            ("predict=[a, 'b']", "predict", ["a", "b"]),
            ("train.clip_norm=null", "train.clip_norm", None),
            ("train.clip_norm=", "train.clip_norm", None),
            ("train.clip_norm=~", "train.clip_norm", None),
            *((f"name={mark}", "name", mark) for mark in ",;|\t#%@`-*&!?:>."),
            ("name=%d/%m/%Y", "name", "%d/%m/%Y"),
            (" seed =7", "seed", 7),
            ("encoder={hidden_size: 9}", "encoder", {"type": "lstm", "hidden_size": 9}),
            ("encoder=bilstm", "encoder", "bilstm"),
            ("head.allow_leak=true", "head", {"type": "next_char", "allow_leak": True}),
            ("head={allow_leak: true}", "head", {"type": "next_char", "allow_leak": True}),
            ("head={type: classify}", "head", {"type": "classify"}),
            ("seed.x=1", "seed", {"x": 1}),
        ],
    )
    def test_a_value_is_read_as_yaml_and_merged_in(self, write: Write, override: str, path: str, value: Any) -> None:
        found: Any = read_recipe(write(r=BASE), [override]).data
        for key in path.split("."):
            found = found[key]
        assert found == value
        assert type(found) is type(value)

    def test_later_overrides_win_and_a_short_form_is_expanded(self, write: Write) -> None:
        plan = plan_of(write(r=BASE), "train.optimizer=sgd", "train.optimizer.lr=0.5", "seed=2", "seed=3")
        assert (plan.train.optimizer.name, plan.train.optimizer.values["lr"], plan.seed) == ("sgd", 0.5, 3)

    @pytest.mark.parametrize(
        "overrides",
        [
            ["encoder={type: stacked, layers: [{type: lstm, hidden_size: 3}]}"],
            ["encoder={layers: [{type: lstm, hidden_size: 3}], type: stacked}"],
            ["encoder.layers=[{type: lstm, hidden_size: 3}]", "encoder.type=stacked"],
        ],
    )
    def test_a_replaced_type_does_not_use_what_is_left_over(self, write: Write, overrides: list[str]) -> None:
        plan = plan_of(write(r=BASE), *overrides)
        assert plan.notes == ["encoder.hidden_size is not used: 'stacked' has no such parameter"]

    @pytest.mark.parametrize("order", [1, -1])
    def test_a_key_that_the_command_line_sets_is_never_left_over(self, write: Write, order: int) -> None:
        overrides = ["encoder={type: stacked, layers: [{type: lstm, hidden_size: 3}]}", "encoder.hidden_size=3"]
        [fault] = faults_of(write(r=BASE), *overrides[::order])
        assert fault == "command line: encoder.hidden_size: unknown key; known: layers, dropout, variational"

    def test_an_item_of_a_list_is_named_by_its_number(self, write: Write) -> None:
        layers = "encoder: {type: stacked, layers: [{type: lstm, hidden_size: 4}, {type: lstm, hidden_size: 5}]}\n"
        here = write(r="data: {type: text, text: abc}\nhead: next_char\n" + layers)
        plan = plan_of(here, "encoder.layers.1.hidden_size=9", "encoder.layers.0={num_layers: 2}")
        assert [(spec.values["hidden_size"], spec.values["num_layers"]) for spec in plan.encoder.values["layers"]] == [
            (4, 2),
            (9, 1),
        ]

    @pytest.mark.parametrize(
        ("override", "fault"),
        [
            ("encoder.hidden_size=x", "command line: encoder.hidden_size: must be a positive integer, not 'x'"),
            (
                "encoder.hidden_size='8'",
                "command line: encoder.hidden_size: must be a positive integer, not '8' (remove the",
            ),
            ("encoder.hiden_size=8", "command line: encoder.hiden_size: unknown key (did you mean 'hidden_size'?)"),
            ("encoder.hidden_size=[1", "command line: encoder.hidden_size:1:1: invalid YAML: unclosed ["),
            ("encoder.hidden_size=&a 1", "command line: encoder.hidden_size:1:1: anchors (&a) are not allowed"),
            ("enc.hidden_size=8", "command line: enc: unknown section (did you mean 'encoder'?)"),
            ("encoder=bilstm", "command line: encoder.hidden_size: is required"),
            ("encoder=lsmt", "command line: encoder: unknown encoder 'lsmt' (did you mean 'lstm'?)"),
            ("encoder.type=bilstm", "command line: encoder.type: 'bilstm' is not causal"),
            ("train.early_stopping.patience=2", "command line: train.early_stopping: requires a validation split"),
            (
                "generate.prompt=ROMEO:",
                "command line: generate.prompt: must be a non-empty string, not {ROMEO: null} (quote it",
            ),
            ("generate.length=3", "command line: generate.prompt: is required"),
            ("predict.0=a", "command line: predict: must be a list"),
            ("seed.x=3", "command line: seed: must be an integer, 0 to 4294967295, not {x: 3}"),
            ("extends=other.yaml", "command line: extends: can only be set in the file of a recipe"),
        ],
    )
    def test_a_fault_is_placed_on_the_command_line(self, write: Write, override: str, fault: str) -> None:
        [line] = faults_of(write(r=BASE), override)
        assert line.startswith(fault)

    @pytest.mark.parametrize(
        ("key", "message"),
        [
            ("predict.2", "the list has items 0 to 1"),
            ("predict.-1", "the list has items 0 to 1"),
            ("predict.x.y", "the list has items 0 to 1"),
            ("predict.1.0", "the list is empty: set the whole list, `[…]`"),
        ],
    )
    def test_an_item_that_a_list_does_not_have(self, write: Write, key: str, message: str) -> None:
        [line] = faults_of(write(r="predict: [a, []]\n"), f"{key}=c")
        assert line.endswith(message)

    @pytest.mark.parametrize(
        ("override", "hint"),
        [
            ("seed＝3", "; it has '＝' (U+FF1D): write '='"),
            ("seed:3", "; write '=' after the key, not ':'"),
            ("train.epochs：3", "; write '=' after the key, not '：'"),
            ("seed", ""),
            ("a..b=x:3", ""),
        ],
    )
    def test_what_is_written_in_place_of_an_equals_sign_is_named(self, write: Write, override: str, hint: str) -> None:
        with pytest.raises(UsageError) as caught:
            read_recipe(write(r=BASE), [override])
        assert str(caught.value) == f"'{override}' is not key=value, as in encoder.hidden_size=64{hint}"

    @pytest.mark.parametrize("override", ["seed", "=3", "a..b=3", ".seed=3", ""])
    def test_what_is_not_key_value(self, write: Write, override: str) -> None:
        with pytest.raises(UsageError, match=r"is not key=value, as in encoder\.hidden_size=64"):
            read_recipe(write(r=BASE), [override])


class TestDictionaries:
    def test_plain_values_of_python_and_numpy(self) -> None:
        recipe = read_recipe(
            {"seed": np.int64(3), "lr": np.float64(0.5), "path": Path("a/b"), "betas": (0.9, 0.99), 1: None}
        )
        assert recipe.data == {"seed": 3, "lr": 0.5, "path": "a/b", "betas": [0.9, 0.99], "1": None}
        assert read_recipe(recipe.data).given == recipe.given

    def test_the_dictionary_is_not_changed(self) -> None:
        given_recipe = {"encoder": {"type": "lstm"}}
        read_recipe(given_recipe, ["encoder.hidden_size=3"])
        assert given_recipe == {"encoder": {"type": "lstm"}}

    def test_it_can_extend_a_file(self, write: Write) -> None:
        write(base=BASE)
        recipe = read_recipe({"extends": "base.yaml", "encoder": {"hidden_size": 8}, "head": {"allow_leak": True}})
        assert recipe.data["encoder"] == {"type": "lstm", "hidden_size": 8}
        assert recipe.data["head"] == {"type": "next_char", "allow_leak": True}
        assert faults_of({"extends": "base.yaml", "seed": -1}) == [
            "recipe: seed: must be an integer, 0 to 4294967295, not -1"
        ]

    @pytest.mark.parametrize(
        ("recipe", "fault"),
        [
            ({"a": object()}, "recipe: a recipe contains plain values only: <object object"),
            ({"a": np.zeros(3)}, "recipe: a recipe contains plain values only"),
            ({("a", "b"): 1}, "recipe: a recipe contains plain values only"),
            ({"a": 10**5000}, "recipe: a recipe contains plain values only"),
            ({"extends": 3}, "recipe: extends: must be the path of a recipe"),
        ],
    )
    def test_values_that_a_recipe_cannot_contain(self, recipe: dict[Any, Any], fault: str) -> None:
        [line] = faults_of(recipe)
        assert line.startswith(fault)

    @pytest.mark.parametrize("depth", [MAX_DEPTH + 1, 100_000])
    def test_it_is_nested_too_deep(self, depth: int) -> None:
        recipe: dict[str, Any] = {}
        for _ in range(depth):
            recipe = {"a": recipe}
        [line] = faults_of(recipe)
        assert line.endswith(f"nested more than {MAX_DEPTH} levels deep")

    def test_it_contains_itself(self) -> None:
        recipe: dict[str, Any] = {}
        recipe["a"] = recipe
        assert faults_of(recipe)[0].startswith("recipe: a recipe contains plain values only: Circular reference")


def test_a_fault_is_placed_at_the_innermost_section_above(write: Write) -> None:
    recipe = read_recipe(write(r=BASE))
    assert recipe.fault(("train", "optimizer", "betas", "1"), "x").location == "r.yaml:9:3"
    assert recipe.fault(("generate", "prompt"), "x").location == "r.yaml:1:1"
    assert recipe.fault(("train", "epochs"), "x").location == "r.yaml:8:11"
    assert recipe.fault(("train", "epochs"), "x", at_key=True).location == "r.yaml:8:3"
    assert Recipe({}).fault(("a", ""), "x").key == "a.''"


def test_a_message_is_one_line_without_control_characters(write: Write) -> None:
    [line] = faults_of(write(r=BASE + '"tr\\nain\\e[2J\\u2028": 1\n'))
    assert line.startswith(r"r.yaml:10:1: tr ain\x1b[2J\u2028: unknown section")


def test_a_message_keeps_its_location_and_its_remedy_and_cuts_a_long_value(write: Write) -> None:
    value = "x" * 5000
    [line] = faults_of(write(r=BASE.replace("type: lstm", f"type: {value}")))
    assert len(line) < 300
    assert line.startswith("r.yaml:")
    assert "unknown encoder 'xxx" in line
    chinese = (
        "只能修改 train.epochs、train.steps、train.checkpoint_seconds、train.threads、train.early_stopping.patience"
    )
    assert seqkit.DataError(chinese).lines == [chinese]
    path = "/".join(["directory" * 5] * 10)
    assert seqkit.DataError(f"{path}: the file is empty").lines == [f"{path}: the file is empty"]
    [line] = seqkit.DataError(f"a.csv:2: '{'word ' * 1000}' is no label: correct it").lines
    assert len(line) < 600
    assert line.startswith("a.csv:2: 'word word")
    assert line.endswith("' is no label: correct it")


WORDS = """data text type tokenizer char encoder lstm bilstm stacked layers hidden_size head next_char classify train
epochs optimizer adam lr split by hash folds predict generate prompt extends seed name table path a.csv valid"""
words = st.sampled_from(WORDS.split())
values = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 50) | st.floats() | words | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words | st.text(max_size=3), inner, max_size=4),
    max_leaves=12,
)
sound = {"data": {"type": "text", "text": "abc"}, "encoder": {"type": "lstm", "hidden_size": 2}, "head": "next_char"}


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(words, values, max_size=6), st.booleans())
def test_any_dictionary_resolves_or_is_rejected(recipe: dict[str, Any], over_a_sound_one: bool) -> None:
    try:
        plan_of(sound | recipe if over_a_sound_one else recipe)
    except (RecipeError, UsageError) as error:
        assert error.lines


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=80) | st.text(max_size=80).map(lambda text: (BASE + text).encode("utf-8", "replace")))
def test_any_bytes_resolve_or_are_rejected(write: Write, content: bytes) -> None:
    try:
        plan_of(write(r=content))
    except (RecipeError, UsageError) as error:
        assert all(line.startswith("r.yaml:") for line in error.lines)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    path=st.lists(words | st.text(max_size=3), min_size=1, max_size=4), value=st.text(max_size=12) | values.map(repr)
)
def test_any_override_resolves_or_is_rejected(write: Write, path: list[str], value: str) -> None:
    try:
        plan_of(write(r=BASE), f"{'.'.join(path)}={value}")
    except (RecipeError, UsageError) as error:
        assert error.lines


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
def test_byte_that_is_not_utf8_is_reported_at_its_character(ends: str, tmp_path: Path) -> None:
    file = tmp_path / "r.yaml"
    file.write_bytes("\ufeff".encode() + f"name: 我{ends}seed: 1 # 我".encode() + b"\xff\xfe")
    with pytest.raises(RecipeError) as caught:
        read_recipe(file)
    assert caught.value.lines == [f"{file}:2:12: the byte 0xff is not UTF-8: save the recipe as UTF-8"]


@pytest.mark.skipif(not Path("/dev/zero").is_char_device(), reason="there is no /dev/zero")
def test_device_is_not_a_recipe(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"^/dev/zero: cannot read the recipe: it is not a regular file$"):
        read_recipe("/dev/zero")


BOTH = "set epochs or steps, not both"


@pytest.mark.parametrize(("base", "override"), [("epochs: 5", "train.steps=3"), ("steps: 5", "train.epochs=3")])
def test_epochs_and_steps_replace_each_other(base: str, override: str, write: Write) -> None:
    key = override.removeprefix("train.").partition("=")[0]
    write(base=BASE.replace("epochs: 3", base), top=f"extends: base.yaml\ntrain: {{{key}: 4}}\n")
    other = "epochs" if key == "steps" else "steps"
    for recipe, overrides, value in (
        ("base.yaml", [override], 3), ("top.yaml", [], 4), ("top.yaml", [override], 3),
        ("base.yaml", [f"train={{{key}: 3}}"], 3), ("base.yaml", [f"train.{other}=null", override], 3),
    ):  # fmt: skip
        train = plan_of(Path(recipe), *overrides).train
        assert (getattr(train, key), getattr(train, other)) == (value, None)
    assert getattr(plan_of(Path("base.yaml"), f"train.{key}=null").train, other) == 5


def test_both_epochs_and_steps_in_one_place_are_an_error(write: Write) -> None:
    write(base=BASE, top="extends: base.yaml\ntrain: {steps: 4, epochs: 3}\n")
    for recipe, overrides, place in (
        ("top.yaml", [], "top.yaml:2:16"),
        ("base.yaml", ["train.epochs=4", "train.steps=3"], "command line"),
    ):
        with pytest.raises(RecipeError) as caught:
            plan_of(Path(recipe), *overrides)
        assert caught.value.lines == [f"{place}: train.steps: {BOTH}"]


def test_argument_in_python_replaces_epochs_of_a_dictionary(tmp_path: Path) -> None:
    run = seqkit.run(GENERATION_RECIPE, runs=tmp_path, quiet=True, train__steps=2)
    assert (run.recipe["train"]["epochs"], run.recipe["train"]["steps"]) == (None, 2)
    with pytest.raises(RecipeError, match=f"^argument: train.steps: {BOTH}"):
        seqkit.run(GENERATION_RECIPE, runs=tmp_path, quiet=True, train={"epochs": 1, "steps": 2})


def test_null_before_a_mapping_removes_its_keys() -> None:
    recipe = {"data": {"split": {"by": "hash", "folds": 5, "fold": 0}}}
    split = {"by": "random", "valid": 0.2, "test": 0.2}
    assert read_recipe(recipe, [f"data.split={json.dumps(split)}"]).data["data"]["split"]["folds"] == 5
    assert read_recipe(recipe, ["data.split=null", f"data.split={json.dumps(split)}"]).data["data"]["split"] == split
