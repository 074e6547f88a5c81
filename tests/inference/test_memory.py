"""Data in memory in place of a file: seqkit.run(recipe, data=…), resume, predict and evaluate."""

from __future__ import annotations

import copy
import csv
import io
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import seqkit
from helpers.commands import CommandResult, error_line
from helpers.recipes import vowel_csv
from seqkit.errors import DataError, RecipeError, SeqkitError, UsageError

ROWS = list(csv.DictReader(io.StringIO(vowel_csv(60))))
TEXTS, LABELS = [row["text"] for row in ROWS], [row["label"] for row in ROWS]
RECIPE: dict[str, Any] = {
    "name": "vowels",
    "data": {"type": "table", "split": {"by": "random", "valid": 0.2, "test": 0.2}},
    "encoder": {"type": "lstm", "hidden_size": 3},
    "head": "classify",
    "train": {"epochs": 2, "threads": 1},
    "baseline": "off",
}


class Column:
    """A column of `Frame`, such as a pandas Series: iterable, without being a sequence."""

    ndim = 1

    def __init__(self, values: list[Any]) -> None:
        self.values = values

    def __iter__(self) -> Iterator[Any]:
        return iter(self.values)


class Frame:
    """A table with the interface of pandas that seqkit uses: the names of the columns, and each column by its name."""

    def __init__(self, **columns: list[Any]) -> None:
        self.columns = list(columns)
        self._data = columns

    def __getitem__(self, name: str) -> Column:
        return Column(self._data[name])


FRAME = Frame(id=list(range(60)), text=TEXTS, label=LABELS)


class NumberedFrame(Frame):
    """A table whose columns are not called by texts, as in pandas.DataFrame(rows) or after a pivot."""

    def __init__(self, columns: dict[Any, list[Any]]) -> None:
        self.columns = list(columns)
        self._data = columns


def run(folder: Path, data: Any, **overrides: Any) -> seqkit.Run:
    return seqkit.run(copy.deepcopy(RECIPE), runs=folder, quiet=True, data=data, **overrides)


@pytest.fixture(scope="module")
def file_run(tmp_path_factory: pytest.TempPathFactory) -> seqkit.Run:
    """Return a run that was trained from a file with the same rows."""
    folder = tmp_path_factory.mktemp("file")
    (folder / "vowels.csv").write_text(vowel_csv(60), encoding="utf-8")
    return run(folder, {"path": str(folder / "vowels.csv")})


@pytest.fixture(scope="module")
def memory_run(tmp_path_factory: pytest.TempPathFactory) -> seqkit.Run:
    return run(tmp_path_factory.mktemp("memory"), FRAME)


FORMS: dict[str, Callable[[], Any]] = {
    "lists": lambda: (TEXTS, LABELS),
    "arrays": lambda: (np.array(TEXTS), np.array(LABELS, object)),
    "columns": lambda: (Column(TEXTS), Column(LABELS)),
}


@pytest.mark.parametrize("form", FORMS)
def test_data_in_memory_trains_as_a_file_does(form: str, file_run: seqkit.Run, tmp_path: Path) -> None:
    trained = run(tmp_path, FORMS[form]())
    for name in ("model.safetensors", "tokenizer.json", "metrics.jsonl"):
        assert (trained.path / name).read_bytes() == (file_run.path / name).read_bytes()
    assert trained.result["metrics"] == file_run.result["metrics"]


def test_table_in_memory_trains_as_a_file_does(file_run: seqkit.Run, memory_run: seqkit.Run, tmp_path: Path) -> None:
    renamed = run(tmp_path, Frame(word=TEXTS, kind=LABELS), data__text="word", data__label="kind")
    for trained in (memory_run, renamed):
        assert trained.result["metrics"] == file_run.result["metrics"]
        assert (trained.path / "model.safetensors").read_bytes() == (file_run.path / "model.safetensors").read_bytes()


def _pandas() -> Any:
    return pytest.importorskip("pandas", reason="needs pandas").DataFrame({"text": TEXTS, "label": LABELS})


def _arrow() -> Any:
    return pytest.importorskip("pyarrow", reason="needs pyarrow").table({"text": TEXTS, "label": LABELS})


class Capsule:
    """An object that is only known to be an Arrow stream."""

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return _arrow().__arrow_c_stream__(requested_schema)


INSTALLED: dict[str, Callable[[], Any]] = {
    "pandas": _pandas,
    "pandas in another order": lambda: _pandas().set_index(np.arange(60)[::-1]),
    "pyarrow": _arrow,
    "stream": lambda: _arrow() and Capsule(),
    "polars": lambda: pytest.importorskip("polars", reason="needs polars").DataFrame({"text": TEXTS, "label": LABELS}),
    "datasets": lambda: pytest.importorskip("datasets", reason="needs datasets").Dataset(_arrow(), fingerprint="x"),
}


@pytest.mark.parametrize("form", INSTALLED)
def test_tables_of_libraries(form: str, file_run: seqkit.Run, tmp_path: Path) -> None:
    data = INSTALLED[form]()
    trained = run(tmp_path, data)
    assert trained.result["metrics"] == file_run.result["metrics"]
    assert trained.predict(data) == file_run.predict(TEXTS)
    assert trained.evaluate(data) == file_run.evaluate(list(zip(TEXTS, LABELS, strict=True)))


def test_predict_and_evaluate_take_the_same_forms(memory_run: seqkit.Run, tmp_path: Path) -> None:
    predictions = memory_run.predict(TEXTS)
    metrics = memory_run.evaluate(list(zip(TEXTS, LABELS, strict=True)))
    for data in (FRAME, *(form() for form in FORMS.values())):
        assert memory_run.predict(data) == predictions
        assert memory_run.evaluate(data) == metrics
    assert memory_run.predict(("ab", "cd")) == memory_run.predict(["ab", "cd"])  # two texts
    (tmp_path / "new.csv").write_text(vowel_csv(60), encoding="utf-8")
    assert memory_run.evaluate(tmp_path / "new.csv") == metrics  # the recipe's reader still reads files
    with pytest.raises(DataError, match=r"the data has no column 'text' \(did you mean 'txt'\?\)"):
        memory_run.predict(Frame(txt=TEXTS))


def test_a_table_is_evaluated_as_its_file(memory_run: seqkit.Run, tmp_path: Path) -> None:
    cities = [["Rome", None, float("nan"), np.int64(3), "Rome", 2.5][row % 6] for row in range(60)]
    frame = Frame(text=TEXTS, label=LABELS, city=cities, other=[[row % 2] if row else {1j} for row in range(60)])
    lines = [f"{text},{label},{city}" for text, label, city in zip(TEXTS, LABELS, cities, strict=True)]
    (tmp_path / "new.csv").write_text("\n".join(["text,label,city", *lines]) + "\n", encoding="utf-8")
    found, expected = memory_run.evaluate(frame, by="city"), memory_run.evaluate(tmp_path / "new.csv", by="city")
    sizes = {group["value"]: group["examples"] for group in found["groups"]["scores"]}
    assert sizes == {"Rome": 20, None: 20, "3": 10, "2.5": 10}
    assert found | {"groups": None} == expected | {"groups": None}
    assert {group["value"] for group in memory_run.evaluate(frame, by="other")["groups"]["scores"]} == {
        "[0]",
        "[1]",
        "{1j}",
    }
    errors = memory_run.errors(frame)
    assert [error["row"] for error in errors] == [error["row"] for error in memory_run.errors(tmp_path / "new.csv")]
    assert errors[0]["location"] == f"row {errors[0]['row']}"
    with pytest.raises(DataError, match="row 2 of the data: the target is missing or empty: fill it in, or remove"):
        memory_run.evaluate(Frame(text=TEXTS[:2], label=["vowel", None]))


def test_the_recorded_split_is_read_again_from_the_same_data(
    memory_run: seqkit.Run, file_run: seqkit.Run, tmp_path: Path, run_command: Callable[..., CommandResult]
) -> None:
    again = memory_run.evaluate(FRAME, split="valid")
    assert {key: again[key] for key in memory_run.evaluate(split="valid")} == memory_run.evaluate(split="valid")
    found, expected = memory_run.errors(FRAME, split="test"), file_run.errors()
    assert [error["row"] for error in found] == [error["row"] for error in expected]
    missing = f"{memory_run.path}: was trained on data in memory, which is not saved: pass it again in Python, with its"
    for action in (memory_run.errors, memory_run.calibrate, lambda: memory_run.evaluate(again=True)):
        with pytest.raises(DataError) as caught:
            action()
        assert str(caught.value).startswith(missing)
    done = run_command("evaluate", memory_run.path, "--errors", "-")
    assert (done.code, error_line(done).startswith(missing)) == (3, True)
    with pytest.raises(DataError, match="the test split is not the one that was recorded"):
        memory_run.errors((TEXTS[::-1], LABELS), split="test")
    with pytest.raises(UsageError, match="pass data or a split of the data that the run was trained with, not both"):
        file_run.errors(FRAME, split="test")


def test_a_run_on_data_in_memory_is_calibrated(tmp_path: Path) -> None:
    flipped = [LABELS[0] if row % 4 == 0 else label for row, label in enumerate(LABELS)]
    trained = run(tmp_path, (TEXTS, flipped), data__split__valid=0.4, train__epochs=30)
    found = trained.calibrate(data=(TEXTS, flipped))
    assert found is not None and found["examples"] == trained.result["examples"]["valid"]
    assert found["loss_with"] <= found["loss_without"]


def test_a_language_model_of_data_in_memory_is_evaluated_without_it(tmp_path: Path) -> None:
    split = {"by": "random", "test": 0.3}
    trained = run(tmp_path, TEXTS, head="next_char", data__split=split, data__label=None, tokenizer="byte")
    with pytest.warns(UserWarning, match="not compared with a compressor: .*: was trained on data in memory"):
        assert trained.evaluate()["loss"] == trained.result["metrics"]["test"]["loss"]
    assert "compression" in trained.evaluate(TEXTS, split="test")
    assert len(trained.evaluate(TEXTS, split="test", samples=1)["samples"]) > 0


def test_numbers_are_labels_as_in_a_file(tmp_path: Path) -> None:
    numbers = [int(label == "vowel") for label in LABELS]
    assert list(run(tmp_path, (TEXTS, numbers)).predict(["a"])[0]["probabilities"]) == ["0", "1"]
    flags = run(tmp_path, (TEXTS, np.array(numbers, bool)))
    assert list(flags.predict(["a"])[0]["probabilities"]) == ["false", "true"]


def test_texts_without_targets(tmp_path: Path) -> None:
    trained = run(tmp_path, TEXTS, head="next_char", data__split=None)
    assert len(trained.generate("a", 3)) == 3
    with pytest.raises(RecipeError, match="'classify' requires labels"):
        run(tmp_path, TEXTS)


@pytest.mark.parametrize(
    ("data", "overrides", "message"),
    [
        ((TEXTS, LABELS[1:]), {}, "data has 60 inputs and 59 targets: pass one target per input"),
        (5, {}, "data must be (inputs, targets), a list of inputs, a pandas DataFrame"),
        ((TEXTS,), {}, "data must be (inputs, targets), a list of inputs, a pandas DataFrame"),
        ({"a", "b"}, {}, "data must be (inputs, targets), a list of inputs, a pandas DataFrame"),
        ((["a", 5], ["x", "y"]), {}, "row 2 of the data: must be text, not 5"),
        ((["a", None], ["x", "y"]), {}, "row 2 of the data: the input is missing or empty: fill it in, or remove"),
        ((["a", " "], ["x", "y"]), {}, "row 2 of the data: the input is missing or empty: fill it in, or remove"),
        ((["a", "b"], ["x", float("nan")]), {}, "row 2 of the data: the target is missing or empty: fill it in, or"),
        (Frame(text=["a"], stars=["x"]), {}, "the data has no column 'label'; the columns are text, stars: set data."),
        (
            Frame(text=["a"], label=["x"]),
            {"data.label": "label："},
            "the data has no column 'label：' (did you mean 'label'?); 'label：' has '：' (U+FF1A): write ':'",
        ),
        (
            {"train": Frame(), "test": Frame()},
            {},
            "data contains several tables: pass one of them, as in data=dataset['",
        ),
        (
            {"text": TEXTS, "label": LABELS},
            {},
            "data={'text': …}: a dictionary overrides the section data of the recipe",
        ),
        ({"type": "table", "path": Frame()}, {}, "data={'path': …}: a dictionary overrides the section data of the"),
        (Path("reviews.csv"), {}, "data takes data in memory: pass a file as data__path='reviews.csv'"),
        (FRAME, {"data__split": Frame(text=[])}, "argument: data.split: a recipe contains plain values only: "),
        *(
            (
                data,
                changes,
                f"data.{side} takes a file: write these rows to one, and pass data__{side}={{'path': '{side}.",
            )
            for side in ("valid", "test")
            for data, changes in (
                (FRAME, {f"data__{side}": FRAME}),
                (FRAME, {f"data.{side}": (TEXTS, LABELS)}),
                (None, {f"data__{side}": TEXTS}),
                ({"type": "table", side: FRAME}, {}),
            )
        ),
        (TEXTS, {}, "recipe: head: 'classify' requires labels, and data has none: pass data=(inputs, targets)"),
        (
            (FRAME, LABELS),
            {},
            "a table is among (inputs, targets): pass its column, as in (frame['text'], frame['label'])",
        ),
        (Frame(), {}, "the data has no columns, and 'text' is needed"),
        (Frame(text=[], label=[]), {}, "the data has no rows: pass at least one example"),
        (
            ([None, " "], ["x", "y"]),
            {"data__empty": "skip"},
            "all 2 rows of the data have an empty text or label: fill",
        ),
        (
            (["a\udcff", "b"], ["x", "y"]),
            {},
            "row 1 of the data: 'a\\udcff' contains U+DCFF, half of a surrogate pair: decode the text with its",
        ),
        ((["a", "b"], ["x", "\ud800"]), {}, "row 2 of the data: '\\ud800' contains U+D800, half of a surrogate pair: "),
        (
            (["a", "b"], ["x", b"y"]),
            {},
            "row 2 of the data: the target must be a label, a number or a list of them, not b'y",
        ),
        (
            (["a", "b"], ["x", {"y"}]),
            {},
            "row 2 of the data: the target must be a label, a number or a list of them, not {",
        ),
        (
            (["a", "b"], [object(), "x"]),
            {},
            "row 1 of the data: the target must be a label, a number or a list of them, ",
        ),
        (
            (["a", "b"], [["x"], ["y", float("nan")]]),
            {"head": "multi_label"},
            "row 2 of the data: a value in the list of targets is missing: remove it",
        ),
    ],
)
def test_invalid_data_is_one_line(data: Any, overrides: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(SeqkitError) as caught:
        run(tmp_path, data, **overrides)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


class LazyFrame(Frame):
    """A query of polars, which knows its columns and has no values before `collect`."""

    def __getitem__(self, name: str) -> Column:
        raise TypeError("LazyFrame is not subscriptable")

    def collect(self) -> Frame:
        return Frame(**self._data)


def test_a_lazy_frame_is_collected(file_run: seqkit.Run, tmp_path: Path) -> None:
    trained = run(tmp_path, LazyFrame(text=TEXTS, label=LABELS))
    assert trained.result["metrics"] == file_run.result["metrics"]


def test_a_reader_without_labels_takes_a_table(tmp_path: Path) -> None:
    changes = {"data": {"type": "text"}, "head": "next_char"}
    trained = seqkit.run(RECIPE | changes, runs=tmp_path, quiet=True, data=Frame(text=["ab ab ac " * 9]))
    assert trained.result["examples"] == {"train": 1}


def test_times_in_nanoseconds_are_no_numbers(tmp_path: Path) -> None:
    days = np.array(["2020-01-01", "2020-02-01"] * 30, "datetime64[ns]")
    assert run(tmp_path, (TEXTS, days)).predict(["ab"])[0]["label"].startswith("2020-0")


@pytest.mark.parametrize(
    ("data", "parameters", "problem"),
    [
        ([("ab", float("nan"))], {}, "pair 1: the label is missing"),
        ([("ab", b"vowel")], {}, "pair 1: the target must be a label, a number or a list of them, not b'vowel'"),
        ((FRAME, LABELS), {}, "a table is among (inputs, targets): pass its column, as in "),
        (FRAME, {"by": 5}, "--by 5: must be a column besides those of the input and the target; choose one of id"),
        (FRAME, {"by": ["id"]}, "--by ['id']: must be a column besides those of the input and the target"),
    ],
)
def test_invalid_data_to_evaluate_is_one_line(
    data: Any, parameters: dict[str, Any], problem: str, memory_run: seqkit.Run
) -> None:
    with pytest.raises(SeqkitError) as caught:
        memory_run.evaluate(data, **parameters)
    assert str(caught.value).startswith(problem)
    assert "\n" not in str(caught.value)


def test_pairs_have_the_labels_of_training(tmp_path: Path) -> None:
    trained = run(tmp_path, (TEXTS, [label == "vowel" for label in LABELS]))
    scores = trained.evaluate([("ab", True), ("ab", False)])
    assert scores["accuracy"] == 0.5
    assert sorted(scores["per_class"]) == ["false", "true"]


def test_predict_rejects_a_table_among_columns(memory_run: seqkit.Run) -> None:
    with pytest.raises(UsageError, match="a table is among"):
        memory_run.predict((FRAME, LABELS))


def test_empty_rows_can_be_skipped(tmp_path: Path) -> None:
    trained = run(tmp_path, ([*TEXTS, None, "x"], [*LABELS, "vowel", None]), data__empty="skip")
    assert sum(trained.result["examples"].values()) == 60


def test_resume_needs_the_same_data(tmp_path: Path, run_command: Callable[..., CommandResult]) -> None:
    trained = run(tmp_path, FRAME)
    plan = json.loads((trained.path / "plan.json").read_text(encoding="utf-8"))
    assert plan["recipe"]["data"]["path"] is None
    missing = f"{trained.path}: was trained on data in memory, which is not saved: resume it in Python, with the same"
    with pytest.raises(UsageError) as caught:
        seqkit.resume(trained.path, quiet=True)
    assert str(caught.value) == f"{missing} data: seqkit.resume('{trained.path}', data=…)"
    done = run_command("resume", trained.path)
    assert (done.code, error_line(done)) == (2, f"{missing} data: seqkit.resume('{trained.path}', data=…)")
    for other in ((TEXTS[::-1], LABELS[::-1]), (TEXTS[:-1], LABELS[:-1])):
        with pytest.raises(DataError, match="pass the data that the run was started with, in the same order"):
            seqkit.resume(trained.path, quiet=True, data=other)
    with pytest.raises(UsageError, match=r"data\.text cannot change when a run is resumed"):
        seqkit.resume(trained.path, quiet=True, data={"text": "word"})
    longer = seqkit.resume(trained.path, quiet=True, data=FRAME, train__epochs=4)
    assert (longer.path / "model.safetensors").read_bytes() == (
        run(tmp_path, FRAME, train__epochs=4).path / "model.safetensors"
    ).read_bytes()


def test_history_and_model(memory_run: seqkit.Run, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    assert isinstance(memory_run.model, torch.nn.Module)
    assert not memory_run.model.training
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "pandas", None)
        with pytest.raises(UsageError, match="pandas is not installed: pip install pandas, or use run.metrics"):
            _ = memory_run.history
    pandas = pytest.importorskip("pandas", reason="needs pandas")
    assert isinstance(memory_run.history, pandas.DataFrame)
    assert memory_run.history["loss"].tolist() == [row["loss"] for row in memory_run.metrics]


def test_stream_without_pyarrow_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(UsageError, match=r"pyarrow is not installed: pip install 'seqkit\[arrow\]'"):
        run(tmp_path, Capsule())


PAIRS = [(text, text[::-1]) for text in TEXTS]
PAIR_FRAME = Frame(text=TEXTS, other=[text[::-1] for text in TEXTS], label=LABELS)


def test_pairs_in_memory_are_those_of_a_file(tmp_path: Path) -> None:
    lines = [f"{one},{two},{label}" for (one, two), label in zip(PAIRS, LABELS, strict=True)]
    (tmp_path / "pairs.csv").write_text("\n".join(["text,other,label", *lines]) + "\n", encoding="utf-8")
    file = run(tmp_path, {"path": str(tmp_path / "pairs.csv"), "text_pair": "other"})
    for data in (PAIR_FRAME, (PAIRS, LABELS)):
        memory = run(tmp_path, data, data__text_pair="other")
        assert (memory.path / "model.safetensors").read_bytes() == (file.path / "model.safetensors").read_bytes()
        expected = file.predict(PAIRS)
        assert memory.predict(PAIR_FRAME) == memory.predict((PAIRS, LABELS)) == expected
        assert memory.predict((list(PAIRS[0]), list(PAIRS[1]))) == expected[:2]  # a tuple of two pairs
        assert memory.evaluate(PAIR_FRAME) == memory.evaluate((PAIRS, LABELS)) == file.evaluate(tmp_path / "pairs.csv")


@pytest.mark.parametrize(
    ("inputs", "problem"),
    [
        ([("a", "b"), "c"], "row 2 of the data: must be a pair of texts, (first, second), not 'c'"),
        ([("a", "b"), ("c", 1)], "row 2 of the data: must be a pair of texts, (first, second), not"),
        ([("a", "b"), ("c", None)], "row 2 of the data: the input is missing or empty"),
    ],
)
def test_invalid_pairs_are_one_line(inputs: Any, problem: str, tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        run(tmp_path, (inputs, ["x", "y"]), data__text_pair="other", data__split=None)
    assert str(caught.value).startswith(problem)
    assert "\n" not in str(caught.value)


def test_a_missing_column_of_pairs_names_its_key(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no column 'others'.*'other'.*set data.text_pair in the recipe"):
        run(tmp_path, PAIR_FRAME, data__text_pair="others")


def test_a_run_that_continues_another_one_compares_data_in_memory(tmp_path: Path) -> None:
    first = run(tmp_path, FRAME)
    begin = {"encoder": {"type": "lstm", "hidden_size": 3, "init_from": str(first.path)}}
    notes = [run(tmp_path, data, **begin).path for data in (FRAME, (TEXTS[1:], LABELS[1:]))]
    same, other = (json.loads((path / "plan.json").read_text(encoding="utf-8")) for path in notes)
    assert same["memory_sha256"] == same["init_from"][0]["memory_sha256"] != other["memory_sha256"]
    with pytest.raises(RecipeError, match="may have been trained on texts that are held out here"):
        run(tmp_path, FRAME, seed=5, **begin)


@pytest.mark.parametrize(("text", "label"), [(0, 1), (("text", "first"), ("label", ""))])
def test_columns_are_found_by_the_text_of_their_names(text: Any, label: Any, tmp_path: Path) -> None:
    frame = NumberedFrame({text: TEXTS, label: LABELS})
    with pytest.raises(DataError, match="the columns are .*: set data.text in the recipe$"):
        run(tmp_path, frame)
    finished = run(tmp_path, frame, data__text=str(text), data__label=str(label))
    assert finished.evaluate(frame)["examples"] == 60
    assert len(finished.predict(frame)) == 60
