"""Splits of a data set, and the rows that are made of each split."""

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
from seqkit.data.dataset import build_readers, encode, make_rows, read_examples, read_splits
from seqkit.data.splits import by_hash, by_order, by_random, count_repeated, empty_split_error
from seqkit.errors import DataError, UnknownText
from seqkit.heads.classify import Classify
from seqkit.heads.next_char import NextChar
from seqkit.readers.text import Text
from seqkit.recipe.recipe import Recipe
from seqkit.recipe.resolve import resolve
from seqkit.recipe.schema import HashSplit
from seqkit.registry import load_registry
from seqkit.tokenizers.char import Char

SPLITS = ("train", "valid", "test")


def thousandths_of(text: str) -> int:
    return int(hashlib.sha256(text.strip().encode("utf-8")).hexdigest(), 16) % 1000


def texts_for_every_thousandth() -> list[str]:
    """Return a text for each value of u, in the order 0/1000, 1/1000, ..."""
    found: dict[int, str] = {}
    for number in itertools.count():
        found.setdefault(thousandths_of(f"text {number}"), f"text {number}")
        if len(found) == 1000:
            return [found[thousandths] for thousandths in range(1000)]
    raise AssertionError


TEXTS = texts_for_every_thousandth()
"""The hash of the text at index n is n modulo 1000."""


def thousandths_by_split(**parameters) -> dict[str, list[int]]:
    """Return the thousandths that belong to each split."""
    splits = by_hash([Example(text) for text in TEXTS], HashSplit(by="hash", **parameters))
    return {split: [thousandths_of(example.input) for example in examples] for split, examples in splits.items()}


# By hash


@pytest.mark.parametrize(
    ("parameters", "test", "valid"),
    [
        ({"test": 0.1, "valid": 0.1}, range(100), range(100, 200)),
        ({"test": 0.1, "valid": 0.2}, range(100), range(100, 300)),  # 0.1 + 0.2 is above 0.3 in floating point
        ({"test": 0.29, "valid": 0.28}, range(290), range(290, 570)),  # 0.29 * 100 is below 29
        ({"test": 0.0625, "valid": 0.0625}, range(63), range(63, 125)),  # 0.062 < 0.0625
        ({"test": 0.0001}, range(1), None),
        ({"valid": 0.1}, None, range(100)),
        ({"folds": 5, "fold": 0, "valid": 0.1}, range(200), range(200, 300)),
        ({"folds": 5, "fold": 1, "valid": 0.1}, range(200, 400), range(400, 500)),
        ({"folds": 5, "fold": 2, "valid": 0.1}, range(400, 600), range(600, 700)),
        ({"folds": 5, "fold": 3, "valid": 0.1}, range(600, 800), range(800, 900)),
        ({"folds": 5, "fold": 4, "valid": 0.1}, range(800, 1000), range(100)),  # continues at 0 after 1
        ({"folds": 5, "fold": 3, "valid": 0.3}, range(600, 800), [*range(100), *range(800, 1000)]),
        ({"folds": 5, "fold": 3}, range(600, 800), None),
        ({"folds": 3, "fold": 1}, range(334, 667), None),
    ],
)
def test_hash_boundaries_are_exact(parameters: dict, test, valid) -> None:
    splits = thousandths_by_split(**parameters)
    held_out = {"test": test, "valid": valid}
    assert splits.keys() == {"train"} | {split for split, expected in held_out.items() if expected is not None}
    for split, expected in held_out.items():
        assert splits.get(split) == (None if expected is None else list(expected))
    assert sorted(itertools.chain(*splits.values())) == list(range(1000))


split_fractions = st.integers(0, 499).map(lambda thousandths: thousandths / 1000)


def split_by_definition(text: str, test: float, valid: float) -> str:
    u = Fraction(int.from_bytes(hashlib.sha256(text.strip().encode("utf-8")).digest(), "big") % 1000, 1000)
    test_end = Fraction(repr(test))
    if u < test_end:
        return "test"
    return "valid" if u < test_end + Fraction(repr(valid)) else "train"


@settings(deadline=None)
@given(texts=st.lists(st.text(min_size=1), unique=True, max_size=50), test=split_fractions, valid=split_fractions)
def test_hash_split_follows_its_definition(texts: list[str], test: float, valid: float) -> None:
    splits = by_hash([Example(text) for text in texts], HashSplit(by="hash", test=test, valid=valid))
    for split in splits:
        assert [example.input for example in splits[split]] == [
            text for text in texts if split_by_definition(text, test, valid) == split
        ]
    assert sum(map(len, splits.values())) == len(texts)


@settings(deadline=None)
@given(texts=st.lists(st.text(min_size=1), min_size=1), text=st.text(min_size=1), data=st.data())
def test_hash_split_of_an_example_depends_on_its_text_alone(texts: list[str], text: str, data) -> None:
    hash_split = HashSplit(by="hash", test=0.3, valid=0.3)
    place = data.draw(st.integers(0, len(texts)))
    padded = data.draw(st.sampled_from(["", " ", "\n", "\u3000"])) + text
    target = data.draw(st.sampled_from(["a", "b", None]))
    with_others = by_hash([Example(other) for other in texts[:place] + [padded] + texts[place:]], hash_split)
    alone = by_hash([Example(text, target)], hash_split)
    (split,) = [split for split in SPLITS if alone[split]]
    assert padded in [example.input for example in with_others[split]]


@settings(deadline=None, max_examples=20)
@given(folds=st.integers(2, 12), thousandths=st.integers(0, 400))
def test_folds_are_disjoint_and_cover_all_examples(folds: int, thousandths: int) -> None:
    tests = []
    for fold in range(folds):
        splits = thousandths_by_split(folds=folds, fold=fold, valid=thousandths / 1000)
        assert splits["test"] == [
            value for value in range(1000) if Fraction(fold, folds) <= Fraction(value, 1000) < Fraction(fold + 1, folds)
        ]
        assert abs(len(splits.get("valid", [])) - thousandths) <= 1
        assert sorted(itertools.chain(*splits.values())) == list(range(1000))
        tests += splits["test"]
    assert sorted(tests) == list(range(1000))


def test_features_are_hashed_by_their_bytes() -> None:
    series = [Example(np.arange(number, number + 6.0).reshape(3, 2)) for number in range(50)]
    splits = by_hash(series, HashSplit(by="hash", test=0.5))
    for split, examples in splits.items():
        for example in examples:
            thousandths = int(hashlib.sha256(example.input.tobytes()).hexdigest(), 16) % 1000
            assert (thousandths < 500) == (split == "test")
    assert all(splits.values())


# At random


LABELLED = [Example(f"text {number}", "rare" if number % 10 == 0 else "common") for number in range(200)]


def test_random_split_is_stratified_and_preserves_the_order() -> None:
    splits = by_random(LABELLED, valid=0.1, test=0.2, seed=3)
    counts = {split: Counter(example.target for example in examples) for split, examples in splits.items()}
    assert counts == {
        "train": {"common": 126, "rare": 14},
        "valid": {"common": 18, "rare": 2},
        "test": {"common": 36, "rare": 4},
    }
    places = {split: [LABELLED.index(example) for example in examples] for split, examples in splits.items()}
    assert all(found == sorted(found) for found in places.values())
    assert sorted(itertools.chain(*places.values())) == list(range(200))


@settings(deadline=None)
@given(
    labels=st.lists(st.sampled_from("abcdef"), min_size=1, max_size=80),
    valid=split_fractions,
    test=split_fractions,
    seed=st.integers(0, 9),
)
def test_every_label_occurs_in_the_training_split(labels, valid: float, test: float, seed: int) -> None:
    examples = [Example(str(number), label) for number, label in enumerate(labels)]
    splits = by_random(examples, valid, test, seed)
    assert sorted(int(example.input) for split in splits.values() for example in split) == list(range(len(labels)))
    assert {example.target for example in splits["train"]} == set(labels)
    sizes = {split: len(members) for split, members in splits.items()}
    wanted = {"valid": round(len(labels) * valid), "test": round(len(labels) * test)}
    if sum(wanted.values()) <= len(labels) - len(set(labels)):  # one example of each label trains
        assert (sizes.get("valid", 0), sizes.get("test", 0)) == (wanted["valid"], wanted["test"])
    else:
        assert sizes["train"] == len(set(labels))
    if min(Counter(labels).values()) * (1 - valid - test) >= 1:
        for split, fraction in (("valid", valid), ("test", test), ("train", 1 - valid - test)):
            counts = Counter(example.target for example in splits.get(split, []))
            assert all(abs(counts[label] - fraction * labels.count(label)) < 1 + 1e-9 for label in set(labels))


@pytest.mark.parametrize("seed", range(20))
def test_rare_labels_train_whatever_the_seed(seed: int) -> None:
    labels = ["pos", "neg"] * 12 + ["odd", "pair", "pair"]
    splits = by_random([Example(str(number), label) for number, label in enumerate(labels)], 0.1, 0.1, seed)
    assert {split: len(members) for split, members in splits.items()} == {"train": 21, "valid": 3, "test": 3}
    counts = Counter(example.target for example in splits["train"])
    assert counts["odd"] == 1 and counts["pair"] >= 1


def test_the_largest_remainders_get_the_rest() -> None:
    labels = "a" * 14 + "b" * 13 + "c" * 13  # a tenth of each is 1.4, 1.3 and 1.3, and of all 4
    for seed in range(10):
        splits = by_random([Example(str(number), label) for number, label in enumerate(labels)], 0.0, 0.1, seed)
        assert Counter(example.target for example in splits["test"]) == {"a": 2, "b": 1, "c": 1}


@pytest.mark.parametrize(
    "targets",
    [
        [f"a translation {number}" for number in range(40)],
        [["B-PER", "O"]] * 40,
        [0.5] * 40,
        [None] * 40,
        [np.arange(3)] * 40,
    ],
    ids=["texts", "tags", "numbers", "none", "arrays"],
)
def test_targets_that_are_no_labels_are_not_stratified(targets: list) -> None:
    examples = [Example(str(number), target) for number, target in enumerate(targets)]
    splits = by_random(examples, 0.1, 0.2, seed=0, stratify=not isinstance(targets[0], str))
    assert {split: len(members) for split, members in splits.items()} == {"train": 28, "valid": 4, "test": 8}


def test_the_head_says_whether_targets_are_labels(write_csv, monkeypatch: pytest.MonkeyPatch) -> None:
    def trained_labels(seed: int) -> set[str]:
        data = {"type": "table", "path": path, "split": {"by": "random", "test": 0.5}}
        return {example.target for example in splits_of(data, seed=seed)["train"]}

    path = write_csv("few.csv", TEXTS[:3])  # a, b, a
    assert all(trained_labels(seed) == {"a", "b"} for seed in range(10))
    monkeypatch.setattr(Classify, "stratifies", False)
    assert any(trained_labels(seed) == {"a"} for seed in range(10))


def test_integers_and_strings_are_the_same_label() -> None:
    targets = [1, "1", np.int64(1), True, "True", "odd"]
    splits = by_random([Example(str(number), target) for number, target in enumerate(targets)], 0.0, 0.5, seed=1)
    assert {str(example.target) for example in splits["train"]} == {"1", "True", "odd"}
    assert len(splits["test"]) == 3


def test_random_split_depends_on_the_seed() -> None:
    splits = [by_random(LABELLED, valid=0.1, test=0.1, seed=seed) for seed in (1, 1, 2)]
    assert splits[0] == splits[1]
    assert splits[0] != splits[2]


@pytest.mark.parametrize(
    ("valid", "test", "expected"),
    [(0.0, 0.0, ["train"]), (0.2, 0.0, ["train", "valid"]), (0.0, 0.2, ["train", "test"])],
)
def test_only_requested_splits_are_returned(valid: float, test: float, expected: list[str]) -> None:
    examples = [Example(f"text {number}") for number in range(10)]
    assert list(by_random(examples, valid, test, seed=0)) == expected
    assert list(by_order(10, valid, test)) == expected
    assert list(by_hash(examples, HashSplit(by="hash", valid=valid, test=test))) == expected


# By order


@settings(deadline=None)
@given(count=st.integers(0, 200), valid=split_fractions, test=split_fractions)
def test_ordered_splits_are_contiguous_and_cover_all_examples(count: int, valid: float, test: float) -> None:
    ranges = by_order(count, valid, test)
    assert [*ranges] == [split for split, fraction in zip(SPLITS, (1, valid, test), strict=True) if fraction]
    ends = [0, *(end for _, end in ranges.values())]
    assert [start for start, _ in ranges.values()] == ends[:-1]
    assert ends == sorted(ends)
    assert ends[-1] == count
    for split, fraction in (("valid", valid), ("test", test)):
        start, end = ranges.get(split, (0, 0))
        assert abs(end - start - Fraction(repr(fraction)) * count) <= Fraction(1, 2)


# The splits of a recipe


def splits_of(data: dict, head: str = "sentiment", seed: int = 1, lookback: int = 0) -> dict[str, list[Example]]:
    recipe = {"seed": seed, "data": data, "encoder": {"type": "lstm", "hidden_size": 2}, "head": {"type": head}}
    plan = resolve(Recipe(recipe, ""), load_registry())
    return read_splits(plan, build_readers(plan), lookback)


@pytest.fixture
def write_csv(tmp_path: Path):
    """Return a function that writes texts to a CSV file and returns its path."""

    def write(name: str, texts: list[str]) -> str:
        path = tmp_path / name
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows(
                [("text", "label"), *((text, "ab"[place % 2]) for place, text in enumerate(texts))]
            )
        return str(path)

    return write


def test_without_a_split_all_examples_train(write_csv) -> None:
    splits = splits_of({"type": "table", "path": write_csv("all.csv", TEXTS[:5])})
    assert {split: [example.input for example in examples] for split, examples in splits.items()} == {
        "train": TEXTS[:5]
    }


@pytest.mark.parametrize(
    ("split", "sizes"),
    [
        ({"by": "hash", "folds": 5, "fold": 2, "valid": 0.1}, (70, 10, 20)),
        ({"by": "hash", "test": 0.2, "valid": 0.1}, (70, 10, 20)),
        ({"by": "random", "test": 0.2, "valid": 0.1}, (70, 10, 20)),
        ({"by": "order", "test": 0.2, "valid": 0.1}, (70, 10, 20)),
    ],
)
def test_split_method_of_the_recipe(write_csv, split: dict, sizes: tuple[int, ...]) -> None:
    texts = TEXTS[::10]
    splits = splits_of({"type": "table", "path": write_csv("all.csv", texts), "split": split})
    assert tuple(len(splits[name]) for name in SPLITS) == sizes
    assert sorted(example.input for examples in splits.values() for example in examples) == sorted(texts)
    if split["by"] == "order":
        assert [example.input for name in SPLITS for example in splits[name]] == texts


def test_single_text_is_split_by_characters() -> None:
    text = "天地玄黄宇宙洪荒 the rest of it."
    splits = splits_of(
        {"type": "text", "text": text, "split": {"by": "order", "valid": 0.25, "test": 0.1}}, head="next_char"
    )
    assert [splits[split][0].input for split in SPLITS] == [text[:16], text[16:22], text[22:]]
    assert {example.location for examples in splits.values() for example in examples} == {"data.text"}


@pytest.mark.parametrize(
    ("lookback", "expected"),
    [(0, ["abcdef", "gh", "ij"]), (3, ["abcdef", "defgh", "fghij"]), (99, ["abcdef", "abcdefgh", "abcdefghij"])],
)
def test_held_out_splits_of_a_series_begin_with_the_lookback(lookback: int, expected: list[str]) -> None:
    data = {"type": "text", "text": "abcdefghij", "split": {"by": "order", "valid": 0.2, "test": 0.2}}
    splits = splits_of(data, head="next_char", lookback=lookback)
    assert [splits[split][0].input for split in SPLITS] == expected


def test_the_dates_after_a_series_are_those_of_its_last_split(monkeypatch: pytest.MonkeyPatch) -> None:
    def dates(count: int) -> list[str]:
        return [f"2024-01-{day:02}" for day in range(1, count + 1)]

    monkeypatch.setattr(Text, "read", lambda self: [Example("abcdefghij", next_dates=dates)])
    data = {"type": "text", "text": "abcdefghij", "split": {"by": "order", "valid": 0.2, "test": 0.2}}
    splits = splits_of(data, head="next_char")
    assert [splits[split][0].next_dates for split in SPLITS] == [None, None, dates]


def test_lookback_leaves_an_empty_split_empty() -> None:
    data = {"type": "text", "text": "short", "split": {"by": "order", "test": 0.05}}
    with pytest.raises(DataError, match=r"^data.split: the test split is empty"):
        splits_of(data, head="next_char", lookback=3)


@pytest.mark.parametrize(
    "data",
    [
        {"split": {"by": "hash", "test": 0.5}},
        {"split": {"by": "random", "test": 0.5}},
        {"split": {"by": "order", "test": 0.5}, "unit": "line"},
        {"test": {"text": "ef"}},
    ],
)
def test_lookback_needs_one_series_that_is_split_by_order(data: dict) -> None:
    with pytest.raises(DataError) as caught:
        splits_of({"type": "text", "text": "ab\ncd\n"} | data, head="next_char", lookback=1)
    assert str(caught.value) == (
        "data.split: the head 'next_char' reads the time steps before each split: use one series with "
        "`split: {by: order, …}`"
    )


def test_separate_files_for_valid_and_test(write_csv) -> None:
    splits = splits_of(
        {
            "type": "table",
            "path": write_csv("train.csv", TEXTS[:6]),
            "valid": {"path": write_csv("valid.csv", TEXTS[6:8])},
            "test": {"path": write_csv("test.csv", TEXTS[8:9])},
        }
    )
    assert {split: [example.input for example in splits[split]] for split in splits} == {
        "train": TEXTS[:6],
        "valid": TEXTS[6:8],
        "test": TEXTS[8:9],
    }


def test_a_table_of_one_row_is_no_single_text(tmp_path: Path) -> None:
    (tmp_path / "one.csv").write_text("text,label\na,x\n")
    data = {"type": "table", "path": str(tmp_path / "one.csv"), "split": {"by": "hash", "test": 0.1}}
    with pytest.raises(DataError, match=r"examples in total: 1\): increase its fraction, or provide more data"):
        splits_of(data, head="classify")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            {"text": "one text", "split": {"by": "hash", "test": 0.1}},
            "data.split: the test split is empty (examples in total: 1): use `by: order` to split a single text",
        ),
        (
            {"text": "one text", "split": {"by": "random", "valid": 0.1}},
            "data.split: the valid split is empty (examples in total: 1): use `by: order` to split a single text",
        ),
        (
            {"text": "short", "split": {"by": "order", "test": 0.05}},
            "data.split: the test split is empty (characters in total: 5): increase its fraction, or provide more data",
        ),
        (
            {"text": "a\nb\nc", "unit": "line", "split": {"by": "order", "valid": 0.1}},
            "data.split: the valid split is empty (examples in total: 3): increase its fraction, or provide more data",
        ),
        (
            {"text": f"{TEXTS[0]}\n{TEXTS[1]}", "unit": "line", "split": {"by": "hash", "test": 0.1}},
            "data.split: the train split is empty (examples in total: 2): increase its fraction, or provide more data",
        ),
        (
            {"text": "the same\n" * 40, "unit": "line", "split": {"by": "hash", "valid": 0.1}},
            "data.split: the valid split is empty (examples in total: 40): increase its fraction, or, as equal texts "
            "share a hash, use `by: random`",
        ),
    ],
)
def test_empty_split_is_an_error(data: dict, message: str) -> None:
    with pytest.raises(DataError) as caught:
        splits_of({"type": "text"} | data, head="next_char")
    assert str(caught.value) == message


class EmptyReader:
    def read(self) -> list[Example]:
        return []


def test_reader_without_examples_is_an_error() -> None:
    with pytest.raises(DataError, match="^the reader 'nothing' found no examples: check its source"):
        read_examples(EmptyReader(), "nothing")


def test_examples_repeated_from_training_are_counted() -> None:
    splits = {
        "train": [Example("a"), Example("b "), Example("b")],
        "valid": [Example(" a"), Example("a"), Example("c")],
        "test": [Example("A"), Example(np.zeros((1, 1)))],
    }
    assert count_repeated(splits) == {"valid": 2, "test": 0}


# Rows


@pytest.fixture
def tokenizer() -> Char:
    fitted = Char()
    fitted.fit(["abc"])
    return fitted


def test_head_makes_the_rows(tokenizer: Char) -> None:
    examples = [Example("abc"), Example("cb")]
    rows = make_rows(examples, tokenizer, NextChar())
    assert [(row.input.tolist(), row.target.tolist()) for row in rows] == [([0, 1], [1, 2]), ([2], [1])]


@pytest.mark.parametrize(
    ("example", "message"),
    [
        (Example("a", None, "f.csv:4"), "f.csv:4: the label is missing"),
        (Example("", "good", "f.csv:5"), "f.csv:5: the text is empty"),
        (Example("axb", "good", "f.csv:6"), "f.csv:6: 'x' (U+0078), token 2 of the text, is not in the vocabulary"),
        (Example("", "good"), "the text is empty"),
    ],
)
def test_error_of_a_row_names_the_location(tokenizer: Char, example: Example, message: str) -> None:
    head = Classify()
    head.restore({"labels": ["good", "bad"], "weights": None})
    with pytest.raises(UnknownText if "U+0078" in message else DataError) as caught:
        make_rows([Example("a", "good"), example], tokenizer, head)
    assert str(caught.value).startswith(message)


def test_text_without_any_known_symbol_is_an_error() -> None:
    tokenizer = Char(unknown="skip")
    tokenizer.fit(["abc"])
    with pytest.raises(DataError, match="^no token of the text is in the vocabulary$"):
        encode("xyz", tokenizer)


def test_features_are_not_encoded() -> None:
    features = np.ones((4, 2), dtype=np.float32)
    assert encode(features, None) is features


@pytest.mark.parametrize(
    ("by", "message"),
    [
        ("order", "(time steps in total: 2): increase its fraction, or provide more data"),
        ("random", "(examples in total: 1): use `by: order` to split a single series"),
    ],
)
def test_empty_split_of_a_series(by: str, message: str) -> None:
    error = empty_split_error("valid", by, [Example(np.zeros((2, 3)))])
    assert str(error) == f"data.split: the valid split is empty {message}"
