"""What predict, evaluate and generate accept: lists, arrays and columns; not tables, sets and single values."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import seqkit
from seqkit.contracts import Example, Reader
from seqkit.errors import DataError, UsageError


class Column:
    """A column of a table, such as a pandas Series: an iterable that is not a sequence."""

    ndim = 1

    def __init__(self, *values: Any) -> None:
        self.values = values

    def __iter__(self) -> Iterator[Any]:
        return iter(self.values)


class Table:
    """A table, such as a pandas DataFrame: iterating it gives the names of its columns."""

    columns = ("text", "label")

    def __iter__(self) -> Iterator[str]:
        return iter(self.columns)

    def __repr__(self) -> str:  # names the test
        return "Table()"


TEXTS = ["好吃", "难"]


@pytest.mark.parametrize(
    "texts",
    [
        tuple(TEXTS),
        iter(TEXTS),
        (text for text in TEXTS),
        Column(*TEXTS),
        np.array(TEXTS),
        np.array(TEXTS, object),
    ],
    ids=["tuple", "iterator", "generator", "column", "str array", "object array"],
)
def test_predict_takes_any_ordered_texts(classification_run: Path, texts: Any) -> None:
    predictions = seqkit.load(classification_run).predict(texts)
    assert predictions == seqkit.load(classification_run).predict(TEXTS)
    assert [type(prediction["text"]) for prediction in predictions] == [str, str]


WANTED = "predict takes a list of strings, not "


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (Table(), f"{WANTED}a Table: use run.predict(frame['text'])"),
        ({"text": TEXTS}, f"{WANTED}a dict: use run.predict(frame['text'])"),
        ({"好"}, f"{WANTED}a set, which has no order: pass a list"),
        (frozenset(TEXTS[:1]), f"{WANTED}a frozenset, which has no order: pass a list"),
        ("好", f"{WANTED}'好': pass [text]"),
        (np.str_("好"), f"{WANTED}np.str_('好'): pass [text]" if np.__version__ >= "2" else f"{WANTED}'好': pass"),
        (np.array("好"), f"{WANTED}array('好'"),
        (Path("a.csv"), f"{WANTED}PosixPath('a.csv'): read the file with predict_file or evaluate"),
        ("好".encode(), f"{WANTED}b'"),
        (bytearray(b"a"), f"{WANTED}bytearray(b'a')"),
        (None, f"{WANTED}None"),
        (5, f"{WANTED}5"),
        (1.5, f"{WANTED}1.5"),
    ],
    ids=repr,
)
def test_predict_refuses_what_has_no_texts_in_order(classification_run: Path, texts: Any, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        seqkit.load(classification_run).predict(texts)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        (None, "must be text, not null"),
        (float("nan"), "must be text, not .nan"),
        (5, "must be text, not 5"),
        (["好"], "must be text, not ['好']"),
        ("好".encode(), "must be text, not b'\\xe5\\xa5\\xbd': decode the bytes"),
        (np.array(["好"]), "must be text, not array("),
    ],
    ids=repr,
)
def test_items_that_are_no_texts_are_rejected_by_number(classification_run: Path, item: Any, reason: str) -> None:
    with pytest.raises(DataError) as caught:
        seqkit.load(classification_run).predict(["好", item])
    assert str(caught.value).startswith(f"text 2 of 2: {reason}")
    with pytest.raises(DataError) as caught:
        seqkit.load(classification_run).evaluate([("好", "pos"), (item, "pos")])
    assert str(caught.value).startswith(f"pair 2: {reason}")


def test_evaluate_takes_pairs_of_columns_but_no_table(classification_run: Path) -> None:
    run = seqkit.load(classification_run)
    columns = zip(Column(*TEXTS), Column("pos", "neg"), strict=True)
    assert run.evaluate(columns) == run.evaluate(list(zip(TEXTS, ("pos", "neg"), strict=True)))
    wanted = "evaluate takes a file or a list of (input, target) pairs, not "
    for data, message in (
        (Table(), "a Table: use run.evaluate(zip(frame['text'], frame['label']))"),
        ({"好": "pos"}, "a dict: use run.evaluate(zip(frame['text'], frame['label']))"),
        (b"test.csv", "b'test.csv'"),
        (5, "5"),
    ):
        with pytest.raises(UsageError) as caught:
            run.evaluate(data)
        assert str(caught.value) == wanted + message
    for pair in ("ab", b"ab", {"text": "好", "label": "pos"}, {"好", "pos"}, ("好",), ("好", "pos", 1), 5, None):
        with pytest.raises(UsageError, match=r"^pair 1: must be \(input, target\), not "):
            run.evaluate([pair])
    with pytest.raises(UsageError, match="parameters of the reader need a file: pass its path"):
        run.evaluate([("好", "pos")], text="review")


def test_generate_takes_columns_but_no_table(generation_run: Path) -> None:
    run = seqkit.load(generation_run)
    expected = run.generate(["In", "Be"], 4)
    assert run.generate(Column("In", "Be"), 4) == run.generate(np.array(["In", "Be"]), 4) == expected
    assert run.generate((text for text in ("In", "Be")), 4) == expected
    wanted = "prompt must be a string or a list of strings, not "
    for prompt, message in (
        (Table(), "a Table: use run.generate(frame['text'])"),
        ({"In"}, "a set, which has no order: pass a list"),
        (b"In", "b'In'"),
    ):
        with pytest.raises(UsageError) as caught:
            run.generate(prompt)
        assert str(caught.value) == wanted + message


# Features


class Waves(Reader):
    yields = "features"

    def read(self) -> Iterator[Example]:
        for label in "ab":
            yield Example(np.full((3, 2), ord(label) - 97.5), label)

    def read_input(self, text: str) -> Example | None:
        if text == "none":
            raise FileNotFoundError("none: no such file")
        return Example(np.full((3, 2), float(text)), columns={"level": text}) if text[-1].isdigit() else None


@pytest.fixture
def waves_run(isolated_registry: None, tmp_path: Path) -> seqkit.Run:
    """Return a run that classifies series of two features."""
    seqkit.register("reader", "waves", Waves)
    recipe = {
        "data": {"type": "waves"},
        "encoder": {"type": "lstm", "hidden_size": 2},
        "head": "classify",
        "train": {"epochs": 1, "threads": 1},
        "baseline": "off",
    }
    return seqkit.run(recipe, runs=tmp_path, quiet=True)


def test_the_reader_reads_inputs_that_are_given_as_text(waves_run: seqkit.Run, tmp_path: Path) -> None:
    low, high = np.full((3, 2), -0.5), np.full((3, 2), 0.5)
    expected = waves_run.predict([low, high])
    assert waves_run.predict(["-0.5", high]) == waves_run.predict([low, Path("0.5")]) == expected
    pairs = waves_run.predict_examples([Example("-0.5", row=7), Example(high)])
    assert [(example.row, dict(example.columns)) for example, _ in pairs] == [(7, {"level": "-0.5"}), (None, {})]
    assert waves_run.explain("0.5").as_json() == waves_run.explain(high).as_json()
    with pytest.raises(DataError, match=r"^input 2 of 2: none: no such file$"):
        waves_run.predict(["0.5", "none"])
    with pytest.raises(DataError, match=r"^the input: none: no such file$"):
        waves_run.explain("none")


def test_features_are_checked(waves_run: seqkit.Run) -> None:
    series = np.ones((4, 2))
    assert waves_run.predict(np.stack([series, series])) == 2 * waves_run.predict([series.tolist()])
    expected = "input 1 of 1: this run reads features, numbers of shape (time, 2), not "
    for value, message in (
        (np.ones((4, 3)), f"{expected}of shape (4, 3)"),
        (np.ones(2), f"{expected}of shape (2,)"),
        ([[1.0, 2.0], [3.0]], f"{expected}[[1.0, 2.0], [3.0]]"),
        ([["a", "b"]], f"{expected}[['a', 'b']]"),
        (
            "ab",
            f"{expected}'ab': pass a file in the format that the recipe reads with --data FILE, in Python to "
            "`predict_file`",
        ),
        (np.zeros((0, 2)), f"{expected}of shape (0, 2)"),
        (
            [[1.0, 2.0], [float("nan"), 1.0]],
            "input 1 of 1: time step 2 contains a number that is not finite",
        ),
        (
            [[1e300, 2.0]],
            "input 1 of 1: feature 1, time step 1: a value of 1e+300 is too large to compute with: correct or rescale "
            "it",
        ),
    ):
        with pytest.raises(DataError) as caught:
            waves_run.predict([value])
        assert str(caught.value) == message
    with pytest.raises(DataError, match=r"^pair 1: feature 2, time step 2: a value of 1e\+39 is too large to"):
        waves_run.evaluate([([[1.0, 2.0], [3.0, -1e39]], "a")])
    with pytest.raises(UsageError) as refused:
        waves_run.predict(Table())
    assert str(refused.value) == (
        "predict takes a list of arrays (time, features), not a Table: use run.predict([frame.values])"
    )
