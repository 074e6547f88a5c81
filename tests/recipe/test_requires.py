"""Parameters that have no effect because another one is not set."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import pytest

from seqkit.contracts import Requires
from seqkit.errors import PluginError, RecipeError
from seqkit.recipe.parameters import parameters
from seqkit.recipe.plan import Plan
from seqkit.recipe.resolve import resolve
from seqkit.recipe.source import read_recipe
from seqkit.registry import load_registry

RECIPE = """\
data: {type: table, path: a.csv}
tokenizer: word
encoder: {type: lstm, hidden_size: 4}
head: {type: classify}
train: {optimizer: {type: adamw, exempt_biases: true}}
"""

CASES = {
    "head={type: classify, ngram_scale: 3}": ("head.ngram_scale", "ngrams"),
    "head={type: classify, ngram_ratios: true}": ("head.ngram_ratios", "ngrams"),
    "head={type: classify, too_long: error}": ("head.too_long", "max_length"),
    "head={type: multi_label, ngram_scale: 3}": ("head.ngram_scale", "ngrams"),
    "head={type: multi_label, ngram_ratios: true}": ("head.ngram_ratios", "ngrams"),
    "head={type: regress, ngram_scale: 3}": ("head.ngram_scale", "ngrams"),
    "head={type: regress, delta: 2}": ("head.delta", "loss: huber"),
    "tokenizer={type: word, encoding: gbk}": ("tokenizer.encoding", "extra_words"),
    "embedding={type: pretrained, path: v.txt, lr_scale: 0.1}": ("embedding.lr_scale", "trainable"),
} | {
    f"train.optimizer={{type: {name}, exempt_biases: true}}": ("train.optimizer.exempt_biases", "weight_decay")
    for name in ("adam", "nadam", "rmsprop", "sgd")
}


def plan_of(folder: Path, *overrides: str) -> Plan:
    (folder / "v.txt").write_text("a 1 2\n", encoding="utf-8")
    (folder / "r.yaml").write_text(RECIPE, encoding="utf-8")
    return resolve(read_recipe(folder / "r.yaml", overrides), load_registry())


@pytest.mark.parametrize("override", CASES)
def test_a_parameter_without_effect_is_rejected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, override: str) -> None:
    monkeypatch.chdir(tmp_path)  # v.txt is relative to it
    key, needed = CASES[override]
    with pytest.raises(RecipeError) as caught:
        plan_of(tmp_path, override)
    text = f"{key}: has no effect without `{needed}`: set that too, or remove this key"
    assert [line.partition(": ")[2] for line in caught.value.lines] == [text]


@pytest.mark.parametrize(
    "override",
    [
        "head={type: classify, ngrams: 2, ngram_scale: 3, ngram_ratios: true, max_length: 9, too_long: error}",
        "head={type: classify, ngram_scale: 10, ngram_ratios: false}",  # the defaults
        "head={type: regress, loss: huber, delta: 2}",
        "train.optimizer={type: adamw, exempt_biases: true}",  # its default has weight decay
    ],
)
def test_a_parameter_with_an_effect_is_accepted(tmp_path: Path, override: str) -> None:
    assert plan_of(tmp_path, override).notes == []


@pytest.mark.parametrize(
    ("overrides", "note"),
    [
        (
            ["head={type: classify, ngrams: 2, ngram_scale: 3}", "head.ngrams=0"],
            "head.ngram_scale has no effect without `ngrams`",
        ),
        (
            ["train.optimizer.type=adam"],
            "train.optimizer.exempt_biases has no effect without `weight_decay`",
        ),
    ],
)
def test_a_part_that_an_override_takes_away_leaves_a_note(tmp_path: Path, overrides: list[str], note: str) -> None:
    assert plan_of(tmp_path, *overrides).notes == [note]


def test_a_requirement_names_a_parameter() -> None:
    class Scaled:
        def __init__(self, *, scale: Annotated[float, Requires("ngramz")] = 1.0, ngrams: int = 0) -> None: ...

    with pytest.raises(PluginError, match="'scale' requires 'ngramz', which is no parameter"):
        parameters(Scaled)
