"""Splits, which decide what every published number means, and the rows made of them."""

from __future__ import annotations

import csv
import hashlib
import itertools
from collections import Counter
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqkit.contracts import Example
from seqkit.data import by_hash, by_order, by_random, encode, make_rows, read, read_splits, repeated
from seqkit.errors import DataError, UnknownText
from seqkit.heads.classify import Classify
from seqkit.heads.next_char import NextChar
from seqkit.recipe import Recipe
from seqkit.registry import load_registry
from seqkit.resolve import resolve
from seqkit.settings import HashSplit
from seqkit.tokenizers.char import Char

SIDES = ("train", "valid", "test")


def thousandths_of(text: str) -> int:
    return int(hashlib.sha256(text.strip().encode("utf-8")).hexdigest(), 16) % 1000


def texts_for_every_thousandth() -> list[str]:
    """Returns a text for each value that u can take, u = 0/1000 first."""
    found: dict[int, str] = {}
    for number in itertools.count():
        found.setdefault(thousandths_of(f"text {number}"), f"text {number}")
        if len(found) == 1000:
            return [found[thousandths] for thousandths in range(1000)]
    raise AssertionError


EVERY = texts_for_every_thousandth()


def sides_by_thousandth(**split) -> dict[str, list[int]]:
    """Returns which thousandths fall on each side."""
    sides = by_hash([Example(text) for text in EVERY], HashSplit(by="hash", **split))
    return {side: [thousandths_of(example.input) for example in examples] for side, examples in sides.items()}


# By hash


@pytest.mark.parametrize(
    ("split", "test", "valid"),
    [
        ({"test": 0.1, "valid": 0.1}, range(100), range(100, 200)),
        ({"test": 0.1, "valid": 0.2}, range(100), range(100, 300)),  # 0.1 + 0.2 is above 0.3 in floating point
        ({"test": 0.29, "valid": 0.28}, range(290), range(290, 570)),  # 0.29 * 100 is below 29
        ({"test": 0.0625, "valid": 0.0625}, range(63), range(63, 125)),  # u < 0.0625 holds of 0.062
        ({"test": 0.0001}, range(1), None),
        ({"valid": 0.1}, None, range(100)),
        ({"folds": 5, "fold": 0, "valid": 0.1}, range(200), range(200, 300)),
        ({"folds": 5, "fold": 1, "valid": 0.1}, range(200, 400), range(400, 500)),
        ({"folds": 5, "fold": 2, "valid": 0.1}, range(400, 600), range(600, 700)),
        ({"folds": 5, "fold": 3, "valid": 0.1}, range(600, 800), range(800, 900)),
        ({"folds": 5, "fold": 4, "valid": 0.1}, range(800, 1000), range(100)),  # and from 0 again past 1
        ({"folds": 5, "fold": 3, "valid": 0.3}, range(600, 800), [*range(100), *range(800, 1000)]),
        ({"folds": 5, "fold": 3}, range(600, 800), None),
        ({"folds": 3, "fold": 1}, range(334, 667), None),
    ],
)
def test_hash_thresholds_are_exact(split: dict, test, valid) -> None:
    sides = sides_by_thousandth(**split)
    held_out = {"test": test, "valid": valid}
    assert sides.keys() == {"train"} | {side for side, expected in held_out.items() if expected is not None}
    for side, expected in held_out.items():
        assert sides.get(side) == (None if expected is None else list(expected))
    assert sorted(itertools.chain(*sides.values())) == list(range(1000))


shares = st.integers(0, 499).map(lambda thousandths: thousandths / 1000)


def side_by_definition(text: str, test: float, valid: float) -> str:
    u = Fraction(int.from_bytes(hashlib.sha256(text.strip().encode("utf-8")).digest(), "big") % 1000, 1000)
    test_end = Fraction(repr(test))
    if u < test_end:
        return "test"
    return "valid" if u < test_end + Fraction(repr(valid)) else "train"


@settings(deadline=None)
@given(texts=st.lists(st.text(min_size=1), unique=True, max_size=50), test=shares, valid=shares)
def test_hash_split_is_the_one_that_is_documented(texts: list[str], test: float, valid: float) -> None:
    sides = by_hash([Example(text) for text in texts], HashSplit(by="hash", test=test, valid=valid))
    for side in sides:
        assert [example.input for example in sides[side]] == [
            text for text in texts if side_by_definition(text, test, valid) == side
        ]
    assert sum(map(len, sides.values())) == len(texts)


@settings(deadline=None)
@given(texts=st.lists(st.text(min_size=1), min_size=1), text=st.text(min_size=1), data=st.data())
def test_a_side_depends_on_nothing_but_the_text(texts: list[str], text: str, data) -> None:
    split = HashSplit(by="hash", test=0.3, valid=0.3)
    place = data.draw(st.integers(0, len(texts)))
    padded = data.draw(st.sampled_from(["", " ", "\n", "\u3000"])) + text
    target = data.draw(st.sampled_from(["a", "b", None]))
    with_others = by_hash([Example(other) for other in texts[:place] + [padded] + texts[place:]], split)
    alone = by_hash([Example(text, target)], split)
    (side,) = [side for side in SIDES if alone[side]]
    assert padded in [example.input for example in with_others[side]]


@settings(deadline=None, max_examples=20)
@given(folds=st.integers(2, 12), share=st.integers(0, 400))
def test_folds_are_disjoint_and_cover_everything(folds: int, share: int) -> None:
    tests = []
    for fold in range(folds):
        sides = sides_by_thousandth(folds=folds, fold=fold, valid=share / 1000)
        assert sides["test"] == [
            value for value in range(1000) if Fraction(fold, folds) <= Fraction(value, 1000) < Fraction(fold + 1, folds)
        ]
        assert abs(len(sides.get("valid", [])) - share) <= 1
        assert sorted(itertools.chain(*sides.values())) == list(range(1000))
        tests += sides["test"]
    assert sorted(tests) == list(range(1000))


def test_features_are_split_by_their_bytes() -> None:
    series = [Example(np.arange(number, number + 6.0).reshape(3, 2)) for number in range(50)]
    sides = by_hash(series, HashSplit(by="hash", test=0.5))
    for side, examples in sides.items():
        for example in examples:
            thousandths = int(hashlib.sha256(example.input.tobytes()).hexdigest(), 16) % 1000
            assert (thousandths < 500) == (side == "test")
    assert all(sides.values())


# By random


LABELLED = [Example(f"text {number}", "rare" if number % 10 == 0 else "common") for number in range(200)]


def test_a_random_split_is_stratified_and_keeps_every_example_once_in_order() -> None:
    sides = by_random(LABELLED, valid=0.1, test=0.2, seed=3)
    counts = {side: Counter(example.target for example in examples) for side, examples in sides.items()}
    assert counts == {
        "train": {"common": 126, "rare": 14},
        "valid": {"common": 18, "rare": 2},
        "test": {"common": 36, "rare": 4},
    }
    places = {side: [LABELLED.index(example) for example in examples] for side, examples in sides.items()}
    assert all(found == sorted(found) for found in places.values())
    assert sorted(itertools.chain(*places.values())) == list(range(200))


@settings(deadline=None)
@given(
    labels=st.lists(st.sampled_from("abcdef"), min_size=1, max_size=80),
    valid=shares,
    test=shares,
    seed=st.integers(0, 9),
)
def test_a_random_split_has_each_label_in_proportion_however_rare(labels, valid: float, test: float, seed: int) -> None:
    examples = [Example(str(number), label) for number, label in enumerate(labels)]
    sides = by_random(examples, valid, test, seed)
    assert sorted(int(example.input) for side in sides.values() for example in side) == list(range(len(labels)))
    for side, share in (("valid", valid), ("test", test)):
        counts = Counter(example.target for example in sides.get(side, []))
        assert abs(counts.total() - share * len(labels)) <= 1
        for label in set(labels):
            assert abs(counts[label] - share * labels.count(label)) < 2


def test_a_random_split_is_drawn_by_the_seed() -> None:
    splits = [by_random(LABELLED, valid=0.1, test=0.1, seed=seed) for seed in (1, 1, 2)]
    assert splits[0] == splits[1]
    assert splits[0] != splits[2]


@pytest.mark.parametrize(
    ("valid", "test", "sides"), [(0.0, 0.0, ["train"]), (0.2, 0.0, ["train", "valid"]), (0.0, 0.2, ["train", "test"])]
)
def test_only_the_parts_that_are_asked_for_are_there(valid: float, test: float, sides: list[str]) -> None:
    examples = [Example(f"text {number}") for number in range(10)]
    assert list(by_random(examples, valid, test, seed=0)) == sides
    assert list(by_order(10, valid, test)) == sides
    assert list(by_hash(examples, HashSplit(by="hash", valid=valid, test=test))) == sides


# By order


@settings(deadline=None)
@given(count=st.integers(0, 200), valid=shares, test=shares)
def test_parts_in_order_follow_one_another_to_the_end(count: int, valid: float, test: float) -> None:
    parts = by_order(count, valid, test)
    assert [*parts] == [side for side, share in zip(SIDES, (1, valid, test), strict=True) if share]
    ends = [0, *(end for _, end in parts.values())]
    assert [start for start, _ in parts.values()] == ends[:-1]
    assert ends == sorted(ends)
    assert ends[-1] == count
    for side, share in (("valid", valid), ("test", test)):
        start, end = parts.get(side, (0, 0))
        assert abs(end - start - Fraction(repr(share)) * count) <= Fraction(1, 2)


# What a recipe reads


def splits_of(data: dict, head: str = "sentiment") -> dict[str, list[Example]]:
    recipe = {"data": data, "encoder": {"type": "lstm", "hidden_size": 2}, "head": {"type": head}}
    return read_splits(resolve(Recipe(recipe, ""), load_registry()))


@pytest.fixture
def written(tmp_path: Path):
    """Returns a function that writes texts to a csv and returns its path."""

    def write(name: str, texts: list[str]) -> str:
        path = tmp_path / name
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows(
                [("text", "label"), *((text, "ab"[place % 2]) for place, text in enumerate(texts))]
            )
        return str(path)

    return write


def test_without_a_split_everything_trains(written) -> None:
    splits = splits_of({"type": "table", "path": written("all.csv", EVERY[:5])})
    assert {side: [example.input for example in examples] for side, examples in splits.items()} == {"train": EVERY[:5]}


@pytest.mark.parametrize(
    ("split", "sizes"),
    [
        ({"by": "hash", "folds": 5, "fold": 2, "valid": 0.1}, (70, 10, 20)),
        ({"by": "hash", "test": 0.2, "valid": 0.1}, (70, 10, 20)),
        ({"by": "random", "test": 0.2, "valid": 0.1}, (70, 10, 20)),
        ({"by": "order", "test": 0.2, "valid": 0.1}, (70, 10, 20)),
    ],
)
def test_a_recipe_chooses_the_split(written, split: dict, sizes: tuple[int, ...]) -> None:
    texts = EVERY[::10]
    splits = splits_of({"type": "table", "path": written("all.csv", texts), "split": split})
    assert tuple(len(splits[side]) for side in SIDES) == sizes
    assert sorted(example.input for examples in splits.values() for example in examples) == sorted(texts)
    if split["by"] == "order":
        assert [example.input for side in SIDES for example in splits[side]] == texts


def test_one_long_text_is_cut_at_its_characters() -> None:
    text = "天地玄黄宇宙洪荒 the rest of it."
    splits = splits_of(
        {"type": "text", "text": text, "split": {"by": "order", "valid": 0.25, "test": 0.1}}, head="next_char"
    )
    assert [splits[side][0].input for side in SIDES] == [text[:16], text[16:22], text[22:]]
    assert {example.where for examples in splits.values() for example in examples} == {"data.text"}


def test_sides_may_have_sources_of_their_own(written) -> None:
    splits = splits_of(
        {
            "type": "table",
            "path": written("train.csv", EVERY[:6]),
            "valid": {"path": written("valid.csv", EVERY[6:8])},
            "test": {"path": written("test.csv", EVERY[8:9])},
        }
    )
    assert {side: [example.input for example in splits[side]] for side in splits} == {
        "train": EVERY[:6],
        "valid": EVERY[6:8],
        "test": EVERY[8:9],
    }


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            {"text": "one text", "split": {"by": "hash", "test": 0.1}},
            "data.split: no example falls into the test part, of 1: one text is cut by `by: order`",
        ),
        (
            {"text": "one text", "split": {"by": "random", "valid": 0.1}},
            "data.split: no example falls into the valid part, of 1: one text is cut by `by: order`",
        ),
        (
            {"text": "short", "split": {"by": "order", "test": 0.05}},
            "data.split: no example falls into the test part, of 1: make that part larger, or give more data",
        ),
        (
            {"text": "a\nb\nc", "unit": "line", "split": {"by": "order", "valid": 0.1}},
            "data.split: no example falls into the valid part, of 3: make that part larger, or give more data",
        ),
        (
            {"text": f"{EVERY[0]}\n{EVERY[1]}", "unit": "line", "split": {"by": "hash", "test": 0.1}},
            "data.split: no example falls into the train part, of 2: make that part larger, or give more data",
        ),
    ],
)
def test_an_empty_part_is_refused(data: dict, message: str) -> None:
    with pytest.raises(DataError) as caught:
        splits_of({"type": "text"} | data, head="next_char")
    assert str(caught.value) == message


class Nothing:
    def read(self) -> list[Example]:
        return []


def test_a_reader_that_finds_nothing_is_named() -> None:
    with pytest.raises(DataError, match="^the reader 'nothing' found no example$"):
        read(Nothing(), "nothing")


def test_repeated_counts_what_training_has_seen() -> None:
    splits = {
        "train": [Example("a"), Example("b "), Example("b")],
        "valid": [Example(" a"), Example("a"), Example("c")],
        "test": [Example("A"), Example(np.zeros((1, 1)))],
    }
    assert repeated(splits) == {"valid": 2, "test": 0}


# Rows


@pytest.fixture
def tokenizer() -> Char:
    fitted = Char()
    fitted.fit(["abc"])
    return fitted


def test_rows_are_made_by_the_head(tokenizer: Char) -> None:
    examples = [Example("abc"), Example("cb")]
    rows = make_rows(examples, tokenizer, NextChar())
    assert [(row.input.tolist(), row.target.tolist()) for row in rows] == [([0, 1], [1, 2]), ([2], [1])]


@pytest.mark.parametrize(
    ("example", "message"),
    [
        (Example("a", "x", "f.csv:3"), "f.csv:3: the label 'x' is not among the training data's: good, bad"),
        (Example("a", None, "f.csv:4"), "f.csv:4: there is no label"),
        (Example("", "good", "f.csv:5"), "f.csv:5: the text is empty"),
        (Example("axb", "good", "f.csv:6"), "f.csv:6: 'x' (U+0078), symbol 2 of the text, is not in the vocabulary"),
        (Example("", "good"), "the text is empty"),
    ],
)
def test_a_row_that_cannot_be_made_names_its_place(tokenizer: Char, example: Example, message: str) -> None:
    head = Classify()
    head.restore({"labels": ["good", "bad"], "weights": None})
    with pytest.raises(UnknownText if "U+0078" in message else DataError) as caught:
        make_rows([Example("a", "good"), example], tokenizer, head)
    assert str(caught.value).startswith(message)


def test_a_text_of_which_nothing_is_known_is_refused() -> None:
    tokenizer = Char(unknown="skip")
    tokenizer.fit(["abc"])
    with pytest.raises(DataError, match="^nothing in the text is in the vocabulary$"):
        encode("xyz", tokenizer)


def test_features_pass_as_they_are() -> None:
    features = np.ones((4, 2), dtype=np.float32)
    assert encode(features, None) is features
