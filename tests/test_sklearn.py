"""seqkit.sklearn: the checks of scikit-learn, pipelines, searches and pickling."""

from __future__ import annotations

import gc
import inspect
import io
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.metrics import accuracy_score, r2_score
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.estimator_checks import parametrize_with_checks

import seqkit
from helpers.recipes import vowel_csv
from seqkit.errors import DataError, RecipeError
from seqkit.sklearn import SequenceClassifier, SequenceRegressor, SequenceTagger

ROWS = [line.split(",") for line in vowel_csv(60).splitlines()[1:]]
TEXTS, LABELS = [row[0] for row in ROWS], [row[1] for row in ROWS]
SMALL: dict[str, Any] = {"hidden_size": 4, "embedding_dim": 4, "epochs": 2, "random_state": 0}
NO_LENGTH = "sequences have no fixed length: an array with another number of columns has longer or shorter sequences"
EXPECTED_FAILURES = {
    "check_n_features_in": NO_LENGTH,
    "check_n_features_in_after_fitting": NO_LENGTH,
    "check_classifiers_train": NO_LENGTH,
}
"""The checks of scikit-learn that an estimator of sequences cannot pass, and why."""


@pytest.fixture(autouse=True)
def unsynced(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave writing to the disk to the system, which takes half of the time of a small run."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


@parametrize_with_checks(
    [SequenceClassifier(hidden_size=2, epochs=1, random_state=0)],
    expected_failed_checks=lambda estimator: EXPECTED_FAILURES,
)
@pytest.mark.filterwarnings("ignore")
def test_checks_of_a_classifier(estimator: Any, check: Any) -> None:
    check(estimator)


@pytest.mark.slow
@parametrize_with_checks(
    [SequenceRegressor(hidden_size=2, epochs=1, random_state=0)],
    expected_failed_checks=lambda estimator: EXPECTED_FAILURES,
)
@pytest.mark.filterwarnings("ignore")
def test_checks_of_a_regressor(estimator: Any, check: Any) -> None:
    check(estimator)


# Fit and predict


@pytest.fixture(scope="module")
def classifier() -> SequenceClassifier:
    return SequenceClassifier(**SMALL | {"epochs": 12}).fit(TEXTS, LABELS)


def test_importing_needs_no_torch() -> None:
    program = "import sys, seqkit.sklearn; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=240)
    assert done.stdout == "False\n"


def test_texts_are_classified(classifier: SequenceClassifier, capfd: pytest.CaptureFixture[str]) -> None:
    assert classifier.classes_.tolist() == ["consonant", "vowel"]
    assert (classifier.n_iter_, len(classifier.history_)) == (12, 12)
    probabilities = classifier.predict_proba(TEXTS)
    assert np.allclose(probabilities.sum(axis=1), 1)
    predicted = classifier.predict(np.array(TEXTS))
    assert (predicted == classifier.classes_[probabilities.argmax(axis=1)]).all()
    assert classifier.score(TEXTS, LABELS) == accuracy_score(LABELS, predicted)
    assert isinstance(classifier.run_, seqkit.Run)
    clone(classifier).fit(TEXTS, LABELS)
    assert capfd.readouterr() == ("", "")


def test_all_examples_train_and_nothing_is_written_here(
    classifier: SequenceClassifier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    again = clone(classifier).fit(TEXTS, LABELS)
    assert again.run_.result["examples"] == {"train": 60}
    assert not list(tmp_path.iterdir())
    assert np.array_equal(again.predict_proba(TEXTS), classifier.predict_proba(TEXTS))
    folder = again.run_.path
    assert folder.is_dir()
    del again
    gc.collect()
    assert not folder.exists()
    kept = clone(classifier).set_params(runs=tmp_path / "runs", epochs=1).fit(TEXTS, LABELS)
    assert [path.name for path in (tmp_path / "runs").iterdir()] == [kept.run_.path.name] == ["estimator-1"]


@pytest.mark.parametrize("classes", [[3, 7], [False, True], [1.0, 2.0], ["b ", "b"]], ids=repr)
def test_labels_have_their_type(classes: list[Any]) -> None:
    labels = np.array(classes)[[int(label == "vowel") for label in LABELS]]
    fitted = SequenceClassifier(**SMALL).fit(TEXTS, labels)
    assert fitted.classes_.tolist() == sorted(classes)
    assert fitted.predict(TEXTS).dtype == labels.dtype


def test_several_labels_per_text() -> None:
    matrix = np.array([[letter in text for letter in "aeq\0"] for text in TEXTS], dtype=int)
    fitted = SequenceClassifier(**SMALL, pooling="max").fit(TEXTS, matrix)
    probabilities, predicted = fitted.predict_proba(TEXTS), fitted.predict(TEXTS)
    assert predicted.shape == probabilities.shape == matrix.shape
    assert np.array_equal(predicted, probabilities >= 0.5)
    assert (probabilities[:, 3] == 0).all()  # no training text has this label


@pytest.mark.parametrize("width", [1, 2])
def test_regression(width: int) -> None:
    y = np.array([[len(text), -text.count("a")][:width] for text in TEXTS], dtype=float)
    y = y[:, 0] if width == 1 else y
    fitted = SequenceRegressor(**SMALL).fit(TEXTS, y)
    assert fitted.predict(TEXTS).shape == y.shape
    assert fitted.score(TEXTS, y) == r2_score(y, fitted.predict(TEXTS))


def test_sequences_of_numbers_of_any_length() -> None:
    generator = np.random.default_rng(0)
    X = [generator.normal(size=(3 + number % 5, 2)) + 2 * (number % 2) for number in range(30)]
    y = np.arange(30) % 2
    fitted = SequenceClassifier(hidden_size=4, epochs=15, learning_rate=0.03, random_state=0).fit(X, y)
    assert fitted.score(X, y) > 0.9
    assert np.allclose(fitted.predict_proba([X[0].tolist()]), fitted.predict_proba(X[:1]))
    univariate = SequenceClassifier(**SMALL).fit([item[:, 0] for item in X], y)
    assert univariate.predict([[0.5, 0.1]]).shape == (1,)
    with pytest.raises(ValueError, match="X contains texts, but the estimator was fitted to sequences of numbers"):
        fitted.predict(TEXTS)


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (["a", ""], r"X\[1\] is an empty text"),
        ([("a", "b"), ("a", " ")], r"a text of X\[1\] is empty"),
        ([("a", "b"), "a"], r"X\[1\] must be a pair of texts, as others of X are, not 'a'"),
        (["a", ("a", "b")], r"X\[1\] must be a text, as others of X are, not \('a', 'b'\)"),
        (np.array([["a", "b"], ["a", None]], dtype=object), r"X\[1\] must be a pair of texts"),
        (["a", 5.0], r"X\[1\] must be a text, as others of X are, not 5.0"),
        ("ab", "X must be a list of texts, pairs of texts, or sequences of numbers"),
        ([[1.0, 2.0], [np.nan]], r"X\[1\] must be texts, pairs of texts, or sequences .*NaN"),
        ([np.zeros((2, 3)), np.zeros((2, 4))], "the sequences of X have different numbers of features"),
        ([np.zeros((2, 3, 4)), np.zeros((2, 3, 4))], r"X\[0\] has the shape \(2, 3, 4\), but X must contain"),
    ],
)
def test_invalid_sequences(X: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SequenceClassifier(**SMALL).fit(X, ["x", "y"])


# Recipes


RECIPE: dict[str, Any] = {
    "data": {"type": "table", "text": "review", "split": {"by": "hash", "folds": 5, "fold": 0, "valid": 0.2}},
    "encoder": {"type": "lstm", "hidden_size": 3},
    "tokenizer": {"type": "char", "unknown": "mark"},
    "head": "classify",
    "train": {"epochs": 2, "threads": 1, "early_stopping": {"patience": 1}},
    "predict": ["a"],
}


SENTENCES = [f"The room number {number} was clean and quiet" for number in range(20)]


@pytest.mark.parametrize(
    ("texts", "parameters", "tokenizer", "ngrams"),
    [
        (SENTENCES, {}, {"type": "word", "lower": True, "spaces": False, "min_count": 1}, 2),
        (SENTENCES * 50, {}, {"type": "word", "lower": True, "spaces": False, "min_count": 2}, 2),
        (SENTENCES, {"tokenizer": "char", "ngrams": 0}, {"type": "char", "min_count": 1}, 0),
        (SENTENCES, {"tokenizer": {"type": "word", "unknown": "skip"}}, {"lower": False, "unknown": "skip"}, 2),
        (["今天房间很干净，服务也很热情"] * 20, {}, {"type": "char", "min_count": 1}, 3),
        (["今天房间很干净，服务也很热情"] * 1000, {}, {"type": "char", "min_count": 2}, 3),
        (["Smith", "Ivanova"] * 500, {}, {"type": "char", "min_count": 1}, 3),
    ],
)
def test_texts_are_read_by_words_or_characters(
    texts: list[str], parameters: dict[str, Any], tokenizer: dict[str, Any], ngrams: int
) -> None:
    estimator = SequenceClassifier(**SMALL | {"epochs": 1} | parameters).fit(texts, ["a", "b"] * (len(texts) // 2))
    recipe = estimator.run_.recipe
    assert tokenizer.items() <= recipe["tokenizer"].items()
    assert recipe["head"]["ngrams"] == ngrams
    assert (recipe["embedding"]["type"] == "concat") == (recipe["tokenizer"]["type"] == "word")


@pytest.mark.parametrize("overrides", [{"embedding__dim": 3}, {"tokenizer": "byte"}])
def test_overrides_apply_to_learned_vectors(overrides: dict[str, Any]) -> None:
    estimator = SequenceClassifier(**SMALL, overrides=overrides).fit(SENTENCES, ["a", "b"] * 10)
    assert estimator.run_.recipe["embedding"]["type"] == "learned"


def test_a_text_of_unknown_words_is_not_certain() -> None:
    """The vector of the unknown word is trained: by words that occur once, of 1,000 texts or more."""
    texts = [f"{'good' if number % 2 else 'bad'} word{number} thing" for number in range(1000)]
    labels = ["positive" if number % 2 else "negative" for number in range(1000)]
    estimator = SequenceClassifier(hidden_size=8, embedding_dim=8, epochs=2, random_state=0).fit(texts, labels)
    assert estimator.score(texts, labels) > 0.95
    assert estimator.predict_proba(["qqqq zzzz"]).max() < 0.6


def test_recipe_and_overrides() -> None:
    fitted = SequenceClassifier(RECIPE, overrides={"encoder__hidden_size": 5}, random_state=1).fit(TEXTS, LABELS)
    assert fitted.run_.recipe["encoder"]["hidden_size"] == 5
    assert set(fitted.run_.result["examples"]) == {"train", "valid"}  # scikit-learn holds out the test data
    assert set(fitted.predict(TEXTS)) <= set(LABELS)
    with pytest.raises(ValueError, match="hidden_size has no effect with a recipe: set it there, or in overrides"):
        SequenceClassifier(RECIPE, hidden_size=8).fit(TEXTS, LABELS)
    with pytest.raises(RecipeError, match=r"encoder\.hidden_size: must be a positive integer, not 0"):
        SequenceClassifier(hidden_size=0).fit(TEXTS, LABELS)


# Pairs of texts


PAIRS = [(text, f"{label} {text}") for text, label in zip(TEXTS, LABELS, strict=True)]


def test_pairs_of_texts() -> None:
    pandas = pytest.importorskip("pandas", reason="needs pandas")
    frame = pandas.DataFrame(PAIRS, columns=["question1", "question2"])
    fitted = SequenceClassifier(**SMALL).fit(PAIRS, LABELS)
    expected = fitted.predict_proba(PAIRS)
    for X in (frame, np.array(PAIRS), np.array(PAIRS, dtype=object), [list(pair) for pair in PAIRS]):
        assert np.array_equal(fitted.predict_proba(X), expected)
    assert np.array_equal(SequenceClassifier(**SMALL).fit(frame, LABELS).predict_proba(PAIRS), expected)
    assert fitted.run_.recipe["data"]["text_pair"] == "text_pair"
    assert fitted.predict(frame).shape == (60,)
    assert fitted.score(frame, LABELS) == accuracy_score(LABELS, fitted.predict(PAIRS))
    with pytest.raises(ValueError, match="X contains texts, but the estimator was fitted to pairs of texts"):
        fitted.predict(TEXTS)
    assert len(cross_val_score(SequenceClassifier(**SMALL), PAIRS, LABELS, cv=2)) == 2
    assert SequenceRegressor(**SMALL).fit(PAIRS, np.arange(60.0)).predict(frame).shape == (60,)


def test_pairs_of_texts_with_a_recipe() -> None:
    data = RECIPE["data"] | {"text": "one", "text_pair": "other"}
    recipe = RECIPE | {"data": data, "predict": []}
    assert set(SequenceClassifier(recipe).fit(PAIRS, LABELS).predict(PAIRS)) <= set(LABELS)
    with pytest.raises(DataError, match="row 1 of the data: must be a pair of texts"):
        SequenceClassifier(recipe).fit(TEXTS, LABELS)
    with pytest.raises(DataError, match="row 1 of the data: must be text, not "):
        SequenceClassifier(RECIPE).fit(PAIRS, LABELS)


# What scikit-learn does with estimators


@pytest.mark.parametrize("cls", [SequenceClassifier, SequenceRegressor, SequenceTagger])
def test_an_unknown_parameter_is_named(cls: Any) -> None:
    with pytest.raises(TypeError, match=rf"^{cls.__name__} has no parameter 'hiden_size' .did you mean 'hidden_size'"):
        cls(hiden_size=3)
    with pytest.raises(TypeError, match=rf"^{cls.__name__} has no parameter 'zzz'$"):
        cls(zzz=3)
    assert "hidden_size" in inspect.signature(cls).parameters


def test_pipeline_search_and_cross_validation() -> None:
    lower = FunctionTransformer(lambda texts: [text.lower() for text in texts])
    pipeline = Pipeline([("lower", lower), ("model", SequenceClassifier(**SMALL))])
    search = GridSearchCV(pipeline, {"model__hidden_size": [2, 3]}, cv=2).fit(TEXTS, LABELS)
    assert search.best_params_["model__hidden_size"] in (2, 3)
    assert search.predict([TEXTS[0].upper()]).shape == (1,)
    scores = cross_val_score(SequenceClassifier(**SMALL), TEXTS, LABELS, cv=2, scoring="neg_log_loss")
    assert (scores < 0).all()


def test_clone_copies_every_parameter() -> None:
    estimator = SequenceClassifier(overrides={"a": 1}, pooling=["max"], encoder={"type": "lstm", "hidden_size": 2})
    assert clone(estimator).get_params() == estimator.get_params()
    assert not hasattr(clone(estimator), "run_")


def test_a_pickle_contains_files_and_no_objects_of_torch(classifier: SequenceClassifier) -> None:
    buffer = io.BytesIO()
    joblib.dump(classifier, buffer)
    rest = buffer.getvalue()
    for content in classifier.__getstate__()["run_"].values():
        assert content in rest
        rest = rest.replace(content, b"")
    assert b"torch" not in rest
    buffer.seek(0)
    restored = joblib.load(buffer)
    assert restored.run_.path != classifier.run_.path
    assert np.array_equal(restored.predict_proba(TEXTS), classifier.predict_proba(TEXTS))
    folder = restored.run_.path.parent
    del restored
    gc.collect()
    assert not folder.exists()
    assert not hasattr(clone(SequenceClassifier()), "run_")


@pytest.mark.parametrize("name", ["../x", "/tmp/x", "a/b", "", ".."])
def test_tampered_pickle_writes_no_other_file(name: str, classifier: SequenceClassifier) -> None:
    state = classifier.__getstate__()
    state["run_"] = {name: b""}
    with pytest.raises(ValueError, match="invalid file in the pickle of an estimator"):
        SequenceClassifier().__setstate__(state)


def test_not_fitted() -> None:
    with pytest.raises(NotFittedError):
        SequenceClassifier().predict(["a"])
    with pytest.raises(NotFittedError):
        SequenceTagger().predict([["a"]])


@pytest.mark.parametrize("value", [None, float("nan"), 3, b"a"])
def test_a_value_among_texts_that_is_none_is_named(value: Any, classifier: SequenceClassifier) -> None:
    texts = [*TEXTS[:2], value, *TEXTS[3:]]
    for call in (lambda: SequenceClassifier().fit(texts, LABELS), lambda: classifier.predict(texts)):
        with pytest.raises(ValueError, match=r"X\[2\] must be a text, as others of X are, not "):
            call()


def test_a_table_of_several_columns_is_not_texts() -> None:
    numbers = list(range(len(TEXTS)))
    for columns in ([TEXTS, numbers], [TEXTS, TEXTS, TEXTS]):
        with pytest.raises(ValueError, match="X is a table of . columns: pass the column of the texts, such as X"):
            SequenceClassifier().fit(np.array(columns, dtype=object).T, LABELS)
    with pytest.raises(ValueError, match=r"X\[1\] must be a text"):
        SequenceClassifier().fit(np.array([[TEXTS[0]], [None], *([text] for text in TEXTS[2:])], dtype=object), LABELS)


@pytest.mark.parametrize("value", [None, float("nan")])
def test_a_missing_label_is_no_class(value: Any) -> None:
    with pytest.raises(ValueError, match=r"y\[1\] is missing: "):
        SequenceClassifier().fit(TEXTS, [LABELS[0], value, *LABELS[2:]])


def test_the_only_class_is_shown_as_it_is() -> None:
    with pytest.raises(ValueError, match="contains only one class: 'a'$"):
        SequenceClassifier().fit(TEXTS, ["a"] * len(TEXTS))


@pytest.mark.parametrize(
    ("overrides", "text"),
    [
        ([1], "overrides must be a dictionary"),
        ({3: 4}, "overrides must be a dictionary"),
        ({"seed": 3}, "set random_state of the estimator instead"),
        ({"data": {}}, "set X and y of the estimator instead"),
        ({"quiet": False}, "set verbose of the estimator instead"),
    ],
)
def test_overrides_of_what_the_estimator_sets(overrides: Any, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        SequenceClassifier(overrides=overrides).fit(TEXTS, LABELS)


def test_overrides_can_hold_a_validation_split_out() -> None:
    split = {"by": "hash", "valid": 0.3}
    fitted = SequenceClassifier(**SMALL, overrides={"data__split": split, "baseline": "on"}).fit(TEXTS, LABELS)
    assert "valid" in fitted.run_.result["metrics"] and "baseline" in fitted.run_.result


def test_invalid_pooling_is_reported_by_the_recipe() -> None:
    with pytest.raises(RecipeError, match="head.pooling: must be one of"):
        SequenceClassifier(pooling=None).fit(TEXTS, LABELS)  # type: ignore[arg-type]


@pytest.mark.parametrize("X", [set(TEXTS), dict(zip(TEXTS, LABELS, strict=True)), frozenset(TEXTS)])
def test_inputs_without_an_order_are_rejected(X: Any, classifier: SequenceClassifier) -> None:
    for call in (lambda: SequenceClassifier(**SMALL).fit(X, LABELS), lambda: classifier.predict(X)):
        with pytest.raises(ValueError, match="^X must be a list of texts"):
            call()
    with pytest.raises(ValueError, match="^X must be a list with a list for each sentence"):
        SequenceTagger().fit(X, [["a"]] * len(X))


def test_pickling_an_estimator_whose_run_was_removed_names_it(tmp_path: Path) -> None:
    classifier = SequenceClassifier(runs=tmp_path, **SMALL).fit(TEXTS, LABELS)
    shutil.rmtree(classifier.run_.path)
    with pytest.raises(seqkit.UsageError, match="estimator-1: the run directory does not exist$"):
        joblib.dump(classifier, io.BytesIO())
